"""``python -m benchmarks [NAME…]``: run the benchmarks and print one table, or JSON Lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from multiprocessing import get_context

import msgspec

from benchmarks.figure import Figure, figures

NAMES = (
    "engine",
    "kernel",
    "memory",
    "startup",
    "pools",
    "pool_growth",
    "arbitrage",
    "metrics",
    "tape",
    "ledger",
    "options",
    "planning",
    "backtest",
    "exchange",
    "latency",
)
LONG = ("faults", "soak")
"""Take a quarter of an hour each, and only if asked for by name; they make processes of their own."""


def main() -> int:
    """0, or with ``--check`` 1 if a budget is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, *LONG)))
    parser.add_argument("--json", action="store_true", help="a JSON object per figure")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a budget is not kept")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - {*NAMES, *LONG})
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there is {', '.join((*NAMES, *LONG))}")
    found = list(_run(asked.names or NAMES))
    for line in _lines(found) if asked.json else _table(found):
        print(line)
    return 1 if asked.check and not all(figure.kept for _, figure in found) else 0


def _run(names: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    """Each in a process of its own, so that what one leaves in memory is not in another's way."""
    for name in names:
        sys.stderr.write(f"{name} …\n")
        if name in LONG:
            yield from ((name, figure) for figure in figures(name))
            continue
        with get_context("spawn").Pool(1) as process:
            for figure in process.apply(figures, (name,)):
                yield name, figure


def _lines(found: list[tuple[str, Figure]]) -> Iterator[str]:
    for name, figure in found:
        yield msgspec.json.encode({"benchmark": name} | msgspec.structs.asdict(figure)).decode()


def _table(found: list[tuple[str, Figure]]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("", "figure", "value", "unit", "beside", "", "budget")]
    rows += [(name, *_cells(figure)) for name, figure in found]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if column in (2, 5) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _cells(figure: Figure) -> tuple[str, ...]:
    budget = ""
    if figure.budget is not None:
        sign = "≥" if figure.better == "higher" else "≤"
        budget = f"{sign} {_number(figure.budget)}: {'kept' if figure.kept else 'NOT KEPT'}"
    other = "" if figure.other is None else _number(figure.other)
    return figure.what, _number(figure.value), figure.unit, figure.beside, other, budget


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
