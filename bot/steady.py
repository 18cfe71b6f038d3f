"""The time of day, as the daemon takes it: it does not jump because somebody sets the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.timefmt import NS
from bot.types import Ns

JUMP_NS = 2 * NS
"""What the machine's clock is off by beyond this, against how much time has passed, is a jump."""
BELIEVED_SECONDS = 60.0
"""A jump that has stood for so long is taken over: the clock had been wrong before."""


class SteadyClock:
    """Nanoseconds since the epoch. Small steps of ``wall`` are followed at once, a jump after a minute.

    Without it, an hour's jump ahead that is taken back would stamp ticks with a time that has not come, and
    whatever is true would come too late for an hour. ``jumped`` (seconds) is how far off the machine's clock
    is while it is not believed.
    """

    def __init__(
        self, wall: Callable[[], Ns] = time.time_ns, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._base, self._at = wall(), monotonic()
        self._since: float | None = None
        self.jumped = 0.0

    def __call__(self) -> Ns:
        """Now."""
        wall, at = self._wall(), self._monotonic()
        expected = self._base + round((at - self._at) * NS)
        off = wall - expected
        if -JUMP_NS <= off <= JUMP_NS:
            self._since, self.jumped = None, 0.0
        elif self._since is None:
            self._since, self.jumped = at, off / NS
            return expected
        elif at - self._since < BELIEVED_SECONDS:
            return expected
        else:
            self._since, self.jumped = None, 0.0
        self._base, self._at = wall, at
        return wall
