"""Weekends as rows: what a share closed at on Friday, what an oracle said then, where it opened on Monday.

JSON, a list of objects: ``symbol``, ``fri_ts`` (the day of the last session, ISO 8601), ``fri_close``,
``mon_open``, and where known ``pyth_price`` and ``pyth_conf`` at Friday's close. Other fields are not read:
some are known only afterwards. A long weekend's last session may be a Thursday; the calendar says when the
next one opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bot.errors import UsageError
from bot.timefmt import NS, parse
from bot.types import Ns
from bot.valuation.sessions import SessionClock

NOON_NS = 17 * 3600 * NS
"""Noon or one o'clock in New York, as UTC: in session on every trading day, half-days too, in summer and
winter."""


class Row(Struct, frozen=True):
    """One share over one closed stretch. Times are those of the close and of the next open."""

    symbol: str
    closed: Ns
    opened: Ns
    close: float
    open: float
    centre: float | None = None
    confidence: float | None = None
    """Of the oracle, as a ratio of its price ``centre``."""


def looks_like(path: Path) -> bool:
    """Whether a file holds such rows, by its first bytes."""
    if path.suffix != ".json":
        return False
    with path.open("rb") as file:
        head = file.read(2000)
    return head.lstrip().startswith(b"[") and b'"fri_close"' in head


def read(paths: Sequence[Path], clock: SessionClock) -> list[Row]:
    """All rows, by time and symbol. Raises :class:`UsageError` saying which row cannot be used and why."""
    rows = []
    for path in paths:
        try:
            entries = msgspec.json.decode(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
        except msgspec.DecodeError as error:
            raise UsageError(f"{path}: not valid JSON: {error}") from None
        if not isinstance(entries, list):
            raise UsageError(f"{path}: expected a list of weekends, one object each")
        for number, entry in enumerate(entries, 1):
            try:
                rows.append(_row(entry, clock))
            except (KeyError, TypeError, ValueError) as error:
                what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise UsageError(f"{path}: row {number}: {what}") from None
    if not rows:
        raise UsageError("no weekends to calibrate on: the files are empty")
    return sorted(rows, key=lambda row: (row.closed, row.symbol))


def by_weekend(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows grouped by their close, in order."""
    groups: dict[Ns, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.closed, []).append(row)
    return [groups[key] for key in sorted(groups)]


def _row(entry: Any, clock: SessionClock) -> Row:
    if not isinstance(entry, dict):
        raise TypeError("expected an object")
    day = str(entry["fri_ts"])
    noon = parse(day[:10]) + NOON_NS
    if clock.session(noon) != "regular":
        raise ValueError(f"New York did not trade on {day[:10]}")
    closed = clock.session_end(noon)
    price, spread = _number(entry, "pyth_price"), _number(entry, "pyth_conf")
    known = price is not None and spread is not None
    return Row(
        str(entry["symbol"]),
        closed,
        clock.next_start(closed, frozenset({"regular"})),
        _price(entry, "fri_close"),
        _price(entry, "mon_open"),
        price if known else None,
        spread / price if price is not None and spread is not None else None,
    )


def _price(entry: dict[str, Any], key: str) -> float:
    value = _number(entry, key)
    if value is None:
        raise ValueError(f"{key} is {entry[key]!r}, not a price")
    return value


def _number(entry: dict[str, Any], key: str) -> float | None:
    value = entry.get(key) if key.startswith("pyth") else entry[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < 1e12:
        return None
    return float(value)
