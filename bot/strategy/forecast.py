"""What a plan may bring once its first leg has filled: its outcomes, and the law of its profit. Pure.

Each outcome is certain but for the price over the time that something is carried: ``swings`` are what the
moves of :mod:`bot.strategy.moves` bring on top of its mean. The law of the whole is the mixture. A
*shortfall* at a level is the loss that is exceeded in one minus that part of the cases; negative: a gain even
there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import copysign, exp, hypot
from typing import NamedTuple

from msgspec import Struct

from bot.strategy.moves import Moves, mixed, student
from bot.types import Outcome

HALVINGS = 50
LEAST = 1e-9
"""An outcome less likely is not told."""


Swings = Callable[[], Sequence[float]]
"""Worked out when asked for: most candidates never become a plan."""


class Branch(NamedTuple):
    """One outcome: ``usd`` is expected in it; ``swings`` are beside that, one for each move, or none."""

    name: str
    probability: float
    usd: float
    swings: Swings = tuple


class Forecast(Struct, frozen=True):
    """The law of a plan's profit in figures, USD; shortfalls are losses, positive."""

    expected_usd: float
    probability_of_loss: float
    shortfall_95_usd: float
    shortfall_99_usd: float
    outcomes: list[Outcome]


def swings(exposure_usd: float, sd: float | Sequence[tuple[float, float]], apart_usd: float = 0.0) -> Swings:
    """What a price, its log moving by ``sd``, does to ``exposure_usd`` (negative: owed); its mean is 0.

    Where the wait may be longer, ``sd`` is what it moves by over each, the chance of that wait before it.
    ``apart_usd`` moves as much and on its own, as what a hedge does not hold.
    """
    usd = copysign(hypot(exposure_usd, apart_usd), exposure_usd)
    sds = [(1.0, sd)] if isinstance(sd, int | float) else sd
    if usd == 0 or all(each <= 0 for _, each in sds):
        return tuple
    return lambda: [usd * (exp(move) - 1.0) for move in mixed(sds).logs]


def centred(values: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """``values`` less their mean."""
    mean = sum(value * weight for value, weight in zip(values, weights, strict=True))
    return tuple(value - mean for value in values)


def forecast(branches: Iterable[Branch]) -> Forecast:
    """The mixture's figures; the probabilities add up to one."""
    kept = [branch for branch in branches if branch.probability > LEAST]
    laws = [(branch.probability, _Law(branch)) for branch in kept]

    def below(usd: float) -> float:
        reached = 0.0
        for p, law in laws:
            reached += p * law.below(usd)
        return reached

    low, high = min(law.low for _, law in laws), max(law.high for _, law in laws)
    return Forecast(
        sum(branch.probability * branch.usd for branch in kept),
        sum(p * law.below(0.0, at=False) for p, law in laws),
        -_quantile(below, 0.05, low, high),
        -_quantile(below, 0.01, low, high),
        [Outcome(b.name, b.probability, b.usd) for b in kept],
    )


class _Law:
    """Of one outcome: a point, or a line through the middles of its moves' cells."""

    __slots__ = ("high", "low", "points", "reached")

    def __init__(self, branch: Branch) -> None:
        moves = branch.swings()
        weights = _moves().weights if moves else (1.0,)
        values = [branch.usd + swing for swing in moves] or [branch.usd]
        ordered = sorted(zip(values, weights, strict=True))
        self.points = [value for value, _ in ordered]
        self.low, self.high = self.points[0], self.points[-1]
        self.reached: list[float] = []
        total = 0.0
        for _, weight in ordered:
            self.reached.append(total + weight / 2)
            total += weight

    def below(self, usd: float, at: bool = True) -> float:
        """Probability of no more than ``usd``; without ``at``, of less."""
        points = self.points
        if usd < self.low or (usd == self.low and not at):
            return 0.0
        if usd >= self.high:
            return 1.0
        index = bisect_right(points, usd) - 1
        a, b = points[index], points[index + 1]
        part = (usd - a) / (b - a)
        return self.reached[index] * (1 - part) + self.reached[index + 1] * part


def _moves() -> Moves:
    return student(1.0)


def _quantile(below: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """The least profit at which ``below`` reaches ``wanted``, between two bounds."""
    if below(low) >= wanted:
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if below(middle) >= wanted else (middle, high)
    return high
