"""What an exchange says, as ticks; and what of it cannot be true. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import Struct, json, structs

from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Tick

FUTURE_SECONDS = 10.0
"""A time from further ahead of our clock is not believed: one of the two clocks is wrong."""
Levels = Sequence[Sequence[float]]


class Terms(Struct, frozen=True, omit_defaults=True):
    """What a market's own description says: fee ratios, lot and tick, smallest order; ``None``: not told.

    ``quote`` is the currency of its prices; ``is_open`` whether it trades at all; ``is_contract`` whether
    it is a future.
    """

    symbol: str
    quote: str
    is_open: bool = True
    is_contract: bool = False
    taker: float | None = None
    maker: float | None = None
    lot: float | None = None
    tick: float | None = None
    minimum_tokens: float | None = None
    minimum_quote: float | None = None


def terms(market: Mapping[str, Any]) -> Terms:
    """Of a market as ccxt describes it, its precision mode being tick sizes."""
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    return Terms(
        symbol=str(market["symbol"]),
        quote=str(market["quote"]),
        is_open=market.get("active") is not False,
        is_contract=bool(market.get("contract")),
        taker=_number(market.get("taker")),
        maker=_number(market.get("maker")),
        lot=_number(precision.get("amount")),
        tick=_number(precision.get("price")),
        minimum_tokens=_number((limits.get("amount") or {}).get("min")),
        minimum_quote=_number((limits.get("cost") or {}).get("min")),
    )


def book(instrument: str, bids: Levels, asks: Levels, quote: str, ts: Ns, now: Ns) -> Tick:
    """A quote that carries its book, best first; a ``status`` ``halted`` where a side is empty.

    Prices stay in the market's own currency; one that is not the dollar is named in ``data``. Raises
    :class:`DataError`.
    """
    if not bids or not asks:
        return status(instrument, "halted", f"no {'asks' if bids else 'bids'} in the book", now)
    bid, ask = bids[0][0], asks[0][0]
    if bid >= ask:
        raise DataError("crossed", f"{instrument}: bid {bid!r} not below ask {ask!r}")
    data: dict[str, Any] = {"bids": bids, "asks": asks}
    if quote != "USD":
        data["quote"] = quote
    text = json.encode(data).decode()
    return Tick(believed(instrument, ts, now), instrument, "quote", bid=bid, ask=ask, data=text, received=now)


def trade(instrument: str, price: Any, tokens: Any, side: str, quote: str, ts: Ns, now: Ns) -> Tick:
    """One trade; ``side`` is the taker's. Raises :class:`DataError`."""
    paid, amount = _number(price), _number(tokens)
    if paid is None or amount is None or paid <= 0 or amount <= 0:
        raise DataError("bad_trade", f"{instrument}: {tokens!r} at {price!r}")
    data = {"side": side} if quote == "USD" else {"side": side, "quote": quote}
    text = json.encode(data).decode()
    ts = believed(instrument, ts, now)
    return Tick(ts, instrument, "trade", price=paid, size=paid * amount, data=text, received=now)


def perpetual(instrument: str, told: Mapping[str, Any], quote: str, ts: Ns, now: Ns) -> Tick:
    """A perpetual future's mark as a quote; its index, funding and best prices in ``data``. Raises
    DataError."""
    mark = told.get("mark")
    if not isinstance(mark, float) or not isfinite(mark) or mark <= 0:
        raise DataError("bad_price", f"{instrument}: mark is {mark!r}")
    data = {key: value for key, value in told.items() if value is not None}
    if quote != "USD":
        data["quote"] = quote
    text = json.encode(data).decode()
    return Tick(believed(instrument, ts, now), instrument, "quote", price=mark, data=text, received=now)


def status(instrument: str, state: str, reason: str, now: Ns, told: Terms | None = None) -> Tick:
    """Whether it trades; with the market's terms where they are news."""
    data: dict[str, Any] = {"state": state, "reason": reason}
    if told is not None:
        data["terms"] = structs.asdict(told)
    return Tick(now, instrument, "status", data=json.encode(data).decode(), received=now)


def believed(instrument: str, ts: Ns, now: Ns) -> Ns:
    """``ts`` if it can be; 0 is not told, and taken as now. Raises :class:`DataError`."""
    if ts <= 0:
        return now
    if ts > now + FUTURE_SECONDS * NS:
        raise DataError("future", f"{instrument}: {(ts - now) / NS:.0f} s ahead of this machine's clock")
    return ts


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None
