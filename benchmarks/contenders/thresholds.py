"""What public peg monitors do: the deviation against a fixed limit, at once, N of M times, after a wait."""

from __future__ import annotations

from collections import deque

from bot.timefmt import NS
from bot.types import Ns

MINUTE_NS = 60 * NS


class Deviation:
    """The size of the basis itself."""

    def score(self, _ts: Ns, basis: float) -> float:
        return abs(basis)


class Limit:
    """Alarm while the score is over ``limit``."""

    idle = True

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def alarm(self, _ts: Ns, score: float) -> bool:
        return score > self.limit


class TimesOf:
    """Alarm while ``times`` of the last ``of`` minutes that had a price had one over ``limit``."""

    def __init__(self, limit: float, times: float, of: float) -> None:
        self.limit, self._times = limit, int(times)
        self._over: deque[bool] = deque(maxlen=int(of))
        self._count = 0
        self._minute = -1

    @property
    def idle(self) -> bool:
        return self._count == 0

    def alarm(self, ts: Ns, score: float) -> bool:
        over = score > self.limit
        minute = ts // MINUTE_NS
        if minute == self._minute:
            if over and not self._over[-1]:
                self._over[-1] = True
                self._count += 1
        else:
            self._minute = minute
            if len(self._over) == self._over.maxlen:
                self._count -= self._over[0]
            self._over.append(over)
            self._count += over
        return self._count >= self._times


class Pending:
    """Over ``limit`` is told at once, but a move over ``large`` waits: told if it is over ``limit`` still,
    without a break, after ``wait`` minutes."""

    def __init__(self, limit: float, large: float, wait_minutes: float) -> None:
        self.limit, self._large = limit, large
        self._wait = int(wait_minutes * MINUTE_NS)
        self._since: Ns | None = None
        self._told = False

    @property
    def idle(self) -> bool:
        return self._since is None

    def alarm(self, ts: Ns, score: float) -> bool:
        if score <= self.limit:
            self._since, self._told = None, False
            return False
        if self._since is None:
            self._since = ts
        if score <= self._large or ts - self._since >= self._wait:
            self._told = True
        return self._told
