"""Tapes that grow while the daemon runs, and are whole whenever it stops. All of it blocks."""

from __future__ import annotations

import gzip
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import structlog
from msgspec import Struct

from bot import segments, tape
from bot.errors import UsageError
from bot.types import Tick

FOOT_BYTES = 8
"""What ends a stream: a continuation mark and no length (Arrow columnar format, IPC streaming)."""


class Rotation(Struct, frozen=True):
    """When a segment of a Parquet recording is full: so many bytes, or so long after its first tick."""

    size_bytes: int = 64 * 2**20
    seconds: float = 3600.0


class GrowingTape(Protocol):
    """A tape being written. ``count``: ticks that can be read from it once it is closed."""

    count: int

    def add(self, ticks: Sequence[Tick]) -> None:
        """Write all of ``ticks`` or none; OSError where the disk fails."""

    def close(self) -> None:
        """Leave a whole tape behind, also after an error."""


def create(
    path: Path, rotation: Rotation | None = None, monotonic: Callable[[], float] = time.monotonic
) -> GrowingTape:
    """A new tape, in the format of the ending; its folder is made. Of Parquet it is the next segment.

    Raises :class:`UsageError` if the file exists already, cannot be made, is written by another process or
    has an ending that no tape has.
    """
    ending = tape.ending_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise UsageError(f"{path} exists and is not overwritten; name another file")
        if ending == segments.ENDING:
            return _Segments(path, rotation or Rotation(), monotonic)
        file = path.open("xb", buffering=0)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    try:
        return _Text(file, ending)
    except OSError as error:
        file.close()
        path.unlink()
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


class _Text:
    """CSV or JSON Lines; with ``.gz`` each batch is a gzip member of its own: the file is always whole."""

    def __init__(self, file: IO[bytes], ending: str) -> None:
        self._file = file
        self._ending = ending
        self._size = 0
        self.count = 0
        self.add(())

    def add(self, ticks: Sequence[Tick]) -> None:
        data = tape.lines(self._ending, ticks, header=self._size == 0).encode()
        if self._ending.endswith(".gz"):
            data = gzip.compress(data, mtime=0)
        try:
            _write(self._file, data, self._size)
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(data)
        self.count += len(ticks)

    def close(self) -> None:
        self._file.close()


class _Segments:
    """Parquet, in segments: see :mod:`bot.segments`. Each batch is one message, written whole or taken back.

    Full ones are finished in a thread beside, which also finishes what an earlier process left. Where that
    fails (a full disk), the segment stays as it is, to be read and to be finished another time.
    """

    def __init__(self, base: Path, rotation: Rotation, monotonic: Callable[[], float]) -> None:
        self._base, self._rotation, self._monotonic = base, rotation, monotonic
        self._schema = tape.schema(plain=True)
        empty = self._stream(())
        self._head, self._foot = empty[:-FOOT_BYTES], empty[-FOOT_BYTES:]
        self._finishing: threading.Thread | None = None
        self._file: IO[bytes] | None = None
        self._path, self._number, self._size, self._since = base, 0, 0, 0.0
        self.count = 0
        self._open()
        self._finish(below=self._number)

    def add(self, ticks: Sequence[Tick]) -> None:
        if not ticks:
            return
        if self._file is None:
            self._open()
        assert self._file is not None
        self._append(self._stream(ticks)[len(self._head) : -FOOT_BYTES])
        self._since = self._since or self._monotonic()
        self.count += len(ticks)
        full = self._size >= self._rotation.size_bytes
        if full or self._monotonic() - self._since >= self._rotation.seconds:
            self._close()
            self._finish(below=self._number + 1)

    def close(self) -> None:
        empty = self._file is not None and self._size == len(self._head)
        self._close()
        if self._finishing is not None:
            self._finishing.join()
        if empty and self.count:
            segments.grown(self._path).unlink()
        segments.repair(self._base)

    def _open(self) -> None:
        path, file = segments.claim(self._base, self._number)
        try:
            _write(file, self._head, 0)
        except OSError:
            file.close()
            segments.grown(path).unlink()
            raise
        self._path, self._file, self._size, self._since = path, file, len(self._head), 0.0
        self._number = (segments.place(path) or (path, 0))[1]

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        try:
            _write(self._file, data, self._size)
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(data)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # it is read up to its last batch anyway
                _write(file, self._foot, self._size)
            file.close()

    def _finish(self, below: int) -> None:
        if self._finishing is not None:
            self._finishing.join()
        self._finishing = threading.Thread(target=self._repair, args=(below,), name="segments", daemon=True)
        self._finishing.start()

    def _repair(self, below: int) -> None:
        try:
            segments.repair(self._base, below)
        except OSError as error:
            log = structlog.get_logger("pegbot.recorder")
            log.warning(
                "a segment stays unfinished", path=str(self._base), error=error.strerror or str(error)
            )

    def _stream(self, ticks: Sequence[Tick]) -> bytes:
        """A whole stream that holds these ticks."""
        import pyarrow as pa

        sink, options = pa.BufferOutputStream(), pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, self._schema, options=options) as stream:
            if ticks:
                stream.write_batch(pa.RecordBatch.from_pydict(tape.columns_of(ticks), schema=self._schema))
        data: bytes = sink.getvalue().to_pybytes()
        return data


def _write(file: IO[bytes], data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(file.fileno(), left, at)
        left, at = left[done:], at + done
