"""The recorder: what it was offered is on a whole tape, or counted."""

from __future__ import annotations

import asyncio
import resource
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot import tape
from bot.collectors.recorder import BATCH, Recorder, free_path
from bot.errors import UsageError
from bot.types import Tick

T = 1_782_000_000_000_000_000
ENDINGS = tape.ENDINGS
DISK_BYTES = {"csv": 500_000, "csv.gz": 50_000, "jsonl": 500_000, "jsonl.gz": 50_000, "parquet": 50_000}
"""Some room for each: for a few batches."""


def ticks(number: int, first: int = 0) -> list[Tick]:
    return [
        Tick(
            T + n,
            f"TSLAx@venue{n % 3}",
            "quote",
            bid=1.0,
            ask=1.5,
            data='{"via":"socket"}',
            received=T + n + 7,
        )
        for n in range(first, first + number)
    ]


def read(path: Path) -> list[Tick]:
    """All of a tape that has to be without fault."""

    def bad(error: Exception) -> None:
        raise error

    return list(tape.read(path, on_bad=bad))


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(recorder.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes: the system refuses the write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_was_offered_is_on_the_tape_in_the_order_it_came(tmp_path: Path, ending: str) -> None:
    recorder = Recorder(tmp_path / "new" / f"t{ending}", flush_seconds=0.01)
    offered = [*ticks(3, first=5), *ticks(5), *ticks(2 * BATCH, first=8)]
    async with running(recorder):
        for tick in offered:
            recorder.offer(tick)
            await asyncio.sleep(0)
    assert read(recorder.path) == offered
    assert (recorder.written, recorder.dropped, recorder.depth, recorder.failed) == (len(offered), 0, 0, "")


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_recording_of_nothing_is_a_whole_tape(tmp_path: Path, ending: str) -> None:
    recorder = Recorder(tmp_path / f"t{ending}")
    async with running(recorder):
        await until(lambda: any(tmp_path.iterdir()))
    assert read(recorder.path) == []


@pytest.mark.parametrize("ending", ENDINGS)
async def test_it_can_be_read_while_it_is_written_and_so_after_a_kill(tmp_path: Path, ending: str) -> None:
    recorder = Recorder(tmp_path / f"t{ending}", flush_seconds=0.01)
    async with running(recorder):
        for first in (0, 10, 20):
            for tick in ticks(10, first):
                recorder.offer(tick)
            await until(lambda first=first: recorder.written == first + 10)
            assert read(recorder.path) == ticks(first + 10)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_full_disk_is_told_once_and_the_recording_goes_on_when_there_is_room(
    tmp_path: Path, ending: str
) -> None:
    recorder = Recorder(tmp_path / f"t{ending}", flush_seconds=0.001, retry_seconds=0.01)
    offered = 0
    with capture_logs() as logs:
        async with running(recorder) as task:
            with disk_of(DISK_BYTES[ending[1:]]):
                while not recorder.failed:
                    for tick in ticks(500, offered):
                        recorder.offer(tick)
                    offered += 500
                    await asyncio.sleep(0.001)
                for tick in ticks(recorder.capacity + 1, offered):
                    recorder.offer(tick)
                offered += recorder.capacity + 1
                assert recorder.dropped
                assert read(recorder.path) == ticks(recorder.written)
            await until(lambda: not recorder.failed and not recorder.depth)
            assert not task.done()
            recorder.offer(ticks(1, offered)[0])
    assert recorder.written + recorder.dropped == offered + 1
    found = read(recorder.path)
    assert len(found) == recorder.written
    assert found[-1] == ticks(1, offered)[0]
    ours = [one for one in logs if one["event"].startswith("recording")]
    assert [(one["event"], one["log_level"]) for one in ours] == [
        ("recording interrupted", "error"), ("recording again", "info"),
    ]  # fmt: skip


async def test_what_the_disk_has_no_room_for_at_the_end_is_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "t.parquet", flush_seconds=0.01)
    with capture_logs() as logs, ExitStack() as full:
        async with running(recorder):
            for tick in ticks(BATCH):
                recorder.offer(tick)
            await until(lambda: recorder.written)
            (segment,) = tmp_path.iterdir()  # noqa: ASYNC240  # nothing else runs
            full.enter_context(disk_of(segment.stat().st_size))
            for tick in ticks(100, BATCH):
                recorder.offer(tick)
    assert read(recorder.path) == ticks(BATCH)
    assert (recorder.written, recorder.dropped) == (BATCH, 100)
    assert logs[0]["event"] == "recording interrupted"


async def test_a_tick_that_no_tape_can_hold_is_dropped_and_the_others_are_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "t.parquet")
    impossible = Tick(2**63, "TSLAx@kraken", "quote", bid=1.0, ask=1.0)
    with capture_logs() as logs:
        async with running(recorder):
            for tick in [*ticks(3), impossible, *ticks(2, 3)]:
                recorder.offer(tick)
            await until(lambda: not recorder.depth)
    assert read(recorder.path) == ticks(5)
    assert (recorder.written, recorder.dropped) == (5, 1)
    assert [one["event"] for one in logs] == ["a tick cannot be recorded"]


async def test_no_room_on_the_disk_for_a_beginning_is_said_and_nothing_stays(tmp_path: Path) -> None:
    with disk_of(1), pytest.raises(UsageError, match="cannot be written"):
        await Recorder(tmp_path / "t.parquet").run()
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240  # nothing else runs


class Slow:
    """A tape on a disk that answers when told to."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self.count = 0
        self.closed = False

    def add(self, batch: list[Tick]) -> None:
        self.began.set()
        assert self.go.wait(20)
        self.count += len(batch)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    disk = Slow()
    monkeypatch.setattr("bot.collectors.recorder.create", lambda _path, _rotation: disk)
    yield disk
    disk.go.set()


async def test_a_slow_disk_holds_nobody_up_and_what_finds_no_room_is_counted(
    tmp_path: Path, slow: Slow
) -> None:
    recorder = Recorder(tmp_path / "t.csv", capacity=10, flush_seconds=0.001)
    async with running(recorder):
        recorder.offer(ticks(1)[0])
        await until(slow.began.is_set)
        for tick in ticks(25):
            recorder.offer(tick)
        assert (recorder.depth, recorder.dropped, recorder.written) == (10, 15, 0)
        slow.go.set()
        await until(lambda: recorder.written == 11)
    assert (recorder.depth, recorder.dropped, recorder.written) == (0, 15, 11)


async def test_being_cancelled_in_the_middle_of_a_write_waits_for_it_and_writes_the_rest(
    tmp_path: Path, slow: Slow
) -> None:
    recorder = Recorder(tmp_path / "t.csv", flush_seconds=0.001)
    async with running(recorder) as task:
        recorder.offer(ticks(1)[0])
        await until(slow.began.is_set)
        for tick in ticks(25):
            recorder.offer(tick)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        slow.go.set()
        await asyncio.wait({task}, timeout=20)
    assert task.cancelled()
    assert slow.closed
    assert (recorder.written, recorder.dropped) == (26, 0)


async def test_what_comes_after_the_end_is_counted_as_dropped(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "t.csv")
    async with running(recorder):
        await until(recorder.path.exists)
    recorder.offer(ticks(1)[0])
    assert (recorder.depth, recorder.dropped) == (0, 1)


async def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "t.csv"
    there.write_text("mine")
    recorder = Recorder(there)
    recorder.offer(ticks(1)[0])
    with pytest.raises(UsageError, match="exists and is not overwritten"):
        await recorder.run()
    assert there.read_text() == "mine"
    assert (recorder.written, recorder.dropped) == (0, 1)


async def test_a_place_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        await Recorder(tmp_path / "file" / "t.csv").run()
    with pytest.raises(UsageError, match="a tape ends in"):
        await Recorder(tmp_path / "t.txt").run()


def test_each_start_gets_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    for name in ("t.csv.gz", "t-2.csv.gz", "t-3.csv.gz"):
        free = free_path(path)
        assert free.name == name
        free.touch()
    with pytest.raises(UsageError, match="a tape ends in"):
        free_path(tmp_path / "t")
