"""What was last told of each instrument, so that only news is: of its status, of its multiplier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bot.types import Ns, Tick, TickKind


class Told:
    """Makes ticks of what changed. After :meth:`forget` everything is told again: whoever listens may have
    been told otherwise meanwhile, as when the source was lost."""

    def __init__(self, clock: Callable[[], Ns]) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], str] = {}

    def forget(self) -> None:
        """Tell everything anew."""
        self._told.clear()

    def news(
        self, kind: TickKind, instrument: str, data: Mapping[str, Any], *, topic: str = "", ts: Ns = 0
    ) -> list[Tick]:
        """A tick, valid at ``ts`` (0: now), if this ``topic`` of the instrument is news."""
        text = msgspec.json.encode(data).decode()
        key = (instrument, topic or kind)
        if self._told.get(key) == text:
            return []
        self._told[key] = text
        now = self._clock()
        return [Tick(ts or now, instrument, kind, data=text, received=now)]

    def status(self, instrument: str, state: str, reason: str = "", **more: Any) -> list[Tick]:
        """:meth:`news` of a status."""
        return self.news("status", instrument, {"state": state, "reason": reason, **more})
