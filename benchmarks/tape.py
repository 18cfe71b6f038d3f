"""Rows per second from tapes to checked ticks, beside readers of plain rows of the same file."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import workload
from benchmarks.figure import Figure, best_seconds
from bot import tape
from bot.errors import TapeError

ROWS = 60_000
Read = Callable[[Path], Iterable[Any]]


def run() -> Iterator[Figure]:
    """Each format read whole, every row as a Python object on both sides."""
    with tempfile.TemporaryDirectory() as folder:
        for ending, (peer, read) in _peers().items():
            path = Path(folder, f"tape.{ending}")
            tape.write(path, workload.ticks(ROWS))
            ours = ROWS / best_seconds(partial(_drain, partial(tape.read, path, on_bad=_bad)), 3)
            other = ROWS / best_seconds(partial(_drain, partial(read, path)), 3)
            yield Figure(f"reading .{ending} as ticks", ours, "rows/s", peer, other, better="higher")


def _peers() -> dict[str, tuple[str, Read]]:
    """By ending: polars if it is here, else pyarrow."""
    if find_spec("polars"):
        return {ending: ("polars rows", read) for ending, read in _polars().items()}
    return {ending: ("pyarrow rows", read) for ending, read in _pyarrow().items()}


def _polars() -> dict[str, Read]:
    polars: Any = import_module("polars")
    return {
        "csv": lambda path: polars.read_csv(path, infer_schema_length=None).iter_rows(),
        "jsonl": lambda path: polars.read_ndjson(path, infer_schema_length=None).iter_rows(),
        "parquet": lambda path: polars.read_parquet(path).iter_rows(),
    }


def _pyarrow() -> dict[str, Read]:
    from pyarrow import csv, json, parquet

    return {
        "csv": lambda path: csv.read_csv(path).to_pylist(),
        "jsonl": lambda path: json.read_json(path).to_pylist(),
        "parquet": lambda path: parquet.read_table(path).to_pylist(),
    }


def _drain(rows: Callable[[], Iterable[Any]]) -> None:
    deque(rows(), maxlen=0)


def _bad(error: TapeError) -> None:
    raise error
