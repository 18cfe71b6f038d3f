"""``pegbot record``: live ticks to a tape until Ctrl-C, without judging them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot import collectors, logs, preflight
from bot.collectors.queue import TickQueue
from bot.collectors.recorder import Recorder, rotation
from bot.collectors.supervisor import Supervisor
from bot.config import Config
from bot.errors import PegbotError
from bot.registry import Registry
from bot.steady import SteadyClock
from bot.types import FeedStatus, Ns, Tick
from bot.valuation import SessionClock

BATCH = 1024
PROGRESS_SECONDS = 5.0


class Recording:
    """Sources, supervised as in the daemon, into a file instead of an engine."""

    def __init__(self, config: Config, registry: Registry, out: Path) -> None:
        self.config = config
        self.queue = TickQueue(config.collectors.queue_ticks)
        self.clock: Callable[[], Ns] = SteadyClock()
        self.stopping = asyncio.Event()
        self.recorder = Recorder(out, rotation=rotation(config.record))
        self._running: set[str] = set()
        session = SessionClock(config.valuation).session
        self._sources = collectors.build(config, registry, clock=self.clock, session=session)

    def feed_status(self, status: FeedStatus) -> None:
        """A source that ended by itself (a tape) is not waited for; with the last one it is over."""
        if status.state == "stopped":
            self._running.discard(status.source)
            if not self._running:
                self.stopping.set()
        else:
            self._running.add(status.source)

    async def run(self) -> int:
        """Record until stopped; ticks written. Raises UsageError, or PegbotError if the disk failed."""
        writing = asyncio.create_task(self.recorder.run())
        feeds = [asyncio.create_task(Supervisor.of(self, one).run()) for one in self._sources]
        taking = asyncio.create_task(self._take())
        telling = asyncio.create_task(self._tell())
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({writing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*feeds, telling, stopped):
            task.cancel()
        await asyncio.gather(*feeds, telling, stopped, return_exceptions=True)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        if self.queue.depth:
            self._offer(await self.queue.get_batch(self.queue.depth))
        writing.cancel()
        (ended,) = await asyncio.gather(writing, return_exceptions=True)
        if isinstance(ended, PegbotError):
            raise ended
        if self.recorder.failed:
            raise PegbotError(
                f"{self.recorder.path}: {self.recorder.failed}; the {self.recorder.written:,} ticks written "
                "until then can be read"
            )
        return self.recorder.written

    async def _take(self) -> None:
        while True:
            self._offer(await self.queue.get_batch(BATCH))

    def _offer(self, batch: Sequence[tuple[str, Tick]]) -> None:
        for _, tick in batch:
            self.recorder.offer(tick)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            sys.stderr.write(
                f"  {self.recorder.written:,} ticks written, {self.recorder.dropped:,} dropped"
                f"{f'; not writing: {self.recorder.failed}' if self.recorder.failed else ''}\n"
            )


def record(config: Config, registry: Registry, out: Path) -> int:
    """Record to ``out`` until SIGINT or SIGTERM, or until all tapes have ended; ticks written."""
    preflight.require(config, registry)
    logs.configure(config.log, secrets=preflight.secrets(config))
    return asyncio.run(_record(config, registry, out))


async def _record(config: Config, registry: Registry, out: Path) -> int:
    recording = Recording(config, registry, out)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, recording.stopping.set)
    return await recording.run()
