"""Keeps one source running for ever: restarts it with back-off, and says how it is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec
import structlog

from bot.collectors.base import Backoff, Collector
from bot.collectors.queue import TickQueue
from bot.config import Config
from bot.errors import ConfigError, PegbotError, SourceRefused, SourceSilent
from bot.logs import redact
from bot.timefmt import NS
from bot.types import FeedStatus, Ns, Tick

State = Literal["starting", "up", "silent", "down", "stopped"]
Sleep = Callable[[float], Awaitable[None]]

HEALTHY_SECONDS = 30.0
"""Up for so long, and the back-off starts from the beginning again."""
STATUS_SECONDS = 10.0
"""A FeedStatus at least so often, changed or not."""
REFUSED_SECONDS = (60.0, 900.0)
"""First and longest wait after the source said no: asking often makes a refusal worse."""
FAIR_TICKS = 1024
"""After so many ticks in a row the other tasks get their turn, even if the source never has to wait."""


class Owner(Protocol):
    """What :meth:`Supervisor.of` takes from the daemon."""

    config: Config
    queue: TickQueue
    clock: Callable[[], Ns]

    def feed_status(self, status: FeedStatus) -> None:
        """Told of each status."""


class Supervisor:
    """Runs one :class:`Collector`, puts its ticks into the queue and reports its health.

    A source that fails is called again after a jittered back-off; one that refuses, much later; one that ends
    is ``stopped``. It is ``up`` from its first tick on, ``silent`` or ``down`` from a failure until the
    next tick. If it is lost for ``grace_seconds`` and names its ``instruments``, the engine is told by a
    ``status`` tick for each, and again when it is back: a connection lost for less is no fault.
    """

    def __init__(
        self,
        collector: Collector,
        queue: TickQueue,
        *,
        on_status: Callable[[FeedStatus], None],
        backoff_initial: float = 0.5,
        backoff_max: float = 60.0,
        grace_seconds: float = 15.0,
        clock: Callable[[], Ns] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.collector = collector
        self.name = collector.name
        self.state: State = "starting"
        self.detail = ""
        self.since = clock()
        self.ticks = 0
        self.restarts = 0
        self._queue = queue
        self._on_status = on_status
        self._backoff = Backoff(backoff_initial, backoff_max, rng)
        self._refused = Backoff(max(REFUSED_SECONDS[0], backoff_max), REFUSED_SECONDS[1], rng)
        self._grace_seconds = grace_seconds
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._last: Tick | None = None
        self._up_since: float | None = None
        self._told: Literal["up", "down", "unknown"] = "unknown"
        self._grace: asyncio.Task[None] | None = None
        self._instruments: Sequence[str] = getattr(collector, "instruments", ())
        self._lossless: bool = getattr(collector, "lossless", False)
        self._log = structlog.get_logger("pegbot.collectors").bind(source=self.name)

    @classmethod
    def of(cls, owner: Owner, collector: Collector) -> Supervisor:
        """As the daemon's configuration says."""
        settings = owner.config.collectors
        return cls(
            collector,
            owner.queue,
            on_status=owner.feed_status,
            backoff_initial=settings.backoff_initial_seconds,
            backoff_max=settings.backoff_max_seconds,
            grace_seconds=settings.grace_seconds,
            clock=owner.clock,
        )

    @property
    def status(self) -> FeedStatus:
        """Its health now. ``lag_seconds`` is of the last tick: from valid there to seen here;
        ``skew_seconds`` is how far its stamp was ahead of the clock here."""
        last = self._last
        late = None if last is None else ((last.received or last.ts) - last.ts) / NS
        return FeedStatus(
            source=self.name,
            state=self.state,
            since=self.since,
            lag_seconds=None if late is None else max(0.0, late),
            skew_seconds=None if late is None else max(0.0, -late),
            ticks=self.ticks,
            restarts=self.restarts,
            detail=self.detail or redact(str(getattr(self.collector, "detail", ""))),
        )

    async def run(self) -> None:
        """Until cancelled, or until the source ends by itself."""
        self._on_status(self.status)
        reporter = asyncio.create_task(self._report(), name=f"{self.name} status")
        try:
            await self._keep()
        finally:
            await _cancel(reporter)
            await self._end_grace()

    async def _keep(self) -> None:
        self._start_grace()
        while True:
            try:
                await self._pump()
            except ConfigError as error:
                self._log.error("source cannot run as configured", problems=error.problems)
                await self._stop(str(error))
                return
            except Exception as error:
                delay = self._failed(error)
            else:
                await self._stop(getattr(self.collector, "detail", "") or "ended")
                return
            await self._sleep(delay)
            self.restarts += 1

    async def _pump(self) -> None:
        """Ticks into the queue until the source fails or ends."""
        name, queue = self.name, self._queue
        lossless, offer = self._lossless, queue.offer
        ticks = self.collector.ticks()
        try:
            async for tick in ticks:
                self._last = tick
                if self.state != "up":
                    await self._up()
                if lossless:
                    if queue.full:
                        await queue.put_wait(name, tick)
                    else:
                        offer(name, tick)
                elif not offer(name, tick):
                    await queue.put(name, tick)
                self.ticks += 1
                if not self.ticks % FAIR_TICKS:
                    await asyncio.sleep(0)
        finally:
            await _close(ticks)

    # -- how it is -----------------------------------------------------------------------------------

    async def _up(self) -> None:
        self._up_since = self._monotonic()
        await self._end_grace()
        if self._told != "up":
            await self._tell_engine("up", "")
        self._set("up", "")

    def _failed(self, error: Exception) -> float:
        """Note the failure; seconds to wait before the next attempt."""
        if self._up_since is not None and self._monotonic() - self._up_since >= HEALTHY_SECONDS:
            self._backoff.reset()
            self._refused.reset()
        self._up_since = None
        refused = isinstance(error, SourceRefused)
        delay = (self._refused if refused else self._backoff).next()
        detail = redact(str(error) or type(error).__name__)
        if isinstance(error, PegbotError):
            self._log.warning("source failed", error=detail, again_in_seconds=round(delay, 2))
        else:
            # Not one of the errors a source raises on purpose: a bug, here or in its library.
            detail = f"{type(error).__name__}: {detail}"
            self._log.error("source failed", exc_info=error, again_in_seconds=round(delay, 2))
        self._set("silent" if isinstance(error, SourceSilent) else "down", detail)
        self._start_grace()
        return delay

    async def _stop(self, detail: str) -> None:
        await self._end_grace()
        self._set("stopped", redact(detail))
        if not self._lossless:
            await self._tell_engine("down", detail)

    def _set(self, state: State, detail: str) -> None:
        changed = (state, detail) != (self.state, self.detail)
        if state != self.state:
            self.since = self._clock()
        self.state, self.detail = state, detail
        if changed:
            self._on_status(self.status)

    async def _report(self) -> None:
        while True:
            await self._sleep(STATUS_SECONDS)
            self._on_status(self.status)

    # -- the engine is told ----------------------------------------------------------------------------

    def _start_grace(self) -> None:
        if self._grace is None and self._told != "down" and self._instruments:
            self._grace = asyncio.create_task(self._after_grace(), name=f"{self.name} grace")

    async def _after_grace(self) -> None:
        await self._sleep(self._grace_seconds)
        await self._tell_engine("down", self.detail or f"no prices from {self.name} yet")

    async def _end_grace(self) -> None:
        grace, self._grace = self._grace, None
        if grace is not None:
            await _cancel(grace)

    async def _tell_engine(self, state: Literal["up", "down"], reason: str) -> None:
        self._told = state
        now = self._clock()
        data = msgspec.json.encode({"state": state, "reason": reason}).decode()
        for instrument in self._instruments:
            await self._queue.put(self.name, Tick(now, instrument, "status", data=data, received=now))


async def _close(ticks: AsyncIterator[Tick]) -> None:
    close = getattr(ticks, "aclose", None)
    if close is not None:
        await close()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    # Not `await task`: that could not tell its cancellation from our own.
    await asyncio.wait({task})
