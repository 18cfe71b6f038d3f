"""What the other token venues say of the share: never the one that is judged, weighted by depth, robust
to liars.

From three on it is the weighted median, which a minority by weight cannot move beyond what the honest
ones say; of two that disagree the one nearer to the anchor counts; a single one only within ``GATE``
standard deviations of it.
"""

from __future__ import annotations

from msgspec import Struct

from bot.market import InstrumentState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns
from bot.valuation.robust import centre_and_deviation
from bot.valuation.scalars import peer_variance

MAX_AGE_NS = 3 * 3600 * NS
AGREE = 0.01
GATE = 4.0


class Heard(Struct, frozen=True, gc=False):
    """Log share price that venues say, how far they are apart (as a variance), and how many spoke."""

    log_share: float
    spread: float
    venues: int


def heard(underlying: UnderlyingState, judged: InstrumentState | None, ts: Ns, noise_var: float,
          anchor: float | None, variance: float) -> Heard | None:  # fmt: skip
    """What venues other than ``judged`` say, or ``None`` if none can be trusted.

    A venue in an incident, halted, or whose price has not changed for hours says nothing. ``variance`` is
    how far from ``anchor`` a lone one may honestly be.
    """
    said: list[tuple[float, float]] = []
    for other in underlying.instruments:
        price = other.consensus_log
        if (
            other is judged
            or price is None
            or ts - other.changed > MAX_AGE_NS
            or other.halted
            or (other.alarm is not None and other.alarm.incident is not None)
        ):
            continue
        weight = other.weight
        if not weight:
            bid, ask = other.bid, other.ask
            half = 0.0 if bid is None or ask is None else (ask - bid) / (ask + bid)
            weight = other.weight = 1.0 / peer_variance(noise_var, other.liquidity_usd or 0.0, half)
        said.append((price, weight))
    if not said:
        return None
    if len(said) == 1:
        lone = said[0][0]
        if anchor is not None and (lone - anchor) ** 2 > GATE * GATE * variance:
            return None
        return Heard(lone, 0.0, 1)
    if len(said) == 2:
        return _of_two(said[0], said[1], anchor)
    centre, apart = centre_and_deviation(said)
    return Heard(centre, apart * apart, len(said))


def _of_two(one: tuple[float, float], other: tuple[float, float], anchor: float | None) -> Heard:
    (a, weight_a), (b, weight_b) = one, other
    gap = abs(a - b)
    if gap > AGREE and anchor is not None:
        return Heard(a if abs(a - anchor) < abs(b - anchor) else b, 0.0, 2)
    return Heard((a * weight_a + b * weight_b) / (weight_a + weight_b), gap * gap / 4, 2)


def are_heard(underlying: UnderlyingState, ts: Ns, venues: int) -> bool:
    """Whether so many venues have moved of late, whatever they say."""
    for one in underlying.instruments:
        if one.consensus_log is not None and not one.halted and ts - one.changed <= MAX_AGE_NS:
            venues -= 1
            if venues <= 0:
                return True
    return False


def any_but(judged: InstrumentState, ts: Ns) -> bool:
    """Whether any other venue has spoken of late, whatever it said."""
    return any(
        other is not judged and other.consensus_log is not None and ts - other.ts <= MAX_AGE_NS
        for other in judged.underlying.instruments
    )
