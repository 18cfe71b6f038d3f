"""Shares as they really are, what their tokens' holders pay over it, and what references say of them."""

from __future__ import annotations

import random
from math import exp, log, sqrt

from bot.simulate.scenario import Scenario, Share
from bot.timefmt import NS
from bot.types import Ns, Session, Tick

REGULAR_HOURS, CLOSED_HOURS = 252 * 6.5, 252 * 17.5
WEEKEND_HOURS = 8766 - 252 * 24
HOUR_NS = 3600 * NS
CLOSED: frozenset[Session] = frozenset({"weekend", "holiday"})
QUOTED: dict[str, frozenset[Session]] = {
    "pyth": frozenset({"regular"}),
    "chainlink": frozenset({"pre", "regular", "post", "overnight"}),
}
"""When a source's price moves. Others are those of exchanges and their extended hours."""
EXTENDED: frozenset[Session] = frozenset({"pre", "regular", "post"})
CLOSED_REPEAT_NS = 900 * NS
"""Chainlink's price goes on being told while it stands still, with time stamps that move."""
BURST_MINUTES = 20.0
CLOSED_SPEED: dict[Session, float] = {"post": 0.25, "overnight": 0.8, "pre": 1.85}
"""Of a night's variance, per hour: little after the close, most before the open. They average to one."""
PREMIUM_HOURS: dict[bool, float] = {True: 0.3, False: 3.0}
"""Half-life of a token's premium, in the regular session and outside."""


def stream(seed: int, name: str) -> random.Random:
    """Random numbers of its own for each thing by name, so that one more of them changes no other."""
    return random.Random(f"{seed} {name}")  # noqa: S311 -- a simulation, not a secret


class Market:
    """How fast variance accrues in which session, and the factor that moves all shares together."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        closed, weekend = scenario.closed_variance, scenario.weekend_variance
        self.year = REGULAR_HOURS + CLOSED_HOURS * closed + WEEKEND_HOURS * weekend
        self.scenario = scenario
        self.random = stream(seed, "market")
        self.opened: Ns = 0
        self.session: Session = "regular"
        self.sd = 0.0
        self.factor = 0.0
        self.seconds = 0.0
        self.variance_left = 0.0
        """Of a share with annual volatility one, from this step to the end; 0 if nothing has to return."""

    def step(self, ts: Ns, session: Session, seconds: float) -> None:
        """One step of the market: ``sd`` is that of a share with annual volatility one."""
        scenario = self.scenario
        if session == "regular" and self.session != "regular":
            self.opened = ts
        self.session, self.seconds = session, seconds
        speed = 1.0
        if session in CLOSED:
            speed = scenario.weekend_variance
        elif session != "regular":
            speed = scenario.closed_variance * CLOSED_SPEED[session]
        elif scenario.open_burst > 1 and self.opened:
            minutes = (ts - self.opened) / NS / 60
            speed = 1 + (scenario.open_burst - 1) * exp(-minutes / BURST_MINUTES)
        self.burst = speed if session == "regular" else 1.0
        self.sd = sqrt(speed * seconds / 3600 / self.year)
        self.factor = self.random.gauss(0.0, 1.0)


class ShareState:
    """A share's true log price, the tokens' common premium over it, and what its references say.

    ``log_price`` is per share of today; ``unsplit`` is what a split has already taken from it that the
    market, closed since, does not show yet.
    """

    def __init__(self, share: Share, scenario: Scenario, seed: int) -> None:
        self.share = share
        self.random = stream(seed, share.ticker)
        self.log_price = self._first = log(share.price)
        self.premium = 0.0
        self.unsplit = 0.0
        self.halted = False
        self.news_left = 0.0
        self.news_steps = 0
        self.references: dict[str, ReferenceState] = {
            name: ReferenceState(name, share) for name in (share.reference, *share.oracles)
        }
        self._tails = scenario.fat_tails
        self._common, self._own = share.correlation, sqrt(1 - share.correlation**2)
        open_sd = scenario.premium_sd
        closed_sd = open_sd if scenario.premium_closed_sd is None else scenario.premium_closed_sd
        weekend_sd = closed_sd if scenario.premium_weekend_sd is None else scenario.premium_weekend_sd
        # What nobody can arbitrage strays the more, the more the share itself may have moved.
        wild = sqrt(share.annual_volatility / 0.35)
        self._sds = open_sd, closed_sd * wild, weekend_sd * wild
        self._varies = closed_sd != open_sd
        self._scale = 1.0
        self._session: Session = "regular"

    def move(self, market: Market) -> None:
        """One step: the price diffuses, with the market and alone; the premium is pulled back to nothing."""
        draw = self.random.gauss
        own = draw(0.0, 1.0)
        if self._tails and self.random.random() < self._tails:
            own *= 3.0
        sd = self.share.annual_volatility * market.sd
        step = sd * (self._common * market.factor + self._own * own) - sd * sd / 2
        if market.variance_left:
            # A Brownian bridge: pulled to its end by the part of what is left that this step is.
            part = market.sd**2 / market.variance_left
            step = part * (self._first - self.log_price) + sqrt(max(0.0, 1 - part)) * step
        self.log_price += step
        if self.news_steps:
            part = self.news_left / self.news_steps
            self.log_price += part
            self.news_left -= part
            self.news_steps -= 1
        session = market.session
        if session != self._session:
            self._session = session
            # Some nights the crowd is wild, most it is not: that makes the tails.
            if self._varies:
                self._scale = min(exp(draw(-0.35, 0.75)), 4.0)
        open_sd, closed_sd, weekend_sd = self._sds
        regular = session == "regular" or not self._varies
        kept = 0.5 ** (market.seconds / 3600 / PREMIUM_HOURS[regular])
        wide = open_sd if regular else (weekend_sd if session in CLOSED else closed_sd) * self._scale
        self.premium = kept * self.premium + draw(0.0, wide * sqrt(1 - kept * kept))

    def news(self, ratio: float, steps: int) -> None:
        """The share moves by ``ratio`` within so many steps, and everybody believes it."""
        self.news_left += log(1 + ratio)
        self.news_steps = max(steps, 1)


class ReferenceState:
    """One source of a share's price: what it says, and whether it stands still or is wrong."""

    def __init__(self, name: str, share: Share) -> None:
        self.name = name
        self.instrument = f"{share.ticker}@{name}"
        self.sessions = QUOTED.get(name, EXTENDED)
        self.oracle = name in QUOTED
        self.half = share.spread_ratio / 2
        self.said: float | None = None
        self.frozen = False
        self.silent = False
        self.off = 0.0
        self._last = 0.0
        self._ts: Ns = 0

    def tick(self, ts: Ns, state: ShareState, market: Market) -> Tick | None:
        """What it says now, if it says anything; ``said`` is the log of that."""
        told = market.session in self.sessions
        if self.silent or state.halted:
            return None
        if not told:
            if self.name != "chainlink" or self.said is None or ts - self._ts < CLOSED_REPEAT_NS:
                return None
        elif not (self.frozen and self.said is not None):
            self.said = state.log_price + state.unsplit + self.off
            if self.oracle:
                self.said += state.random.gauss(0.0, 0.0001)
        self._ts = ts
        assert self.said is not None
        price, half = exp(self.said), self.half * market.burst
        bid, ask = round(price * (1 - half), 4), round(price * (1 + half), 4)
        return Tick(ts, self.instrument, "quote", bid=bid, ask=ask)


class CoinState:
    """A dollar coin: worth a dollar, but for what happens to it."""

    def __init__(self, name: str, seed: int) -> None:
        self.instrument = f"{name}@kraken"
        self.random = stream(seed, name)
        self.noise = 0.0
        self.off = 0.0

    @property
    def log_price(self) -> float:
        """Of one, in USD."""
        return self.off + self.noise

    def tick(self, ts: Ns) -> Tick:
        """Its quote in dollars."""
        self.noise = 0.9 * self.noise + self.random.gauss(0.0, 0.00005)
        price = exp(self.log_price)
        return Tick(ts, self.instrument, "quote", bid=round(price - 0.0001, 5), ask=round(price + 0.0001, 5))
