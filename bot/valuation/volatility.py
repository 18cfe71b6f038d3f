"""How volatile shares are now: each one's ratio to its prior, and a level that all have in common.

This is the one model of variance over closed hours: :mod:`bot.valuation.fair` uses it live, tick by tick, and
:mod:`bot.calibrate.weekends` judges it on rows. Its mathematics is in :mod:`bot.valuation.scalars`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from bot.valuation.scalars import (
    WILD,
    level_step,
    own_share,
    own_step,
    stretch_step,
    surprise,
    volatility_ratio,
)

STRETCH = 1.0
"""The intervals' factor to begin with: left at it, 95.3 % of 45,420 opens of nine shares and funds, 1998 to
2021, lie within the 95 % interval of the close before."""


class Own:
    """One share: ``ratio`` of its moves to its prior's, net of the common level, on ``weight`` moves'
    evidence."""

    __slots__ = ("ratio", "weight")

    def __init__(self, ratio: float = 1.0, weight: float = 0.0) -> None:
        self.ratio = ratio
        self.weight = weight


class Learning(Protocol):
    """Anything that remembers a share's ratio and weight: :class:`Own`, or valuation's state of it."""

    ratio: float
    weight: float


class Move(NamedTuple):
    """What a share did over a stretch of ``prior_variance``; ``mean`` is of |move| in standard deviations."""

    own: Learning
    move: float
    prior_variance: float
    mean: float


class Volatility:
    """The market: its common ``level``, and the ``stretch`` that holds the intervals' coverage."""

    __slots__ = ("level", "stretch")

    def __init__(self, stretch: float = STRETCH) -> None:
        self.level = 1.0
        self.stretch = stretch

    def ratio(self, own: Learning) -> float:
        """What a share's volatility now is of its prior."""
        return volatility_ratio(own.ratio, own.weight, self.level)

    def learn(self, moves: Sequence[Move], level_gain: float, own_gain: float) -> None:
        """Moves over the same stretch, of all shares seen: their mean moves the level, each its own ratio."""
        if not moves:
            return
        seen = [surprise(one.move, one.prior_variance, one.mean) for one in moves]
        shares = [
            own_share(value, one.own.ratio, one.own.weight) for value, one in zip(seen, moves, strict=True)
        ]
        capped = _mean(min(value, WILD * self.level) for value in shares)
        self.level = level_step(self.level, capped, level_gain)
        for value, one in zip(seen, moves, strict=True):
            one.own.ratio, one.own.weight = own_step(
                one.own.ratio, one.own.weight, value, self.level, own_gain
            )

    def judged(self, misses: float, count: float, alpha: float) -> None:
        """So many intervals of a group were judged, so many did not hold."""
        self.stretch = stretch_step(self.stretch, misses, count, alpha)


def _mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)
