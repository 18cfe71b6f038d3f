"""The detection benchmark's figures as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

AIMS = (
    "aims: F1 ≥ 0.95, ≤ 0.02 false alarms per instrument-day, cause right ≥ 90 %, "
    "F1 ≥ 0.15 above the best other"
)


def text(report: dict[str, Any]) -> Iterator[str]:
    """All tables, line by line."""
    seeds = ", ".join(str(seed) for seed in report["test_seeds"])
    yield (
        f"{report['scenario']}, seeds {seeds}: {report['labels']:,} labels in {report['ticks']:,} ticks; "
        f"tuned on seeds {', '.join(str(seed) for seed in report['train_seeds'])}"
    )
    yield ""
    yield from _main(report["simulated"])
    yield AIMS
    for name in report["not_installed"]:
        yield f"{name}: left out, not installed (make contenders)"
    yield ""
    yield from _causes(report["simulated"])
    if report["real"]:
        yield ""
        yield "Real bars and trades: nine Solana pools, 2026-05-10 to 2026-06-21; three known episodes"
        yield ""
        yield from _real(report["real"])
    yield ""
    yield from _settings(report["settings"])


def _main(figures: dict[str, Any]) -> Iterator[str]:
    rows = [(
        "", "precision", "recall", "F1", "F1 by tape", "F1 of openings", "delay s, median", "p95",
        "false / instrument-day", "cause right", "µs / tick",
    )]  # fmt: skip
    for name, one in figures.items():
        tapes = [f1 for f1 in one["f1_by_tape"] if f1 is not None]
        rows.append((
            name, _ratio(one["precision"]), _ratio(one["recall"]), _ratio(one["f1"]),
            f"{min(tapes):.3f}–{max(tapes):.3f}" if tapes else "", _ratio(one["f1_of_openings"]),
            _seconds(one["delay_seconds_median"]), _seconds(one["delay_seconds_p95"]),
            f"{one['false_alarms_per_instrument_day']:.4f}",
            _ratio(one["cause_accuracy"]) if name == "pegbot" else "–", f"{one['micros_per_tick']:.2f}",
        ))  # fmt: skip
    yield from _table(rows)


def _causes(figures: dict[str, Any]) -> Iterator[str]:
    causes = next(iter(figures.values()))["by_cause"]
    rows = [("recall of", *causes), ("labels", *(str(one["labels"]) for one in causes.values()))]
    for name, one in figures.items():
        rows.append((name, *(_ratio(one["by_cause"][cause]["recall"]) for cause in causes)))
    if "pegbot" in figures:
        own = figures["pegbot"]["by_cause"]
        rows.append(("pegbot: cause right", *(_ratio(own[cause]["cause_accuracy"]) for cause in causes)))
        rows.append(("pegbot: delay s, median", *(_seconds(own[c]["delay_seconds_median"]) for c in causes)))
        rows.append(("pegbot: delay s, p95", *(_seconds(own[c]["delay_seconds_p95"]) for c in causes)))
    yield from _table(rows)


def _real(figures: dict[str, Any]) -> Iterator[str]:
    rows = [("", "found", "incidents", "false", "F1", "false / instrument-day")]
    for name, one in figures.items():
        rows.append((
            name, f"{one['true_positives']} of {one['labels']}", str(one["incidents"]),
            str(one["false_positives"]), _ratio(one["f1"]), f"{one['false_alarms_per_instrument_day']:.4f}",
        ))  # fmt: skip
    yield from _table(rows)


def _settings(settings: dict[str, Any]) -> Iterator[str]:
    rows = [("set on the training seeds", "signal", "gate", "quiet min", "fresh reference only", "F1 there")]
    for name, one in settings.items():
        setting = one["setting"]
        rows.append((
            name, _values(setting["signal"]), _values(setting["gate"]), f"{setting['quiet_minutes']:g}",
            "yes" if setting["fresh_only"] else "no", _ratio(one["f1"]),
        ))  # fmt: skip
    yield from _table(rows)


def _values(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values) or "–"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()
