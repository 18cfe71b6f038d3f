"""``pegbot calibrate``: what each kind of file is calibrated on, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from bot.calibrate import daily, nights, report, rows, tapes
from bot.calibrate.weekends import Judged
from bot.config import Config
from bot.errors import UsageError
from bot.registry.model import Registry
from bot.valuation.sessions import SessionClock


def run(files: Sequence[Path], config: Config, registry: Registry, *, check: bool, fold_count: int,
        level: float, intervals: IO[bytes] | None) -> tuple[dict[str, Any], list[str], bool]:  # fmt: skip
    """(data, text, whether all is well). Raises :class:`UsageError` on files that cannot be used."""
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    weekend_files = [path for path in files if rows.looks_like(path)]
    night_files = [path for path in files if nights.looks_like(path)]
    daily_files = [path for path in files if path not in night_files and daily.looks_like(path)]
    tape_files = [path for path in files if path not in (*weekend_files, *night_files, *daily_files)]
    for path in tape_files:
        if path.suffix in (".json", ".zip"):
            raise UsageError(
                f"{path}: neither weekends (a JSON list of rows with fri_close and mon_open), nor a day of "
                "Lean's quotes (<ticker>/<YYYYMMDD>_quote.zip) or its daily bars (<ticker>.zip)"
            )
    clock = SessionClock(config.valuation)
    data: dict[str, Any] = {}
    lines: list[str] = []
    fine = True
    if weekend_files:
        found = rows.read(weekend_files, clock)
        told, judged = report.weekends(
            found, registry, clock, fit=not check, fold_count=fold_count, level=level
        )
        data["weekends"] = told
        lines += report.text(told, "Weekends")
        fine = report.fine(told)
        _write(intervals, judged)
    if daily_files or night_files:
        found, left_out = nights.read(night_files, clock)
        found = sorted([*found, *daily.read(daily_files, clock)], key=lambda row: (row.closed, row.symbol))
        if not found:
            raise UsageError("no night whose two days are both there")
        told, judged = report.weekends(
            found, registry, clock, fit=False, fold_count=fold_count if daily_files else 1, level=level
        )
        data["nights"] = {**told, "left_out": left_out}
        lines += report.text(told, "Nights")
        lines += [f"  left out: {why}" for why in left_out]
        fine = fine and (told["rows"] < report.ENOUGH or bool(told["coverage_right"]))
        _write(intervals, judged)
    if tape_files:
        data["tapes"] = tapes.fit(tape_files, config, registry)
        lines += tapes.text(data["tapes"])
    return data, lines, fine or not check


def _write(intervals: IO[bytes] | None, judged: Sequence[Judged]) -> None:
    if intervals is not None:
        for one in report.intervals(judged):
            intervals.write(msgspec.json.encode(one) + b"\n")
