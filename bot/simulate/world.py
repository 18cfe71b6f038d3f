"""The simulated world: shares move, agents trade on pools and books, and what was asked for happens.

Each share and each venue draws from a stream of its own, seeded by name, so adding a venue changes no
other. Pool swaps are the exact ones of :mod:`bot.pools`. Memory does not grow with the days.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log
from operator import attrgetter

import msgspec

from bot.config import ValuationSection
from bot.score import Label
from bot.simulate.draw import drawn
from bot.simulate.effects import SHIFTS, Happens
from bot.simulate.scenario import Scenario
from bot.simulate.shares import HOUR_NS, CoinState, Market, ShareState
from bot.simulate.venue import Venue
from bot.timefmt import NS
from bot.types import Ns, Session, Tick
from bot.valuation.sessions import SessionClock

COIN_SECONDS = 300
_by_ts = attrgetter("ts")
_by_start = attrgetter("start", "instrument")


def simulate(scenario: Scenario, seed: int) -> tuple[Iterator[Tick], list[Label]]:
    """The ticks of a scenario, by time, and the labels of what was injected. Same seed, same ticks.

    Labels are measured on the way: the list is complete, and by time, when the ticks have all been taken.
    """
    world = World(scenario, seed)
    return world.run(), world.labels


class World:
    """All that there is, and what effects may do to it."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.labels: list[Label] = []
        self.clock = SessionClock(ValuationSection())
        self.market = Market(scenario, seed)
        self.shares = {share.ticker: ShareState(share, scenario, seed) for share in scenario.shares}
        self.coins = {name: CoinState(name, seed) for name in scenario.coins}
        self.venues = [
            Venue(place, scenario, self._first(place.underlying), seed) for place in scenario.places
        ]
        self.multipliers: dict[str, float] = {
            place.token: self.shares[place.underlying].share.multiplier for place in scenario.places
        }
        self.log_multipliers = {token: log(value) for token, value in self.multipliers.items()}
        self.backing: dict[str, float] = {}
        self.alone: set[str] = set()
        """Venues to which nobody comes."""
        self.silent: set[str] = set()
        """Venues of which nothing is heard."""
        happenings = [*scenario.happenings, *drawn(scenario, seed, self.clock)]
        self.waiting = sorted((Happens(one, self) for one in happenings), key=attrgetter("start"))
        self.active: list[Happens] = []

    def _first(self, ticker: str) -> float:
        share = self.shares[ticker].share
        return share.price * share.multiplier

    def run(self) -> Iterator[Tick]:
        """All ticks. One step is: shares, what happens, references, venues."""
        scenario, market = self.scenario, self.market
        ts, end = scenario.starts, scenario.starts + int(scenario.days * 24 * HOUR_NS)
        left = self._variance() if scenario.returns else 0.0
        custody = int(scenario.issuer_hours * HOUR_NS)
        next_custody, next_coin = ts, ts
        for ts, session, passed in self._steps():
            market.step(ts, session, passed)
            if scenario.returns:
                market.variance_left = left
                left -= market.sd**2
            for share in self.shares.values():
                share.move(market)
                if share.unsplit and session in ("pre", "regular"):
                    share.unsplit = 0.0
            happened = list(self._happen(ts))
            prints, states = self._trade(ts, passed)
            yield from prints
            yield from happened
            if ts == scenario.starts:
                for token, value in self.multipliers.items():
                    if value != 1.0:
                        yield self.multiplier(token, ts)
            if custody and ts >= next_custody:
                next_custody = ts + custody
                for token in self.multipliers:
                    yield self.custody(token, ts)
            if self.coins and ts >= next_coin:
                next_coin = ts + COIN_SECONDS * NS
                for coin in self.coins.values():
                    yield coin.tick(ts)
            for share in self.shares.values():
                for reference in share.references.values():
                    told = reference.tick(ts, share, market)
                    if told is not None:
                        yield told
            yield from states
            for effect in self.active:
                effect.see(ts)
        for effect in self.active:
            effect.close(end)
        self.labels.sort(key=_by_start)

    def _steps(self) -> Iterator[tuple[Ns, Session, float]]:
        """When each step is, in which session, and the seconds since the one before."""
        scenario = self.scenario
        ts, end, before = scenario.starts, scenario.starts + int(scenario.days * 24 * HOUR_NS), 0
        while ts < end:
            session = self.clock.session(ts)
            seconds = scenario.step_seconds if session == "regular" else scenario.closed_step_seconds
            yield ts, session, (ts - before) / NS if before else seconds
            before = ts
            ts += int(seconds * NS)

    def _variance(self) -> float:
        """Of all steps together, for a share with annual volatility one."""
        market, total = Market(self.scenario, 0), 0.0
        for step in self._steps():
            market.step(*step)
            total += market.sd**2
        return total

    def _trade(self, ts: Ns, seconds: float) -> tuple[list[Tick], list[Tick]]:
        """All venues' agents: prints at their own times, by time, and what venues show at the step's end."""
        session = self.market.session
        prints: list[Tick] = []
        states: list[Tick] = []
        shifts = self._shifts()
        for venue in self.venues:
            name = venue.place.instrument
            if name in self.alone:
                target = None
            else:
                target = self.honest(venue)
                if shifts:
                    target += shifts.get(name, 0.0)
                    target += shifts.get(venue.token, 0.0) + shifts.get(venue.place.underlying, 0.0)
                    target += shifts.get(venue.place.quote, 0.0)
                own: list[Tick] = []
                venue.step(ts, target, seconds, session, own)
                if name not in self.silent:
                    prints += own
            if name not in self.silent:
                told = venue.tick(ts)
                if told is not None:
                    states.append(told)
        if len(prints) > 1:
            prints.sort(key=_by_ts)
        return prints, states

    def _happen(self, ts: Ns) -> Iterator[Tick]:
        for effect in self.waiting:
            if not effect.announced:
                yield from effect.announce(ts)
        while self.waiting and self.waiting[0].start <= ts:
            effect = self.waiting.pop(0)
            self.active.append(effect)
            yield from effect.begin(ts)
        over = False
        for effect in self.active:
            if not effect.ended:
                effect.step(ts)
                if ts >= effect.end:
                    yield from effect.finish(ts)
            over = over or effect.over(ts)
        for coin in self.coins.values():
            coin.off = sum(e.shift for e in self.active if e.one.coin and self.coins.get(e.one.coin) is coin)
        if over:
            for effect in self.active:
                if effect.over(ts):
                    effect.close(ts)
            self.active = [effect for effect in self.active if not effect.over(ts) or effect.watches]

    def _shifts(self) -> dict[str, float]:
        shifts: dict[str, float] = {}
        for effect in self.active:
            field = SHIFTS.get(effect.one.cause)
            name = getattr(effect.one, field) if field else ""
            if name and effect.shift:
                shifts[name] = shifts.get(name, 0.0) + effect.shift
        for coin, state in self.coins.items():
            shifts[coin] = -state.log_price
        return shifts

    # -- what effects ask for -------------------------------------------------------------------------

    def honest(self, venue: Venue) -> float:
        """The log price a venue would have if nothing happened to it."""
        share = self.shares[venue.place.underlying]
        return share.log_price + share.premium + self.log_multipliers[venue.token]

    def log_multiplier(self, token: str) -> float:
        """Of a token, as it truly is."""
        return self.log_multipliers[token]

    def of(self, *, instrument: str = "", underlying: str = "", token: str = "",
           coin: str = "") -> list[Venue]:  # fmt: skip
        """Venues by the first of these that is given."""
        return [
            venue
            for venue in self.venues
            if (
                venue.place.instrument == instrument
                if instrument
                else venue.token == token
                if token
                else venue.place.quote == coin
                if coin
                else venue.place.underlying == underlying
            )
        ]

    def tokens_of(self, underlying: str) -> list[str]:
        """Symbols, in the scenario's order."""
        return list(dict.fromkeys(v.token for v in self.venues if v.place.underlying == underlying))

    def multiply(self, token: str, by: float) -> None:
        """A token stands for more of the share from now on."""
        self.multipliers[token] *= by
        self.log_multipliers[token] = log(self.multipliers[token])

    def multiplier(self, token: str, ts: Ns, by: float = 1.0, effective: Ns = 0) -> Tick:
        """What the issuer says of a token's multiplier; with ``effective``, what it will be ``by`` then."""
        now = self.multipliers[token]
        data = f'{{"multiplier": {now!r}}}'
        if effective:
            data = f'{{"multiplier": {now!r}, "new_multiplier": {now * by!r}, "effective_ns": {effective}}}'
        return Tick(ts, f"{token}@issuer", "multiplier", data=data)

    def status(self, instrument: str, ts: Ns, state: str, reason: str, **more: object) -> Tick:
        """A status tick."""
        data = msgspec.json.encode({"state": state, "reason": reason, **more}).decode()
        return Tick(ts, instrument, "status", data=data)

    def custody(self, token: str, ts: Ns) -> Tick:
        """What the custodian holds for a token."""
        supply = 100_000.0
        return self.status(
            f"{token}@issuer", ts, "open", "proof of reserves",
            shares_held=round(supply * self.multipliers[token] * self.backing.get(token, 1.0), 3),
            circulating_supply=supply,
        )  # fmt: skip

    def print_of(self, venue: Venue, ts: Ns, off: float, usd: float) -> Tick:
        """The trade that took a venue's price by ``off`` to where it is."""
        price = exp(venue.depth.log_price - off / 2)
        return Tick(ts, venue.place.instrument, "trade", price=round(price, 6), size=round(usd, 2))
