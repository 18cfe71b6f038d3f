"""Labelled tapes from scenarios: agents on real pool mathematics, causes injected, seeded."""

from __future__ import annotations

from pathlib import Path

from bot.errors import UsageError
from bot.simulate.scenario import Scenario, load
from bot.simulate.world import simulate

__all__ = ["Scenario", "load", "simulate", "write"]


def write(scenario: Path, seed: int, out: Path, labels: Path | None = None) -> tuple[int, int]:
    """Simulate a scenario file to a tape and a CSV of labels; how many of each."""
    from bot import tape
    from bot.score import write_labels

    ticks, injected = simulate(load(scenario), seed)
    count = tape.write(out, ticks)
    if labels is not None:
        try:
            labels.parent.mkdir(parents=True, exist_ok=True)
            write_labels(labels, injected)
        except OSError as error:
            raise UsageError(f"{labels}: cannot be written: {error.strerror or error}") from None
    return count, len(injected)
