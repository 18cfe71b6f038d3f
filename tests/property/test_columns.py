"""Batches read a column at a time: the same ticks and the same complaints as row by row."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bot import tape
from bot.columns import NUMBERS, Row, problem, ticks
from bot.errors import TapeError
from bot.market import MAX_TS, MIN_TS
from bot.tape import COLUMNS
from bot.types import TICK_KINDS, Tick

NUMBER = st.none() | st.sampled_from([1.0, 1.5, 0.0, -1.0, 1e-10, 1e12, float("nan"), float("inf")])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "ts": st.none() | st.sampled_from([MIN_TS - 1, MIN_TS, MAX_TS - 1, MAX_TS]),
            "received": st.none() | st.sampled_from([-1, 0, MIN_TS, MAX_TS]),
            "instrument": st.none() | st.sampled_from(["TSLAx@kraken", "TSLAx", "", "A\n@b"]),
            "kind": st.none() | st.sampled_from([*TICK_KINDS, "rumour", ""]),
            "data": st.none() | st.sampled_from(['{"a":1}', "[1]", '"x"', "x", "", "{", '{"é\n":"}"}']),
        }
        | dict.fromkeys(NUMBERS, NUMBER)
    ),
    max_size=8,
)
GOOD = {"ts": MIN_TS, "instrument": "TSLAx@kraken", "kind": "quote", "bid": 1.0, "ask": 1.5}


def row_by_row(rows: list[dict[str, Any]]) -> tuple[list[Tick], list[str]]:
    told: list[str] = []
    found = [
        tape._checked(tuple(row.get(name) for name in COLUMNS), f"row {place}", _teller(told))
        for place, row in enumerate(rows)
    ]
    return [tick for tick in found if tick is not None], told


def by_column(batch: Any) -> tuple[list[Tick], list[str]]:
    told: list[str] = []

    def checked(values: Row, place: int) -> Tick | None:
        return tape._checked(values, f"row {place}", _teller(told))

    return list(ticks(batch, COLUMNS, checked)), told


def _teller(told: list[str]) -> Any:
    return lambda error: told.append(f"{error.reason} {error.detail}")


@given(ROWS, st.booleans())
def test_a_batch_reads_as_its_rows_do(rows: list[dict[str, Any]], plain: bool) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=tape.schema(plain=plain))
    assert by_column(batch) == row_by_row(rows)


@given(ROWS, st.sets(st.sampled_from(COLUMNS), max_size=len(COLUMNS) - 1))
def test_columns_that_are_not_there_are_null(rows: list[dict[str, Any]], without: set[str]) -> None:
    kept = [field for field in tape.schema() if field.name not in without]
    rows = [{name: value for name, value in row.items() if name not in without} for row in rows]
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema(kept))
    assert by_column(batch) == row_by_row(rows)


OTHERS = {
    pa.string(): st.none() | st.sampled_from(["1.5", "1", "x", "", "nan", "inf", "-1", "1e400", "1_0"]),
    pa.bool_(): st.none() | st.booleans(),
    pa.int64(): st.none() | st.sampled_from([0, 1, 2, -1, 2**53 + 1, 2**62 + 1]),
    pa.uint64(): st.none() | st.sampled_from([0, 1, 2, 2**64 - 1]),
    pa.float32(): st.none() | st.sampled_from([1.0, 1.5, -1.0, float("inf")]),
    pa.decimal128(10, 2): st.none() | st.sampled_from([Decimal("1.25"), Decimal("-1.00")]),
    pa.dictionary(pa.int32(), pa.string()): st.none() | st.sampled_from(["1.5", "x"]),
    pa.dictionary(pa.int32(), pa.float64()): st.none() | st.sampled_from([1.0, 1.5, -1.0]),
}
TEXTS = st.sampled_from(
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)


@given(st.data(), ROWS)
def test_columns_of_any_type_that_may_be_read_as_their_rows_do(
    data: st.DataObject, rows: list[dict[str, Any]]
) -> None:
    kinds = {name: data.draw(TEXTS, name) for name in ("instrument", "kind", "data")}
    kinds |= {"ts": pa.int64(), "received": pa.int64()}
    for name in NUMBERS:
        kinds[name] = data.draw(st.sampled_from(list(OTHERS)), name)
        for row in rows:
            row[name] = data.draw(OTHERS[kinds[name]], name)
    schema = pa.schema([pa.field(name, kinds[name]) for name in COLUMNS])
    assert problem(schema, COLUMNS) == ""
    assert by_column(pa.RecordBatch.from_pylist(rows, schema=schema)) == row_by_row(rows)


SPOILT = st.lists(
    st.sampled_from([b"TSLAx@kraken", b"quote", b"[1]", b"\xff", b"[\xff]", b"a@\xe9", b"[\x80]"])
)


@given(SPOILT, st.sampled_from(["instrument", "kind", "data"]), st.booleans())
def test_texts_that_are_no_utf_8_are_told_as_their_rows_are(
    texts: list[bytes], name: str, encoded: bool
) -> None:
    column = pa.Array.from_buffers(pa.string(), len(texts), pa.array(texts, pa.binary()).buffers())
    if encoded:
        places = pa.array(range(len(texts)), pa.int32())
        column = pa.DictionaryArray.from_arrays(places, column)
    plain = {key: [value] * len(texts) for key, value in GOOD.items()}
    batch = pa.RecordBatch.from_pydict(plain | {name: column})
    rows = [GOOD | {name: _decoded(text)} for text in texts]
    assert by_column(batch) == row_by_row(rows)


def _decoded(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def test_columns_of_other_types_are_looked_at_row_by_row() -> None:
    rows = [GOOD | {"bid": 1, "ask": 2}, GOOD | {"bid": 3, "ask": 2}]
    kinds = {"ts": pa.uint64(), "instrument": pa.large_string(), "kind": pa.large_string()}
    numbers = {"bid": pa.int32(), "ask": pa.float32()}
    schema = pa.schema([pa.field(name, kind) for name, kind in (kinds | numbers).items()])
    found, told = by_column(pa.RecordBatch.from_pylist(rows, schema=schema))
    assert [(tick.bid, tick.ask) for tick in found] == [(1.0, 2.0)]
    assert [complaint.partition(" ")[0] for complaint in told] == ["crossed"]


def test_a_tape_of_many_rows_tells_which_is_bad(tmp_path: Path) -> None:
    rows = [GOOD | {"ts": MIN_TS + place} for place in range(10)]
    rows[7]["ask"] = 0.5
    path = tmp_path / "a.parquet"
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows, schema=tape.schema()), path, row_group_size=4)
    told: list[TapeError] = []
    assert len(list(tape.read(path, on_bad=told.append))) == 9
    assert [error.detail.partition("row ")[2][:2] for error in told] == ["8:"]
