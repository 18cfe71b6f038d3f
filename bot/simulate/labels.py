"""Labels measured, not declared: from when a price really left to when it was back."""

from __future__ import annotations

from bot.score import Label
from bot.simulate.shares import HOUR_NS
from bot.types import Ns

BACK_NS = HOUR_NS
"""Inside again for so long, it is over; back outside before, it goes on."""


class Watch:
    """One instrument while something happens to it: how far off it is makes the label.

    It begins when the price is ``size`` off, and ends when it came back within half of that, unless it leaves
    again within the hour.
    """

    def __init__(self, instrument: str, cause: str, size: float, labels: list[Label]) -> None:
        self.instrument = instrument
        self.cause = cause
        self.size = size
        self.start: Ns | None = None
        self.back: Ns | None = None
        self._labels = labels

    def see(self, ts: Ns, off: float) -> None:
        """``off`` is the log of its price over what it would be, had nothing happened."""
        off = abs(off)
        if self.start is None:
            if off >= self.size:
                self.start, self.back = ts, None
        elif off >= self.size or (self.back is None and off > self.size / 2):
            self.back = None
        elif self.back is None:
            self.back = ts
        elif ts - self.back >= BACK_NS:
            self.close(ts)

    def close(self, ts: Ns) -> None:
        """Write the label if it was off."""
        if self.start is not None:
            end = ts if self.back is None else self.back
            self._labels.append(Label(self.instrument, self.start, end, self.cause))
        self.start = self.back = None
