"""A day of live running at speed: virtual time, random faults and depegs from a seed, everything recorded.

``python -m benchmarks.soak [--hours 24] [--seed 1] [--json]``. Five sources on loopback (Kraken's socket,
Pyth's stream, two APIs that are asked, a Solana node), each behind a proxy that breaks now one, now another
in every way of the fault bench; the daemon's own loop, recorder and clock. Shown is whether memory stayed
flat, all feeds were back at the end, and replaying the recording gave the incidents and plans that were seen,
byte for byte.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.figure import Figure

if TYPE_CHECKING:
    from benchmarks.soak_world import Seen

START = 1_781_700_000_000_000_000
"""2026-06-17 12:40 UTC, a Wednesday: fifty minutes before New York opens."""
GROWTH_MIB = 10.0


def run() -> Iterator[Figure]:
    """A day."""
    command = [sys.executable, "-m", "benchmarks.soak", "--json"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    yield from figures(SimpleNamespace(**msgspec.json.decode(done.stdout)))


def figures(seen: Seen | SimpleNamespace) -> Iterator[Figure]:
    """What counts."""
    yield Figure("simulated hours", seen.hours, "h")
    yield Figure("… in", seen.wall_seconds, "s")
    yield Figure("ticks", seen.ticks, "")
    yield Figure("faults", sum(seen.faults.values()), "")
    yield Figure("incidents live", seen.incidents, "", "replayed", seen.replayed)
    yield Figure("lines of incidents and plans that differ", seen.differ, "", budget=0)
    yield Figure("feeds not back", len(seen.not_back), "", budget=0)
    yield Figure("memory, the last three quarters", seen.growth_mib, "MiB", budget=GROWTH_MIB)
    yield Figure("ticks dropped by queue and recorder", seen.dropped, "", budget=0)


def soak(hours: float, seed: int) -> Seen:
    """In this process, whose time is never the same again."""
    from tests.fixtures.virtual_time import VirtualTime

    clock = VirtualTime(START)
    clock.install()
    from benchmarks.soak_world import World

    with TemporaryDirectory(prefix="pegbot-soak-") as folder:
        seen: Seen = clock.run(World(Path(folder), hours, seed).run())
    return seen


def main() -> int:
    """0, or 1 if a budget is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seen = soak(asked.hours, asked.seed)
    found = list(figures(seen))
    told: Any = msgspec.to_builtins(seen)
    if asked.json:
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        for name, value in told.items():
            sys.stdout.write(f"{name:14} {value}\n")
    return 0 if all(figure.kept for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
