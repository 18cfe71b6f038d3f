"""Questions that are asked again and again, each at its own pace, one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from msgspec import Struct

from bot.errors import SourceSilent
from bot.timefmt import duration
from bot.types import Tick


class Round(Struct):
    """``ask`` yields what is new; ``due`` (monotonic seconds) is when it is asked next. ``anew``: at once
    when the source starts again, for whoever listens may have been told otherwise meanwhile."""

    every_seconds: float
    ask: Callable[[], AsyncIterator[Tick]]
    due: float = 0.0
    anew: bool = True


class Rounds:
    """Runs them in the order in which they fall due; those given first go first."""

    def __init__(
        self,
        rounds: list[Round],
        silence_seconds: float,
        *,
        sleep: Callable[[float], Any] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rounds = rounds
        self._silence = silence_seconds
        self._sleep, self._monotonic = sleep, monotonic
        self._heard = 0.0

    def heard(self) -> None:
        """Something was answered."""
        self._heard = self._monotonic()

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """For ever. SourceSilent if nothing usable was answered for so long."""
        self.heard()
        for one in self._rounds:
            if one.anew:
                one.due = 0.0
        while True:
            now = self._monotonic()
            for one in self._rounds:
                if one.due > now:
                    continue
                async for tick in one.ask():
                    yield tick
                # After it was answered: one that fails is due still.
                one.due = self._monotonic() + one.every_seconds
            silent = self._monotonic() - self._heard
            if silent > self._silence:
                raise SourceSilent(f"nothing usable was answered for {duration(silent)}")
            await self._sleep(max(0.0, min(one.due for one in self._rounds) - self._monotonic()))
