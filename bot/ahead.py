"""Rows of a tape that arrived ahead of their time: a reader that waits for it would wait in vain.

A few rows are held back, so that those after a row can speak against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from bot.market import AHEAD_NS
from bot.timefmt import DAY_SECONDS, NS, duration, short
from bot.types import Ns, Tick

WINDOW = 8
FAR_AHEAD_NS = DAY_SECONDS * NS
"""A row so far ahead of most of those after it was stamped wrong."""
YEAR_AHEAD_NS = 366 * DAY_SECONDS * NS
"""One so far ahead of any of them was, too; or of what is before it, if nothing is after it."""


def not_ahead(ticks: Iterator[Tick], tell: Callable[[str], None]) -> Iterator[Tick]:
    """All but those ahead of their time, of which ``tell`` is told.

    Rows that are before what was passed on say nothing: order is the engine's to check.
    """
    held = deque(islice(ticks, WINDOW))
    last: Tick | None = None
    newest, watch = 0, WINDOW + 1
    for tick in ticks:
        at = tick.received
        if not at or tick.ts - at > AHEAD_NS:
            at = tick.ts
        if newest - at > FAR_AHEAD_NS:
            watch = WINDOW + 1
        elif at > newest:
            newest = at
        held.append(tick)
        head = held.popleft()
        if watch:
            watch -= 1
            told = _ahead(head, held, last)
            newest = max(map(arrival, held))
            if told:
                tell(told)
                continue
        yield (last := head)
    while held:
        head = held.popleft()
        told = _ahead(head, held, last) or _beyond(head, last)
        if told:
            tell(told)
        else:
            yield (last := head)


def arrival(tick: Tick) -> Ns:
    """When it was seen; when it was valid where nobody says, or where that is later than it can have been."""
    seen = tick.received
    return seen if seen and tick.ts - seen <= AHEAD_NS else tick.ts


def _ahead(head: Tick, held: deque[Tick], last: Tick | None) -> str:
    """What those after ``head`` say against it, or ``""``."""
    at, least = arrival(head), arrival(last) if last else 0
    behind = [(place, at - after) for place, after in enumerate(map(arrival, held))
              if at - after > FAR_AHEAD_NS and after >= least]  # fmt: skip
    far = last is not None and any(ahead > YEAR_AHEAD_NS for _, ahead in behind)
    if not behind or not (far or 2 * len(behind) >= len(held)):
        return ""
    place, ahead = behind[0]
    return _told(head, ahead, "the row after it" if place == 0 else "a row soon after it")


def _beyond(head: Tick, last: Tick | None) -> str:
    """What is to be said of one of the last rows, which nothing after it can speak against."""
    ahead = arrival(head) - arrival(last) if last else 0
    return _told(head, ahead, "the row before it") if ahead > YEAR_AHEAD_NS else ""


def _told(tick: Tick, ahead: Ns, of: str) -> str:
    return f"{tick.instrument} at {short(arrival(tick))} UTC is {duration(ahead / NS)} ahead of {of}"
