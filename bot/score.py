"""Incidents against labels: precision, recall, F1, delay, causes and false alarms per instrument-day.

An incident matches a label if it is on that instrument (or has it among its venues) and overlaps it
in time; each label counts once. Labels of a tape's honest stretches are not needed: an incident
that matches nothing is a false alarm.

- Every incident counts, whatever its severity, kind and cause: what was told was told. A fault of a feed is
  found by a label ``feed_fault``; an alarm on the honest drift of closed hours has no label, and is false.
- Precision counts incidents, recall counts labels: one incident of five venues may find five labels, two on
  one label are both right, and of them the first to open gives delay and cause.
- ``instrument_precision`` takes an incident apart: of its instruments, the share that a label says were off.
- Instrument-days are those of the tape (``Extent``) if it is given. Without it the extent is from the first
  to the last time, and the instruments those, that incidents and labels name: fewer than there were.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from bot.errors import UsageError
from bot.timefmt import DAY_SECONDS, NS, iso, parse
from bot.types import Ns, Tick, split_instrument

if TYPE_CHECKING:
    from bot.registry import Registry

PRICED = frozenset({"quote", "trade", "bar", "pool"})


class Label(Struct, frozen=True):
    """A stretch in which an instrument was off, and why."""

    instrument: str
    start: Ns
    end: Ns
    cause: str


class Claim(Struct, frozen=True):
    """What is read of an incident line for scoring."""

    instruments: frozenset[str]
    opened: Ns
    ended: Ns
    cause: str


class Extent(Struct, frozen=True):
    """What was watched: how many instruments, for how many days."""

    instruments: int
    days: float


class _Found(Struct, frozen=True):
    """A label and the first incident that found it."""

    label: Label
    delay: float
    cause_right: bool


def score(
    claims: Sequence[Claim], labels: Sequence[Label], extent: Extent | None = None, early: Ns | None = None
) -> dict[str, Any]:
    """Figures as JSON-ready data; ratios are ``None`` where there is nothing to divide by.

    With ``early``, an incident that opened by more than that before a label does not match it: else an alarm
    that is always on finds everything.
    """
    shelves = _shelves(labels)
    found: dict[int, _Found] = {}
    matched = instruments = matched_instruments = 0
    for claim in sorted(claims, key=lambda one: one.opened):
        hits = 0
        for name in claim.instruments:
            hit = False
            for number in shelves[name].overlapping(claim, early) if name in shelves else ():
                hit = True
                if number not in found:
                    found[number] = _found(labels[number], claim)
            hits += hit
        matched += hits > 0
        matched_instruments += hits
        instruments += len(claim.instruments)
    extent = extent or _extent(claims, labels)
    false = len(claims) - matched
    precision = matched / len(claims) if claims else None
    whole = _summary(len(labels), list(found.values()))
    return {
        "incidents": len(claims),
        "labels": len(labels),
        "true_positives": len(found),
        "false_positives": false,
        "false_negatives": len(labels) - len(found),
        "precision": precision,
        "recall": whole["recall"],
        "f1": _f1(precision, whole["recall"]),
        "instrument_precision": matched_instruments / instruments if instruments else None,
        "delay_seconds_median": whole["delay_seconds_median"],
        "delay_seconds_p95": whole["delay_seconds_p95"],
        "delay_seconds_max": whole["delay_seconds_max"],
        "cause_accuracy": whole["cause_accuracy"],
        "false_alarms_per_instrument_day": _over(false, extent.instruments * extent.days),
        "instruments": extent.instruments,
        "days": extent.days,
        "by_cause": {cause: _summary(number, hits) for cause, number, hits in _by_cause(labels, found)},
    }


class _Shelf:
    """The labels of one instrument by their start, so that what overlaps is found by bisection."""

    def __init__(self, labels: Sequence[Label], numbers: list[int]) -> None:
        self.numbers = sorted(numbers, key=lambda number: labels[number].start)
        self.starts = [labels[number].start for number in self.numbers]
        self.ends = [labels[number].end for number in self.numbers]
        self.latest = list(accumulate(self.ends, max))

    def overlapping(self, claim: Claim, early: Ns | None) -> Iterator[int]:
        for index in range(bisect_right(self.starts, claim.ended) - 1, -1, -1):
            if self.latest[index] < claim.opened:
                return
            if early is not None and claim.opened < self.starts[index] - early:
                continue
            if self.ends[index] >= claim.opened:
                yield self.numbers[index]


def _shelves(labels: Sequence[Label]) -> dict[str, _Shelf]:
    numbers: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        numbers.setdefault(label.instrument, []).append(number)
    return {name: _Shelf(labels, own) for name, own in numbers.items()}


def _found(label: Label, claim: Claim) -> _Found:
    return _Found(label, max(0, claim.opened - label.start) / NS, claim.cause == label.cause)


def _by_cause(labels: Sequence[Label], found: dict[int, _Found]) -> Iterator[tuple[str, int, list[_Found]]]:
    for cause in sorted({label.cause for label in labels}):
        numbers = [number for number, label in enumerate(labels) if label.cause == cause]
        yield cause, len(numbers), [found[number] for number in numbers if number in found]


def _summary(labels: int, found: list[_Found]) -> dict[str, Any]:
    delays = sorted(one.delay for one in found)
    return {
        "labels": labels,
        "found": len(found),
        "recall": _over(len(found), labels),
        "cause_accuracy": _over(sum(one.cause_right for one in found), len(found)),
        "delay_seconds_median": delays[len(delays) // 2] if delays else None,
        "delay_seconds_p95": delays[len(delays) * 95 // 100] if delays else None,
        "delay_seconds_max": delays[-1] if delays else None,
    }


def _extent(claims: Sequence[Claim], labels: Sequence[Label]) -> Extent:
    times = [t for c in claims for t in (c.opened, c.ended)] + [t for x in labels for t in (x.start, x.end)]
    names = {x.instrument for x in labels} | {name for c in claims for name in c.instruments}
    return Extent(len(names), (max(times) - min(times)) / NS / DAY_SECONDS if times else 0.0)


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def extent(ticks: Iterable[Tick], registry: Registry) -> Extent:
    """What a tape watched: its instruments (the registry's tokens with a price), from first tick to last."""
    names: dict[str, bool] = {}
    first = last = None
    for tick in ticks:
        first = tick.ts if first is None else first
        last = tick.ts
        if tick.kind in PRICED and tick.instrument not in names:
            names[tick.instrument] = split_instrument(tick.instrument)[0] in registry.tokens
    days = (last - first) / NS / DAY_SECONDS if first is not None and last is not None else 0.0
    return Extent(sum(names.values()), days)


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def read_claims(path: Path) -> list[Claim]:
    """Incidents of a JSON Lines file of ``pegbot replay``; one still open ends when it was last seen."""
    claims = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, Any])
            names = frozenset([row["instrument"], *row.get("venues", [])])
            ended = parse(row.get("resolved") or row["last_seen"])
            claims.append(Claim(names, parse(row["opened"]), ended, row["cause"]))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path}:{number}: not an incident: {error}") from None
    return claims


def read_labels(path: Path) -> list[Label]:
    """Labels of a CSV with the columns ``instrument,start,end,cause``; times as ISO 8601 or nanoseconds."""
    rows = csv.DictReader(_text(path).splitlines(), restval="")
    missing = [name for name in Label.__struct_fields__ if name not in (rows.fieldnames or [])]
    if missing:
        raise UsageError(f"{path}: no column {', '.join(missing)}; expected instrument,start,end,cause")
    try:
        return [
            Label(row["instrument"], _time(row["start"]), _time(row["end"]), row["cause"]) for row in rows
        ]
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}:{rows.line_num}: {error}") from None


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write the CSV that :func:`read_labels` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Label.__struct_fields__)
        for label in labels:
            writer.writerow([label.instrument, iso(label.start), iso(label.end), label.cause])


def _time(text: str) -> Ns:
    return int(text) if text.isdigit() else parse(text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not text") from None
