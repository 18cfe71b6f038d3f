"""Tapes: what is written is read back exactly; what cannot be used is told with its place and reason."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import tape
from bot.errors import TapeError, UsageError
from bot.market import MAX_TS, MIN_PRICE, MIN_TS
from bot.types import TICK_KINDS, Tick

T = 1_781_600_000_000_000_000
DAY = 86_400 * 10**9
ENDINGS = [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet"]
HEADER = "ts,received,instrument,kind,bid,ask,price,high,low,size,data"
GOOD = f"{T},,TSLAx@kraken,trade,,,400.5,,,100,"

TICKS = [
    Tick(T, "TSLA@yahoo", "quote", bid=400.0, ask=400.1, received=T + 5),
    Tick(T, "TSLAx@kraken", "quote", bid=400.1, ask=400.3, data='{"bids": [[400.1, 2]], "asks": []}'),
    Tick(T + 1, "TSLAx@orca:9p7aTSLA", "pool", price=0.1 + 0.2, size=1e-9, data='{"say": "a, \\"b\\"\\n"}'),
    Tick(T + 2, "SPYx@orca:gef4pD5g", "bar", price=740.0, high=54_424.93, low=739.0, size=0.0),
    Tick(T + 3, "TSLAx@solana", "multiplier", data='{"multiplier": 1.0042}'),
    Tick(T + 4, "TSLAx@kraken", "status", data='{"state": "down"}'),
]


def taken(path: Path) -> tuple[list[Tick], list[TapeError]]:
    """The usable ticks of a tape, and what was told of the others."""
    told: list[TapeError] = []
    return list(tape.read(path, on_bad=told.append)), told


def csv_of(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "tape.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def jsonl_of(folder: Path, *lines: str) -> Path:
    path = folder / "tape.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def row(**changes: object) -> str:
    """One good JSON line with some values changed."""
    return json.dumps({"ts": T, "instrument": "TSLAx@kraken", "kind": "trade", "price": 400.5} | changes)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_is_read_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"tape{ending}"
    assert tape.write(path, TICKS) == len(TICKS)
    assert taken(path) == (TICKS, [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_ticks_are_the_same_bytes(tmp_path: Path, ending: str) -> None:
    first, second = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    tape.write(first, TICKS)
    tape.write(second, iter(TICKS))
    assert first.read_bytes() == second.read_bytes()


NAME = st.text(st.characters(codec="utf-8"), max_size=9).filter(str.isprintable)
PRICE = st.none() | st.floats(MIN_PRICE, 1e11)
JSON = st.dictionaries(st.text(), st.none() | st.text() | st.integers(-(2**53), 2**53), max_size=3)


@st.composite
def any_day(draw: st.DrawFn) -> list[Tick]:
    """Ticks of any one day there is; those that are years from each other are :mod:`bot.ahead`'s."""
    began = draw(st.integers(MIN_TS, MAX_TS - DAY))
    times = st.integers(began, began + DAY - 1)
    return sorted(draw(st.lists(any_tick(times), max_size=12)), key=lambda one: one.ts)


@st.composite
def any_tick(draw: st.DrawFn, times: st.SearchStrategy[int]) -> Tick:
    """A tick that may stand on a tape: any text for names, any price, any JSON."""
    low, high = sorted([draw(st.floats(1e-9, 1e9)), draw(st.floats(1e-9, 1e9))])
    ranged, quoted = draw(st.booleans()), draw(st.booleans())
    return Tick(
        draw(times),
        draw(NAME) + "@" + draw(NAME),
        draw(st.sampled_from(TICK_KINDS)),
        bid=low if quoted else None,
        ask=high if quoted else None,
        price=draw(PRICE),
        high=high if ranged else None,
        low=low if ranged else None,
        size=draw(st.none() | st.floats(0, 1e15)),
        data=draw(st.none() | JSON.map(json.dumps)),
        received=draw(st.just(0) | times),
    )


@pytest.mark.parametrize("ending", ENDINGS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ticks=any_day())
def test_any_ticks_survive_every_format(tmp_path: Path, ending: str, ticks: list[Tick]) -> None:
    path = tmp_path / f"tape{ending}"
    tape.write(path, ticks)
    assert taken(path) == (ticks, [])


@settings(max_examples=300, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(line=st.text(alphabet=st.sampled_from('{}[]":,.-+eE019nalTSx@\\ \t²')) | st.text(max_size=40))
def test_no_line_stops_the_reader(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tape.jsonl"
    path.write_bytes(line.encode("utf-8", "ignore") + b"\n" + row().encode() + b"\n")
    ticks, _ = taken(path)
    assert ticks[-1] == Tick(T, "TSLAx@kraken", "trade", price=400.5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{T},,TSLAx@kraken,trade,,,nan,,,,", "not_finite"),
        (f"{T},,TSLAx@kraken,trade,,,inf,,,,", "not_finite"),
        (f"{T},,TSLAx@kraken,trade,,,-1,,,,", "bad_price"),
        (f"{T},,TSLAx@kraken,trade,,,0,,,,", "bad_price"),
        (f"{T},,TSLAx@kraken,trade,,,400,,,-5,", "bad_size"),
        (f"{T},,TSLAx@kraken,trade,,,four,,,,", "bad_number"),
        (f"{T},,TSLAx@kraken,quote,401,400,,,,,", "crossed"),
        (f"{T},,TSLAx@kraken,bar,,,400,399,401,,", "crossed"),
        (f"{T},,TSLAx@kraken,rumour,,,400,,,,", "bad_kind"),
        (f"{T},,TSLAx@kraken,,,,400,,,,", "bad_kind"),
        (f"{T},,TSLAx,trade,,,400,,,,", "bad_instrument"),
        (f"{T},,,trade,,,400,,,,", "bad_instrument"),
        (f"{T},,TSLAx@\tkraken,trade,,,400,,,,", "bad_instrument"),
        (",,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        ("yesterday,,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        ("-5,,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        ("0,,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        (f"{2**63},,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        (f"{T},later,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        (f"{T},-5,TSLAx@kraken,trade,,,400,,,,", "bad_ts"),
        (f"{T},,TSLAx@kraken,status,,,,,,,down", "bad_data"),
        (f"{T},,TSLAx@kraken,trade,,,400", "bad_row"),
        (f"{T},,TSLAx@kraken,trade,,,400,,,,,,", "bad_row"),
    ],
)
def test_a_row_that_cannot_be_used_is_passed_over_with_file_and_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = csv_of(tmp_path, GOOD, line, GOOD)
    ticks, told = taken(path)
    assert len(ticks) == 2
    assert [(one.reason, one.detail.startswith(f"{path}:3: ")) for one in told] == [(reason, True)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(price="nan"), "not_finite"),
        (row(price=-1), "bad_price"),
        (row(price=True), "bad_number"),
        (row(price=[1]), "bad_number"),
        (row(price=10**400), "bad_number"),
        (row(data=0).replace("0}", "[" * 9999 + "]" * 9999 + "}"), "bad_row"),
        (row(ts=True), "bad_ts"),
        (row(ts=1.5), "bad_ts"),
        (row(ts=T // 10**9), "bad_ts"),
        (row(ts=2**63 - 1), "bad_ts"),
        (row(ts=None), "bad_ts"),
        (row(kind="rumour"), "bad_kind"),
        (row(kind=["trade"]), "bad_kind"),
        (row(instrument=7), "bad_instrument"),
        (row(data=7), "bad_data"),
        ('{"ts": NaN}', "bad_row"),
        ("[1, 2]", "bad_row"),
        ("rubbish", "bad_row"),
        (row()[:-9], "bad_row"),
    ],
)
def test_a_json_line_that_cannot_be_used_is_passed_over_with_file_and_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = jsonl_of(tmp_path, row(), line, row())
    ticks, told = taken(path)
    assert len(ticks) == 2
    assert [(one.reason, one.detail.startswith(f"{path}:2: ")) for one in told] == [(reason, True)]


def test_a_parquet_row_that_cannot_be_used_is_passed_over_with_file_and_row(tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    columns = {
        "ts": [T, T, None, T],
        "instrument": ["TSLAx@kraken"] * 4,
        "kind": ["trade", "rumour", "trade", "trade"],
        "price": [400.5, 1.0, 1.0, float("nan")],
    }
    pq.write_table(pa.table(columns), path)
    ticks, told = taken(path)
    assert ticks == [Tick(T, "TSLAx@kraken", "trade", price=400.5)]
    assert [(one.reason, one.detail.partition(": ")[2][:5]) for one in told] == [
        ("bad_kind", "row 2"), ("bad_ts", "row 3"), ("not_finite", "row 4"),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_row_from_the_future_is_passed_over_and_those_after_it_are_not(
    tmp_path: Path, ending: str, place: int
) -> None:
    path = tmp_path / f"tape{ending}"
    right = [Tick(T + n, "TSLAx@kraken", "trade", price=400.5) for n in range(3)]
    ahead = Tick(T + 25_000 * DAY, "TSLAx@kraken", "trade", price=400.5)
    tape.write(path, [*right[:place], ahead, *right[place:]])
    ticks, told = taken(path)
    assert ticks == right
    (one,) = told
    assert one.reason == "time_ahead"
    assert one.detail.startswith(f"{path}: TSLAx@kraken at 2094-")
    assert one.detail.endswith(" ahead of the row after it")


def test_rows_out_of_order_by_less_than_a_day_and_a_step_back_for_good_are_left_to_the_engine(
    tmp_path: Path,
) -> None:
    times = [T, T + DAY, T + 1, T + 3 * DAY, T + 3 * DAY + 1, T - 9 * DAY, T - 8 * DAY]
    path = tmp_path / "tape.csv"
    given = [Tick(ts, "TSLAx@kraken", "trade", price=400.5) for ts in times]
    tape.write(path, given)
    assert taken(path) == (given, [])


def test_a_last_line_that_was_cut_off_loses_only_itself(tmp_path: Path) -> None:
    for ending in (".csv", ".jsonl"):
        path = tmp_path / f"cut{ending}"
        tape.write(path, TICKS)
        path.write_bytes(path.read_bytes()[:-25])
        ticks, told = taken(path)
        assert ticks == TICKS[:-1]
        assert [one.reason for one in told] == ["bad_row"]


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet"])
def test_a_packed_tape_that_was_cut_off_is_refused_by_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cut{ending}"
    tape.write(path, TICKS)
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(UsageError, match=f"cut{ending}: not "):
        taken(path)


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet"])
def test_a_packed_tape_with_a_damaged_middle_is_refused_by_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"hurt{ending}"
    tape.write(path, TICKS * 50)
    whole = bytearray(path.read_bytes())
    whole[60:140] = b"\xff" * 80
    path.write_bytes(whole)
    with pytest.raises(UsageError, match=f"hurt{ending}: not "):
        taken(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_rubbish_under_a_good_name_is_refused_by_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rubbish{ending}"
    path.write_bytes(b"\x00\xff\xfe rubbish \x80" * 40)
    with pytest.raises(UsageError, match=f"rubbish{ending}: no"):
        taken(path)


def test_an_empty_tape_of_json_lines_has_no_ticks(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert taken(path) == ([], [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_tape_of_no_ticks_is_a_tape(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"none{ending}"
    assert tape.write(path, []) == 0
    assert taken(path) == ([], [])


def test_an_empty_csv_is_refused_because_it_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(UsageError, match=r"empty\.csv: no column ts, instrument, kind; it has none"):
        taken(path)


def test_a_required_column_that_is_missing_is_named_with_those_there_are(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "1,2", header="ts,price")
    with pytest.raises(UsageError, match=r"tape\.csv: no column instrument, kind; it has ts, price"):
        taken(path)
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.table({"ts": [1], "price": [2.0]}), path)
    with pytest.raises(UsageError, match=r"tape\.parquet: no column instrument, kind; it has ts, price"):
        taken(path)


@pytest.mark.parametrize("column", ["price", "size"])
@pytest.mark.parametrize("wrong", ["four", True, b"\xff"])
def test_a_parquet_column_of_texts_is_taken_as_numbers_and_of_others_each_row_is_told(
    tmp_path: Path, column: str, wrong: object
) -> None:
    path = tmp_path / "tape.parquet"
    values = [wrong] if wrong is True else ["1.5", wrong, "2.5"]
    kind = pa.bool_() if wrong is True else pa.binary()
    written = pa.array(values, kind)
    if wrong is not True:
        written = pa.Array.from_buffers(pa.string(), len(values), written.buffers())
    count = len(values)
    base = {"ts": [T] * count, "instrument": ["a@b"] * count, "kind": ["trade"] * count}
    pq.write_table(pa.table(base | {column: written}), path)
    ticks, told = taken(path)
    assert [getattr(tick, column) for tick in ticks] == ([] if wrong is True else [1.5, 2.5])
    place = 1 if wrong is True else 2
    assert [(one.reason, one.detail) for one in told] == [
        ("bad_number", f"{path}: row {place}: {column} is {wrong!r}")
    ]


def test_a_whole_number_too_long_for_a_float_is_rounded_in_parquet_as_in_json(tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    base = {"ts": [T], "instrument": ["a@b"], "kind": ["trade"]}
    pq.write_table(pa.table(base | {"size": [2**53 + 1]}), path)
    (tick,), told = taken(path)
    assert (tick.size, told) == (float(2**53 + 1), [])
    assert taken(jsonl_of(tmp_path, row(size=2**53 + 1)))[0][0].size == tick.size


@pytest.mark.parametrize("name", ["instrument", "kind", "data"])
@pytest.mark.parametrize("texts", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_a_text_that_is_no_utf_8_costs_its_row(tmp_path: Path, name: str, texts: pa.DataType) -> None:
    good = {"instrument": "a@b", "kind": "trade", "data": "[1]"}
    written = pa.array([good[name].encode(), b"[\xff\xfe]", good[name].encode()], pa.binary())
    plain = pa.Array.from_buffers(pa.string(), 3, written.buffers())
    if pa.types.is_dictionary(texts):
        spoilt = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int32()), plain)
    else:
        spoilt = (
            plain.cast(pa.binary()).cast(pa.large_binary()).view(texts) if texts != pa.string() else plain
        )
    columns: dict[str, object] = {"ts": [T] * 3} | {one: [value] * 3 for one, value in good.items()}
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.table(columns | {name: spoilt}), path)
    ticks, told = taken(path)
    assert len(ticks) == 2
    assert [(one.reason, one.detail.startswith(f"{path}: row 2: {name} is ")) for one in told] == [
        (f"bad_{name}", True)
    ]


DATE = datetime.date(2026, 6, 1)


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [
        ("ts", pa.array([DATE]), r"column ts is date32\[day\]; write it as int64, nanoseconds since 1970"),
        ("ts", pa.array([2**30], pa.date32()), r"column ts is date32\[day\]; write it as int64"),
        ("ts", pa.array([2**62], pa.timestamp("ms")), r"column ts is timestamp\[ms\]; write it as int64"),
        ("ts", pa.array([T], pa.timestamp("ns", "Mars/Base")), r"column ts is timestamp\[.*Mars/Base\]; "),
        ("ts", pa.array([float(T)]), r"column ts is double; write it as int64"),
        ("received", pa.array([str(T)]), r"column received is string; write it as int64"),
        ("instrument", pa.array([b"a@b"]), r"column instrument is binary; write it as string"),
        ("kind", pa.array([1]).dictionary_encode(), r"column kind is int64; write it as string"),
        ("data", pa.array([[1]]), r"column data is list<.*>; write it as string"),
        ("bid", pa.array([[1.0]]), r"column bid is list<.*>; write it as float64"),
        ("size", pa.array([b"1"]), r"column size is binary; write it as float64"),
    ],
)  # fmt: skip
def test_a_parquet_column_of_which_no_row_can_be_used_is_refused_by_name(
    tmp_path: Path, name: str, column: pa.Array, told: str
) -> None:
    path = tmp_path / "tape.parquet"
    base: dict[str, object] = {"ts": [T], "instrument": ["a@b"], "kind": ["trade"], "price": [1.0]}
    pq.write_table(pa.table(base | {name: column}), path)
    with pytest.raises(UsageError, match=rf"tape\.parquet: {told}"):
        taken(path)


@pytest.mark.parametrize("name", ["ts", "instrument", "bid", "data"])
def test_a_parquet_column_that_is_there_twice_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tape.parquet"
    table = pa.table({"ts": [T], "instrument": ["a@b"], "kind": ["trade"], "bid": [1.0], "data": ["[1]"]})
    pq.write_table(table.append_column(name, table.column(name)), path)
    with pytest.raises(UsageError, match=rf"tape\.parquet: column {name} is there 2 times; keep one of them"):
        taken(path)


def test_columns_may_come_in_any_order_and_unknown_ones_are_passed_over(tmp_path: Path) -> None:
    header = "kind,weather,price,instrument,ts"
    path = csv_of(tmp_path, f"trade,rain,400.5,TSLAx@kraken,{T}", header=header)
    assert taken(path) == ([Tick(T, "TSLAx@kraken", "trade", price=400.5)], [])


def test_times_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "2026-06-14T17:00:00Z,TSLAx@kraken,trade,1", header="ts,instrument,kind,price")
    assert taken(path)[0][0].ts == 1_781_456_400_000_000_000


def test_json_data_may_be_written_as_an_object(tmp_path: Path) -> None:
    (tick,) = taken(jsonl_of(tmp_path, row(kind="status", data={"state": "up"})))[0]
    assert json.loads(tick.data or "") == {"state": "up"}


def test_empty_lines_are_nothing(tmp_path: Path) -> None:
    assert taken(csv_of(tmp_path, "", GOOD, "")) == taken(csv_of(tmp_path, GOOD))
    assert taken(jsonl_of(tmp_path, "", row(), "  ")) == taken(jsonl_of(tmp_path, row()))


def test_a_pool_with_very_many_levels_fits_into_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    ticks = [Tick(T, "TSLAx@orca:9p7aTSLA", "pool", data=json.dumps({"ticks": list(range(60_000))}))]
    tape.write(path, ticks)
    assert taken(path) == (ticks, [])


def test_order_within_a_file_is_kept_as_it_is_for_the_engine_to_judge(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    ticks = [Tick(T + n, "TSLAx@kraken", "trade", price=1.0) for n in (5, 1, 3)]
    tape.write(path, ticks)
    assert taken(path) == (ticks, [])


def test_merging_is_by_time_and_at_the_same_time_by_the_order_of_the_files(tmp_path: Path) -> None:
    first = [Tick(T + n, f"A{n}@one", "trade", price=1.0) for n in (0, 1, 1, 4)]
    second = [Tick(T + n, f"B{n}@two", "trade", price=1.0) for n in (0, 1, 2, 4)]
    one, two = tmp_path / "one.csv", tmp_path / "two.parquet"
    tape.write(one, first)
    tape.write(two, second)
    told: list[TapeError] = []
    names = [tick.instrument for tick in tape.merge([one, two], on_bad=told.append)]
    assert names == ["A0@one", "B0@two", "A1@one", "A1@one", "B1@two", "B2@two", "A4@one", "B4@two"]
    names = [tick.instrument for tick in tape.merge([two, one], on_bad=told.append)]
    assert names == ["B0@two", "A0@one", "B1@two", "A1@one", "A1@one", "B2@two", "B4@two", "A4@one"]
    assert told == []


def test_merging_loses_no_tick_of_a_file_that_is_out_of_order(tmp_path: Path) -> None:
    paths = []
    for name, times in (("one", (5, 1, 9)), ("two", (2, 3))):
        paths.append(tmp_path / f"{name}.csv")
        tape.write(paths[-1], [Tick(T + n, f"A@{name}", "trade", price=1.0) for n in times])
    merged = list(tape.merge(paths, on_bad=lambda _: None))
    assert sorted(tick.ts - T for tick in merged) == [1, 2, 3, 5, 9]


@pytest.mark.parametrize("name", ["tape.txt", "tape.csv.bz2", "tape", "tape.parquet.gz"])
def test_another_ending_is_refused_with_those_that_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"a tape ends in \.csv, \.csv\.gz, \.jsonl, \.jsonl\.gz, \.parquet"):
        tape.read(tmp_path / name, on_bad=lambda _: None)
    with pytest.raises(UsageError, match=r"a tape ends in \.csv"):
        tape.write(tmp_path / name, [])


def test_a_tape_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: no such tape"):
        tape.read(tmp_path / "gone.csv", on_bad=lambda _: None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_tape_half_written_never_stays(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"tape{ending}"

    def failing() -> object:
        yield from TICKS
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        tape.write(path, failing())  # type: ignore[arg-type]  # an iterator of ticks
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot be written: "):
        tape.write(tmp_path / "file" / "tape.csv", TICKS)
