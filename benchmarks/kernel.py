"""Rows per second through the batch kernel on one core, beside the same functions as plain Python.

The rows are recorded from the wide market of the engine's benchmark, so their mix is a live one, and then
repeated as groups of their own until there are two million. That both ways give the same incidents is checked
first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks import wide, workload
from benchmarks.figure import Figure
from bot.kernel.columns import Columns, Thresholds, thresholds
from bot.kernel.record import Recorder
from bot.kernel.run import episodes, score

INSTRUMENTS = 2_000
TICKS = 200_000
TIMES = 12
PASSES = 7
BUDGET = 20e6


def _seconds(work: Callable[[], object]) -> float:
    """Median seconds of processor time of some passes."""
    seen = []
    for _ in range(PASSES):
        started = time.process_time()
        work()
        seen.append(time.process_time() - started)
    return median(seen)


def recorded() -> Columns:
    """What the engine's detector judged of so many ticks."""
    engine = wide.engine(INSTRUMENTS)
    recorder = Recorder(engine)
    for tick in (*wide.opening(INSTRUMENTS), *wide.ticks(INSTRUMENTS, TICKS)):
        engine.step(tick)
    return recorder.columns()


def repeated(columns: Columns, times: int) -> Columns:
    """The same rows over and over, as other groups."""
    rows, venues = len(columns), len(columns.instruments)

    def edges(values: np.ndarray, step: int) -> np.ndarray:
        begins = [values[:-1] + step * number for number in range(times)]
        return np.append(np.concatenate(begins), step * times)

    return Columns(
        [f"{name} {number}" for number in range(times) for name in columns.instruments],
        [f"{name} {number}" for number in range(times) for name in columns.groups],
        edges(columns.starts, rows), edges(columns.first_venue, venues), np.tile(columns.ts, times),
        np.concatenate([columns.venue + venues * number for number in range(times)]),
        np.tile(columns.flags, times),
        {name: np.tile(values, times) for name, values in columns.floats.items()},
    )  # fmt: skip


def _figures(columns: Columns, setting: Thresholds) -> Iterator[Figure]:
    many = repeated(columns, TIMES)
    assert episodes(columns, setting) == episodes(columns, setting, plain=True)
    for what, work in (
        ("incidents of one setting", lambda rows, plain: episodes(rows, setting, plain)),
        ("scores of each row", score),
    ):
        work(columns, False)  # compiled by now
        fast = len(many) / _seconds(lambda work=work: work(many, False))
        plain = len(columns) / _seconds(lambda work=work: work(columns, True))
        yield Figure(f"{what}, {len(many):,} rows", fast, "rows/s", "plain Python", plain, BUDGET, "higher")


def run() -> Iterator[Figure]:
    """What the compiled loops do in a second."""
    yield from _figures(recorded(), thresholds(workload.config()))
