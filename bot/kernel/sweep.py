"""``pegbot sweep``: how a labelled tape is judged under many settings, in parallel.

Settings that differ only in the detector's thresholds share one run of the engine, whose judged prices are
then gone through by the batch kernel (:mod:`bot.kernel.record` says where it stands in for the engine and
where not); all others are a run of the engine each. What is best by the kernel is run through the engine
before it is called best. The same tapes and settings give the same table, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from bot import tape
from bot.config import Config
from bot.kernel.columns import SWEPT, thresholds
from bot.kernel.compiled import require
from bot.kernel.grid import Setting, apply
from bot.kernel.record import Recorder
from bot.kernel.run import Episode, episodes
from bot.registry import Registry
from bot.replay import Replay
from bot.score import Claim, Extent, Label, extent, read_labels, score
from bot.types import Incident, Ns

CONFIRMED = 3
"""So many of the best stand as the engine judges them."""
ROUNDS = 5
"""So often others may come up in their place, when the engine thinks less of them."""

Progress = Callable[[int, int], None]
"""Told how many settings of how many are done."""


class Trial(Struct, frozen=True):
    """One setting and its figures, as :func:`bot.score.score` gives them; ``by`` whom it was judged."""

    setting: Setting
    by: Literal["engine", "kernel"]
    figures: dict[str, Any]


class Task(Struct, frozen=True):
    """Everything one process needs to know."""

    config: Config
    registry: Registry
    tapes: list[Path]
    labels: list[Label]
    extent: Extent


def sweep(config: Config, registry: Registry, tapes: Sequence[Path], labels_file: Path,
          settings: Sequence[Setting], jobs: int = 1, kernel: bool = True, confirm: int = CONFIRMED,
          progress: Progress | None = None) -> list[Trial]:  # fmt: skip
    """Every setting with its score, best first: by F1, then fewer false alarms, then the order asked."""
    for setting in settings:
        apply(config, setting)  # all mistakes before the first run
    if any(len(batch) > 1 for batch in _batches(settings, kernel)):
        require()
    watched = extent(tape.merge(tapes, on_bad=lambda _: None), registry)
    quiet = config.strategy.model_copy(update={"enabled": False})
    config = config.model_copy(update={"strategy": quiet})
    task = Task(config, registry, list(tapes), read_labels(labels_file), watched)
    found: dict[int, Trial] = {}
    with _workers(jobs) as run:
        for numbers, trials in run(_judge, task, _batches(settings, kernel)):
            found.update(zip(numbers, trials, strict=True))
            if progress is not None:
                progress(len(found), len(settings))

        def again(numbers: list[int]) -> Iterator[Any]:
            return run(_judge, task, [[(number, settings[number])] for number in numbers])

        _confirm(found, again, confirm)
    return [found[number] for number in _best_first(found)]


def _confirm(found: dict[int, Trial], again: Callable[[list[int]], Iterable[Any]], confirm: int) -> None:
    """Run through the engine whoever is among the best by the kernel, until the best are the engine's."""
    for _ in range(ROUNDS):
        unsure = [number for number in _best_first(found)[:confirm] if found[number].by == "kernel"]
        if not unsure:
            return
        for numbers, trials in again(unsure):
            found.update(zip(numbers, trials, strict=True))


def _best_first(found: dict[int, Trial]) -> list[int]:
    def key(number: int) -> tuple[float, float, int]:
        figures = found[number].figures
        return -(figures["f1"] or 0.0), figures["false_alarms_per_instrument_day"] or 0.0, number

    return sorted(found, key=key)


Batch = list[tuple[int, Setting]]
"""Settings that one run of the engine is enough for, with their places."""


def _batches(settings: Sequence[Setting], kernel: bool) -> list[Batch]:
    together: dict[Any, Batch] = {}
    for number, setting in enumerate(settings):
        rest = tuple(item for item in setting.items() if item[0] not in SWEPT)
        together.setdefault(rest if kernel else number, []).append((number, setting))
    return list(together.values())


def _judge(task: Task, batch: Batch) -> tuple[list[int], list[Trial]]:
    numbers = [number for number, _ in batch]
    if len(batch) == 1:
        session = Replay(apply(task.config, batch[0][1]), task.registry)
        session.run(tape.merge(task.tapes, on_bad=session.bad_row))
        return numbers, [_trial(task, batch[0][1], "engine", map(claim, session.incidents.values()))]
    fixed = {key: value for key, value in batch[0][1].items() if key not in SWEPT}
    session = Replay(apply(task.config, fixed), task.registry)
    recorder = Recorder(session.driver.engine)
    session.run(tape.merge(task.tapes, on_bad=session.bad_row))
    columns = recorder.columns()
    kept = [
        claim(one)
        for one in session.incidents.values()
        if one.kind == "feed_fault" or (one.instrument, one.opened) in recorder.otherwise
    ]
    last = session.driver.now
    trials = []
    for _, setting in batch:
        seen = episodes(columns, thresholds(apply(task.config, setting)))
        claims = [*kept, *(episode_claim(one, last) for one in seen)]
        trials.append(_trial(task, setting, "kernel", claims))
    return numbers, trials


def _trial(task: Task, setting: Setting, by: Literal["engine", "kernel"], claims: Iterable[Claim]) -> Trial:
    return Trial(setting, by, score(list(claims), task.labels, task.extent))


def claim(incident: Incident) -> Claim:
    """An incident for scoring; one still open ends when it was last seen."""
    ended = incident.last_seen if incident.resolved is None else incident.resolved
    return Claim(frozenset([incident.instrument, *incident.venues]), incident.opened, ended, incident.cause)


def episode_claim(episode: Episode, last: Ns) -> Claim:
    """The kernel's incident for scoring. It does not know causes; one still open ends with the tape."""
    return Claim(frozenset(episode.instruments), episode.opened, episode.ended or last, "")


class _workers:  # noqa: N801 - used as a context manager only
    """Runs a function over batches, here or in processes of their own, and gives results in order."""

    def __init__(self, jobs: int) -> None:
        self._pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if jobs > 1 else None

    def __enter__(self) -> Callable[[Callable[..., Any], Task, list[Batch]], Iterator[Any]]:
        return self._run

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _run(self, function: Callable[..., Any], task: Task, batches: list[Batch]) -> Iterator[Any]:
        if self._pool is None:
            return (function(task, batch) for batch in batches)
        return self._pool.map(function, [task] * len(batches), batches)
