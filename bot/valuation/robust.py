"""What several sources say together, so that a minority of liars cannot move it.

The estimator is the weighted median. Its **breakdown point is half of the weight**: as long as those who
lie hold less than half, the result lies between the lowest and the highest honest value, whatever they say.
No source may hold more than half where there are three or more, so that one alone never decides, however sure
it claims to be.
"""

from __future__ import annotations

from collections.abc import Sequence


def weighted_median(values: Sequence[tuple[float, float]]) -> float:
    """Of (value, weight) pairs; where it falls between two values, their mean. Needs at least one pair."""
    ordered = sorted(capped(values))
    half = sum([weight for _, weight in ordered]) / 2.0
    reached = 0.0
    last = len(ordered) - 1
    for index, (value, weight) in enumerate(ordered):
        reached += weight
        if index == last or reached > half * (1.0 + 1e-12):
            return value
        if reached >= half * (1.0 - 1e-12):
            return (value + ordered[index + 1][0]) / 2.0
    raise AssertionError("unreachable")


def capped(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same, with no weight as large as what all others have together, where there are three or more."""
    if len(values) < 3:
        return list(values)
    weights = [weight for _, weight in values]
    if max(weights) < 0.4 * sum(weights):
        return list(values)
    # Summed without the heaviest: subtracting it from the total would lose the light ones' digits.
    limit = sum(sorted(weights)[:-1]) * (1.0 - 1e-6)
    return [(value, min(weight, limit)) for value, weight in values]


def deviation(values: Sequence[tuple[float, float]], centre: float) -> float:
    """Weighted median of the distances from ``centre``: how far the sources are apart, as robustly."""
    return weighted_median([(abs(value - centre), weight) for value, weight in values])
