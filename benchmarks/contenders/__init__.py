"""Who is judged beside us at finding depegs: each reads the same ticks, online, and tells incidents.

What public monitors do (``thresholds``), what statistics offers (``rolling``) and what streaming libraries
offer (``streaming``), each behind the same eyes (``eyes``) and life of an incident (``monitor``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bot.score import Claim
from bot.types import Tick


class Contender(Protocol):
    """A detector. It never sees a tick before its turn."""

    def judge(self, ticks: Iterable[Tick]) -> list[Claim]:
        """The incidents that are over with the next ticks of the tape."""
        ...

    def finish(self) -> list[Claim]:
        """Those still open at the tape's end."""
        ...
