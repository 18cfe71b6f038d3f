"""What a backtest costs: ninety days of a hundred instruments through the engine, with trades and books.

The tape is ``bench.toml`` for ninety days at steps of five minutes in the regular session, fifteen outside,
every cause by chance; it is made once and kept in ``var/bench``. Processor time of one core.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.figure import Figure
from bot import tape
from bot.backtest.report import report
from bot.backtest.run import Backtest
from bot.cli import setup
from bot.simulate import load, simulate

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "config" / "scenarios" / "bench.toml"
CACHE = ROOT / "var" / "bench"
DAYS, REGULAR_SECONDS, CLOSED_SECONDS, SEED = 90, 300.0, 900.0, 1
BUDGET = 60.0


def run() -> Iterator[Figure]:
    """Seconds for the whole, and ticks a second."""
    path = _tape()
    config, registry = setup(None)
    started = time.process_time()
    test = Backtest(config, registry)
    test.run(tape.read(path, on_bad=test.bad_row))
    result = report(test)
    seconds = time.process_time() - started
    assert result["plans_traded"], "nothing was traded: there was nothing to test"
    what = f"backtest of {DAYS} days, 100 instruments, {test.ticks / 1e6:.1f} million ticks"
    yield Figure(what, seconds, "s", budget=BUDGET)
    yield Figure("ticks a second of it", test.ticks / seconds, "/s")


def _tape() -> Path:
    scenario = msgspec.structs.replace(
        load(SCENARIO), days=DAYS, step_seconds=REGULAR_SECONDS, closed_step_seconds=CLOSED_SECONDS
    )
    path = CACHE / f"quarter-{SEED}.parquet"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        mine = path.with_suffix(".new.parquet")
        tape.write(mine, simulate(scenario, SEED)[0])
        mine.replace(path)
    return path
