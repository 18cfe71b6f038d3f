"""Incidents against labels: precision, recall, F1, delay and false alarms per instrument-day.

An incident matches a label if it is on that instrument (or has it among its venues) and overlaps it
in time; each label counts once. Labels of a tape's honest stretches are not needed: an incident
that matches nothing is a false alarm.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bot.errors import UsageError
from bot.timefmt import DAY_SECONDS, NS, iso, parse
from bot.types import Ns


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


def score(claims: Sequence[Claim], labels: Sequence[Label]) -> dict[str, Any]:
    """Figures as JSON-ready data; ratios are ``None`` where there is nothing to divide by."""
    hit: dict[int, Claim] = {}
    matched: set[int] = set()
    for number, label in enumerate(labels):
        for index, claim in sorted(enumerate(claims), key=lambda pair: pair[1].opened):
            if (
                label.instrument in claim.instruments
                and claim.opened <= label.end
                and claim.ended >= label.start
            ):
                matched.add(index)
                hit.setdefault(number, claim)
    true = len(hit)
    false = len(claims) - len(matched)
    precision = len(matched) / len(claims) if claims else None
    recall = true / len(labels) if labels else None
    delays = sorted(max(0, claim.opened - labels[number].start) / NS for number, claim in hit.items())
    right = sum(claim.cause == labels[number].cause for number, claim in hit.items())
    times = [t for c in claims for t in (c.opened, c.ended)] + [t for x in labels for t in (x.start, x.end)]
    names = {x.instrument for x in labels} | {name for c in claims for name in c.instruments}
    days = (max(times) - min(times)) / NS / DAY_SECONDS if times else 0.0
    return {
        "incidents": len(claims),
        "labels": len(labels),
        "true_positives": true,
        "false_positives": false,
        "false_negatives": len(labels) - true,
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
        "delay_seconds_median": delays[len(delays) // 2] if delays else None,
        "delay_seconds_max": delays[-1] if delays else None,
        "cause_accuracy": right / true if true else None,
        "false_alarms_per_instrument_day": false / (len(names) * days) if days and names else None,
    }


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
