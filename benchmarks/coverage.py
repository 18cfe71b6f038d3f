"""How coverage scatters in samples as small as those it is judged on: ``python -m benchmarks.coverage ZIP…``

Takes Lean's daily bars (``Data/equity/usa/daily``), starts the shipped model afresh at many moments of their
weekends, and says how often a few weekends' coverage lies within two points of the 95 % stated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, pstdev

from bot.calibrate import daily
from bot.calibrate.rows import Row, by_weekend
from bot.calibrate.weekends import Walk, summary, walk
from bot.cli import setup
from bot.timefmt import DAY_SECONDS, NS
from bot.valuation import SessionClock

SAMPLES = ((37, ("SPY", "AAPL", "USO")), (11, ()))
"""(weekends, shares; none: all of them): about as many rows each as later weekends have."""
EVERY = 7
WARM = 500


def main(paths: Sequence[str]) -> None:
    """Print one line per kind of sample."""
    loaded, registry = setup(None)
    clock = SessionClock(loaded.valuation)
    rows = daily.read([Path(path) for path in paths], clock)
    weekends = by_weekend([row for row in rows if (row.opened - row.closed) / NS / DAY_SECONDS > 2])
    for length, symbols in SAMPLES:
        found = []
        for start in range(min(WARM, len(weekends) // 3), len(weekends) - length, EVERY):
            sample = _of(weekends[start : start + length], symbols)
            judged, _ = walk(sample, lambda: Walk(registry, clock))
            found.append(summary(judged)["coverage"])
        right = sum(abs(coverage - 0.95) <= 0.02 for coverage in found) / len(found)
        shares = len(symbols) or len({row.symbol for row in rows})
        print(
            f"{length} weekends of {shares} shares, {len(found)} samples: coverage {mean(found):.1%}, "
            f"standard deviation {pstdev(found):.1%}, within 93 to 97 % {right:.0%}"
        )


def _of(weekends: Sequence[Sequence[Row]], symbols: Sequence[str]) -> list[Row]:
    return [row for weekend in weekends for row in weekend if not symbols or row.symbol in symbols]


if __name__ == "__main__":
    main(sys.argv[1:])
