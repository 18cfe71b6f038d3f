"""The names of derivatives: OCC's symbols of listed options, and ours of perpetual ones. Pure.

``TSLA261218C00400000``: root, expiry (yymmdd), C or P, strike in thousandths of a dollar in eight digits
(OCC's 21-character symbol without its spaces). A standard equity option stops trading at 16:00 New York on
its expiry. ``TSLA-400-put-PERP`` is a perpetual option of ours, strike in dollars.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.strategy.options.listed import Contract, Style
from bot.strategy.options.perpetual import Perpetual
from bot.timefmt import NS

LISTED = re.compile(r"([A-Z]{1,6})(\d{6})([CP])(\d{8})")
PERPETUAL = re.compile(r"([A-Z.]{1,10})-(\d{1,9}(?:\.\d{1,6})?)-(call|put)-PERP")
NEW_YORK = ZoneInfo("America/New_York")
CLOSE = time(16)


@lru_cache(maxsize=4_096)
def expiry(day: str) -> int | None:
    """``"261218"``: 16:00 there in nanoseconds; ``None`` if there is no such day."""
    try:
        when = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError:
        return None
    return int(datetime.combine(when, CLOSE, NEW_YORK).timestamp()) * NS


def close_after(ts: int) -> int:
    """The next 16:00 there, on whatever day."""
    here = datetime.fromtimestamp(ts / NS, NEW_YORK)
    day = here.date() if here.time() < CLOSE else here.date() + timedelta(days=1)
    return int(datetime.combine(day, CLOSE, NEW_YORK).timestamp()) * NS


def parse(symbol: str, style: Style = "american", shares: int = 100) -> Contract | None:
    """The contract of an OCC symbol without spaces; ``None`` if it is none."""
    found = LISTED.fullmatch(symbol)
    if found is None:
        return None
    root, day, side, strike = found.groups()
    ends = expiry(day)
    if ends is None or int(strike) == 0:
        return None
    return Contract(root, "call" if side == "C" else "put", int(strike) / 1000, ends, style, shares)


def symbol(contract: Contract) -> str:
    """The other way round."""
    day = datetime.fromtimestamp(contract.expiry / NS, NEW_YORK)
    side = contract.kind[0].upper()
    return f"{contract.underlying}{day:%y%m%d}{side}{round(contract.strike * 1000):08d}"


def parse_perpetual(name: str, period_days: float) -> tuple[str, Perpetual] | None:
    """Underlying and option of ``TSLA-400-put-PERP``; ``None`` if it is none."""
    found = PERPETUAL.fullmatch(name)
    if found is None or float(found[2]) <= 0:
        return None
    return found[1], Perpetual("call" if found[3] == "call" else "put", float(found[2]), period_days)
