"""Labelled tapes from scenarios: agents on real pool mathematics, causes injected, seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bot.errors import UsageError
from bot.simulate.loading import load
from bot.simulate.scenario import Scenario
from bot.simulate.world import simulate
from bot.types import Ns, Tick

__all__ = ["Scenario", "load", "simulate", "write"]

EVERY = 10_000
"""Progress is told after so many ticks."""

Progress = Callable[[int, Ns], None]
"""How many ticks there are, and of what time the last is."""


def write(
    scenario: Path, seed: int, out: Path, labels: Path | None = None, progress: Progress | None = None
) -> tuple[int, int]:
    """Simulate a scenario file to a tape and a CSV of labels; how many of each."""
    from bot import tape
    from bot.score import write_labels

    loaded = load(scenario)
    if labels is not None:
        if labels.resolve() == out.resolve():
            raise UsageError(f"{labels}: --out and --labels are one file; give each its own name")
        _write(labels, lambda path: path.open("ab").close())
    ticks, injected = simulate(loaded, seed)
    try:
        count = tape.write(out, ticks if progress is None else _telling(ticks, progress))
    except ArithmeticError as error:
        what = "a price, depth_usd, ratio or number of decimals is beyond what can be reckoned with"
        raise UsageError(f"{scenario}: {what}: {error}") from None
    if labels is not None:
        _write(labels, lambda path: write_labels(path, injected))
    return count, len(injected)


def _write(path: Path, how: Callable[[Path], None]) -> None:
    """Raises :class:`UsageError` where that cannot be: asked before the work, not only after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        how(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def _telling(ticks: Iterator[Tick], progress: Progress) -> Iterator[Tick]:
    for count, tick in enumerate(ticks, 1):
        if count % EVERY == 0:
            progress(count, tick.ts)
        yield tick
