"""Every source through every fault, on loopback: what was shown, how soon noticed and over, what it cost.

``python -m benchmarks faults`` writes docs/faults.md and prints the worst of each figure;
``python -m benchmarks.faults --sources NAME,… --faults NAME,…`` prints the tables of some. A source has a
process of its own; silence counts after 1.5 s (3 s of exchanges), back-off is at most 1 s, so that it takes
minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import structlog

from benchmarks.faults_table import page
from benchmarks.figure import Figure
from tests.fixtures.fault_proxy import FAULTS as BROKEN
from tests.fixtures.fault_rigs import HTTP
from tests.fixtures.fault_rigs_chain import CHAINS
from tests.fixtures.fault_rigs_exchange import EXCHANGES
from tests.fixtures.fault_rigs_stocks import STOCKS
from tests.fixtures.fault_trial import CLOCKS, FROM_THE_START, NONE, Outcome, Trial

RIGS = {rig.name: rig for rig in (*EXCHANGES, *HTTP, *STOCKS, *CHAINS)}
FAULTS = (NONE, *BROKEN, *CLOCKS, *FROM_THE_START)
AT_ONCE = 8
"""Processes; most of the time they wait."""
PATIENCE_SECONDS = 100.0
LONGEST_SECONDS = 330.0
DOCS = Path(__file__).parents[1] / "docs" / "faults.md"


def run() -> Iterator[Figure]:
    """The worst that was seen; the tables go to docs/faults.md."""
    began = time.monotonic()
    outcomes = trials(list(RIGS), FAULTS)
    DOCS.write_text(page(outcomes, time.monotonic() - began))
    found = [one for one in outcomes if one.fault not in FROM_THE_START]
    yield Figure("sources × faults", len(outcomes), "")
    yield Figure("wrong prices shown", sum(one.wrong for one in outcomes), "", budget=0)
    yield Figure("sources not back", sum(one.back is None for one in found), "", budget=0)
    yield Figure("longest to notice", max(one.noticed or 0.0 for one in outcomes), "s")
    yield Figure("longest to be back", max(one.back or 0.0 for one in found), "s")
    yield Figure("busiest while it lasts", max(one.processor for one in outcomes), "cores", budget=0.5)
    yield Figure("most memory kept", max(one.memory for one in outcomes) / 1024, "MiB")
    held = max(one.held for one in outcomes)
    yield Figure("the other source, held up at worst by", held * 1000, "ms of processor time")


def trials(sources: Sequence[str], faults: Sequence[str]) -> list[Outcome]:
    """Each source's, in its own process."""
    with ProcessPoolExecutor(AT_ONCE, get_context("spawn")) as pool:
        work = [pool.submit(_source, name, tuple(faults)) for name in sources]
        return [outcome for one in work for outcome in one.result()]


def _source(name: str, faults: tuple[str, ...]) -> list[Outcome]:
    structlog.configure(processors=[_drop])
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found = []
    # Once without looking: libraries are loaded and what they keep is kept.
    asyncio.run(Trial(RIGS[name](), NONE).run())
    for fault in faults:
        began = time.monotonic()
        trial = Trial(RIGS[name](), fault, patience=PATIENCE_SECONDS)
        try:
            outcome = asyncio.run(asyncio.wait_for(trial.run(), LONGEST_SECONDS))
        except Exception as error:  # one is not to be the end of all
            outcome = trial.outcome
            outcome.ended = f"the trial failed: {type(error).__name__}: {error}"[:200]
        sys.stderr.write(
            f"{name}, {fault} ({time.monotonic() - began:.0f} s): {outcome.showed} {outcome.ended}"[:200]
            + "\n"
        )
        found.append(outcome)
    return found


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--sources", default=",".join(RIGS))
    parser.add_argument("--faults", default=",".join(FAULTS))
    asked = parser.parse_args()
    began = time.monotonic()
    outcomes = trials(asked.sources.split(","), asked.faults.split(","))
    sys.stdout.write(page(outcomes, time.monotonic() - began))


if __name__ == "__main__":
    main()
