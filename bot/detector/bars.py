"""A bar's excursion: how far it went beyond both its close and what was fair around it."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from bot.detector.alarm import Alarm
from bot.detector.usual import BARS
from bot.market import InstrumentState
from bot.timefmt import NS
from bot.types import Ns, Tick
from bot.valuation import Estimate

BAR_NS = 3600 * NS
"""No bar is taken to be longer."""
BAR_SD = 1.6
"""Standard deviations in the usual absolute move of a bar, 1.25 for a normal law, and some for its tails."""


class Excursion(NamedTuple):
    """The log of the price farthest out, fair value around it, and whether the bar came back from it."""

    extreme: float
    around: Estimate
    came_back: bool


def begins(state: InstrumentState, ts: Ns) -> Ns:
    """When a bar that ends at ``ts`` begins: where the one before it ended."""
    span = min(ts - state.previous_ts, BAR_NS) if state.previous_ts else 0
    return ts - (span or BAR_NS)


def excursion(state: InstrumentState, tick: Tick, estimate: Estimate | None, drift: float,
              log_close: float) -> Excursion | None:  # fmt: skip
    """Of the bar in ``tick``; ``None`` if it kept between its close and fair value. ``drift`` is the variance
    that fair value may have gained in the course of it; without an estimate it is the close that is fair."""
    if tick.high is None or tick.low is None:
        return None
    units, alarm = state.token_state.log_multiplier, state.alarm
    if estimate is None:
        estimate = Estimate(log_close - units, drift, False, None)
    base = estimate.log_share + units
    log_high, log_low = log(tick.high), log(tick.low)
    alarm.bar_high, alarm.bar_low = log_high, log_low
    over, under = log_high - max(base, log_close), min(base, log_close) - log_low
    if over <= 0 and under <= 0:
        return None
    extreme, centre = (log_high, max(base, log_close)) if over > under else (log_low, min(base, log_close))
    around = Estimate(centre - units, _variance(alarm, estimate.variance + drift), False, estimate.age_ns)
    return Excursion(extreme, around, abs(extreme - log_close) > 0.5 * max(over, under))


def _variance(alarm: Alarm, at_most: float) -> float:
    if alarm.bars < BARS // 2:
        return at_most
    # What its own bars usually do is known better than what any share might do in an hour.
    return min(at_most, (BAR_SD * alarm.bar_scale) ** 2)
