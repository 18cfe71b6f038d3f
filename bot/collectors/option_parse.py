"""Listed options as ticks: which of a chain are of use, and when their quotes were true. Pure.

An instrument is ``OCC@source``: OCC's symbol without spaces (root, expiry yymmdd, C or P, strike in
thousandths of a dollar in eight digits), as in ``TSLA261218C00400000@alpaca``. Its quote is in USD a share.
``data`` has ``bid_size`` and ``ask_size`` in contracts, ``open_interest``, ``style``, ``shares`` a contract,
and when the last trade was (``traded_ns``); ``null`` is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from bot.config import OptionsSource
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Session, Tick

NEW_YORK = ZoneInfo("America/New_York")
SYMBOL = re.compile(r"([A-Z]{1,6})(\d*)(\d{6})([CP])(\d{8})")
SHARES = 100
FUTURE_SECONDS = 10.0
STEP_SECONDS = 3600
LONGEST_CLOSED_STEPS = 24 * 10
"""No closure of the market lasts longer, in hours."""


class Option(Struct, frozen=True):
    """One contract, by its symbol. An ``adjusted`` one stands for something else than 100 shares."""

    symbol: str
    root: str
    expiry: date
    is_call: bool
    strike: float
    adjusted: bool


class Seen(Struct, frozen=True):
    """What a source told of one contract. USD a share, sizes in contracts; ``None``: not told, or none.

    ``ts`` is when the quote was true; ``traded`` when ``last`` was.
    """

    symbol: str
    ts: Ns
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    open_interest: int | None = None
    traded: Ns | None = None
    style: str = "american"
    shares: int = SHARES


def option(symbol: str) -> Option:
    """What an OCC symbol says; digits after the root mark an adjusted one. Raises :class:`DataError`."""
    found = SYMBOL.fullmatch(symbol)
    if found is None:
        raise DataError("wrong_id", f"{symbol!r} is no option symbol")
    root, adjusted, day, side, strike = found.groups()
    try:
        expiry = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError:
        raise DataError("wrong_id", f"{symbol!r} expires on no day that is") from None
    return Option(symbol, root, expiry, side == "C", int(strike) / 1000, bool(adjusted))


def root_of(ticker: str) -> str:
    """Options on a share class leave out its dot: ``BRK.B`` has ``BRKB`` options."""
    return ticker.replace(".", "")


def days(source: OptionsSource, now: Ns) -> tuple[date, date]:
    """First and last expiry of use, as New York counts days."""
    today = datetime.fromtimestamp(now / NS, UTC).astimezone(NEW_YORK).date()
    return today + timedelta(days=source.min_days), today + timedelta(days=source.max_days)


def strikes(source: OptionsSource, spot: float) -> tuple[float, float]:
    """Lowest and highest strike of use."""
    return spot * (1 - source.strikes_within), spot * (1 + source.strikes_within)


def of_use(one: Option, source: OptionsSource, ticker: str, spot: float, now: Ns) -> bool:
    """Whether it is wanted: standard, of the right share, expiry and strike."""
    first, last = days(source, now)
    low, high = strikes(source, spot)
    return (
        not one.adjusted
        and one.root == root_of(ticker)
        and first <= one.expiry <= last
        and low <= one.strike <= high
    )


def tick(seen: Seen, venue: str, now: Ns, **more: Any) -> Tick:
    """As a quote; ``more`` goes into ``data``. Of a crossed one neither side is believed.

    It is told without any price, too: what was quoted before no longer is. Raises :class:`DataError`.
    """
    if seen.ts <= 0:
        raise DataError("no_time", f"{seen.symbol}: time is {seen.ts}")
    if seen.ts > now + FUTURE_SECONDS * NS:
        raise DataError(
            "future", f"{seen.symbol}: {(seen.ts - now) / NS:.0f} s ahead of this machine's clock"
        )
    bid, ask = seen.bid, seen.ask
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    told = {
        "bid_size": seen.bid_size, "ask_size": seen.ask_size, "open_interest": seen.open_interest,
        "style": seen.style, "shares": seen.shares, "traded_ns": seen.traded, **more,
    }  # fmt: skip
    return Tick(seen.ts, f"{seen.symbol}@{venue}", "quote", bid=bid, ask=ask, price=seen.last,
                data=msgspec.json.encode(told).decode(), received=now)  # fmt: skip


def quoted_at(now: Ns, delay_seconds: float, session: Callable[[Ns], Session]) -> Ns:
    """When a quote was true that a source shows ``delay_seconds`` late and gives no time of.

    While options trade (the regular session): so long ago. Else when they last did, to the second: at the
    close, the quotes of which stand until the next open.
    """
    ts = now - int(delay_seconds * NS)
    if session(ts) == "regular":
        return ts
    late = ts // NS  # in seconds from here on: sessions begin and end on whole ones
    for _ in range(LONGEST_CLOSED_STEPS):
        early = late - STEP_SECONDS
        if session(early * NS) == "regular":
            break
        late = early
    else:
        return ts
    while late - early > 1:
        middle = (early + late) // 2
        if session(middle * NS) == "regular":
            early = middle
        else:
            late = middle
    return late * NS


def count(value: Any) -> int | None:
    """A whole number that is not negative, as a number or as text; ``None`` for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if 0 <= number < 1e12 else None


def price(value: Any) -> float | None:
    """A price above zero; ``None`` for anything else: 0 is how sources write that there is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e12 else None
