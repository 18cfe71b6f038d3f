"""Who is told what, and when not: severities, mutes, quiet hours, rates. No clock of its own."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from bot.alerts.compose import Note, NotePhase
from bot.timefmt import NS
from bot.types import SEVERITIES, Ns, Severity


def wanted(note: Note, least: Severity, told: bool) -> NotePhase | None:
    """As what a channel is told of ``note``, or ``None``: not at all.

    ``least`` is the channel's lowest severity; ``told``: it knows of the thread already. What it never heard
    of is not resolved to it, and cannot become worse: it opens.
    """
    if note.phase in ("resolve", "heard"):
        return note.phase if told and not note.muted else None
    if note.muted or SEVERITIES.index(note.severity) < SEVERITIES.index(least):
        return None
    if note.phase == "escalate":
        if note.acknowledged and note.severity != "critical":
            return None
        return "escalate" if told else "open"
    return note.phase


class QuietHours:
    """``22:00-07:00`` in a time zone; over midnight if the end is before the start; "" is never."""

    def __init__(self, hours: str, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        start, _, end = hours.partition("-")
        self._span = (time.fromisoformat(start), time.fromisoformat(end)) if hours else None

    def at(self, ts: Ns) -> bool:
        """Whether it is quiet at ``ts``."""
        if self._span is None:
            return False
        start, end = self._span
        now = datetime.fromtimestamp(ts / NS, UTC).astimezone(self._zone).time()
        return start <= now < end if start <= end else now >= start or now < end


class RateLimit:
    """At most ``per_minute`` in any minute."""

    def __init__(self, per_minute: int) -> None:
        self._taken: deque[float] = deque(maxlen=per_minute)

    def wait_seconds(self, now: float) -> float:
        """Seconds until one more is allowed; 0: now."""
        if len(self._taken) < (self._taken.maxlen or 1):
            return 0.0
        return max(0.0, self._taken[0] + 60.0 - now)

    def take(self, now: float) -> None:
        """One has been used at ``now`` (monotonic seconds)."""
        self._taken.append(now)
