"""Tapes that grow while the daemon runs, and are whole whenever it stops. All of it blocks."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from bot import tape
from bot.errors import UsageError
from bot.types import Tick

GROUP_ROWS = 16_384
"""Rows of one row group in Parquet."""
ROW_BYTES = 256
"""More than one row takes in Parquet, its texts aside."""
FOOTER_BYTES = 65_536
"""More than one row group takes in Parquet's footer."""


class GrowingTape(Protocol):
    """A tape being written. ``count``: ticks that can be read from it once it is closed."""

    count: int

    def add(self, ticks: Sequence[Tick]) -> None:
        """Write all of ``ticks`` or none; OSError where the disk fails."""

    def close(self) -> None:
        """Leave a whole tape behind, also after an error."""


def create(path: Path) -> GrowingTape:
    """A new tape, in the format of the ending; its folder is made.

    Raises :class:`UsageError` if the file exists already, cannot be made or has an ending that no tape has.
    """
    parquet = tape.ending_of(path) == ".parquet"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb", buffering=-1 if parquet else 0)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise UsageError(f"{path} exists and is not overwritten; name another file") from None
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    try:
        return _Parquet(file) if parquet else _Text(file, tape.ending_of(path))
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


class _Parquet:
    """Parquet in row groups. Room for a group and the footer is taken before the group is written: a full
    disk shows while the tape can still be closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting: list[Tick] = []
        self._groups = 0
        self.count = 0
        self._reserve()
        self._tape = tape.ParquetTape(file)

    def add(self, ticks: Sequence[Tick]) -> None:
        self._waiting += ticks
        if len(self._waiting) >= GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        with self._file:
            try:
                self._write_group()
            finally:
                self._write_footer()

    def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        if group:
            self._reserve(group)
            for tick in group:
                self._tape.add(tick)
            self._tape.flush()
            self._file.flush()
            self._groups += 1
            self.count += len(group)

    def _write_footer(self) -> None:
        try:
            self._tape.__exit__()
            self._file.truncate()
        except OSError:
            self.count = 0  # without its footer nothing of it can be read
            raise

    def _reserve(self, group: Sequence[Tick] = ()) -> None:
        texts = sum(len(tick.instrument) + len((tick.data or "").encode()) for tick in group)
        size = texts + ROW_BYTES * len(group) + FOOTER_BYTES * (self._groups + 1)
        _write(self._file, bytes(size), self._file.tell())


def _write(file: IO[bytes], data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        done = os.pwrite(file.fileno(), left, at)
        left, at = left[done:], at + done
