"""``python -m benchmarks.detection``: who finds depegs best, on labelled simulations and on the real tapes.

Each contender is tuned on the training seeds and judged on others, online, from the same ticks. Progress goes
to stderr; the tables, or with ``--json`` one object, to stdout.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks import detection_tables
from benchmarks.contenders import Contender
from benchmarks.contenders.kinds import KINDS, installed
from benchmarks.contenders.monitor import Monitor
from benchmarks.contenders.ours import Ours
from benchmarks.contenders.tuning import EARLY_NS, Tuned, tagged, tagged_label, tune, watch
from benchmarks.detection_cache import remembered
from benchmarks.detection_tapes import ROOT, SHARED, Labelled, real, simulated
from bot.cli import setup
from bot.score import Claim, Extent, Label, score

OURS = "pegbot"
NAMES = (OURS, *(kind.name for kind in KINDS))
SCENARIOS = ROOT / "config" / "scenarios"


class Judged(Struct, frozen=True):
    """What one contender told on one tape, and the processor time that took."""

    claims: list[Claim]
    seconds: float
    ticks: int


class Run(Struct, frozen=True):
    """All contenders on one tape."""

    name: str
    labels: list[Label]
    extent: Extent
    judged: dict[str, Judged]


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    scenario = asked.scenario or SCENARIOS / ("small.toml" if asked.quick else "bench.toml")
    seeds = asked.test or ([11, 12] if asked.quick else [11, 12, 13, 14, 15])
    every = asked.every or (1 if asked.quick else 4)
    names = [name for name in NAMES if not asked.only or name in asked.only]
    with get_context("spawn").Pool(asked.jobs, maxtasksperchild=1) as pool:
        pool.map(partial(_make, scenario), [*asked.train, *seeds], chunksize=1)
        tuned = _tune(pool, scenario, asked.train, every, [name for name in names if name != OURS])
        runs = list(pool.imap(partial(_judge_seed, scenario, tuned, OURS in names), seeds))
        tapes = [one for one in pool.imap(partial(_judge_real, tuned, OURS in names), [asked.real]) if one]
    missing = [name for name in names if name != OURS and name not in tuned]
    report = _report(scenario, asked.train, seeds, tuned, runs, tapes[0] if tapes else None, missing)
    if asked.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(detection_tables.text(report)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="20 instruments, six days, two seeds: a minute or two"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--scenario", type=Path, metavar="F.toml", help="another simulation")
    parser.add_argument("--train", type=int, nargs="+", default=[1, 2], metavar="SEED")
    parser.add_argument("--test", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--every", type=int, metavar="N", help="tune on every N-th instrument")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help=", ".join([OURS, *(one.name for one in KINDS)])
    )
    parser.add_argument("--real", type=Path, default=SHARED, help="folder of the real bars and trades")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    return parser


def _make(scenario: Path, seed: int) -> None:
    simulated(scenario, seed, setup(None)[1])
    _say(f"{scenario.stem} {seed}: simulated")


def _tune(
    pool: Any, scenario: Path, seeds: Sequence[int], every: int, names: Iterable[str]
) -> dict[str, Tuned]:
    kinds = [kind.name for kind in installed() if kind.name in names]
    return dict(pool.imap(partial(_tune_one, scenario, tuple(seeds), every), kinds)) if kinds else {}


def _tune_one(scenario: Path, seeds: Sequence[int], every: int, name: str) -> tuple[str, Tuned]:
    started = time.monotonic()
    registry = setup(None)[1]
    kind = next(kind for kind in KINDS if kind.name == name)
    tapes = [simulated(scenario, seed, registry) for seed in seeds]

    def make() -> Tuned:
        return tune(kind, [watch(tape.batches(), tape.labels, registry, every) for tape in tapes])

    found = remembered(Tuned, make, "tuned", name, [tape.path.stem for tape in tapes], every)
    _say(f"tuned {name}: F1 {found.f1:.3f} with {found.setting} in {time.monotonic() - started:.0f} s")
    return name, found


def _judge_seed(scenario: Path, tuned: dict[str, Tuned], ours: bool, seed: int) -> Run:
    return _judge(simulated(scenario, seed, setup(None)[1]), tuned, ours)


def _judge_real(tuned: dict[str, Tuned], ours: bool, folder: Path) -> Run | None:
    tape = real(folder, setup(None)[1])
    return None if tape is None else _judge(tape, tuned, ours)


def _judge(tape: Labelled, tuned: dict[str, Tuned], ours: bool) -> Run:
    config, registry = setup(None)
    judged: dict[str, Judged] = {}
    if ours:
        judged[OURS] = _one(tape, OURS, Ours(config, registry))
    for kind in KINDS:
        if kind.name in tuned:
            setting = tuned[kind.name].setting
            make = partial(_one, tape, kind.name, Monitor(kind, setting, registry))
            judged[kind.name] = remembered(Judged, make, "judged", tape.path.stem, kind.name, setting)
    return Run(tape.name, tape.labels, tape.extent, judged)


def _one(tape: Labelled, name: str, contender: Contender) -> Judged:
    claims: list[Claim] = []
    seconds, ticks = 0.0, 0
    for batch in tape.batches():
        started = time.process_time()
        claims += contender.judge(batch)
        seconds += time.process_time() - started
        ticks += len(batch)
    claims += contender.finish()
    _say(f"{tape.name}, {name}: {ticks:,} ticks, {seconds:.0f} s of processor time")
    return Judged(claims, seconds, ticks)


def _report(scenario: Path, train: Sequence[int], seeds: Sequence[int], tuned: dict[str, Tuned],
            runs: Sequence[Run], real_run: Run | None, missing: Sequence[str]) -> dict[str, Any]:  # fmt: skip
    return {
        "scenario": scenario.name,
        "train_seeds": list(train),
        "test_seeds": list(seeds),
        "ticks": sum(next(iter(run.judged.values())).ticks for run in runs),
        "labels": sum(len(run.labels) for run in runs),
        "not_installed": list(missing),
        "settings": {name: msgspec.to_builtins(one) for name, one in tuned.items()},
        "simulated": {name: _figures(name, runs) for name in runs[0].judged},
        "real": {name: _figures(name, [real_run]) for name in real_run.judged} if real_run else None,
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
