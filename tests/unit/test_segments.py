"""A recording in segments: rotated, read as one tape by any of its names, whole wherever its writer ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import segments, tape
from bot.collectors import growing
from bot.collectors.growing import Rotation
from bot.errors import TapeError, UsageError
from bot.types import Tick
from tests.fixtures.manual_time import ManualTime

T = 1_782_000_000_000_000_000


def ticks(number: int, first: int = 0) -> list[Tick]:
    return [
        Tick(T + n, f"TSLAx@venue{n % 3}", "quote", bid=1.0, ask=1.5, data='{"n":1}', received=T + n + 7)
        for n in range(first, first + number)
    ]


def read(*paths: Path) -> list[Tick]:
    """All of it, which has to be without fault."""

    def bad(error: Exception) -> None:
        raise error

    return list(tape.merge(paths, on_bad=bad))


def record(base: Path, number: int, first: int = 0, *, each: int = 10, finished: bool = True) -> None:
    """``number`` ticks in segments of ``each``; unless ``finished`` its writer is gone without a word."""
    out = growing.create(base, Rotation(size_bytes=1))
    for at in range(first, first + number, each):
        out.add(ticks(each, at))
    out.close()
    if not finished:
        out = growing.create(base)
        out.add(ticks(each, first + number))
        assert isinstance(out, growing._Segments)
        assert out._file is not None
        out._file.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_segment_is_finished_when_it_is_large_enough(tmp_path: Path) -> None:
    record(tmp_path / "week.parquet", 30)
    assert names(tmp_path) == [f"week-00000{n}.parquet" for n in (1, 2, 3)]
    assert read(tmp_path / "week-000002.parquet") == ticks(10, 10)


def test_a_segment_is_finished_when_it_is_old_enough(tmp_path: Path) -> None:
    time = ManualTime()
    out = growing.create(tmp_path / "week.parquet", Rotation(seconds=60.0), time.monotonic)
    for first, time.seconds in ((0, 5.0), (10, 64.0), (20, 65.0), (30, 70.0)):
        out.add(ticks(10, first))
    out.close()
    assert read(tmp_path / "week-000001.parquet") == ticks(30)
    assert read(tmp_path / "week-000002.parquet") == ticks(10, 30)


@pytest.mark.parametrize("name", ["week.parquet", "week-*.parquet", "week-00000[1-9].parquet", "."])
def test_all_segments_are_one_tape_by_name_pattern_or_folder(tmp_path: Path, name: str) -> None:
    record(tmp_path / "week.parquet", 30)
    assert read(tmp_path / name) == ticks(30)
    assert tape.exists(tmp_path / name)


def test_segments_named_one_by_one_are_read_in_their_order(tmp_path: Path) -> None:
    record(tmp_path / "week.parquet", 30)
    paths = [tmp_path / f"week-00000{n}.parquet" for n in (3, 1, 2)]
    assert read(*paths) == ticks(30)


def test_what_came_late_stays_where_it_came_also_between_two_segments(tmp_path: Path) -> None:
    came = [*ticks(10, 5), *ticks(10)]
    out = growing.create(tmp_path / "week.parquet", Rotation(size_bytes=1))
    out.add(came[:10])
    out.add(came[10:])
    out.close()
    assert read(tmp_path / "week.parquet") == came
    assert read(*sorted(tmp_path.iterdir())) == came


def test_two_recordings_in_a_folder_are_merged_by_time(tmp_path: Path) -> None:
    record(tmp_path / "a.parquet", 20, 20)
    record(tmp_path / "b.parquet", 20)
    assert read(tmp_path) == ticks(40)


@pytest.mark.parametrize("damage", ["rubbish", "torn", "cut"])
def test_a_damaged_segment_is_told_and_the_others_are_read(tmp_path: Path, damage: str) -> None:
    record(tmp_path / "week.parquet", 30)
    middle = tmp_path / "week-000002.parquet"
    whole = middle.read_bytes()
    torn = whole[:40] + bytes(200) + whole[240:]
    middle.write_bytes({"rubbish": b"PAR1", "torn": torn, "cut": whole[: len(whole) // 2]}[damage])
    bad: list[TapeError] = []
    assert list(tape.read(tmp_path / "week.parquet", on_bad=bad.append)) == [*ticks(10), *ticks(10, 20)]
    assert [error.reason for error in bad] == ["bad_segment"]
    assert "week-000002.parquet: not Parquet" in bad[0].detail
    with pytest.raises(UsageError, match="not Parquet"):
        read(middle)
    with pytest.raises(UsageError, match="no such tape"):
        read(tmp_path / "week-000001.parquet", tmp_path / "week-000009.parquet")


def test_nothing_of_that_name_is_said(tmp_path: Path) -> None:
    for name, words in (
        ("week.parquet", "no such tape"), ("w*.parquet", "no file fits"), (".", "no tape in this folder"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            read(tmp_path / name)
        assert not tape.exists(tmp_path / name)


def test_what_a_writer_left_unfinished_is_read_and_finished_by_the_next(tmp_path: Path) -> None:
    base = tmp_path / "week.parquet"
    record(base, 20, finished=False)
    assert names(tmp_path)[-1] == "week-000003.parquet.growing"
    assert read(base) == ticks(30)
    record(base, 10, 30)
    assert names(tmp_path) == [f"week-00000{n}.parquet" for n in (1, 2, 3, 4)]
    assert read(base) == ticks(40)


def test_a_torn_segment_is_read_up_to_its_last_whole_batch_wherever_it_is_torn(tmp_path: Path) -> None:
    base = tmp_path / "week.parquet"
    out = growing.create(base)
    sizes = []
    path = segments.grown(segments.nth(base, 1))
    for first in (0, 10, 20):
        sizes.append(path.stat().st_size)
        out.add(ticks(10, first))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        done = sum(length >= size for size in [*sizes[1:], len(whole)])
        assert read(path) == ticks(10 * done), length
    path.write_bytes(whole)
    out.close()
    assert read(base) == ticks(30)


def test_a_segment_whose_finishing_was_cut_short_counts_once(tmp_path: Path) -> None:
    base = tmp_path / "week.parquet"
    record(base, 10, finished=False)
    left = segments.grown(segments.nth(base, 2))
    kept = left.read_bytes()
    segments.repair(base)
    left.write_bytes(kept)  # killed between the new name and the end of the old one
    (tmp_path / "week-000002.parquet.part").write_bytes(b"half")  # and once before that
    assert read(base) == ticks(20)
    assert read(tmp_path) == ticks(20)
    segments.repair(base)
    assert not left.exists()


def test_two_processes_do_not_write_one_recording(tmp_path: Path) -> None:
    base = tmp_path / "week.parquet"
    out = growing.create(base)
    with pytest.raises(UsageError, match="being recorded by another process"):
        growing.create(base)
    out.close()
    growing.create(base).close()


def test_a_disk_too_full_to_finish_leaves_a_segment_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "week.parquet"

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        out = growing.create(base, Rotation(size_bytes=1))
        for first in (0, 10):
            out.add(ticks(10, first))
        with pytest.raises(OSError, match="No space"):
            out.close()
        assert read(base) == ticks(20)
        assert names(tmp_path) == [f"week-00000{n}.parquet.growing" for n in (1, 2)]
    segments.repair(base)
    assert read(base) == ticks(20)
    assert names(tmp_path) == [f"week-00000{n}.parquet" for n in (1, 2)]


def test_a_recording_on_a_sunday_keeps_what_is_new_beside_what_is_of_friday(tmp_path: Path) -> None:
    day = 86_400 * 10**9
    came = [
        Tick(T + n if n % 2 else T - 2 * day + n, f"TSLA{'x@kraken' if n % 2 else '@yahoo'}", "quote",
             bid=1.0, ask=1.5, received=T + n + 5)
        for n in (1, 2, 3, 4, 5)
    ]  # fmt: skip
    out = growing.create(tmp_path / "week.parquet")
    out.add(came)
    out.close()
    assert read(tmp_path / "week.parquet") == came
