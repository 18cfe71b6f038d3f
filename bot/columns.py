"""Record batches of a tape as ticks: checked a column at a time, and only what fails row by row.

A row that passes here is one that :mod:`bot.tape` would take, too; every other is handed to it, which knows
what is wrong and how to say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from bot.market import MAX_PRICE, MAX_TS, MIN_PRICE, MIN_TS
from bot.types import TICK_KINDS, Tick

PRICES = ("bid", "ask", "price", "high", "low")
NUMBERS = (*PRICES, "size")
TEXTS = ("instrument", "kind")
TIMES = ("ts", "received")
REQUIRED = ("ts", *TEXTS)
_KINDS = frozenset(TICK_KINDS)

Row = tuple[Any, ...]
Checked = Callable[[Row, int], Tick | None]
"""The tick of the values of a row, in the order of the columns given, and its place in the batch; ``None`` if
it cannot be used."""


def problem(schema: Any, names: Sequence[str]) -> str:
    """Why no row of such columns could be used, and what to do; ``""`` if some could."""
    for name in names:
        found = schema.get_all_field_indices(name)
        if len(found) > 1:
            return f"column {name} is there {len(found)} times; keep one of them"
        if found and not _may_be(name, schema.field(found[0]).type):
            if name in TIMES:
                want = "int64, nanoseconds since 1970"
            else:
                want = "float64" if name in NUMBERS else "string"
            return f"column {name} is {schema.field(found[0]).type}; write it as {want}"
    return ""


def _may_be(name: str, kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind) and name not in TIMES:
        kind = kind.value_type
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if name in NUMBERS:
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        return bool(number or text or types.is_boolean(kind) or types.is_null(kind))
    return bool(types.is_null(kind) or (types.is_integer(kind) if name in TIMES else text))


def ticks(batch: Any, names: Sequence[str], checked: Checked) -> Iterator[Tick]:
    """The usable ticks of a batch; ``names`` are all columns there may be, those missing count as null."""
    columns = _Columns(batch)
    values = [columns.values(name) for name in names]
    places = [names.index(field) for field in Tick.__struct_fields__]
    if columns.plain():
        return map(Tick, *(values[place] for place in places[:-1]), columns.received())
    rows = zip(zip(*values, strict=True), columns.good.tolist(), strict=True)
    made = (_tick(row, places) if good else checked(row, number) for number, (row, good) in enumerate(rows))
    return (tick for tick in made if tick is not None)


def _tick(row: Row, places: Sequence[int]) -> Tick:
    values: list[Any] = [row[place] for place in places]
    values[-1] = values[-1] or 0
    return Tick(*values)


class _Columns:
    """The columns of one batch as lists, and for each row whether all that was looked at is ``good``."""

    def __init__(self, batch: Any) -> None:
        import numpy as np

        self._batch = batch
        self._present = frozenset(batch.schema.names)
        self.good = np.ones(batch.num_rows, dtype=bool)
        self._bid_ask: list[Any] = []

    def values(self, name: str) -> list[Any]:
        """A column as Python's own values, null as ``None``."""
        if name not in self._present:
            if name in REQUIRED:
                self.good[:] = False
            return [None] * self._batch.num_rows
        column = self._batch.column(name)
        if name in NUMBERS:
            return self._numbers(name, column)
        if name in TEXTS:
            return self._texts(name, column)
        return self._data(column) if name == "data" else self._times(name, column)

    def plain(self) -> bool:
        """Whether every row of what was asked for can be taken as it is."""
        if len(self._bid_ask) == 2:
            bid, ask = self._bid_ask
            self.good &= ~(bid > ask)  # null is no number here, and so never crossed
        return bool(self.good.all())

    def received(self) -> Any:
        """When each row was received, 0 where nobody says."""
        column = self._batch.column("received") if "received" in self._present else None
        if column is None or column.null_count == len(column):
            return repeat(0, self._batch.num_rows)
        return column.fill_null(0).to_numpy(zero_copy_only=False).tolist()

    def _times(self, name: str, column: Any) -> list[Any]:
        import pyarrow as pa

        if column.type != pa.int64():
            self.good[:] = False
            whole: list[Any] = column.to_pylist()
            return whole
        if name == "ts" and column.null_count:
            self.good[:] = False
        if column.null_count == len(column):
            return [None] * len(column)
        moments = column.fill_null(0).to_numpy(zero_copy_only=False)
        least = MIN_TS if name == "ts" else 0
        self.good &= (moments >= least) & (moments < MAX_TS)
        return _nulled(moments, column)

    def _numbers(self, name: str, column: Any) -> list[Any]:
        import numpy as np
        import pyarrow as pa

        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            self.good[:] = False
            return _texts_of(column)
        column = column.cast(pa.float64(), safe=False)  # a whole number too long for it is rounded
        if column.null_count == len(column):
            return [None] * len(column)
        numbers = column.to_numpy(zero_copy_only=False)
        least, most = (0.0, float("inf")) if name == "size" else (MIN_PRICE, MAX_PRICE)
        fits = (numbers >= least) & (numbers < most)
        if column.null_count:
            fits |= ~column.is_valid().to_numpy(zero_copy_only=False)
        self.good &= fits
        if name in ("bid", "ask"):
            self._bid_ask.append(numbers)
        if name in ("high", "low"):
            self.good &= np.isnan(numbers)  # few rows have an excursion: they are looked at one by one
        return _nulled(numbers, column)

    def _texts(self, name: str, column: Any) -> list[Any]:
        import numpy as np
        import pyarrow as pa

        if pa.types.is_string(column.type):
            column = column.dictionary_encode()
        if not pa.types.is_dictionary(column.type) or column.null_count:
            self.good[:] = False
            return _texts_of(column)
        words = _texts_of(column.dictionary)
        usable = _is_kind if name == "kind" else _is_instrument
        places = column.indices.to_numpy(zero_copy_only=False)
        if words:
            self.good &= np.array([usable(word) for word in words], dtype=bool)[places]
        return [words[place] for place in places.tolist()]

    def _data(self, column: Any) -> list[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            if pa.types.is_string(column.type):
                begins = pc.is_in(pc.utf8_slice_codeunits(column, 0, 1), pa.array(["{", "[", '"', None]))
                ends = pc.is_in(pc.utf8_slice_codeunits(column, -1), pa.array(["}", "]", '"', None]))
                texts: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
                self.good &= pc.and_(begins, ends).to_numpy(zero_copy_only=False)
                return texts
        except (pa.ArrowInvalid, UnicodeDecodeError):
            pass  # a text is no UTF-8: row by row it is told which
        self.good[:] = False
        return _texts_of(column)


def _texts_of(column: Any) -> list[Any]:
    """Values as Python's own; a text that is no UTF-8 stays bytes."""
    import pyarrow as pa

    try:
        whole: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        view = pa.types.is_string_view(column.type)
        raw = column.cast(pa.binary_view() if view else pa.large_binary()).to_pylist()
        whole = [_text(value) for value in raw]
    return whole


def _text(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _nulled(values: Any, column: Any) -> list[Any]:
    """Numbers as Python's own, null as ``None``."""
    if not column.null_count:
        plain: list[Any] = values.tolist()
        return plain
    mixed = values.astype(object)
    mixed[~column.is_valid().to_numpy(zero_copy_only=False)] = None
    found: list[Any] = mixed.tolist()
    return found


def _is_kind(word: object) -> bool:
    return word in _KINDS


def _is_instrument(word: object) -> bool:
    return isinstance(word, str) and "@" in word and word.isprintable()
