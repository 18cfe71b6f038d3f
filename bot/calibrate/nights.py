"""Nights from minute quotes: QuantConnect Lean's ``<ticker>/<YYYYMMDD>_quote.zip``, as the rows of weekends.

A line is ``milliseconds since New York's midnight, bid open, high, low, close, size, ask open, …``, prices in
ten-thousandths; a bar's time is its start. The close is the last mid before the session ends, the open the
first mid after it begins. Only nights whose two days are both there are used. Prices are not adjusted: a
move of more than half is a split, and left out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import log
from pathlib import Path

from bot.calibrate.rows import NOON_NS, Row
from bot.calibrate.weekends import SPLIT
from bot.errors import UsageError
from bot.timefmt import NS, parse
from bot.types import Ns
from bot.valuation.sessions import NEW_YORK, SessionClock

MS = 1_000_000


def looks_like(path: Path) -> bool:
    """Whether a file is one day of quotes, by its name."""
    return path.name.endswith("_quote.zip") and path.name[:8].isdigit()


def read(paths: Sequence[Path], clock: SessionClock) -> tuple[list[Row], list[str]]:
    """Rows, and what was left out and why."""
    days: dict[str, list[tuple[Ns, Ns, float, float]]] = {}
    for path in sorted(paths):
        days.setdefault(path.parent.name.upper(), []).append(_day(path, clock))
    rows, left_out = [], []
    for symbol, found in sorted(days.items()):
        found.sort()
        for (_, closed, _, close), (opened, _, price, _) in pairwise(found):
            if clock.next_start(closed, frozenset({"regular"})) != opened:
                continue
            if abs(log(price / close)) > SPLIT:
                left_out.append(f"{symbol}: {close:.2f} to {price:.2f} is a split")
                continue
            rows.append(Row(symbol, closed, opened, close, price))
    return sorted(rows, key=lambda row: (row.closed, row.symbol)), left_out


def _day(path: Path, clock: SessionClock) -> tuple[Ns, Ns, float, float]:
    """(open, close, first mid, last mid) of the regular session."""
    text = f"{path.name[:4]}-{path.name[4:6]}-{path.name[6:8]}"
    try:
        noon = parse(text) + NOON_NS
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(archive.namelist()[0]).decode().split()
    except (OSError, ValueError, zipfile.BadZipFile, IndexError) as error:
        raise UsageError(f"{path}: cannot be read as a day of quotes: {error}") from None
    if clock.session(noon) != "regular":
        raise UsageError(f"{path}: New York did not trade on {text}")
    closed = clock.session_end(noon)
    midnight = int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * NS
    opened = clock.next_start(midnight, frozenset({"regular"}))
    first = last = None
    for line in lines:
        try:
            values = [int(value) for value in line.split(",")]
        except ValueError:
            continue  # a side without a quote is empty
        if len(values) != 11:
            continue
        at = midnight + values[0] * MS
        if opened <= at < closed:
            if first is None:
                first = (values[1] + values[6]) / 2e4
            last = (values[4] + values[9]) / 2e4
    if first is None or last is None:
        raise UsageError(f"{path}: no quotes in the regular session")
    return opened, closed, first, last
