"""The share's own price from all its sources together, weighted by quality and robust to liars.

A source counts by its spread, by how long its price has stood still (a feed whose time stamps move and
whose price does not counts for less with every minute, and after ``max_age`` is as old as its price), and by
its quality (:mod:`bot.valuation.quality`): gaps, lag, skew, distance from the others. One that is away is not
heard at once; back, it is heard little at first.
From three sources on the weighted median speaks (:mod:`bot.valuation.robust`); of two that disagree, the
one nearer to what the market otherwise says.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from msgspec import Struct

from bot.market import FRESH_NS, ReferenceState, UnderlyingState
from bot.types import Ns
from bot.valuation.quality import KINDS, Meter
from bot.valuation.robust import centre_and_deviation
from bot.valuation.sessions import SessionClock

REFERENCE_NOISE = 0.0002
"""Standard deviation of a reference's mid around the true price: 2 bp."""
AGREE = 0.01
"""Two sources no farther apart than this, or than four of their standard deviations, agree."""
GATE = 4.0
LEAST = 0.001
"""No source is worth less: of several that are all poor the best is still heard."""
BETTER = 4.0
"""Of two that disagree, one whose quality is so many times the other's is believed."""


class Seen(NamedTuple):
    """Log price that the references together say, and its variance."""

    log_price: float
    variance: float


class Voice(Struct, frozen=True, gc=False):
    """One reference as it is heard: its weight is its quality over its variance."""

    name: str
    log_price: float
    weight: float
    noise: float
    quality: float


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
    fresh = voices(underlying, ts, clock, rate, max_age)
    if len(fresh) < 2:
        return Seen(reference.log_price, noise(reference))
    best = min(noise(reference), *(one.noise for one in fresh))
    if len(fresh) == 2:
        return _of_two(fresh[0], fresh[1], best, expected)
    said = [(one.log_price, one.weight) for one in fresh]
    centre, apart = centre_and_deviation(said)
    return Seen(centre, best + apart * apart)


def voices(
    underlying: UnderlyingState, ts: Ns, clock: SessionClock, rate: float, max_age: int
) -> list[Voice]:
    """The references of a share that are heard at ``ts``, each with its weight."""
    now = clock.variance_time(ts)
    kind, begun = KINDS[clock.session(ts)], clock.segment(ts)[0]
    found: list[Voice] = []
    for one in underlying.references.values():
        valid = one.ts if one.ts - one.changed <= max_age else one.changed
        if one.price is None or one.halted or one.distrusted or ts - valid > FRESH_NS:
            continue
        own = noise(one)
        stood = rate * max(0.0, now - clock.variance_time(one.changed))
        meter: Meter | None = one.meter
        quality = 1.0 if meter is None else max(LEAST, meter.lately(ts, kind, begun))
        found.append(Voice(one.name, one.log_price, quality / (own + stood), own, quality))
    return found


def _of_two(one: Voice, other: Voice, best: float, expected: float | None) -> Seen:
    a, b, weight_a, weight_b = one.log_price, other.log_price, one.weight, other.weight
    gap = abs(a - b)
    mean = (a * weight_a + b * weight_b) / (weight_a + weight_b)
    # How far they may honestly be apart: by what each is unsure of its price, not by how it is trusted.
    if gap <= max(AGREE, GATE * sqrt(one.quality / weight_a + other.quality / weight_b)):
        return Seen(mean, best)
    if one.quality > BETTER * other.quality or other.quality > BETTER * one.quality:
        return Seen(a if one.quality > other.quality else b, best)
    if expected is None:
        return Seen(mean, best + gap * gap / 4)
    nearer = a if abs(a - expected) < abs(b - expected) else b
    # As sure as the nearer one is near: if neither is where the market says, nobody knows.
    return Seen(nearer, best + min((nearer - expected) ** 2, gap * gap / 4))
