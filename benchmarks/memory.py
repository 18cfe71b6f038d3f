"""Resident memory over ten million ticks through the engine, its messages fanned out to metrics and page."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import workload
from benchmarks.figure import Figure
from bot.metrics import Metrics
from bot.web.replica import Replica

TICKS = 10_000_000
EVERY = 1_000_000
WARM = 2
"""Millions of ticks until caches, rings and histories are as full as they get."""
GROWTH_BUDGET = 5.0
STATM = Path("/proc/self/statm")


def run() -> Iterator[Figure]:
    """RSS at each million, and by how much it grew after the warm-up."""
    if not STATM.exists():
        yield Figure("resident memory", 0.0, "MB", beside="skipped: no /proc on this system")
        return
    seen: list[float] = []
    for number, megabytes in enumerate(resident(TICKS, EVERY), 1):
        seen.append(megabytes)
        yield Figure(f"RSS after {number} million ticks", megabytes, "MB")
    yield Figure(f"growth after the first {WARM} million", growth(seen), "MB", budget=GROWTH_BUDGET)


def growth(seen: list[float]) -> float:
    """Megabytes by which RSS rose from the end of the warm-up to its highest after it."""
    return max(seen[WARM:]) - seen[WARM - 1]


def resident(count: int, every: int) -> Iterator[float]:
    """RSS in megabytes after each ``every`` of ``count`` ticks; a scrape and a page's look each time."""
    step = workload.engine().step
    metrics, replica = Metrics(), Replica()
    for number, tick in enumerate(workload.ticks(count), 1):
        for message in step(tick):
            metrics.offer(message)
            replica.apply(message, tick.ts)
        if number % every == 0:
            metrics.render()
            replica.changes(0)
            gc.collect()
            yield megabytes()
            sys.stderr.write(f"memory: {number:,} of {count:,} ticks\n")


def megabytes() -> float:
    """What this process holds in memory now."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
