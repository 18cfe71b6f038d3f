"""The asynchronous shell: supervise collectors, drive the engine, fan messages out, shut down.

The engine runs in the event loop in batches of at most ``BATCH`` ticks, so that the page, metrics and
messages stay alive. What must not be lost (incidents, plans, fills) is written with a snapshot of
the engine's memory in one transaction, alerts with it; after ``kill -9`` the daemon goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from bot import __version__, collectors
from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.config import Config
from bot.driver import Driver
from bot.errors import PegbotError
from bot.journal import Journal
from bot.metrics import Metrics
from bot.registry import Registry
from bot.timefmt import NS
from bot.types import Clock, Command, FeedStatus, Message, Ns, Tick
from bot.web.replica import Replica

BATCH = 512
IDLE_CLOCK_SECONDS = 1.0
"""With live sources and nothing to read, the engine is told the time this often."""
SHUTDOWN_SECONDS = 10.0


class Sink(Protocol):
    """Something that is told of every message; it must not block and must not raise."""

    def offer(self, message: Message) -> None:
        """Take a message."""

    async def run(self) -> None:
        """Deliver what was taken, until cancelled."""


class Daemon:
    """The parts of a running bot and how they are wired; :meth:`run` runs them until stopped."""

    def __init__(self, config: Config, registry: Registry, clock: Callable[[], Ns] = time.time_ns) -> None:
        self.config = config
        self.registry = registry
        self.clock = clock
        self.driver = Driver(config, registry)
        self.metrics = Metrics()
        self.replica = Replica()
        self.queue = TickQueue(config.collectors.queue_ticks)
        self.sinks: list[Sink] = []
        self.journal: Journal | None = None
        self.stopping = asyncio.Event()
        self.commands: asyncio.Queue[Command] = asyncio.Queue(256)
        self._log = structlog.get_logger("pegbot")
        self._loop_delay = 0.0

    # -- messages out ----------------------------------------------------------------------------

    def publish(self, message: Message) -> None:
        """Hand one message to everybody; none of them can hold the engine up."""
        self.metrics.offer(message)
        self.replica.apply(message, self.driver.now)
        if self.journal is not None:
            self.journal.offer(message)
        for sink in self.sinks:
            sink.offer(message)

    def feed_status(self, status: FeedStatus) -> None:
        """A supervisor says how its source is."""
        self._log.info("feed", source=status.source, state=status.state, detail=status.detail)
        self.publish(status)

    # -- the loop ----------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Take ticks from the queue, step the engine, publish what follows; ends when stopped and drained."""
        live = any(not isinstance(source, _tape_type()) for source in self.collectors)
        while not (self.stopping.is_set() and self.queue.depth == 0):
            batch = await self._next_batch()
            started = time.perf_counter()
            while not self.commands.empty():
                self._feed(self.commands.get_nowait())
            for source, tick in batch:
                self._feed(tick)
                self.metrics.tick(source, tick.kind)
            if batch:
                last = batch[-1][1]
                lag = max(0.0, (self.clock() - (last.received or last.ts)) / NS) if live else 0.0
                self.metrics.engine(self.driver.now, lag, time.perf_counter() - started, len(batch))
            elif live:
                self._feed(Clock(self.clock()))
            if self.journal is not None:
                self.journal.now = self.driver.now
            await asyncio.sleep(0)

    async def _next_batch(self) -> list[tuple[str, Tick]]:
        try:
            async with asyncio.timeout(IDLE_CLOCK_SECONDS):
                return await self.queue.get_batch(BATCH)
        except TimeoutError:
            return []

    def _feed(self, event: Tick | Clock | Command) -> None:
        for message in self.driver.feed(event):
            self.publish(message)

    # -- life --------------------------------------------------------------------------------------

    async def run(self, *, port: int | None = None, announce: Callable[[str], None] | None = None) -> None:
        """Start everything, run until :attr:`stopping` is set, then flush and close in order."""
        async with contextlib.AsyncExitStack() as stack:
            self.journal = await Journal.open(self.config, self.registry, self.driver, self.clock)
            stack.push_async_callback(self.journal.close)
            self._resume()
            self.collectors = collectors.build(
                self.config, self.registry, clock=self.clock, now=self.driver.now
            )
            self._add_sinks()
            async with asyncio.TaskGroup() as group:
                outer = [group.create_task(self._serve(port, announce), name="web")]
                outer += [group.create_task(sink.run(), name=type(sink).__name__) for sink in self.sinks]
                outer.append(group.create_task(self._watch_loop(), name="loop delay"))
                journal = group.create_task(self.journal.run(), name="journal")
                feeds = [
                    group.create_task(Supervisor.of(self, source).run(), name=source.name)
                    for source in self.collectors
                ]
                driving = group.create_task(self.drive(), name="engine")
                await self.stopping.wait()
                self._log.info("stopping")
                await _end(feeds)
                await driving
                await _end([journal])
                await _end(outer)
        self._log.info("stopped")
