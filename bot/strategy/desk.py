"""What the desk holds and has promised: tokens by place, and capital reserved by plans. Pure.

A plan reserves from the moment it is offered. If nothing of it fills before it expires, it lets go;
once something has filled it holds until every leg is done and settled. Only fills change inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

import msgspec
from msgspec import Struct

from bot.config import StrategySection
from bot.registry.model import Registry
from bot.strategy.margins import Margins
from bot.strategy.options import occ
from bot.types import BY_ITSELF, WALLET, Fill, Ns, Plan, split_instrument

DUST = 1e-9
HEDGES = {"hedge": -1, "hedge_buy": 1, "unhedge": 1, "unhedge_sell": -1, "expire_long": -1,
          "expire_short": 1, "exercise": -1, "assign": 1, "liquidate_long": -1, "liquidate_short": 1,
          "lapse": -1}  # fmt: skip
"""Which way a fill moves what is held as a hedge."""
CLOSING = frozenset({"unhedge", "unhedge_sell"})


class Exposure(Struct, frozen=True):
    """What a plan would use: ``venues_usd`` by venue or issuer, ``tokens`` by ``TOKEN@place``."""

    capital_usd: float
    largest_usd: float
    venues_usd: dict[str, float]
    settlement_usd: float
    tokens: dict[str, float]
    issuers_usd: dict[str, float] = {}
    """Tokens bought or minted, at what they cost, by issuer."""


class Reservation(Struct):
    """A plan that is offered or on its way. ``legs_left`` counts legs that have not been answered."""

    plan_id: str
    incident_id: str
    underlying: str
    exposure: Exposure
    expires: Ns
    legs_left: int
    stays_open: bool
    otherwise: int = 0
    """Legs of the plan's other way, once something was minted."""
    minted: bool = False
    gone: bool = False
    """Its tokens are sold or redeemed."""
    started: bool = False
    in_transit: list[str] = []
    sells: list[str] = []
    """Instruments on which its legs sell."""
    hedges: list[str] = []
    """Options, perps and perpetual options that its legs name."""
    owned: dict[str, float] = {}
    """Tokens that its fills have brought, less those they took, by ``TOKEN@place``: less than none where
    it sold out of inventory."""

    def claims(self, key: str) -> float:
        """Tokens at a place that it is still to sell or redeem; what it brought, it has a use for."""
        promised = 0.0 if self.started else self.exposure.tokens.get(key, 0.0)
        return promised + max(0.0, self.owned.get(key, 0.0))


class Room(Struct, frozen=True):
    """How many USD a limit still allows, by the name of its rule."""

    rule: str
    usd: float
    limit_usd: float


class Desk:
    """Inventory and reservations; see the module's text."""

    def __init__(self, config: StrategySection, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self.tokens: dict[str, float] = {}
        for name, tokens in config.inventory_tokens.items():
            symbol, place = split_instrument(name)
            self.tokens[f"{symbol}@{place or WALLET}"] = tokens
        self.hedges: dict[str, float] = {}
        """Contracts (shares) held as hedges, by instrument; negative if sold."""
        self.due: dict[str, float] = {}
        """Tokens on their way to us, by symbol: ours, and their price struck, but not in hand."""
        self.reservations: dict[str, Reservation] = {}
        self._margins = Margins(registry)
        self.unaccounted: set[str] = set()
        """Running plans of which it is not known what they own: see :meth:`account`."""
        self.ration: dict[str, float] = {}
        """What the plan in hand may use of limits, by key, where it shares them with others."""

    def place(self, instrument: str) -> str:
        """Where tokens traded on an instrument lie: with the exchange, else in our own wallet."""
        _, venue = split_instrument(instrument)
        known = self._registry.venues.get(venue.partition(":")[0])
        return known.name if known is not None and known.kind in ("exchange", "broker") else WALLET

    def free_tokens(self, symbol: str, place: str) -> float:
        """Tokens in hand at a place that no offered plan counts on, and no running one owns."""
        key = f"{symbol}@{place}"
        claimed = sum(reservation.claims(key) for reservation in self.reservations.values())
        free = max(0.0, self.tokens.get(key, 0.0) - claimed)
        return min(free, self.ration.get(f"inventory.tokens {key}", inf))

    def held(self, symbol: str) -> float:
        """Tokens in hand, at all places, but for those of running plans: reservations count them."""
        running = sum(max(0.0, _of(symbol, r.owned)) for r in self.reservations.values())
        return _of(symbol, self.tokens) - running

    def elsewhere(self, symbol: str, place: str) -> float:
        """Tokens in hand at all other places."""
        prefix = f"{symbol}@"
        return sum(n for key, n in self.tokens.items() if key.startswith(prefix) and key != prefix + place)

    def capital_room(self) -> Room:
        """Capital not reserved, and not bound by a hedge that a plan has left open."""
        used = sum(r.exposure.capital_usd for r in self.reservations.values())
        used += self._margins.left_usd(self.reservations)
        return self._room("limits.capital_usd", self._config.capital_usd - used, self._config.capital_usd)

    def settlement_room(self) -> Room:
        """What may still wait for issuers to deliver or pay."""
        limit = self._config.max_open_settlement_usd
        used = sum(r.exposure.settlement_usd for r in self.reservations.values())
        return self._room("limits.open_settlement_usd", limit - used, limit)

    def leg_rooms(self, underlying: str, venue: str, legs: int = 1) -> Iterator[Room]:
        """What bounds the USD of one leg: plan, underlying, and the venue that ``legs`` of the plan share."""
        config = self._config
        yield Room("limits.plan_usd", config.max_plan_usd, config.max_plan_usd)
        on_underlying = on_venue = 0.0
        for reservation in self.reservations.values():
            if reservation.underlying == underlying:
                on_underlying += reservation.exposure.largest_usd
            on_venue += reservation.exposure.venues_usd.get(venue, 0.0)
        limit = config.max_underlying_usd
        yield self._room("limits.underlying_usd", limit - on_underlying, limit, underlying)
        limit = config.max_venue_usd
        yield self._room("limits.venue_usd", limit - on_venue, limit, venue, legs)

    def issuer_room(self, issuer: str) -> Room:
        """What may still be bought or minted of an issuer's tokens."""
        limit = self._config.max_issuer_usd
        used = sum(r.exposure.issuers_usd.get(issuer, 0.0) for r in self.reservations.values())
        return self._room("limits.issuer_usd", limit - used, limit, issuer)

    def concentration_room(self, underlying: str, held_usd: float) -> Room:
        """What may still be bought or minted of one share's tokens, beside ``held_usd`` :meth:`held`."""
        limit = self._config.max_concentration * self._config.capital_usd
        mine = [r.exposure for r in self.reservations.values() if r.underlying == underlying]
        coming = sum(sum(exposure.issuers_usd.values()) for exposure in mine)
        return self._room("limits.concentration", limit - held_usd - coming, limit, underlying)

    def left(self, key: str) -> float:
        """What is left of a limit, by ``rule``, or ``rule place`` where there is one for each place."""
        rule, _, of = key.partition(" ")
        match rule:
            case "limits.capital_usd":
                return self.capital_room().usd
            case "limits.open_settlement_usd":
                return self.settlement_room().usd
            case "limits.issuer_usd":
                return self.issuer_room(of).usd
            case "inventory.tokens":
                symbol, place = split_instrument(of)
                return self.free_tokens(symbol, place)
        rooms = self.leg_rooms(of, of)
        return next(room.usd for room in rooms if room.rule == rule)

    def _room(self, rule: str, usd: float, limit: float, of: str = "", legs: int = 1) -> Room:
        """Or less, where others are to have the rest."""
        if not self.ration:
            return Room(rule, usd / legs, limit)
        return Room(rule, min(usd, self.ration.get(f"{rule} {of}".rstrip(), inf)) / legs, limit)

    def reserve(self, plan: Plan, exposure: Exposure) -> None:
        """Set aside what an offered plan needs."""
        self.reservations[plan.id] = Reservation(
            plan.id, plan.incident_id, plan.underlying, exposure, plan.expires, len(plan.legs),
            stays_open=plan.route == "hedge_and_hold" and not any(leg.after_seconds for leg in plan.legs),
            otherwise=len(plan.otherwise),
            sells=[leg.instrument for leg in plan.legs if leg.action == "sell"],
            hedges=[leg.instrument for leg in plan.legs if leg.side is not None],
        )  # fmt: skip

    def counts_on(self, instrument: str) -> bool:
        """Whether a hedge is held, or named by a plan that is offered or on its way."""
        if instrument in self.hedges:
            return True
        return any(instrument in reservation.hedges for reservation in self.reservations.values())

    def on_its_way_to(self, instrument: str) -> str:
        """The plan whose minted tokens are still to be sold on an instrument; empty: there is none."""
        waiting = (r for r in self.reservations.values() if r.minted and r.legs_left > 0)
        return next((r.plan_id for r in waiting if instrument in r.sells), "")

    def expire(self, ts: Ns) -> None:
        """Let go of what was offered and not taken up in time."""
        late = [key for key, r in self.reservations.items() if not r.started and r.expires < ts]
        for key in late:
            del self.reservations[key]

    def on_fill(self, fill: Fill) -> None:
        """Move tokens, and the plan's reservation on."""
        reservation = self.reservations.get(fill.plan_id)
        self._move(fill, reservation)
        self._hedge(fill)
        self._margins.on_fill(fill)
        if reservation is None or fill.action in BY_ITSELF:
            return
        if fill.status == "settled":
            if fill.order_id in reservation.in_transit:
                reservation.in_transit.remove(fill.order_id)
        elif fill.status == "rejected" and fill.action in CLOSING:
            # The hedge is left open, and the plan goes on.
            reservation.legs_left = max(0, reservation.legs_left - 1)
            reservation.stays_open = False
        elif fill.status == "rejected":
            # Execution goes the plan's other way with what was minted, or undoes what it can: no more comes.
            turns = reservation.minted and not reservation.gone
            reservation.legs_left = reservation.otherwise if turns else 0
            reservation.otherwise = 0
            reservation.stays_open = False
        else:
            reservation.started = True
            reservation.minted = reservation.minted or fill.action == "mint"
            reservation.gone = reservation.gone or fill.action in ("sell", "redeem")
            reservation.legs_left = max(0, reservation.legs_left - 1)
            if fill.status == "pending":
                reservation.in_transit = [*reservation.in_transit, fill.order_id]
            elif fill.action in CLOSING:
                reservation.stays_open = False
        if reservation.legs_left == 0 and not reservation.in_transit and not reservation.stays_open:
            del self.reservations[fill.plan_id]

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "tokens": dict(self.tokens),
            "hedges": dict(self.hedges),
            "due": dict(self.due),
            "margins": self._margins.snapshot(),
            "reservations": msgspec.to_builtins(list(self.reservations.values())),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        self.tokens = dict(state["tokens"])
        self.hedges = dict(state.get("hedges", {}))
        self.due = dict(state.get("due", {}))
        self._margins.restore(state.get("margins", {}))
        kept = msgspec.convert(state["reservations"], list[Reservation])
        self.reservations = {reservation.plan_id: reservation for reservation in kept}
        started = (one for one in state["reservations"] if one.get("started"))
        self.unaccounted = {one["plan_id"] for one in started if "owned" not in one}

    def adopt_hedges(self, booked: Iterable[Fill]) -> None:
        """Take over what open hedges bind, which neither lost nor older memory says."""
        self._margins.adopt(booked)

    def account(self, plan_id: str, fills: Iterable[Fill]) -> None:
        """Work out from all its fills what a running plan owns, which older memory does not say."""
        reservation = self.reservations[plan_id]
        reservation.owned = {}
        aside = Desk(self._config, self._registry)
        for fill in fills:
            aside._move(fill, reservation)
        self.unaccounted.discard(plan_id)

    def _move(self, fill: Fill, reservation: Reservation | None) -> None:
        quantity = float(fill.quantity_tokens)
        arrives = fill.status in ("filled", "partial", "settled")
        if fill.action in ("mint", "transfer") and fill.status in ("pending", "settled"):
            symbol, _ = split_instrument(fill.instrument)
            _count(self.due, symbol, quantity if fill.status == "pending" else -quantity)
        match fill.action:
            case "buy" | "mint" if arrives:
                moved = quantity
            case "transfer" if fill.status == "settled":
                moved = quantity
            case "sell" if arrives:
                moved = -quantity
            case "redeem" if fill.status in ("filled", "partial", "pending"):
                moved = -quantity
            case "transfer" if fill.status == "pending":
                moved = -quantity
            case "margin_in" | "margin_out" | "coin_sell" | "coin_buy":
                self._coins(fill, quantity)
                return
            case _:
                return
        self._add(fill.instrument, moved)
        if reservation is not None:
            _count(reservation.owned, self._key(fill.instrument), moved)

    def _coins(self, fill: Fill, quantity: float) -> None:
        """Tokens that are margin lie with the venue, and are bought and sold there."""
        symbol, _ = split_instrument(fill.instrument)
        if symbol not in self._registry.tokens:
            return
        inwards = fill.action in ("margin_in", "coin_buy")
        self._add(fill.instrument, quantity if inwards else -quantity)
        if fill.action in ("margin_in", "margin_out"):
            self._add(f"{symbol}@{WALLET}", -quantity if inwards else quantity)

    def _hedge(self, fill: Fill) -> None:
        """Keep count of hedges; an option that is exercised or assigned leaves shares."""
        sign = HEDGES.get(fill.action)
        if sign is None or fill.status not in ("filled", "partial"):
            return
        self._count(fill.instrument, sign * float(fill.quantity_tokens))
        if fill.action in ("exercise", "assign"):
            contract = occ.parse(split_instrument(fill.instrument)[0])
            assert contract is not None
            sells = (contract.kind == "put") == (fill.action == "exercise")
            shares = float(fill.quantity_tokens) * contract.shares
            self._count(fill.underlying, -shares if sells else shares)

    def _count(self, name: str, number: float) -> None:
        # Shares are shares, whichever broker's quote they were sold at.
        symbol, _ = split_instrument(name)
        name = symbol if symbol in self._registry.underlyings and self._is_broker(name) else name
        _count(self.hedges, name, number)

    def _is_broker(self, name: str) -> bool:
        return split_instrument(name)[1] not in self._registry.perp_venues

    def _add(self, instrument: str, tokens: float) -> None:
        _count(self.tokens, self._key(instrument), tokens)

    def _key(self, instrument: str) -> str:
        return f"{split_instrument(instrument)[0]}@{self.place(instrument)}"


def _of(symbol: str, tokens: Mapping[str, float]) -> float:
    """Of one token, at all places."""
    return sum(number for key, number in tokens.items() if split_instrument(key)[0] == symbol)


def _count(held: dict[str, float], key: str, number: float) -> None:
    """Add to what is held; what comes to nothing is not there."""
    now = held.get(key, 0.0) + number
    if abs(now) < DUST:
        held.pop(key, None)
    else:
        held[key] = now
