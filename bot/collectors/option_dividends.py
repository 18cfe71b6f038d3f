"""Dividends to come, as sources of option chains tell them: declared ones, and those that past ones lead to
expect. Pure.

One tick, ``TSLA-DIVIDENDS@venue``, holds all that a source says of a share: a ``status`` with ``dividends``,
each with the day that it goes ``ex``, ``usd`` a share, and ``assumed`` where nobody has declared it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Any

from bot.errors import SourceError
from bot.types import Ns, Tick

AHEAD_DAYS = 70
"""Options that expire later are of no use to a wait."""
LATEST = 6
"""So many of the last intervals say what is usual."""
STOPPED = 1.6
"""So many usual intervals without a dividend, and none is expected any more."""
REGULAR_DAYS = (6, 400)
SATURDAY = 5
Known = dict[str, Any]


def tick_of(ticker: str, venue: str, known: Sequence[Known], now: Ns, **along: Any) -> Tick:
    """What a source says of a share's dividends."""
    data = json.dumps({"dividends": list(known), **along})
    return Tick(now, f"{ticker}-DIVIDENDS@{venue}", "status", data=data, received=now)


def expected(paid: Iterable[tuple[date, float]], today: date) -> list[Known]:
    """As much as last time, at the usual interval, until :data:`AHEAD_DAYS` from now; ``[]`` where there is
    none, or where they have stopped."""
    days = sorted({day: usd for day, usd in paid if usd > 0 and day <= today}.items())
    gaps = [(later - earlier).days for (earlier, _), (later, _) in pairwise(days)]
    if not gaps:
        return []
    usual = round(median(gaps[-LATEST:]))
    last, usd = days[-1]
    if not REGULAR_DAYS[0] <= usual <= REGULAR_DAYS[1] or (today - last).days > STOPPED * usual:
        return []
    found, day = [], last + timedelta(usual)
    while day <= today + timedelta(AHEAD_DAYS):
        # What is due and was not told yet is to be told any day.
        ex = _trading(max(day, today + timedelta(1)))
        found.append({"ex": ex.isoformat(), "usd": usd, "assumed": True})
        day += timedelta(usual)
    return found


def declared(answer: Any, ticker: str) -> list[Known]:
    """Cash dividends of Alpaca's corporate actions, without special ones: options are adjusted for those.

    Raises :class:`SourceError` for an answer of another shape.
    """
    actions = answer.get("cash_dividends", []) if isinstance(answer, Mapping) else None
    if not isinstance(actions, list):
        raise SourceError("Alpaca's answer makes no sense: no list of dividends in it")
    found: dict[str, float] = {}
    for one in actions:
        try:
            ex, usd = date.fromisoformat(one["ex_date"]).isoformat(), float(one["rate"])
            if one["symbol"] == ticker and not one.get("special") and usd > 0 and isfinite(usd):
                found[ex] = found.get(ex, 0.0) + usd
        except (LookupError, TypeError, ValueError) as error:
            raise SourceError(f"Alpaca's answer makes no sense: a dividend of {one!r}: {error}") from None
    return [{"ex": ex, "usd": usd} for ex, usd in sorted(found.items())]


def _trading(day: date) -> date:
    """That day, or the Monday after."""
    return day + timedelta(7 - day.weekday()) if day.weekday() >= SATURDAY else day
