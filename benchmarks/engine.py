"""Ticks per second through the whole engine: market, valuation, detector and strategy, on one core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks import workload
from benchmarks.figure import Figure, best_seconds
from bot.types import Tick

TICKS = 400_000
BUDGET = 50_000


def run() -> Iterator[Figure]:
    """The best of three passes, each with a fresh engine."""
    ticks = list(workload.ticks(TICKS))
    seconds = best_seconds(lambda: messages(ticks), repeat=3)
    what = f"ticks through the engine, {workload.INSTRUMENTS} instruments"
    yield Figure(what, TICKS / seconds, "ticks/s", budget=BUDGET, better="higher")
    yield Figure("the same, one tick", seconds / TICKS * 1e6, "µs")


def messages(ticks: list[Tick]) -> Counter[str]:
    """What a fresh engine says to these ticks, by kind."""
    step = workload.engine().step
    counted: Counter[str] = Counter()
    for tick in ticks:
        for message in step(tick):
            counted[type(message).__name__] += 1
    return counted
