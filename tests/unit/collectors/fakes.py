"""A source that does what its script says, one step per call of ``ticks()``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.types import FeedStatus, Tick
from tests.fixtures.manual_time import ManualTime, settle

FOREVER = object()
Step = Tick | Exception | object


def tick(ts: int, instrument: str = "TSLA@yahoo", lag: int = 0) -> Tick:
    return Tick(ts, instrument, "quote", price=1.0, received=ts + lag)


class Scripted:
    """Each call of ``ticks()`` plays the next list of steps, the last one again and again: a Tick is
    yielded, an Exception raised, FOREVER waits, a number sleeps, the end of the list ends it."""

    def __init__(self, *calls: list[Any], sleep: Callable[[float], Any] = asyncio.sleep, **more: Any) -> None:
        self.name = "yahoo"
        self.calls = list(calls)
        self.called = self.closed = 0
        self._sleep = sleep
        self.__dict__.update(more)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        steps = self.calls[min(self.called, len(self.calls) - 1)]
        self.called += 1
        try:
            for step in steps:
                if isinstance(step, Tick):
                    yield step
                elif isinstance(step, Exception):
                    raise step
                elif step is FOREVER:
                    await asyncio.get_running_loop().create_future()
                else:
                    await self._sleep(step)
        finally:
            self.closed += 1


class Bench:
    """A supervisor on manual time, with what it said and what it put into the queue."""

    def __init__(self, *calls: list[Any], size: int = 1000, **more: Any) -> None:
        self.time = ManualTime()
        self.source = Scripted(*calls, sleep=self.time.sleep, **more)
        self.queue = TickQueue(size)
        self.said: list[FeedStatus] = []
        self.supervisor = Supervisor(
            self.source,
            self.queue,
            on_status=self.said.append,
            clock=self.time.clock,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            rng=lambda: 1.0,
        )
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Bench:
        self.task = asyncio.create_task(self.supervisor.run())
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task})

    @property
    def states(self) -> list[str]:
        """Each state once, in order."""
        return [one.state for i, one in enumerate(self.said) if i == 0 or one.state != self.said[i - 1].state]

    async def queued(self) -> list[Tick]:
        return [one for _, one in await self.queue.get_batch(1000)] if self.queue.depth else []
