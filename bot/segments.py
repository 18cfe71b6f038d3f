"""A recording in segments, ``week-000001.parquet``, ``week-000002.parquet`` …, called ``week.parquet``.

The one being written is an Arrow IPC stream, ``week-000003.parquet.growing``: a message for each batch, so
that it can be read up to the last whole one whenever its writer ended. Finished, it becomes Parquet under
another name, which is then renamed: a segment is there whole or not at all. All of it blocks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bot.errors import UsageError

GROWING = ".growing"
ENDING = ".parquet"
_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<number>\d{6,})\.parquet(\.growing)?$", re.IGNORECASE)
_WILD = "*?["


def nth(base: Path, number: int) -> Path:
    """The finished segment of this number of the recording that is called ``base``."""
    return base.with_name(f"{base.name[: -len(ENDING)]}-{number:06d}{ENDING}")


def grown(path: Path) -> Path:
    """The name of a segment while it is written."""
    return path.with_name(path.name + GROWING)


def place(path: Path) -> tuple[Path, int] | None:
    """Recording and number of a segment; ``None`` for what is none."""
    found = _NUMBERED.match(path.name)
    return None if found is None else (path.with_name(found["stem"] + ENDING), int(found["number"]))


def of(base: Path) -> list[Path]:
    """Segments of a recording in their order; one that grows only where it has not been finished."""
    if base.suffix.lower() != ENDING or not base.parent.is_dir():
        return []
    found: dict[int, Path] = {}
    for path in sorted(base.parent.iterdir()):
        which = place(path)
        if which is not None and which[0] == base:
            found.setdefault(which[1], path)  # the finished name sorts first
    return [found[number] for number in sorted(found)]


def tapes(paths: Sequence[Path], endings: Sequence[str]) -> list[list[Path]]:
    """The files that are meant, as tapes: each inner list is read one after the other.

    A path may be a file, a folder, a pattern with ``*``, ``?`` or ``[``, or the name of a recording. Segments
    of one recording are one tape, wherever they are named. Raises :class:`UsageError` where there is nothing.
    """
    found: dict[tuple[Path, int], list[Path]] = {}
    for number, path in enumerate(paths):
        for file in _files(path, endings):
            which = place(file)
            # A file named twice is two tapes; segments are one, in the order of their numbers.
            key = (which[0], 0) if which is not None else (file, number)
            found.setdefault(key, []).append(file)
    return [_ordered(files) if place(files[0]) else files for files in found.values()]


def _ordered(files: list[Path]) -> list[Path]:
    """Each number once, finished if it is."""
    each: dict[int, Path] = {}
    for file in sorted(files):
        which = place(file)
        if which is not None:
            each.setdefault(which[1], file)
    return [each[number] for number in sorted(each)]


def _files(path: Path, endings: Sequence[str]) -> list[Path]:
    if path.is_dir():
        inside = [one for one in sorted(path.iterdir()) if one.is_file()]
        files = [one for one in inside if one.name.lower().endswith((*endings, ENDING + GROWING))]
        if not files:
            raise UsageError(f"{path}: no tape in this folder; a tape ends in {', '.join(endings)}")
        return files
    if path.exists():
        return [path]
    if any(sign in path.name for sign in _WILD):
        files = [one for one in sorted(path.parent.glob(path.name)) if one.is_file()]
        if not files:
            raise UsageError(f"{path}: no file fits this pattern")
        return files
    return of(path) or [path]


# -- the one that grows --------------------------------------------------------------------------------


def batches(path: Path) -> Iterator[Any]:
    """The record batches of a growing segment, up to the last whole one."""
    import pyarrow as pa

    with path.open("rb") as file:
        try:
            stream = pa.ipc.open_stream(file)
            while True:
                yield stream.read_next_batch()
        except (StopIteration, pa.ArrowException, OSError, EOFError):
            return  # its writer got no further


def finish(growing: Path) -> None:
    """Make a growing segment a finished one. OSError where the disk fails: it is then as it was."""
    import pyarrow as pa

    from bot.tape import ParquetTape

    done = growing.with_name(growing.name[: -len(GROWING)])
    partial = done.with_name(done.name + ".part")
    try:
        if not done.exists():
            with partial.open("wb") as file:
                with ParquetTape(file) as tape:
                    for batch in batches(growing):
                        tape.add_batch(batch)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(done)
            _sync(done.parent)
        growing.unlink()
    except pa.ArrowException as error:
        raise OSError(str(error)) from None
    finally:
        with suppress(OSError):
            partial.unlink()


def repair(base: Path, below: int | None = None) -> None:
    """Finish what was left unfinished, of numbers ``below`` this one, but for what another process writes.

    OSError where the disk fails.
    """
    for path in _growing(base):
        number = (place(path) or (base, 0))[1]
        if below is None or number < below:
            with suppress(BlockingIOError, FileNotFoundError), locked(path):
                finish(path)


def claim(base: Path, after: int = 0) -> tuple[Path, IO[bytes]]:
    """The next segment: the name it will have, and its growing file, which is locked while it is open.

    ``after`` is the last number that the caller itself has written. Raises :class:`UsageError` if another
    process writes this recording, OSError where the disk fails.
    """
    number = after
    for path in [*of(base), *_growing(base)]:
        which = place(path)
        if which is None or which[1] <= after:
            continue
        number = max(number, which[1])
        if path.name.endswith(GROWING):
            try:
                with suppress(FileNotFoundError), locked(path):
                    pass
            except BlockingIOError:
                raise UsageError(f"{base} is being recorded by another process; name another file") from None
    path = nth(base, number + 1)
    file = grown(path).open("xb", buffering=0)
    _lock(file)
    return path, file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else writes it. Raises BlockingIOError if somebody does."""
    with path.open("rb") as file:
        _lock(file)
        yield


def _growing(base: Path) -> list[Path]:
    if not base.parent.is_dir():
        return []
    mine = f"{base.name[: -len(ENDING)]}-"
    found = [one for one in base.parent.iterdir() if one.name.startswith(mine) and one.name.endswith(GROWING)]
    return sorted(one for one in found if (which := place(one)) is not None and which[0] == base)


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system: then nobody can hold one
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync(folder: Path) -> None:
    """The new name is on the disk, not only in memory."""
    with suppress(OSError):  # some systems cannot open a folder
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
