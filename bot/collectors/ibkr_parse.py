"""What Interactive Brokers says of a share, as ticks. Pure: reads ib_async's ``Ticker`` and changes nothing.

Live quotes come without a time: they are true when heard. What is delayed is 15 minutes older; frozen quotes
are those of the last close, of which only the last trade's time is told.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal

import msgspec

from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Tick

VENUE = "ibkr"
DELAY_SECONDS = 900
FUTURE_SECONDS = 10.0
TYPES: dict[int, Literal["live", "frozen", "delayed", "delayed_frozen"]] = {
    1: "live", 2: "frozen", 3: "delayed", 4: "delayed_frozen",
}  # fmt: skip
HALTS = {1: "trading halt", 2: "volatility halt"}
"""Values of tick 49 (and of 90, delayed); 0 is none, -1 not known."""


def quote(symbol: str, ticker: Any, now: Ns) -> Tick | None:
    """Bid, ask and last price as they stand; ``None`` while there is none. Raises :class:`DataError`."""
    bid, ask, last = _price(ticker.bid), _price(ticker.ask), _price(ticker.last)
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    if bid is None and ask is None and last is None:
        return None
    kind = TYPES.get(ticker.marketDataType)
    if kind is None:
        raise DataError("bad_data", f"{symbol}: market data of type {ticker.marketDataType!r}")
    traded = _moment(ticker.lastTimestamp or ticker.delayedLastTimestamp)
    told: dict[str, Any] = {"via": "tws", "type": kind}
    if kind in ("delayed", "delayed_frozen"):
        told["delayed_seconds"] = DELAY_SECONDS
    if kind in ("frozen", "delayed_frozen") or (bid is None and ask is None and traded is not None):
        if traded is None:
            raise DataError("no_time", f"{symbol}: {kind} quote without the time of the last trade")
        ts = traded
    else:
        ts = now - (DELAY_SECONDS * NS if kind == "delayed" else 0)
    if ts > now + FUTURE_SECONDS * NS:
        raise DataError("future", f"{symbol}: {(ts - now) / NS:.0f} s ahead of this machine's clock")
    data = msgspec.json.encode(told).decode()
    return Tick(ts, f"{symbol}@{VENUE}", "quote", bid=bid, ask=ask, price=last, data=data, received=now)


def halt(ticker: Any) -> str | None:
    """Why trading is halted, "" if it is not, ``None`` while nothing is told."""
    for value in (ticker.halted, ticker.delayedHalted):
        if isinstance(value, int | float) and isfinite(value):
            return HALTS.get(int(value), f"halt of kind {value:g}") if value > 0 else ""
    return None


def status(symbol: str, state: str, reason: str, now: Ns, late: Ns = 0) -> Tick:
    """Whether it trades, or can be had; ``late`` ago where its prices are so late."""
    data = msgspec.json.encode({"state": state, "reason": reason}).decode()
    return Tick(now - late, f"{symbol}@{VENUE}", "status", data=data, received=now)


def _moment(value: Any) -> Ns | None:
    return int(value.timestamp()) * NS if value is not None else None


def _price(value: Any) -> float | None:
    """-1 is how Interactive Brokers writes that there is none; ib_async, NaN that nothing was told."""
    return float(value) if isinstance(value, int | float) and isfinite(value) and value > 0 else None
