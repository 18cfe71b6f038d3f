"""What Yahoo says, as ticks; and what of it cannot be true. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from msgspec import Struct, json

from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Tick

VENUE = "yahoo"
FUTURE_SECONDS = 10.0
"""A price from further ahead of our clock is not believed: one of the two clocks is wrong."""
BAR_SECONDS = 60


class Bar(Struct, frozen=True):
    """Last one-minute bar of the chart endpoint: its ``start``, its close in ``currency``, and when a share
    was last traded in regular hours (``None`` if Yahoo does not say)."""

    start: Ns
    close: float
    currency: str
    traded: Ns | None = None


def yahoo_symbol(ticker: str) -> str:
    """Yahoo writes share classes with a dash: ``BRK.B`` is ``BRK-B`` there."""
    return ticker.replace(".", "-")


def from_message(message: Mapping[str, Any], tickers: Mapping[str, str], now: Ns) -> Tick:
    """One PricingData message of the socket, as yfinance 1.7 decodes it (``MessageToDict``), as a quote.

    ``tickers`` maps Yahoo's symbols to ours. Protobuf leaves zeros out, so an absent ``bid`` is none, and an
    absent ``market_hours`` is 0 (pre-market; 1 regular, 2 post-market, 3 extended, as Yahoo numbers them).
    ``time`` is in milliseconds, as text. Raises :class:`DataError`.
    """
    symbol = str(message.get("id", ""))
    ticker = tickers.get(symbol)
    if ticker is None:
        raise DataError("wrong_id", f"{symbol!r} was not asked for")
    _in_dollars(symbol, message.get("currency") or "USD")
    try:
        ts = int(message["time"]) * 1_000_000
    except (KeyError, ValueError, TypeError):
        raise DataError("no_time", f"{symbol}: time is {message.get('time')!r}") from None
    price = _price(symbol, message.get("price"))
    bid, ask = _side(message.get("bid")), _side(message.get("ask"))
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    hours = message.get("market_hours", 0)
    return _tick(
        ticker, _not_ahead(symbol, ts, now), price, bid, ask, {"via": "socket", "market_hours": hours}, now
    )


def from_bar(symbol: str, bar: Bar, tickers: Mapping[str, str], now: Ns) -> Tick:
    """The close of a one-minute bar as a quote, valid at the last trade if that fell into the bar (regular
    hours), else at the bar's end, or now while it is not over."""
    ticker = tickers.get(symbol)
    if ticker is None:
        raise DataError("wrong_id", f"{symbol!r} was not asked for")
    _in_dollars(symbol, bar.currency)
    price = _price(symbol, bar.close)
    end = _not_ahead(symbol, bar.start, now) + BAR_SECONDS * NS
    traded = bar.traded
    if traded is not None and bar.start <= traded < end:
        ts = _not_ahead(symbol, traded, now)
    else:
        ts = min(end, max(now, bar.start))
    return _tick(ticker, ts, price, None, None, {"via": "poll"}, now)


def _tick(
    ticker: str, ts: Ns, price: float, bid: float | None, ask: float | None, data: dict[str, Any], now: Ns
) -> Tick:
    text = json.encode(data).decode()
    return Tick(ts, f"{ticker}@{VENUE}", "quote", bid=bid, ask=ask, price=price, data=text, received=now)


def _not_ahead(symbol: str, ts: Ns, now: Ns) -> Ns:
    if ts <= 0:
        raise DataError("no_time", f"{symbol}: time is {ts}")
    if ts > now + FUTURE_SECONDS * NS:
        raise DataError("future", f"{symbol}: {(ts - now) / NS:.0f} s ahead of this machine's clock")
    return ts


def _price(symbol: str, value: Any) -> float:
    if not isinstance(value, int | float) or not isfinite(value) or value <= 0:
        raise DataError("bad_price", f"{symbol}: price is {value!r}")
    return float(value)


def _side(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) and value > 0 else None


def _in_dollars(symbol: str, currency: str) -> None:
    if currency != "USD":
        raise DataError("wrong_currency", f"{symbol}: priced in {currency}, not USD")
