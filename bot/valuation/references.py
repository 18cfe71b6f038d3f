"""The share's own price from all its sources together, weighted by quality and robust to liars.

A source's quality is its spread, and how long its price has stood still: a feed whose time stamps move
and whose price does not counts for less with every minute, and after ``max_age`` is as old as its price.
From three sources on the weighted median speaks (:mod:`bot.valuation.robust`); of two that disagree, the
one nearer to what the market otherwise says.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from bot.market import FRESH_NS, ReferenceState, UnderlyingState
from bot.types import Ns
from bot.valuation.robust import deviation, weighted_median
from bot.valuation.sessions import SessionClock

REFERENCE_NOISE = 0.0002
"""Standard deviation of a reference's mid around the true price: 2 bp."""
AGREE = 0.01
"""Two sources no farther apart than this, or than four of their standard deviations, agree."""
GATE = 4.0


class Seen(NamedTuple):
    """Log price that the references together say, and its variance."""

    log_price: float
    variance: float


def noise(reference: ReferenceState) -> float:
    """Variance of a source's price around the share's, by its spread."""
    half = 0.0
    if reference.bid is not None and reference.ask is not None:
        half = (reference.ask - reference.bid) / (reference.ask + reference.bid)
    return REFERENCE_NOISE * REFERENCE_NOISE + half * half


def consensus(underlying: UnderlyingState, reference: ReferenceState, ts: Ns, clock: SessionClock, rate:
float,
              max_age: int, expected: float | None) -> Seen:  # fmt: skip
    """What all references say at ``ts``, when ``reference`` has just spoken.

    ``rate`` is the share's variance a year; ``expected`` what the market says otherwise, to decide
    between two.
    """
    if len(underlying.references) == 1:
        return Seen(reference.log_price, noise(reference))
    now = clock.variance_time(ts)
    fresh: list[tuple[float, float]] = []
    best = noise(reference)
    for one in underlying.references.values():
        valid = one.ts if one.ts - one.changed <= max_age else one.changed
        if one.price is None or one.halted or one.distrusted or ts - valid > FRESH_NS:
            continue
        own = noise(one)
        best = min(best, own)
        stood = rate * max(0.0, now - clock.variance_time(one.changed))
        fresh.append((one.log_price, 1.0 / (own + stood)))
    if len(fresh) < 2:
        return Seen(reference.log_price, noise(reference))
    if len(fresh) == 2:
        return _of_two(fresh[0], fresh[1], best, expected)
    centre = weighted_median(fresh)
    return Seen(centre, best + deviation(fresh, centre) ** 2)


def _of_two(
    one: tuple[float, float], other: tuple[float, float], best: float, expected: float | None
) -> Seen:
    (a, weight_a), (b, weight_b) = one, other
    gap = abs(a - b)
    mean = (a * weight_a + b * weight_b) / (weight_a + weight_b)
    if gap <= max(AGREE, GATE * sqrt(1.0 / weight_a + 1.0 / weight_b)):
        return Seen(mean, best)
    if expected is None:
        return Seen(mean, best + gap * gap / 4)
    nearer = a if abs(a - expected) < abs(b - expected) else b
    # As sure as the nearer one is near: if neither is where the market says, nobody knows.
    return Seen(nearer, best + min((nearer - expected) ** 2, gap * gap / 4))
