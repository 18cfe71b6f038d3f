"""Who trades at a venue: noise traders, those who follow the trend, arbitrageurs, liquidity providers."""

from __future__ import annotations

from collections import deque
from math import exp

from bot.simulate.depth import Book, make
from bot.simulate.scenario import Place, Scenario
from bot.simulate.shares import CLOSED, HOUR_NS, stream
from bot.timefmt import NS
from bot.types import Ns, Session, Tick

LARGEST = {"pool": 0.003, "concentrated": 0.2, "book": 0.2}
"""Nobody sends an order of more than this part of the depth by himself: half a percent of the price."""
HURRY = 0.02
"""A gap of so much is closed twice as fast, one of twice that three times."""
TREND_HOURS = 0.25
NOISE_SECONDS = 30.0
NIGHT = 0.6
"""Trading on weekdays outside the regular session, against inside."""


class Venue:
    """One venue: its depth and its agents. ``tick`` tells what it shows when that changed."""

    def __init__(self, place: Place, scenario: Scenario, price: float, seed: int) -> None:
        self.place = place
        self.token = place.token
        self.random = stream(seed, place.instrument)
        self.depth = make(place, price)
        self.next_trade: Ns = 0
        self.capital = place.capital_usd
        self._settling: deque[tuple[Ns, float]] = deque()
        self._weekend_activity = scenario.weekend_activity
        self._fee = place.fee_pips / 1e6 if place.kind != "book" else 0.0
        self._idle = self._fee + place.tolerance_ratio
        self._trend = self.depth.log_price
        self._noise = 0.0
        self._told: float | None = None
        self._told_ts: Ns = 0
        self._repeat = int(place.repeat_seconds * NS)
        self._session: Session | None = None
        self._factor = 1.0
        self._looked: Ns = 0
        self._pulled: dict[float, tuple[float, float, float]] = {}

    def step(self, ts: Ns, target: float, seconds: float, session: Session, trades: list[Tick]) -> None:
        """All agents, for one step that ends at ``ts``; the price they hold for right is ``target``."""
        if session != self._session:
            self._session = session
            self._liquidity(session)
        elif ts - self._looked >= HOUR_NS:
            self._looked = ts
            self.depth.scale(self._factor)
        pulled = self._pulled.get(seconds)
        if pulled is None:
            kept = 0.5 ** (seconds / NOISE_SECONDS)
            pulled = self._pulled[seconds] = (
                0.5 ** (seconds / self.place.half_life_seconds),
                0.5 ** (seconds / 3600 / TREND_HOURS),
                kept,
            )
        trend = pulled[1]
        self._trend = trend * self._trend + (1 - trend) * self.depth.log_price
        self._noise_traders(ts, seconds, session, trades)
        if self.place.noise_ratio:
            kept = pulled[2]
            sd = self.place.noise_ratio * (1 - kept * kept) ** 0.5
            self._noise = kept * self._noise + self.random.gauss(0.0, sd)
            target += self._noise
        self._arbitrage(ts, target, pulled[0], trades)

    def order(self, ts: Ns, usd: float, trades: list[Tick]) -> None:
        """One order, and the print it makes."""
        done = self.depth.order(usd)
        if done is not None and self.place.prints:
            price, size = done
            trades.append(
                Tick(ts, self.place.instrument, "trade", price=round(price, 6), size=round(size, 2))
            )

    def tick(self, ts: Ns) -> Tick | None:
        """What it shows; nothing if that is what it showed a short time ago."""
        now = self.depth.log_price
        if now == self._told and ts - self._told_ts < self._repeat:
            return None
        self._told, self._told_ts = now, ts
        return self.depth.tick(ts)

    def again(self) -> None:
        """Whatever it shows next is news."""
        self._told = None

    def refill(self) -> None:
        """Liquidity providers are as the hour has it."""
        self._session = None

    def _liquidity(self, session: Session) -> None:
        place = self.place
        factor = 1.0
        if session in CLOSED:
            factor = place.weekend_liquidity
        elif session == "overnight":
            factor = place.night_liquidity
        self._factor = factor
        self.depth.scale(factor)
        self.again()

    def _noise_traders(self, ts: Ns, seconds: float, session: Session, trades: list[Tick]) -> None:
        place, draw = self.place, self.random
        if self.next_trade > ts:
            return
        rate = place.trades_per_hour
        if session in CLOSED:
            rate *= self._weekend_activity
        elif session != "regular" and self._weekend_activity != 1.0:
            rate *= NIGHT
        began = ts - int(seconds * NS)
        if self.next_trade <= began:  # it is the first one, or nobody could come
            self.next_trade = began + 1 + int(draw.expovariate(rate) * HOUR_NS)
        most = place.depth_usd * LARGEST[place.kind] * self._factor
        while self.next_trade <= ts:
            usd = draw.expovariate(1 / place.trade_usd)
            up = draw.random() < 0.5
            if place.momentum and draw.random() < place.momentum:
                up = self.depth.log_price > self._trend
            if place.odd_prints and draw.random() < place.odd_prints:
                self._odd(self.next_trade, trades)
            else:
                self.order(self.next_trade, min(usd, most) if up else -min(usd, most), trades)
            self.next_trade += int(draw.expovariate(rate) * HOUR_NS)

    def _odd(self, ts: Ns, trades: list[Tick]) -> None:
        """A few dollars at a price far off: a misread order, a dust swap. It moves nothing."""
        off = self.random.choice((-1, 1)) * self.random.uniform(0.01, 0.06)
        price, size = exp(self.depth.log_price + off), self.random.uniform(0.5, 8.0)
        trades.append(Tick(ts, self.place.instrument, "trade", price=round(price, 6), size=round(size, 2)))

    def _arbitrage(self, ts: Ns, target: float, left: float, trades: list[Tick]) -> None:
        """They move the price towards ``target``, beyond what their fee eats and what they let be, as far as
        their capital goes; what they used comes back when it has settled."""
        while self._settling and self._settling[0][0] <= ts:
            self.capital += self._settling.popleft()[1]
        depth = self.depth
        gap = target - depth.log_price
        size = abs(gap)
        if size <= self._idle or self.capital <= 0:
            return
        step = (size - self._fee) * (1 - left ** (1 + size / HURRY))
        before = depth.log_price
        usd = depth.to(before + (step if gap > 0 else -step), self.capital)
        if not usd:
            return
        if isinstance(depth, Book):
            return  # market makers move their quotes; nothing trades
        self.capital -= usd
        self._settling.append((ts + int(self.place.settlement_hours * HOUR_NS), usd))
        if self.place.prints and usd >= 1.0:
            price = exp((before + depth.log_price) / 2)
            trades.append(Tick(ts, self.place.instrument, "trade", price=round(price, 6), size=round(usd, 2)))
