"""What statistics offers: how many deviations the basis is from the centre of its own last values."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import sqrt

from bot.types import Ns

FLOOR = 0.0005
"""A deviation of less than 5 bp is not believed: a price that stood still would alarm at its first step."""
WARM = 30
"""So many values are waited for."""


class ZScore:
    """Distance from the mean in standard deviations."""

    def __init__(self, window: float) -> None:
        self._window: deque[float] = deque(maxlen=int(window))
        self._sum = self._squares = 0.0

    def score(self, _ts: Ns, basis: float) -> float:
        window = self._window
        count = len(window)
        found = 0.0
        if count >= WARM:
            mean = self._sum / count
            sd = sqrt(max(self._squares / count - mean * mean, 0.0))
            found = abs(basis - mean) / max(sd, FLOOR)
        if count == window.maxlen:
            gone = window[0]
            self._sum -= gone
            self._squares -= gone * gone
        window.append(basis)
        self._sum += basis
        self._squares += basis * basis
        return found


class MedianScore:
    """Distance from the median in median absolute deviations, scaled to a standard deviation."""

    def __init__(self, window: float) -> None:
        self._window: deque[float] = deque(maxlen=int(window))
        self._sorted: list[float] = []

    def score(self, _ts: Ns, basis: float) -> float:
        window, ordered = self._window, self._sorted
        found = 0.0
        if len(ordered) >= WARM:
            middle = ordered[len(ordered) // 2]
            found = abs(basis - middle) / max(1.4826 * _spread(ordered, middle), FLOOR)
        if len(window) == window.maxlen:
            del ordered[bisect_left(ordered, window[0])]
        window.append(basis)
        insort(ordered, basis)
        return found


def _spread(ordered: list[float], middle: float) -> float:
    """The median distance from ``middle``: half of the values lie in some stretch of the order, found by
    bisection for the one whose farther end is nearest."""
    half = len(ordered) // 2 + 1
    low, high = 0, len(ordered) - half
    while low < high:
        at = (low + high) // 2
        if middle - ordered[at] > ordered[at + half] - middle:
            low = at + 1
        else:
            high = at
    return max(middle - ordered[low], ordered[low + half - 1] - middle)
