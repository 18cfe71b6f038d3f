"""Cash dividends of a share, as the registry names them."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.timefmt import NS

NEW_YORK = ZoneInfo("America/New_York")
OPEN = time(9, 30)
MOST_USD = 1_000.0
"""A share; none of an American company was ever so large."""


class Dividend(Struct, frozen=True, forbid_unknown_fields=True):
    """USD a share for who holds it before the open of day ``ex``; ``source`` and ``as_of`` are of it."""

    ex: str
    usd: float
    source: str = ""
    as_of: str = ""


@lru_cache(maxsize=4_096)
def goes_ex(day: str) -> int:
    """When a share opens without it, in nanoseconds. Raises :class:`ValueError` for what is no day."""
    return int(datetime.combine(date.fromisoformat(day), OPEN, NEW_YORK).timestamp()) * NS


def faults(dividends: list[Dividend]) -> list[str]:
    """What of them cannot be."""
    problems, days = [], set()
    for each in dividends:
        try:
            goes_ex(each.ex)
        except ValueError:
            problems.append(f"dividends: ex {each.ex!r} is no day; write it as in 2026-12-01")
        if not 0 < each.usd < MOST_USD:
            problems.append(f"dividends: {each.usd} USD a share is not between 0 and {MOST_USD:,.0f}")
        if each.ex in days:
            problems.append(f"dividends: {each.ex} is there twice")
        days.add(each.ex)
    return problems
