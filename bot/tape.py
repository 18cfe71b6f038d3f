"""Tapes: ticks on disk as CSV, JSON Lines (both also ``.gz``) or Parquet, by the file's ending.

A recording in segments (:mod:`bot.segments`), a folder and a pattern are read as tapes, too. Reading
streams in constant memory. A row that cannot be used goes to ``on_bad`` with its place and a reason
(``bad_ts``, ``bad_instrument``, ``bad_kind``, ``bad_number``, ``not_finite``, ``bad_price``, ``crossed``,
``bad_data``, ``bad_row``, ``time_ahead``) and is passed over; so is what is left of a segment that is damaged
(``bad_segment``), for the others are whole. Order is the engine's to check, but for rows that are far ahead
of those around them (:mod:`bot.ahead`).
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import heapq
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from bot import columns, segments
from bot.ahead import not_ahead
from bot.columns import NUMBERS, REQUIRED
from bot.errors import DataError, TapeError, UsageError
from bot.market import MAX_TS, MIN_TS, check
from bot.timefmt import parse
from bot.types import TICK_KINDS, Ns, Tick, TickKind

COLUMNS = ("ts", "received", "instrument", "kind", "bid", "ask", "price", "high", "low", "size", "data")
ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")
ROWS = 65_536
MAX_FIELD = 1 << 30

OnBad = Callable[[TapeError], None]
_BROKEN = (UnicodeDecodeError, EOFError, OSError, zlib.error)
_KINDS: dict[str, TickKind] = {kind: kind for kind in TICK_KINDS}


def read(path: Path | str, *, on_bad: OnBad) -> Iterator[Tick]:
    """The usable ticks of a file, in its order; of a recording, a folder or a pattern as by :func:`merge`.

    Raises :class:`UsageError` for an ending we do not read, a file that is not there or not what its
    ending says, and a required column that is missing.
    """
    return merge([Path(path)], on_bad=on_bad)


def exists(path: Path) -> bool:
    """Whether there is anything to be read by this name."""
    try:
        return all(file.is_file() for files in segments.tapes([path], ENDINGS) for file in files)
    except UsageError:
        return False


def _one(files: Sequence[Path], on_bad: OnBad) -> Iterator[Tick]:
    """A tape of one file, or of the segments of a recording, one after the other."""
    if len(files) == 1:
        rows = _file(files[0], on_bad)
    else:
        rows = chain.from_iterable(_segment(path, on_bad) for path in files)

    def tell(ahead: str) -> None:
        on_bad(TapeError("time_ahead", f"{files[0]}: {ahead}"))

    return not_ahead(rows, tell)


def _segment(path: Path, on_bad: OnBad) -> Iterator[Tick]:
    """One of several: a damaged one is read as far as it goes, and the next is read all the same."""
    try:
        yield from _file(path, on_bad)
    except UsageError as error:
        if not path.exists():
            raise
        on_bad(TapeError("bad_segment", str(error)))


def _file(path: Path, on_bad: OnBad) -> Iterator[Tick]:
    if path.name.lower().endswith(segments.ENDING + segments.GROWING):
        return chain.from_iterable(_read_growing(path, on_bad))
    ending = ending_of(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such tape")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if ending == ".parquet":
        return chain.from_iterable(_read_parquet(path, on_bad))
    return _read_csv(path, on_bad) if ending.startswith(".csv") else _read_jsonl(path, on_bad)


def merge(paths: Sequence[Path], *, on_bad: OnBad) -> Iterator[Tick]:
    """Several tapes as one, by ``ts``; at the same ``ts`` in the order the files are named.

    Segments of one recording are one tape, read one after the other: they hold what was seen as it came.
    """
    tapes = [_one(files, on_bad) for files in segments.tapes(paths, ENDINGS)]
    return tapes[0] if len(tapes) == 1 else heapq.merge(*tapes, key=lambda tick: tick.ts)


def write(path: Path | str, ticks: Iterable[Tick]) -> int:
    """Write a tape, the same bytes for the same ticks; how many. A half-written file never stays."""
    path = Path(path)
    ending = ending_of(path)
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".parquet":
            count = _write_parquet(partial, ticks)
        else:
            with _open(partial, "w", ending) as file:
                count = _write_csv(file, ticks) if ending.startswith(".csv") else _write_jsonl(file, ticks)
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return count


def lines(ending: str, ticks: Iterable[Tick], *, header: bool) -> str:
    """``ticks`` as text of a ``.csv`` or ``.jsonl`` tape; with ``header``, CSV begins with its columns."""
    file = io.StringIO()
    if ending.startswith(".csv"):
        _write_csv(file, ticks, header=header)
    else:
        _write_jsonl(file, ticks)
    return file.getvalue()


def ending_of(path: Path) -> str:
    """The ending that says the format; UsageError for another."""
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return ending
    raise UsageError(f"{path}: a tape ends in {', '.join(ENDINGS)}")


@contextlib.contextmanager
def _open(path: Path, mode: Literal["r", "w"], ending: str) -> Iterator[IO[str]]:
    if not ending.endswith(".gz"):
        with path.open(mode, encoding="utf-8", newline="") as file:
            yield file
        return
    # Without name and time in its header, so that the same ticks are the same bytes.
    with (
        path.open(f"{mode}b") as raw,
        gzip.GzipFile("", f"{mode}b", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text


def _columns(path: Path, seen: Iterable[str]) -> None:
    seen = list(seen)
    missing = [name for name in REQUIRED if name not in seen]
    if missing:
        raise UsageError(f"{path}: no column {', '.join(missing)}; it has {', '.join(seen) or 'none'}")


def _read_csv(path: Path, on_bad: OnBad) -> Iterator[Tick]:
    csv.field_size_limit(MAX_FIELD)
    with _open(path, "r", ending_of(path)) as file:
        rows = csv.reader(file)
        try:
            header = next(rows, [])
            _columns(path, header)
            for values in rows:
                if not values:
                    continue
                if len(values) != len(header):
                    on_bad(
                        TapeError(
                            "bad_row", f"{path}:{rows.line_num}: {len(values)} fields, not {len(header)}"
                        )
                    )
                    continue
                row = {name: value for name, value in zip(header, values, strict=True) if value != ""}
                tick = _tick(row, f"{path}:{rows.line_num}", on_bad)
                if tick is not None:
                    yield tick
        except (csv.Error, *_BROKEN) as error:
            raise UsageError(f"{path}: not CSV after line {rows.line_num}: {error}") from None


def _read_jsonl(path: Path, on_bad: OnBad) -> Iterator[Tick]:
    decode = msgspec.json.Decoder().decode
    with _open(path, "r", ending_of(path)) as file:
        number = 0
        try:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                where = f"{path}:{number}"
                try:
                    row = decode(line)
                except (msgspec.DecodeError, RecursionError) as error:
                    on_bad(TapeError("bad_row", f"{where}: {error}"))
                    continue
                if not isinstance(row, dict):
                    on_bad(TapeError("bad_row", f"{where}: not an object"))
                    continue
                tick = _tick({name: value for name, value in row.items() if value is not None}, where, on_bad)
                if tick is not None:
                    yield tick
        except _BROKEN as error:
            raise UsageError(f"{path}: not JSON Lines after line {number}: {error}") from None


def _read_parquet(path: Path, on_bad: OnBad) -> Iterator[Iterator[Tick]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0

    def batches(file: Any) -> Iterator[Any]:
        nonlocal number
        present = [name for name in COLUMNS if name in file.schema_arrow.names]
        for batch in file.iter_batches(ROWS, columns=present):
            yield batch
            number += batch.num_rows

    try:
        with pq.ParquetFile(path) as file:
            _columns(path, file.schema_arrow.names)
            if wrong := columns.problem(file.schema_arrow, COLUMNS):
                raise UsageError(f"{path}: {wrong}")
            yield from _rows(batches(file), path, on_bad)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path}: not Parquet after row {number}: {error}") from None


def _read_growing(path: Path, on_bad: OnBad) -> Iterator[Iterator[Tick]]:
    """Of a segment that is being written, or has been finished since it was seen."""
    done = path.with_name(path.name[: -len(segments.GROWING)])
    if done.exists():
        yield from _read_parquet(done, on_bad)
    else:
        yield from _rows(segments.batches(path), path, on_bad)


def _rows(batches: Iterable[Any], path: Path, on_bad: OnBad) -> Iterator[Iterator[Tick]]:
    """The usable ticks of each record batch: flattened by no generator, for there are many."""
    number = 0
    for batch in batches:
        first = number + 1

        def checked(values: columns.Row, place: int, first: int = first) -> Tick | None:
            return _checked(values, f"{path}: row {first + place}", on_bad)

        yield columns.ticks(batch, COLUMNS, checked)
        number += batch.num_rows


def _tick(row: dict[str, Any], where: str, on_bad: OnBad) -> Tick | None:
    """A tick from text or JSON values; missing ones are not in ``row``."""
    try:
        ts = _time(row.get("ts"))
        received = _time(row["received"]) if "received" in row else 0
        numbers = [row.get(name) for name in NUMBERS]
    except TapeError as error:
        on_bad(TapeError(error.reason, f"{where}: {error.detail}"))
        return None
    data = row.get("data")
    if isinstance(data, dict | list):
        data = msgspec.json.encode(data).decode()
    return _checked((ts, received, row.get("instrument"), row.get("kind"), *numbers, data), where, on_bad)


def _time(value: Any) -> Ns:
    if isinstance(value, str):
        try:
            return int(value) if value.lstrip("-").isdigit() else parse(value)
        except ValueError as error:
            raise TapeError("bad_ts", str(error)) from None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TapeError("bad_ts", f"ts is {value!r}")


def _number(name: str, value: Any) -> float | None:
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool):
        raise TapeError("bad_number", f"{name} is {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise TapeError("bad_number", f"{name} is a number of {len(str(value))} digits") from None
    except (TypeError, ValueError):
        raise TapeError("bad_number", f"{name} is {value!r}") from None


def _checked(values: Sequence[Any], where: str, on_bad: OnBad) -> Tick | None:
    """The tick of these values, in the order of ``COLUMNS``; if it cannot be used, ``on_bad`` is told."""
    ts, received, instrument, kind, *numbers, data = values
    if not isinstance(ts, int) or not MIN_TS <= ts < MAX_TS:
        on_bad(TapeError("bad_ts", f"{where}: ts is {ts!r}, not nanoseconds since 1970"))
        return None
    if received is not None and not (isinstance(received, int) and 0 <= received < MAX_TS):
        on_bad(TapeError("bad_ts", f"{where}: received is {received!r}, not nanoseconds since 1970"))
        return None
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        on_bad(TapeError("bad_kind", f"{where}: kind is {kind!r}, not one of {', '.join(TICK_KINDS)}"))
        return None
    if not isinstance(instrument, str) or "@" not in instrument or not instrument.isprintable():
        on_bad(TapeError("bad_instrument", f"{where}: instrument is {instrument!r}, not TOKEN@venue"))
        return None
    if data is not None and not (isinstance(data, str) and data[:1] in '{["' and data[-1:] in '}]"'):
        on_bad(TapeError("bad_data", f"{where}: data is not JSON"))
        return None
    try:
        bid, ask, price, high, low, size = map(_number, NUMBERS, numbers)
        tick = Tick(ts, instrument, known, bid, ask, price, high, low, size, data, received or 0)
        check(tick)
    except DataError as error:
        on_bad(TapeError(error.reason, f"{where}: {error.detail}"))
        return None
    return tick


def _row(tick: Tick) -> dict[str, Any]:
    values = {name: getattr(tick, name) for name in COLUMNS}
    values["received"] = tick.received or None
    return values


def _write_csv(file: IO[str], ticks: Iterable[Tick], *, header: bool = True) -> int:
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for tick in ticks:
        writer.writerow(["" if value is None else value for value in _row(tick).values()])
        count += 1
    return count


def _write_jsonl(file: IO[str], ticks: Iterable[Tick]) -> int:
    count = 0
    for tick in ticks:
        row = {name: value for name, value in _row(tick).items() if value is not None}
        file.write(msgspec.json.encode(row).decode() + "\n")
        count += 1
    return count


def _write_parquet(path: Path, ticks: Iterable[Tick]) -> int:
    with ParquetTape(path) as tape:
        for tick in ticks:
            tape.add(tick)
    return tape.count


def schema(*, plain: bool = False) -> Any:
    """The Arrow schema of a tape; ``plain``: without dictionaries, each batch for itself."""
    import pyarrow as pa

    text = pa.string() if plain else pa.dictionary(pa.int32(), pa.string())
    kinds: dict[str, Any] = {"ts": pa.int64(), "received": pa.int64(), "instrument": text, "kind": text}
    kinds |= {name: pa.float64() for name in NUMBERS} | {"data": pa.string()}
    return pa.schema([pa.field(name, kinds[name]) for name in COLUMNS])


def columns_of(ticks: Sequence[Tick]) -> dict[str, list[Any]]:
    """Ticks by column."""
    columns = {name: [getattr(tick, name) for tick in ticks] for name in COLUMNS}
    columns["received"] = [tick.received or None for tick in ticks]
    return columns


class ParquetTape:
    """A Parquet tape being written, a row group at a time; used as a context manager.

    ``count`` is of the ticks taken, pending ones included. An open file given for ``path`` stays open.
    """

    def __init__(self, path: Path | IO[bytes], rows: int = ROWS) -> None:
        import pyarrow.parquet as pq

        self._schema = schema()
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=9)
        self._pending: list[Tick] = []
        self._batches: list[Any] = []
        self._batched = 0
        self._rows = rows
        self.count = 0

    def __enter__(self) -> ParquetTape:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self._writer.close()

    def add(self, tick: Tick) -> None:
        """Take one tick; a full row group is written."""
        self._pending.append(tick)
        self.count += 1
        if len(self._pending) >= self._rows:
            self.flush()

    def add_batch(self, batch: Any) -> None:
        """Take an Arrow record batch of :func:`schema`; those taken become one row group when it is full."""
        self._batches.append(batch)
        self._batched += batch.num_rows
        self.count += batch.num_rows
        if self._batched >= self._rows:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as a row group."""
        import pyarrow as pa

        if self._batches:
            self._writer.write_table(pa.Table.from_batches(self._batches).cast(self._schema))
            self._batches, self._batched = [], 0
        if self._pending:
            self._writer.write_table(pa.table(columns_of(self._pending), schema=self._schema))
            self._pending.clear()
