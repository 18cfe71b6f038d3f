"""What several sources say together, so that a minority of liars cannot move it.

The estimator is the weighted median. Its **breakdown point is half of the weight**: as long as those who
lie hold less than half, the result lies between the lowest and the highest honest value, whatever they say.
No source may hold more than half where there are three or more, so that one alone never decides, however sure
it claims to be.
"""

from __future__ import annotations

from collections.abc import Sequence


def capped(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same, with no weight as large as what all others have together, where there are three or more."""
    weights = [weight for _, weight in values]
    if len(weights) < 3 or max(weights) < 0.4 * sum(weights):
        return list(values)
    # Summed without the heaviest: subtracting it from the total would lose the light ones' digits.
    limit = sum(sorted(weights)[:-1]) * (1.0 - 1e-6)
    return [(value, min(weight, limit)) for value, weight in values]


def centre_and_deviation(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The weighted median of (value, weight) pairs, at least one, and that of the distances from it: how far
    the sources are apart, as robustly."""
    heard = sorted(capped(values))
    half = sum([weight for _, weight in heard]) / 2.0
    centre = _middle(heard, half)
    return centre, _middle(sorted([(abs(value - centre), weight) for value, weight in heard]), half)


def _middle(ordered: Sequence[tuple[float, float]], half: float) -> float:
    """Where ``half`` of the weight is reached; where that is between two values, their mean."""
    least, most = half * (1.0 - 1e-12), half * (1.0 + 1e-12)
    reached, before = 0.0, None
    for value, weight in ordered:
        if before is not None:
            return (before + value) / 2.0
        reached += weight
        if reached > most:
            return value
        if reached >= least:
            before = value
    return ordered[-1][0]
