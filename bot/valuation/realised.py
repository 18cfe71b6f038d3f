"""Realised volatility from references, in constant memory: what each session, and each night, teaches.

A reference's first price of a session closes the book on the night before it (did the stated interval
hold the open?) and on the day before that. The model is the one that :mod:`bot.calibrate.weekends`
judges.
"""

from __future__ import annotations

from bot.registry.model import Underlying
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns
from bot.valuation.scalars import CLOSED_MEAN, LEVEL_GAIN, OPEN_MEAN, OWN_GAIN, half_width, part_of_week
from bot.valuation.sessions import SessionClock
from bot.valuation.state import FairState
from bot.valuation.volatility import Move, Volatility

LEVEL = 0.95
TOGETHER = 10.0
"""So many shares' misses of one night count in full; of more, each counts for less: they move together."""
SPLIT = 0.4
GAP_NS = 5 * DAY_SECONDS * NS


class Realised:
    """The market's volatility as references have shown it; each share's own is in its state."""

    def __init__(self, clock: SessionClock) -> None:
        self.market = Volatility()
        self.shares = 0
        """How many shares have taught something."""
        self._clock = clock

    def ratio(self, state: FairState) -> float:
        """What a share's volatility now is of its prior."""
        return self.market.ratio(state)

    def see(self, info: Underlying, state: FairState, log_price: float, ts: Ns) -> None:
        """A reference's price that was believed. Only those in the regular session teach."""
        if self._clock.session(ts) != "regular":
            self.ended(state, ts)
            return
        if ts >= state.session_end:
            self._begin(info, state, log_price, ts)
        elif ts < state.open_ts:
            return
        state.close_log, state.close_ts = log_price, ts

    def ended(self, state: FairState, ts: Ns) -> None:
        """Learn from the day that is over, once, whoever speaks first after its close."""
        if state.open_ts and ts >= state.session_end:
            day = self._clock.variance_time(state.close_ts) - self._clock.variance_time(state.open_ts)
            self._learn(state, state.close_log - state.open_log, day, OPEN_MEAN, 0.0)
            state.open_ts = 0

    def snapshot(self) -> dict[str, float]:
        """What is not in the shares' own states."""
        return {"level": self.market.level, "stretch": self.market.stretch, "shares": self.shares}

    def restore(self, saved: dict[str, float]) -> None:
        """Go on from a snapshot."""
        self.market.level, self.market.stretch = saved["level"], saved["stretch"]
        self.shares = int(saved["shares"])

    def _begin(self, info: Underlying, state: FairState, log_price: float, ts: Ns) -> None:
        if state.close_ts:
            self.ended(state, ts)
            if ts - state.close_ts <= GAP_NS:
                self._night(info, state, log_price - state.close_log, ts)
        else:
            self.shares += 1
        state.open_log, state.open_ts = log_price, ts
        state.session_end = self._clock.session_end(ts)

    def _night(self, info: Underlying, state: FairState, move: float, ts: Ns) -> None:
        if abs(move) > SPLIT:
            return
        years = self._clock.variance_time(ts) - self._clock.variance_time(state.close_ts)
        variance = state.variance_rate * info.closed_factor * years
        half = half_width(variance * self.ratio(state) ** 2, LEVEL, self.market.stretch)
        part = min(1.0, TOGETHER / self.shares)
        self.market.judged(part if abs(move) > half else 0.0, part, 1.0 - LEVEL)
        self._learn(
            state, move, years * info.closed_factor, CLOSED_MEAN, (ts - state.close_ts) / NS / DAY_SECONDS
        )

    def _learn(self, state: FairState, move: float, years: float, mean: float, days: float) -> None:
        if years <= 0.0 or abs(move) > SPLIT:
            return
        part = part_of_week(days)
        one = Move(state, move, state.variance_rate * years, mean)
        self.market.learn([one], part * LEVEL_GAIN / self.shares, part * OWN_GAIN)
