"""The simulated world: shares move, agents trade on pools and books, and what was asked for happens.

Each share and each venue draws from a stream of its own, seeded by name, so adding a venue changes no
other. Pool swaps are the exact ones of :mod:`bot.pools`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import exp, isqrt, log, sqrt

import msgspec

from bot.config import ValuationSection
from bot.pools import ConstantProduct, ConstantProductState, encode
from bot.score import Label
from bot.simulate.scenario import Happening, Place, Scenario, Share
from bot.timefmt import NS
from bot.types import Ns, Session, Tick
from bot.valuation.sessions import SessionClock

HOUR_NS = 3600 * NS
QUOTED: frozenset[Session] = frozenset({"pre", "regular", "post"})
QUIET = 0.25
"""Noise trading at weekends and holidays against weekdays."""
BOOK_LEVELS = 4


def simulate(scenario: Scenario, seed: int) -> tuple[Iterator[Tick], list[Label]]:
    """The ticks of a scenario, by time, and the labels of what was injected. Same seed, same ticks."""
    return _World(scenario, seed).run(), labels(scenario)


def labels(scenario: Scenario) -> list[Label]:
    """What was injected, on each instrument it shows on."""
    found = []
    for one in scenario.happenings:
        start = scenario.starts + int(one.at_hours * HOUR_NS)
        end = start + int(one.hours * HOUR_NS)
        if one.instrument:
            shown = [one.instrument]
        else:
            shown = [place.instrument for place in scenario.places if place.underlying == one.underlying]
        found += [Label(instrument, start, end, one.cause) for instrument in shown]
    return sorted(found, key=lambda label: (label.start, label.instrument))


class _Share:
    """A share's true log price, the tokens' common premium over it, and its quote."""

    def __init__(self, share: Share, seed: int) -> None:
        self.share = share
        self.random = random.Random(f"{seed} {share.ticker}")  # noqa: S311 -- a simulation, not a secret
        self.log_price = log(share.price)
        self.premium = 0.0
        self.frozen: float | None = None

    def move(self, variance_time: float, premium_sd: float) -> None:
        """One step: the price diffuses; the common premium is pulled back to nothing."""
        sd = self.share.annual_volatility * sqrt(variance_time)
        self.log_price += self.random.gauss(0.0, sd) - sd * sd / 2
        self.premium = 0.98 * self.premium + self.random.gauss(0.0, premium_sd * 0.2)

    def quote(self, ts: Ns, frozen: bool) -> Tick:
        """What the reference says; a frozen one says the same again."""
        if not frozen:
            self.frozen = None
        elif self.frozen is None:
            self.frozen = self.log_price
        price = exp(self.log_price if self.frozen is None else self.frozen)
        half = self.share.spread_ratio / 2
        bid, ask = round(price * (1 - half), 4), round(price * (1 + half), 4)
        return Tick(ts, f"{self.share.ticker}@{self.share.reference}", "quote", bid=bid, ask=ask)


class _Venue:
    """One venue: its pool or the middle of its book, and the agents that trade there."""

    def __init__(self, place: Place, price: float, seed: int) -> None:
        self.place = place
        self.random = random.Random(f"{seed} {place.instrument}")  # noqa: S311 -- a simulation, not a secret
        self.next_trade: Ns = 0
        self.log_mid = log(price)
        quote = int(place.depth_usd * 10**place.quote_decimals)
        token = int(place.depth_usd / price * 10**place.token_decimals)
        self.pool = ConstantProduct(token, quote, place.fee_pips)
        self.scale = 10.0 ** (place.token_decimals - place.quote_decimals)

    def spot(self) -> float:
        """USD per token."""
        return self.pool.price() * self.scale if self.place.kind == "pool" else exp(self.log_mid)

    def order(self, usd: float) -> None:
        """A market order: ``usd`` spent, or, negative, taken out."""
        place = self.place
        if place.kind == "book":
            self.log_mid += 0.02 * usd / place.depth_usd
            return
        amount = int(abs(usd) * 10**place.quote_decimals)
        swap = self.pool.exact_in(amount, sell=False) if usd > 0 else self.pool.exact_out(amount, sell=True)
        if swap is None:
            return
        token = -swap.amount_out if usd > 0 else swap.amount_in
        paid = swap.amount_in if usd > 0 else -swap.amount_out
        self.pool = ConstantProduct(
            self.pool.token_reserve + token, self.pool.quote_reserve + paid, place.fee_pips
        )

    def pull(self, target: float, seconds: float) -> None:
        """Arbitrageurs move the price towards ``target``, beyond what their fee eats."""
        gap = target - log(self.spot())
        fee = self.place.fee_pips / 1e6 if self.place.kind == "pool" else 0.0
        if abs(gap) <= fee:
            return
        step = (
            (abs(gap) - fee) * (1 - 0.5 ** (seconds / self.place.half_life_seconds)) * (1 if gap > 0 else -1)
        )
        if self.place.kind == "book":
            self.log_mid += step
            return
        price = self.spot() * exp(step) / self.scale
        swap = self.pool.exact_in(_needed(self.pool, price, sell=step < 0), sell=step < 0)
        if swap is not None:
            token, paid = (
                (swap.amount_in, -swap.amount_out) if step < 0 else (-swap.amount_out, swap.amount_in)
            )
            self.pool = ConstantProduct(
                self.pool.token_reserve + token, self.pool.quote_reserve + paid, self.place.fee_pips
            )

    def noise(self, ts: Ns, quiet: bool) -> None:
        """Noise traders whose time has come."""
        rate = self.place.trades_per_hour * (QUIET if quiet else 1.0)
        if not self.next_trade:
            self.next_trade = ts + int(self.random.expovariate(rate) * HOUR_NS)
        while self.next_trade <= ts:
            usd = self.random.expovariate(1 / self.place.trade_usd) * self.random.choice((1, -1))
            # Nobody sends an order that moves the price by more than a few percent by himself.
            self.order(max(-self.place.depth_usd / 100, min(usd, self.place.depth_usd / 100)))
            self.next_trade += int(self.random.expovariate(rate) * HOUR_NS)

    def tick(self, ts: Ns) -> Tick:
        """What the venue shows: the pool's state, or the book."""
        place = self.place
        if place.kind == "pool":
            state = ConstantProductState(
                token_reserve=str(self.pool.token_reserve),
                quote_reserve=str(self.pool.quote_reserve),
                decimals=(place.token_decimals, place.quote_decimals),
                fee_pips=place.fee_pips,
            )
            liquidity = 2 * self.pool.quote_reserve / 10**place.quote_decimals
            return Tick(
                ts, place.instrument, "pool", price=self.spot(), size=round(liquidity, 2), data=encode(state)
            )
        mid, half = self.spot(), place.spread_ratio / 2
        size = place.depth_usd / mid / BOOK_LEVELS
        steps = [half + 0.02 * level / BOOK_LEVELS for level in range(BOOK_LEVELS)]
        bids = [[round(mid * (1 - step), 4), round(size, 6)] for step in steps]
        asks = [[round(mid * (1 + step), 4), round(size, 6)] for step in steps]
        data = msgspec.json.encode({"bids": bids, "asks": asks}).decode()
        return Tick(ts, place.instrument, "quote", bid=bids[0][0], ask=asks[0][0], data=data)


def _needed(pool: ConstantProduct, price: float, sell: bool) -> int:
    """What an arbitrageur puts in, who takes ``x · y`` for constant and pays the fee on top."""
    product = pool.token_reserve * pool.quote_reserve
    target = isqrt(int(product / price)) if sell else isqrt(int(product * price))
    put = target - (pool.token_reserve if sell else pool.quote_reserve)
    return max(put, 0) * 1_000_000 // (1_000_000 - pool.fee_pips)


class _World:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.clock = SessionClock(ValuationSection())
        self.shares = {share.ticker: _Share(share, seed) for share in scenario.shares}
        self.venues = [
            _Venue(place, self.shares[place.underlying].share.price, seed) for place in scenario.places
        ]
        self.multipliers: dict[str, float] = {}
        self.done: set[int] = set()

    def run(self) -> Iterator[Tick]:
        scenario = self.scenario
        ts, end = scenario.starts, scenario.starts + int(scenario.days * 24 * HOUR_NS)
        before = self.clock.variance_time(ts)
        while ts < end:
            session = self.clock.session(ts)
            now = self.clock.variance_time(ts)
            seconds = scenario.step_seconds if session == "regular" else scenario.closed_step_seconds
            for share in self.shares.values():
                share.move(now - before, scenario.premium_sd)
            before = now
            active = [one for one in scenario.happenings if self._active(one, ts)]
            if session in QUOTED:
                for share in self.shares.values():
                    yield share.quote(ts, _is(active, "stale_reference", underlying=share.share.ticker))
            yield from self._multipliers(active, ts)
            for venue in self.venues:
                self._step(venue, active, ts, seconds, session)
                yield venue.tick(ts)
            ts += int(seconds * NS)

    def _active(self, one: Happening, ts: Ns) -> bool:
        start = self.scenario.starts + int(one.at_hours * HOUR_NS)
        return start <= ts < start + int(one.hours * HOUR_NS)

    def _multipliers(self, active: list[Happening], ts: Ns) -> Iterator[Tick]:
        for one in active:
            token = one.instrument.partition("@")[0]
            if one.cause == "multiplier_mismatch" and token not in self.multipliers:
                self.multipliers[token] = 1 + one.ratio
                yield Tick(ts, f"{token}@issuer", "multiplier", data=f'{{"multiplier": {1 + one.ratio}}}')

    def _step(self, venue: _Venue, active: list[Happening], ts: Ns, seconds: float, session: Session) -> None:
        place = venue.place
        if _is(active, "stale_venue", instrument=place.instrument):
            return
        for number, one in enumerate(self.scenario.happenings):
            if (
                one.instrument == place.instrument
                and one.order_usd
                and number not in self.done
                and one in active
            ):
                self.done.add(number)
                venue.order(one.order_usd)
        if _is(active, "thin_liquidity", instrument=place.instrument):
            return  # nobody comes: that is why it stays
        share = self.shares[place.underlying]
        target = share.log_price + share.premium
        token = place.instrument.partition("@")[0]
        if token in self.multipliers and not _is(active, "multiplier_mismatch", instrument=place.instrument):
            target += log(self.multipliers[token])
        for one in active:
            if one.cause == "broad_premium" and one.underlying == place.underlying:
                target += log(1 + one.ratio)
        venue.noise(ts, session in ("weekend", "holiday"))
        venue.pull(target, seconds)


def _is(active: list[Happening], cause: str, *, instrument: str = "", underlying: str = "") -> bool:
    return any(
        one.cause == cause and (one.instrument == instrument if instrument else one.underlying == underlying)
        for one in active
    )
