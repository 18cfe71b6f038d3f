"""What a channel's failures do to a plan: by how much it is late, which part of the money is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.strategy.forecast import Branch, Swings
from bot.strategy.routes.common import View
from bot.timefmt import NS, percent
from bot.types import Ns

SELDOM = 0.01
"""What happens less often than this is no part of the 99 % case."""


class Delayed(NamedTuple):
    """Of all orders ``chance``, by so many ``seconds`` on average; ``each`` way of it with its chance."""

    chance: float
    seconds: float
    each: tuple[tuple[float, float], ...]
    text: str

    @property
    def longest(self) -> float:
        """Seconds that are reckoned with in the 99 % case."""
        return max((seconds for chance, seconds in self.each if chance >= SELDOM), default=0.0)


NEVER_LATE = Delayed(0.0, 0.0, (), "")


class Gone(NamedTuple):
    """Of all orders ``chance``, by this ``ratio`` of the money on average; ``each`` part with its chance."""

    chance: float
    ratio: float
    each: tuple[tuple[float, float], ...]

    @property
    def at_99(self) -> float:
        """The part that is reckoned with in the 99 % case: so much or more is gone often enough."""
        worse = 0.0
        for chance, ratio in sorted(self.each, key=lambda one: -one[1]):
            worse += chance
            if worse >= SELDOM:
                return ratio
        return 0.0

    def branches(self, mean_usd: float, money_usd: float, moves: Swings) -> list[Branch]:
        """An outcome for each part of ``money_usd``, where a loss of the average part brings ``mean_usd``."""
        return [
            Branch(_lost(ratio), chance, mean_usd + money_usd * (self.ratio - ratio), moves)
            for chance, ratio in self.each
        ]


NOTHING_GONE = Gone(0.0, 0.0, ())


def delayed(view: View, after: Ns, parts: tuple[tuple[float, float], ...]) -> Delayed:
    """Chances of so many business days more after a moment."""
    if not parts:
        return NEVER_LATE
    key = (after, parts)
    if key not in view.delays:
        view.delays[key] = _delayed(view, after, parts)
    return view.delays[key]


def _delayed(view: View, after: Ns, parts: tuple[tuple[float, float], ...]) -> Delayed:
    each = tuple(
        (chance, (view.clock.business_days_after(after, days) - after) / NS) for chance, days in parts
    )
    total = sum(chance for chance, _ in parts)
    mean = sum(chance * seconds for chance, seconds in each) / total
    return Delayed(total, mean, each, _days([days for _, days in parts]))


def gone(parts: Sequence[tuple[float, float]]) -> Gone:
    """Chances of so much of the money."""
    total = sum(chance for chance, _ in parts)
    if not total:
        return NOTHING_GONE
    return Gone(total, sum(chance * ratio for chance, ratio in parts) / total, tuple(parts))


def _lost(ratio: float) -> str:
    """What is lost, for people."""
    return "the money is lost" if ratio >= 1 else f"{percent(ratio)} of the money is lost"


def _days(days: Sequence[float]) -> str:
    """``"3 to 5 business days"``."""
    low, high = min(days), max(days)
    span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{span} business day{'' if high == 1 else 's'}"
