"""Nights and weekends from daily bars: QuantConnect Lean's ``equity/usa/daily/<ticker>.zip``.

A line is ``YYYYMMDD 00:00, open, high, low, close, volume``, prices in ten-thousandths, not adjusted: a
move of more than 40 % is taken for a split and left out. The constants of :mod:`bot.valuation.scalars`
were chosen on these.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from itertools import pairwise
from math import log
from pathlib import Path

from bot.calibrate.rows import NOON_NS, Row
from bot.errors import UsageError
from bot.timefmt import parse
from bot.valuation.sessions import SessionClock

LINE = re.compile(r"^(\d{4})(\d\d)(\d\d) \d\d:\d\d,(\d+),\d+,\d+,(\d+),\d+$")
SPLIT = 0.4


def looks_like(path: Path) -> bool:
    """Whether a file holds one share's daily bars."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if not names:
            return False
        with archive.open(names[0]) as file:
            return LINE.match(file.readline().decode(errors="replace").strip()) is not None


def read(paths: Sequence[Path], clock: SessionClock) -> list[Row]:
    """All closed stretches between two days that the calendar has one after the other."""
    rows = []
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(archive.namelist()[0]).decode().split("\n")
        days = [match for line in lines if (match := LINE.match(line.strip())) is not None]
        if len(days) < 2:
            raise UsageError(f"{path}: fewer than two daily bars")
        for before, after in pairwise(days):
            noon, next_noon = _noon(before), _noon(after)
            if clock.session(noon) != "regular" or clock.session(next_noon) != "regular":
                continue
            closed = clock.session_end(noon)
            opened = clock.next_start(closed, frozenset({"regular"}))
            close, price = int(before[5]) / 1e4, int(after[4]) / 1e4
            if clock.session_end(opened) == clock.session_end(next_noon) and abs(log(price / close)) < SPLIT:
                rows.append(Row(path.stem.upper(), closed, opened, close, price))
    return sorted(rows, key=lambda row: (row.closed, row.symbol))


def _noon(day: re.Match[str]) -> int:
    return parse(f"{day[1]}-{day[2]}-{day[3]}") + NOON_NS
