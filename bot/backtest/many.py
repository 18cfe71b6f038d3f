"""Backtests of many settings, in parallel: each a run of its own, the results in the order asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from msgspec import Struct

from bot import tape
from bot.backtest.report import report
from bot.backtest.run import Backtest
from bot.config import Config
from bot.kernel.grid import Setting, apply
from bot.registry import Registry


class Task(Struct, frozen=True):
    """Everything one process needs to know."""

    config: Config
    registry: Registry
    tapes: list[Path]


def backtest(
    config: Config,
    registry: Registry,
    tapes: Sequence[Path],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """One run over the tapes, as :func:`bot.backtest.report.report` tells it."""
    test = Backtest(config, registry)
    test.run(tape.merge(tapes, on_bad=test.bad_row), progress)
    return report(test)


def backtests(
    config: Config,
    registry: Registry,
    tapes: Sequence[Path],
    settings: Sequence[Setting],
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """A report per setting, whatever the number of processes. Raises :class:`UsageError` before the first run
    for a setting that the configuration does not have or allow."""
    tasks = [Task(apply(config, setting), registry, list(tapes)) for setting in settings]
    found: list[dict[str, Any]] = []
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        for result in pool.map(_run, tasks):
            found.append(result)
            if progress is not None:
                progress(len(found), len(tasks))
    return found


def _run(task: Task) -> dict[str, Any]:
    return backtest(task.config, task.registry, task.tapes)
