"""``python -m benchmarks.detection``: who finds depegs best, on labelled simulations and on the real tapes.

Each contender is tuned on the training seeds and judged on others, online, from the same ticks. Progress goes
to stderr; the tables, or with ``--json`` one object, to stdout.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks import detection_tables
from benchmarks.contenders import Contender
from benchmarks.contenders.kinds import KINDS, installed
from benchmarks.contenders.monitor import Kind, Monitor
from benchmarks.contenders.ours import Ours
from benchmarks.contenders.tuning import EARLY_NS, Training, Tuned, tagged, tagged_label, tune, watch
from benchmarks.detection_cache import ours, recall, remember, remembered
from benchmarks.detection_tapes import CACHE, ROOT, SHARED, Labelled, real, simulated
from bot.cli import setup
from bot.score import Claim, Extent, Label, score

OURS = "pegbot"
NAMES = (OURS, *(kind.name for kind in KINDS))
SCENARIOS = ROOT / "config" / "scenarios"
REPORT_TICKS = 500_000


class Judged(Struct, frozen=True):
    """What one contender told on one tape, and the processor time that took."""

    claims: list[Claim]
    seconds: float
    ticks: int


class Run(Struct, frozen=True):
    """All contenders on one tape."""

    labels: list[Label]
    extent: Extent
    judged: dict[str, Judged]


class Bench(Struct, frozen=True):
    """What is compared, on what; its methods run in processes of their own."""

    scenario: Path
    train: tuple[int, ...]
    test: tuple[int, ...]
    every: int
    names: tuple[str, ...]
    cache: Path

    def tape(self, seed: int) -> Labelled:
        """The tape of a seed, made if need be."""
        return simulated(self.scenario, seed, setup(None)[1], self.cache)

    def make(self, seed: int) -> None:
        """See that the tape is there."""
        self.tape(seed)
        _say(f"{self.scenario.stem} {seed}: simulated")

    def tune(self, names: tuple[str, ...]) -> dict[str, Tuned]:
        """The best setting of each of these contenders on the training seeds."""
        registry = setup(None)[1]
        tapes = [self.tape(seed) for seed in self.train]
        trainings: list[Training] = []
        found: dict[str, Tuned] = {}
        for kind in (kind for kind in KINDS if kind.name in names):

            def make(kind: Kind = kind) -> Tuned:
                if not trainings:
                    trainings.extend(watch(one.batches(), one.labels, registry, self.every) for one in tapes)
                return tune(kind, trainings)

            key = ("tuned", kind.name, [tape.path.stem for tape in tapes], self.every)
            found[kind.name] = remembered(self.cache, Tuned, make, *key)
            _say(f"tuned {kind.name}: F1 {found[kind.name].f1:.3f}")
        return found

    def judge_seed(self, tuned: dict[str, Tuned], seed: int) -> Run:
        """All contenders on the tape of a test seed."""
        return self._judge(self.tape(seed), tuned)

    def judge_real(self, tuned: dict[str, Tuned], folder: Path) -> Run | None:
        """All contenders on the real bars and trades, if they are there."""
        tape = real(folder, setup(None)[1], self.cache)
        return None if tape is None else self._judge(tape, tuned)

    def _judge(self, tape: Labelled, tuned: dict[str, Tuned]) -> Run:
        config, registry = setup(None)
        keys: dict[str, Any] = dict(tuned)
        if OURS in self.names:
            keys[OURS] = ours()
        known = {
            name: recall(self.cache, Judged, "judged", tape.path.stem, name, key)
            for name, key in keys.items()
        }
        contenders: dict[str, Contender] = {}
        if OURS in known and known[OURS] is None:
            contenders[OURS] = Ours(config, registry)
        for kind in KINDS:
            if kind.name in known and known[kind.name] is None:
                contenders[kind.name] = Monitor(kind, tuned[kind.name].setting, registry)
        made = _side_by_side(tape, contenders)
        for name, one in made.items():
            remember(self.cache, one, "judged", tape.path.stem, name, keys[name])
        judged = {name: one for name, one in known.items() if one is not None} | made
        return Run(tape.labels, tape.extent, {name: judged[name] for name in self.names if name in judged})


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    bench = Bench(
        asked.scenario or SCENARIOS / ("small.toml" if asked.quick else "bench.toml"),
        tuple(asked.train),
        tuple(asked.test or ([11, 12] if asked.quick else [11, 12, 13, 14, 15])),
        asked.every or (1 if asked.quick else 8),
        tuple(name for name in NAMES if not asked.only or name in asked.only),
        asked.cache,
    )
    kinds = [kind.name for kind in installed() if kind.name in bench.names]
    halves = [half for half in (tuple(kinds[::2]), tuple(kinds[1::2])) if half]
    with _processes(asked.jobs) as each:
        list(each(bench.make, [*bench.train, *bench.test]))
        found = {name: one for half in each(bench.tune, halves) for name, one in half.items()}
        tuned = {name: found[name] for name in kinds}
        runs = list(each(partial(bench.judge_seed, tuned), bench.test))
        [on_real] = each(partial(bench.judge_real, tuned), [asked.real])
    report = _report(bench, tuned, runs, on_real)
    if asked.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(detection_tables.text(report)))
    return 0


@contextmanager
def _processes(jobs: int) -> Iterator[Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]]:
    """``map`` over so many processes, each task in a fresh one; in this one if one is asked for."""
    if jobs == 1:
        yield map
        return
    with get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        yield pool.imap


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 instruments, six days, two seeds: minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--scenario", type=Path, metavar="F.toml", help="another simulation")
    parser.add_argument("--train", type=int, nargs="+", default=[1, 2], metavar="SEED")
    parser.add_argument("--test", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--every", type=int, metavar="N", help="tune on every N-th instrument")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(NAMES).replace("%", "%%"))
    parser.add_argument("--real", type=Path, default=SHARED, help="folder of the real bars and trades")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where tapes, and what is known, are kept")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    return parser


def _side_by_side(tape: Labelled, contenders: dict[str, Contender]) -> dict[str, Judged]:
    """Each batch of ticks to each contender in turn, its processor time taken."""
    claims: dict[str, list[Claim]] = {name: [] for name in contenders}
    seconds = dict.fromkeys(contenders, 0.0)
    ticks = 0
    for batch in tape.batches() if contenders else ():
        for name, contender in contenders.items():
            started = time.process_time()
            claims[name] += contender.judge(batch)
            seconds[name] += time.process_time() - started
        ticks += len(batch)
        if ticks % REPORT_TICKS < len(batch):
            _say(f"{tape.name}: {ticks:,} ticks")
    return {
        name: Judged(claims[name] + contender.finish(), seconds[name], ticks)
        for name, contender in contenders.items()
    }


def _report(
    bench: Bench, tuned: dict[str, Tuned], runs: Sequence[Run], on_real: Run | None
) -> dict[str, Any]:
    return {
        "scenario": bench.scenario.name,
        "train_seeds": list(bench.train),
        "test_seeds": list(bench.test),
        "ticks": sum(next(iter(run.judged.values())).ticks for run in runs),
        "labels": sum(len(run.labels) for run in runs),
        "not_installed": [name for name in bench.names if name != OURS and name not in tuned],
        "settings": {name: msgspec.to_builtins(one) for name, one in tuned.items()},
        "simulated": {name: _figures(name, runs) for name in runs[0].judged},
        "real": {name: _figures(name, [on_real]) for name in on_real.judged} if on_real else None,
    }


def _figures(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """All tapes scored as one; F1 of each beside, and with labels found by an opening only."""
    claims = [tagged(claim, n) for n, run in enumerate(runs) for claim in run.judged[name].claims]
    labels = [tagged_label(label, n) for n, run in enumerate(runs) for label in run.labels]
    instruments = sum(run.extent.instruments for run in runs)
    instrument_days = sum(run.extent.instruments * run.extent.days for run in runs)
    extent = Extent(instruments, instrument_days / instruments)
    each = [score(run.judged[name].claims, run.labels)["f1"] for run in runs]
    ticks = sum(run.judged[name].ticks for run in runs)
    return score(claims, labels, extent) | {
        "f1_by_tape": each,
        "f1_of_openings": score(claims, labels, extent, EARLY_NS)["f1"],
        "micros_per_tick": sum(run.judged[name].seconds for run in runs) / ticks * 1e6,
    }


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
