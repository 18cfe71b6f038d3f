"""One figure as it is printed: a value with its unit, beside a peer's or a budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Literal

from msgspec import Struct


class Figure(Struct, frozen=True):
    """``beside`` names the peer, ``other`` is its value in the same ``unit`` (``None``: skipped, and
    ``beside`` says why). A ``budget`` is to be kept: ``better`` says on which side."""

    what: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    budget: float | None = None
    better: Literal["higher", "lower"] = "lower"

    @property
    def kept(self) -> bool:
        """Whether the budget is kept; True where there is none."""
        if self.budget is None:
            return True
        return self.value >= self.budget if self.better == "higher" else self.value <= self.budget


def figures(name: str) -> list[Figure]:
    """All figures of one benchmark."""
    return list(import_module(f"benchmarks.{name}").run())


def best_seconds(work: Callable[[], object], repeat: int = 5) -> float:
    """Wall seconds of the run of ``work`` that was disturbed least."""
    return min(_seconds(work) for _ in range(repeat))


def micros_each(work: Callable[[], object], number: int = 1_000, repeat: int = 5) -> float:
    """Microseconds of one call of ``work``, of ``number`` in a row, in the best run."""

    def loop() -> None:
        for _ in range(number):
            work()

    return best_seconds(loop, repeat) / number * 1e6


def cpu_micros_each(work: Callable[[], object], number: int = 50, repeat: int = 100) -> float:
    """Microseconds of processor time of one call of ``work``, which computes and does not wait: other
    processes on the same core do not count."""
    best = float("inf")
    for _ in range(repeat):
        started = time.process_time()
        for _ in range(number):
            work()
        best = min(best, time.process_time() - started)
    return best / number * 1e6


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
