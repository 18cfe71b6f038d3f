"""Labelled tapes from scenarios: agents on real pool mathematics, causes injected, seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bot.errors import UsageError
from bot.simulate.scenario import Scenario, load
from bot.simulate.world import simulate
from bot.types import Ns, Tick

__all__ = ["Scenario", "load", "simulate", "write"]

EVERY = 10_000
"""Progress is told after so many ticks."""

Progress = Callable[[Ns, Ns, int], None]
"""Where it is, where it ends (both in event time), and how many ticks there are until now."""


def write(
    scenario: Path, seed: int, out: Path, labels: Path | None = None, progress: Progress | None = None
) -> tuple[int, int]:
    """Simulate a scenario file to a tape and a CSV of labels; how many of each."""
    from bot import tape
    from bot.score import write_labels

    told = load(scenario)
    ticks, injected = simulate(told, seed)
    count = tape.write(out, ticks if progress is None else _telling(ticks, told, progress))
    if labels is not None:
        try:
            labels.parent.mkdir(parents=True, exist_ok=True)
            write_labels(labels, injected)
        except OSError as error:
            raise UsageError(f"{labels}: cannot be written: {error.strerror or error}") from None
    return count, len(injected)


def _telling(ticks: Iterator[Tick], scenario: Scenario, progress: Progress) -> Iterator[Tick]:
    from bot.timefmt import DAY_SECONDS, NS

    end = scenario.starts + int(scenario.days * DAY_SECONDS * NS)
    for count, tick in enumerate(ticks):
        if count % EVERY == 0:
            progress(tick.ts, end, count)
        yield tick
