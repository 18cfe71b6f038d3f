"""Each contender is set as it does best on the training tapes: every setting of its grid is tried.

What the eyes see of a tape is kept per instrument, so that a signal runs once for all gates behind it. The
best is by F1 where an incident counts only for labels that begin at most an hour after it opened: an alarm
that is always on would find everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
from msgspec import Struct

from benchmarks.contenders.eyes import Eyes
from benchmarks.contenders.monitor import Downs, Kind, Life, Setting
from bot.registry import Registry
from bot.score import Claim, Label, score
from bot.timefmt import NS
from bot.types import Ns, Tick

EARLY_NS = 3600 * NS


class Series(Struct):
    """What was seen of one instrument: times, bases, and whether the reference was fresh."""

    times: list[Ns]
    bases: list[float]
    fresh: list[bool]


class Scored(Struct):
    """Times and what a signal made of the bases then."""

    times: list[Ns]
    scores: list[float]


class Training(Struct):
    """A training tape as seen; the labels are of the instruments it keeps."""

    series: dict[str, Series]
    downs: list[Claim]
    labels: list[Label]


class Tuned(Struct, frozen=True):
    """The best setting of a contender, and what it got on the training tapes."""

    setting: Setting
    f1: float


def watch(batches: Iterable[list[Tick]], labels: list[Label], registry: Registry, every: int) -> Training:
    """See a tape; of its instruments every so-manyth, by name, is kept."""
    eyes, downs = Eyes(registry), Downs()
    series: dict[str, Series] = {}
    told: list[Claim] = []
    for batch in batches:
        for tick in batch:
            seen = eyes.look(tick)
            if seen is None:
                if tick.kind == "status":
                    told += downs.step(tick)
                continue
            own = series.get(tick.instrument)
            if own is None:
                own = series[tick.instrument] = Series([], [], [])
            for basis in seen.bases:
                own.times.append(tick.ts)
                own.bases.append(basis)
                own.fresh.append(seen.fresh)
    told += downs.finish(max((own.times[-1] for own in series.values()), default=0))
    kept = set(sorted(series)[::every])
    return Training(
        {name: own for name, own in series.items() if name in kept},
        [claim for claim in told if claim.instruments & kept],
        [label for label in labels if label.instrument in kept],
    )


def tune(kind: Kind, trainings: list[Training]) -> Tuned:
    """Try the whole grid; the first of the best."""
    best: Tuned | None = None
    for signal, fresh in product(kind.signals, kind.fresh):
        scores = [
            {name: scored(kind, signal, fresh, own) for name, own in training.series.items()}
            for training in trainings
        ]
        for gate, quiet in product(kind.gates, kind.quiets):
            setting = Setting(signal, gate, quiet, fresh)
            claims: list[Claim] = []
            labels: list[Label] = []
            for number, (training, own) in enumerate(zip(trainings, scores, strict=True)):
                found = [*training.downs, *claims_of(kind, setting, own)]
                claims += [tagged(claim, number) for claim in found]
                labels += [tagged_label(label, number) for label in training.labels]
            f1 = score(claims, labels, early=EARLY_NS)["f1"] or 0.0
            if best is None or f1 > best.f1:
                best = Tuned(setting, f1)
    assert best is not None
    return best


def claims_of(kind: Kind, setting: Setting, scores: dict[str, Scored]) -> Iterator[Claim]:
    """The incidents that come of scores; stretches in which nothing can happen are passed over."""
    for name, own in scores.items():
        if not own.times:
            continue
        gate, life = kind.gate(*setting.gate), Life(setting.quiet_minutes)
        names = frozenset([name])
        times, values, alarm, step = own.times, own.scores, gate.alarm, life.step
        over = np.flatnonzero(np.asarray(values) > gate.limit).tolist()
        at = 0
        for start in over:
            if start < at:
                continue
            for at in range(start, len(times)):
                ended = step(times[at], alarm(times[at], values[at]))
                if ended is not None:
                    yield Claim(names, *ended, "unknown")
                if gate.idle and life.opened is None and values[at] <= gate.limit:
                    break
            at += 1
        if life.opened is not None:
            yield Claim(names, life.opened, life.back or times[-1], "unknown")


def scored(kind: Kind, setting: tuple[float, ...], fresh_only: bool, own: Series) -> Scored:
    """What a contender's signal makes of what was seen of one instrument."""
    score_ = kind.signal(*setting).score
    kept = [
        (ts, basis) for ts, basis, fresh in zip(own.times, own.bases, own.fresh, strict=True)
        if fresh or not fresh_only
    ]  # fmt: skip
    return Scored([ts for ts, _ in kept], [score_(ts, basis) for ts, basis in kept])


def tagged(claim: Claim, tape: int) -> Claim:
    """The claim with its instruments told apart by tape, so that several tapes are scored as one."""
    names = frozenset(f"{tape}/{name}" for name in claim.instruments)
    return Claim(names, claim.opened, claim.ended, claim.cause)


def tagged_label(label: Label, tape: int) -> Label:
    """See :func:`tagged`."""
    return Label(f"{tape}/{label.instrument}", label.start, label.end, label.cause)
