"""Ticks as they come, written to a tape while the daemon runs.

Rows are in the order of arrival, which is the order the engine took them in: replaying the tape gives what
was seen live. CSV and JSON Lines (``.gz`` too) are on disk within a second and survive a killed process;
Parquet is smaller, but a file whose end was never written cannot be read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import structlog

from bot import tape
from bot.collectors.growing import GrowingTape, create
from bot.types import Tick

CAPACITY = 65_536
BATCH = 4_096
FLUSH_SECONDS = 0.5


def free_path(path: Path) -> Path:
    """``path``; where a file of that name exists, the first of ``name-2.csv``, ``name-3.csv`` … that is free.

    For ``[record] path``: each start of the daemon writes a tape of its own. Raises :class:`UsageError` for
    an ending that no tape has.
    """
    ending = tape.ending_of(path)
    stem = path.name[: -len(ending)]
    for number in count(2):
        if not path.exists():
            break
        path = path.with_name(f"{stem}-{number}{ending}")
    return path


class Recorder:
    """Writes what it is offered to ``path``, a new file, in a thread and in batches.

    :meth:`offer` never waits: a tick that finds ``capacity`` others waiting is dropped. At the first error of
    the disk it stops for good, says so once, and drops what comes; what was written stays a whole tape. At
    the end ``written + dropped`` is what was offered.
    """

    def __init__(self, path: Path, *, capacity: int = CAPACITY, flush_seconds: float = FLUSH_SECONDS) -> None:
        """Opens nothing."""
        self.path = path
        self.capacity = capacity
        self.dropped = 0
        """Ticks that were offered and are not on the tape."""
        self.failed = ""
        """Why nothing is written any more; empty while all is well."""
        self._flush_seconds = flush_seconds
        self._waiting: deque[Tick] = deque()
        self._enough = asyncio.Event()
        self._taken = 0
        self._out: GrowingTape | None = None
        self._ended = False
        self._log = structlog.get_logger("pegbot.recorder")

    @property
    def depth(self) -> int:
        """Ticks waiting."""
        return len(self._waiting)

    @property
    def written(self) -> int:
        """Ticks in the file."""
        return self._out.count if self._out is not None else 0

    def offer(self, tick: Tick) -> None:
        """Take a tick, or drop and count it if there is no room; never waits, never raises."""
        if self._ended or len(self._waiting) >= self.capacity:
            self.dropped += 1
            return
        self._waiting.append(tick)
        if len(self._waiting) >= BATCH:
            self._enough.set()

    async def run(self) -> None:
        """Write until cancelled, then what still waits; or until the disk fails.

        Raises :class:`UsageError` if the file exists already, cannot be made or has an ending of no tape.
        """
        try:
            await _in_thread(self._open)
            while not self.failed:
                await self._something()
                await self._write()
        finally:
            try:
                await self._finish()
            finally:
                self._end()

    def _open(self) -> None:
        self._out = create(self.path)

    async def _something(self) -> None:
        """Wait for a whole batch, but not for long."""
        self._enough.clear()
        if len(self._waiting) < BATCH:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._flush_seconds):
                    await self._enough.wait()

    async def _write(self) -> None:
        waiting, out = self._waiting, self._out
        batch = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
        if batch and out is not None:
            self._taken += len(batch)
            await _in_thread(lambda: self._try(lambda: out.add(batch)))

    async def _finish(self) -> None:
        out = self._out
        if out is not None:
            while self._waiting and not self.failed:
                await self._write()
            await _in_thread(lambda: self._try(out.close))

    def _try(self, work: Callable[[], None]) -> None:
        """In the thread: a failure ends the recording, never the daemon."""
        try:
            work()
        except (OSError, ValueError) as error:
            if not self.failed:
                self.failed = getattr(error, "strerror", None) or str(error)
                self._log.error(
                    "recording stopped", path=str(self.path), error=self.failed, written=self.written
                )

    def _end(self) -> None:
        """Nothing is written from now on: what was taken and is not in the file is dropped."""
        self._ended = True
        self.dropped += self._taken + len(self._waiting) - self.written
        self._waiting.clear()


async def _in_thread(work: Callable[[], None]) -> None:
    """``work()`` in a thread; once begun it is waited for, also when cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        running.exception()
        raise
