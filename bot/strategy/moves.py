"""Where a price may be at the end of a wait, as weighted moves, and what is lost at a level. Pure.

The law is Student's t with four degrees of freedom, stretched so that its 99 % move is
:data:`~bot.strategy.risk.SIGMAS_99` standard deviations of the session clock's, and centred so that the price
is expected to stay. Its quantile has a closed form (W. T. Shaw, "Sampling Student's T distribution", 2006).
A *shortfall* at a level is the loss that is exceeded in one minus that part of the cases.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from math import acos, copysign, cos, exp, inf, log, sqrt

from msgspec import Struct

from bot.strategy.risk import SIGMAS_99

EDGES = (0.0, 0.003, 0.006, 0.009, 0.011, 0.018, 0.03, 0.045, 0.055, 0.09, 0.18, 0.32)
"""Of the cells of probability below a half; fine about 1 % and 5 %, where shortfalls are read."""
ROUNDING = 1e-12
"""Sums of probabilities are right to so much."""


class Moves(Struct, frozen=True):
    """Log moves of the price in ascending order, and their probabilities."""

    logs: tuple[float, ...]
    weights: tuple[float, ...]

    def mean(self, values: Sequence[float]) -> float:
        """Expected value of what each move brings."""
        return sum(w * value for w, value in zip(self.weights, values, strict=True))

    def shortfalls(self, values: Sequence[float], levels: Sequence[float]) -> list[float]:
        """Losses at the levels of what each move brings, positive; negative: a gain even there."""
        ordered = sorted(zip(values, self.weights, strict=True))
        found = []
        for level in levels:
            wanted, below, before, last = 1.0 - level, 0.0, 0.0, ordered[0][0]
            for value, weight in ordered:
                at = below + weight / 2
                if at >= wanted:
                    part = (wanted - before) / (at - before) if below else 1.0
                    last += part * (value - last)
                    break
                last, before, below = value, at, below + weight
            found.append(-last)
        return found

    def shortfall(self, values: Sequence[float], level: float) -> float:
        """Loss at one level."""
        return self.shortfalls(values, (level,))[0]


def worst(weights: Sequence[float], level: float) -> int:
    """Of how many of the worst moves :func:`least_loss` needs to know what they bring, the worst first."""
    total = largest = 0.0
    for count, weight in enumerate(weights, 1):
        total, largest = total + weight, max(largest, weight)
        if total - largest / 2 >= 1.0 - level:
            return count
    return len(weights)


def least_loss(values: Sequence[float], weights: Sequence[float], level: float) -> float:
    """So much is lost at a level at least, to a rounding, whatever the moves bring that are not told."""
    below = 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        if below + weight / 2 >= 1.0 - level - ROUNDING:
            return -value
        below += weight
    return -inf


def student(sd: float) -> Moves:
    """Moves of a price whose log has this standard deviation over the wait."""
    standard, weights = _cells()
    return _centred([sd * z for z in standard], weights)


def mixed(sds: Sequence[tuple[float, float]]) -> Moves:
    """Moves over a wait that may be longer: standard deviations of the log price, each with its chance.

    One law with the mean of their variances would have the rare long wait's moves in every twentieth case.
    """
    if len(sds) == 1:
        return student(sds[0][1])
    standard, weights = _cells()
    pooled = sorted(
        (sd * z, chance * w) for chance, sd in sds for z, w in zip(standard, weights, strict=True)
    )
    reached = [
        below - weight / 2
        for below, (_, weight) in zip(accumulate(w for _, w in pooled), pooled, strict=True)
    ]
    logs = []
    for below, weight in zip(accumulate(weights), weights, strict=True):
        index = min(max(bisect_right(reached, below - weight / 2), 1), len(pooled) - 1)
        (low, _), (high, _) = pooled[index - 1], pooled[index]
        part = (below - weight / 2 - reached[index - 1]) / (reached[index] - reached[index - 1])
        logs.append(low + min(max(part, 0.0), 1.0) * (high - low))
    return _centred(logs, weights)


def quantile(p: float) -> float:
    """Of Student's t with four degrees of freedom."""
    if p == 0.5:
        return 0.0
    alpha = 4 * p * (1 - p)
    root = cos(acos(sqrt(alpha)) / 3) / sqrt(alpha)
    return copysign(2 * sqrt(root - 1), p - 0.5)


def _centred(logs: Sequence[float], weights: tuple[float, ...]) -> Moves:
    """So that the price is expected to stay."""
    drift = log(sum(w * exp(move) for move, w in zip(logs, weights, strict=True)))
    return Moves(tuple(move - drift for move in logs), weights)


@lru_cache(maxsize=1)
def _cells() -> tuple[tuple[float, ...], tuple[float, ...]]:
    edges = [*EDGES, *(1 - edge for edge in reversed(EDGES))]
    scale = SIGMAS_99 / quantile(0.99)
    cells = list(pairwise(edges))
    return tuple(scale * quantile((a + b) / 2) for a, b in cells), tuple(b - a for a, b in cells)
