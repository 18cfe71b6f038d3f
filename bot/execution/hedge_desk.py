"""The paper broker's desk for options, perps and perpetual options: prices orders, keeps what they open.

Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from bot.errors import Refusal
from bot.execution.adopted import positions_of
from bot.execution.carried import Carried
from bot.execution.hedging import on_hedge
from bot.execution.margin import Position
from bot.execution.pricing import Execution, on_quote, quantity_of
from bot.execution.sides import OTHER, side_of
from bot.pools.taken import Taken
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_lines import PerpetualLine
from bot.strategy.hedges import COMMISSION_MINIMUM_USD, COMMISSION_PER_SHARE_USD, QUOTE_MAX_AGE_NS
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Fill, Leg, Ns, Order, Plan

if TYPE_CHECKING:
    from bot.market import Market

SHARE_MAX_AGE_NS = 4 * DAY_SECONDS * NS
"""Nothing is exercised, funded or margined by a share's price from before a long weekend."""


def is_hedge(leg: Leg) -> bool:
    """Whether a leg is of this desk: shares sold short are not."""
    return leg.side is not None and leg.action in ("hedge", "unhedge")


class HedgeDesk:
    """Quotes come from ``book``, what shares and coins are worth from ``market``."""

    def __init__(self, book: HedgeBook, market: Market) -> None:
        self._book, self._market = book, market
        self._taken: dict[str, Taken] = {}
        self.carried = Carried(book, self._share, self._coin)

    def holds(self, leg: Leg, plan: Plan) -> Position | None:
        """What the plan has of a leg's instrument, if it has not ended by itself."""
        return self.carried.find(plan.id, leg.instrument)

    def closed_by(self, leg: Leg, plan: Plan) -> frozenset[str]:
        """Instruments whose quotes may let a hedge be closed that cannot be now."""
        held = self.holds(leg, plan)
        names = {leg.instrument}
        if held is not None and held.kind in ("shares", "perpetual"):
            state = self._market.underlyings.get(held.underlying)
            names |= {one.name for one in state.references.values()} if state is not None else set()
        return frozenset(names)

    def price(self, leg: Leg, plan: Plan, ts: Ns) -> Execution:
        """What an order would get now; shares that an option turned into are bought back at a broker's."""
        held = self.holds(leg, plan) if leg.action == "unhedge" else None
        if held is not None and held.kind == "shares":
            return on_quote(self._shares(leg, held, ts), self._market, held.quantity, ts)
        line = self._book.lines.get(leg.instrument)
        coin = None
        if isinstance(line, PerpetualLine) and line.coin != "USD":
            coin = self._coin(line.coin, ts)
        quantity = quantity_of(leg.quantity_tokens)
        share = self._share(plan.underlying, ts)
        return on_hedge(line, leg, quantity, share, coin, ts, self._taken.get(leg.instrument))

    def carry_out(self, leg: Leg, plan: Plan, order: Order, fill: Fill) -> list[Fill]:
        """The order's fill, with what margin and funding go before and after it."""
        side = side_of(leg)
        assert side is not None
        self._take(leg, float(fill.quantity_tokens))
        if leg.action == "hedge":
            return self.carried.open(fill, side, leg.margin_usd)
        held = self.holds(leg, plan)
        assert held is not None
        if held.kind == "shares":
            action = "unhedge" if held.side == "sell" else "unhedge_sell"
            name = self._shares(leg, held, order.ts).instrument
            fill = replace(fill, action=action, instrument=name)
        return self.carried.close(held, fill)

    def adopt(self, fills: Iterable[Fill]) -> list[Position]:
        """Take over what is open by these fills and unknown here, if the registry still knows what it is."""
        known = self.carried.positions
        lost = [one for one in positions_of(fills, self._book.kind_of) if one.id not in known]
        if lost:
            self.carried.restore([*known.values(), *lost])
        return lost

    def snapshot(self) -> dict[str, Any]:
        """What is held, as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(
            {"positions": list(self.carried.positions.values()), "taken": self._taken}
        )
        return plain

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        self.carried.restore(msgspec.convert(state["positions"], list[Position]))
        self._taken = msgspec.convert(state["taken"], dict[str, Taken])

    def _take(self, leg: Leg, number: float) -> None:
        line = self._book.lines.get(leg.instrument)
        if line is None or isinstance(line, PerpetualLine):
            return
        taken = self._taken.get(leg.instrument)
        if taken is None or taken.ts != line.ts:
            self._forget()
            taken = self._taken[leg.instrument] = Taken(line.ts)
        side = side_of(leg)
        assert side is not None
        taken.add(side, number, False)

    def _forget(self) -> None:
        """What was taken of a quote that the book has no more, or a newer one of, says nothing."""
        lines = self._book.lines
        self._taken = {
            name: taken
            for name, taken in self._taken.items()
            if (line := lines.get(name)) is not None and line.ts == taken.ts
        }

    def _shares(self, leg: Leg, held: Position, ts: Ns) -> Leg:
        """The leg on the tightest fresh quote of the share that a broker gives."""
        registry = self._market.registry
        state = self._market.underlyings.get(held.underlying)
        found = []
        for venue, one in state.references.items() if state is not None else ():
            known = registry.venues.get(venue.partition(":")[0])
            if known is None or known.kind != "broker" or one.halted or ts - one.ts > QUOTE_MAX_AGE_NS:
                continue
            if one.bid is not None and one.ask is not None:
                found.append((one.ask / one.bid, one.name))
        if not found:
            raise Refusal("hedge.stale", f"no fresh broker quote of {held.underlying} with both sides")
        fee = max(COMMISSION_MINIMUM_USD, COMMISSION_PER_SHARE_USD * float(held.quantity))
        return replace(leg, instrument=min(found)[1], side=OTHER[held.side], fee_usd=fee)

    def _share(self, underlying: str, ts: Ns) -> float | None:
        return self._market.share_usd(underlying, ts, SHARE_MAX_AGE_NS)

    def _coin(self, symbol: str, ts: Ns) -> float | None:
        return self._market.token_usd(symbol, ts)


def ended(order: Order, plan: Plan, why: str = "it had ended by itself") -> Fill:
    """The answer to an order that has nothing left to do, as one that closes what has ended by itself."""
    zero = Decimal(0)
    return Fill(f"{order.id}-F", order.id, plan.id, order.ts, order.action, order.instrument, plan.underlying,
                zero, zero, zero, zero, order.ts, "filled", why)  # fmt: skip
