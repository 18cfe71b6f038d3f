"""Ticks as they come, written to a tape while the daemon runs.

Rows are in the order of arrival, which is the order the engine took them in: replaying the tape gives what
was seen live. They are on disk within a second and survive a killed process. CSV and JSON Lines (``.gz``
too) are one file; Parquet is smaller, and comes in segments (:mod:`bot.segments`).
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
from bot.collectors.growing import GrowingTape, Rotation, create
from bot.config import RecordSection
from bot.errors import UsageError
from bot.types import Tick

CAPACITY = 65_536
BATCH = 4_096
FLUSH_SECONDS = 0.5
CANNOT_BE = (ValueError, TypeError, OverflowError)
"""What a tick raises that no tape can hold."""
RETRY_SECONDS = 5.0
"""So long after the disk failed it is tried again."""


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


def rotation(section: RecordSection) -> Rotation:
    """As configured."""
    return Rotation(int(section.segment_megabytes * 2**20), section.segment_seconds)


class Recorder:
    """Writes what it is offered to ``path``, in a thread and in batches: a new file, or of Parquet the next
    segments of the recording of that name.

    :meth:`offer` never waits: a tick that finds ``capacity`` others waiting is dropped. Where the disk
    fails it says so once, tries again every ``retry_seconds`` and goes on when there is room: what found no
    place to wait meanwhile is counted as dropped, and what was written before stays a whole tape. At the end
    ``written + dropped`` is what was offered.
    """

    def __init__(
        self,
        path: Path,
        *,
        capacity: int = CAPACITY,
        flush_seconds: float = FLUSH_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        rotation: Rotation | None = None,
    ) -> None:
        """Opens nothing."""
        self.path = path
        self.capacity = capacity
        self.dropped = 0
        """Ticks that were offered and are not on the tape."""
        self.failed = ""
        """Why nothing is written at the moment; empty while all is well."""
        self._flush_seconds, self._retry_seconds, self._rotation = flush_seconds, retry_seconds, rotation
        self._waiting: deque[Tick] = deque()
        self._enough = asyncio.Event()
        self._batch: list[Tick] = []
        self._out: GrowingTape | None = None
        self._ended = False
        self._log = structlog.get_logger("pegbot.recorder")

    @property
    def depth(self) -> int:
        """Ticks waiting, those that are being written aside."""
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
        """Write until cancelled, then what still waits.

        Raises :class:`UsageError` if the file exists already, cannot be made or has an ending of no tape.
        """
        try:
            await _in_thread(self._open)
            while True:
                await self._something()
                if not await self._write():
                    await asyncio.sleep(self._retry_seconds)
        finally:
            try:
                await self._finish()
            finally:
                self._end()

    def _open(self) -> None:
        self._out = create(self.path, self._rotation)

    async def _something(self) -> None:
        """Wait for a whole batch, but not for long."""
        self._enough.clear()
        if len(self._waiting) < BATCH and not self._batch:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._flush_seconds):
                    await self._enough.wait()

    async def _write(self) -> bool:
        """The oldest that wait; False if they could not be written, and are kept for the next try."""
        waiting, out = self._waiting, self._out
        if not self._batch:
            self._batch = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
        if not self._batch or out is None:
            return True
        await _in_thread(lambda: self._put(out))
        return not self._batch

    async def _finish(self) -> None:
        out = self._out
        if out is not None:
            while (self._batch or self._waiting) and await self._write():
                pass
            await _in_thread(lambda: self._close(out))

    def _put(self, out: GrowingTape) -> None:
        """In the thread: a failure is told once, and ends nothing."""
        try:
            try:
                out.add(self._batch)
            except CANNOT_BE:
                self._put_each(out)
        except (OSError, UsageError) as error:
            self._fail(error)
            return
        self._batch = []
        if self.failed:
            self.failed = ""
            self._log.info("recording again", path=str(self.path), dropped=self.dropped)

    def _put_each(self, out: GrowingTape) -> None:
        """One of them cannot be written: the others are."""
        while self._batch:
            try:
                out.add(self._batch[:1])
            except CANNOT_BE as error:
                self.dropped += 1
                self._log.error("a tick cannot be recorded", tick=repr(self._batch[0]), error=str(error))
            del self._batch[0]

    def _close(self, out: GrowingTape) -> None:
        try:
            out.close()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self.failed:
            self.failed = getattr(error, "strerror", None) or str(error)
            self._log.error(
                "recording interrupted", path=str(self.path), error=self.failed, written=self.written
            )

    def _end(self) -> None:
        """Nothing is written from now on: what still waits is dropped."""
        self._ended = True
        self.dropped += len(self._batch) + len(self._waiting)
        self._waiting.clear()
        self._batch = []


async def _in_thread(work: Callable[[], None]) -> None:
    """``work()`` in a thread; once begun it is waited for, also when cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        running.exception()
        raise
