"""What Alpaca says of shares, as ticks; and what of it cannot be true. Pure.

Messages of the socket by their ``T``: ``q`` quote, ``t`` trade, ``c`` correction, ``x`` cancellation, ``s``
trading status, ``l`` price bands (limit up, limit down). The snapshot over HTTP holds such quotes and trades.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import msgspec

from bot.errors import DataError
from bot.timefmt import NS, parse
from bot.types import Ns, Tick

VENUE = "alpaca"
FUTURE_SECONDS = 10.0
"""A price from further ahead of our clock is not believed: one of the two clocks is wrong."""
NO_PRICE = frozenset("CHIMNPQRUVWZ479")
"""Sale conditions of trades that are not what the share trades at now: of another settlement, derivatively or
averagely priced, out of sequence, odd lots, official opens and closes (CTS and UTP specifications)."""
CTA_TAPES, CTA_NO_PRICE = ("A", "B"), "B"
"""On tapes A and B this condition is an average price; on C a bunched trade, which is a price."""
HALTED = frozenset({"2", "H", "P"})
"""Status codes: trading halt (tapes A and B; C), volatility pause (C)."""
TRADES_AGAIN = frozenset({"3", "T"})


class Share:
    """One share as last told."""

    __slots__ = ("ask", "band", "bid", "halted", "price", "quoted", "trade", "traded", "why")

    def __init__(self) -> None:
        self.bid: float | None = None
        self.ask: float | None = None
        self.price: float | None = None
        self.trade: Any = None
        """Alpaca's number of the trade that ``price`` is of."""
        self.band: tuple[float, float] | None = None
        self.halted: Ns = 0
        """Since when, by the source; 0: it trades, as far as is known."""
        self.why = ""
        """The reason of the halt."""
        self.quoted: Ns = 0
        """When its bid and ask were; nothing older takes their place."""
        self.traded: Ns = 0
        """When its price was."""

    @property
    def ts(self) -> Ns:
        """When it was all true: of the later of both."""
        return max(self.quoted, self.traded)


class Shares:
    """What the messages say together, of the symbols asked for. ``feed`` is told along in ``data``."""

    def __init__(self, symbols: Iterable[str], feed: str) -> None:
        self._feed = feed
        self._shares = {symbol: Share() for symbol in symbols}

    def take(self, message: Mapping[str, Any], now: Ns) -> Tick | None:
        """A message of the socket; ``None``: no news of price or halt. Raises :class:`DataError`."""
        kind = message.get("T")
        if kind not in ("q", "t", "c", "x", "s", "l"):
            return None
        symbol = str(message.get("S", ""))
        share = self._of(symbol)
        ts = _time(symbol, message.get("t"), now)
        match kind:
            case "q":
                if not _quote(share, message, ts):
                    return None
            case "t":
                price = _price(symbol, message.get("p"))
                if not counts(message) or ts < share.traded:
                    return None
                share.price, share.trade, share.traded = price, message.get("i"), ts
                if share.halted and ts > share.halted:
                    share.halted = 0
                    return _status(symbol, "up", "it trades again", ts, now)
                return self._tick("trade", symbol, share, now, "socket", _size(message))
            case "c" if share.trade is not None and message.get("oi") == share.trade:
                share.price, share.trade = _price(symbol, message.get("cp")), message.get("ci")
            case "x" if share.trade is not None and message.get("i") == share.trade:
                share.price = share.trade = None
            case "s":
                return self._halt(symbol, share, message, ts, now)
            case "l":
                low, high = _side(message.get("d")), _side(message.get("u"))
                share.band = None if low is None or high is None else (low, high)
                return None
            case _:
                return None
        return self._tick("quote", symbol, share, now, "socket")

    def snapshot(self, symbol: str, told: Any, now: Ns) -> Tick:
        """What was asked for over HTTP: the latest trade and quote, as of the later of them."""
        share = self._of(symbol)
        if not isinstance(told, Mapping):
            raise DataError("no_price", f"{symbol}: Alpaca knows no price of it")
        quote, trade = told.get("latestQuote"), told.get("latestTrade")
        if isinstance(quote, Mapping):
            _quote(share, quote, _time(symbol, quote.get("t"), now))
        if isinstance(trade, Mapping):
            price, when = _price(symbol, trade.get("p")), _time(symbol, trade.get("t"), now)
            if when >= share.traded and (counts(trade) or share.price is None):
                share.price, share.trade, share.traded = price, trade.get("i"), when
        if share.bid is None and share.ask is None and share.price is None:
            raise DataError("no_price", f"{symbol}: neither a quote nor a trade")
        return self._tick("quote", symbol, share, now, "poll")

    def halts(self, now: Ns) -> list[Tick]:
        """Those of which no end was told."""
        return [
            _status(symbol, "halted", share.why, now, now)
            for symbol, share in self._shares.items()
            if share.halted
        ]

    def _of(self, symbol: str) -> Share:
        share = self._shares.get(symbol)
        if share is None:
            raise DataError("wrong_id", f"{symbol!r} was not asked for")
        return share

    def _tick(self, kind: Any, symbol: str, share: Share, now: Ns, via: str,
              size: float | None = None) -> Tick:  # fmt: skip
        told: dict[str, Any] = {"via": via, "feed": self._feed}
        if share.band is not None:
            told["luld"] = share.band
        data = msgspec.json.encode(told).decode()
        return Tick(share.ts, f"{symbol}@{VENUE}", kind, bid=share.bid, ask=share.ask, price=share.price,
                    size=size, data=data, received=now)  # fmt: skip

    @staticmethod
    def _halt(symbol: str, share: Share, message: Mapping[str, Any], ts: Ns, now: Ns) -> Tick | None:
        code = str(message.get("sc", ""))
        said = [str(message[key]) for key in ("sm", "rm") if message.get(key)]
        if code in HALTED:
            share.halted, share.why = ts, ": ".join(said) or "trading halt"
            return _status(symbol, "halted", share.why, ts, now)
        if code in TRADES_AGAIN:
            share.halted = 0
            return _status(symbol, "up", said[0] if said else "", ts, now)
        return None


def counts(trade: Mapping[str, Any]) -> bool:
    """Whether a trade is what the share trades at now, by its conditions."""
    conditions = trade.get("c")
    if not isinstance(conditions, list | tuple):
        return True
    marks = {str(one) for one in conditions}
    return not (marks & NO_PRICE or (CTA_NO_PRICE in marks and trade.get("z") in CTA_TAPES))


def _quote(share: Share, told: Mapping[str, Any], ts: Ns) -> bool:
    """Whether it is news; 0 is no bid, or no ask; of a crossed quote neither is believed."""
    if ts < share.quoted:
        return False
    bid, ask = _side(told.get("bp")), _side(told.get("ap"))
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    share.bid, share.ask, share.quoted = bid, ask, ts
    return True


def _status(symbol: str, state: str, reason: str, ts: Ns, now: Ns) -> Tick:
    data = msgspec.json.encode({"state": state, "reason": reason}).decode()
    return Tick(ts, f"{symbol}@{VENUE}", "status", data=data, received=now)


def _time(symbol: str, value: Any, now: Ns) -> Ns:
    """MessagePack's timestamp of the socket, text of the HTTP answers; both to the nanosecond."""
    try:
        ts = parse(value) if isinstance(value, str) else int(value.to_unix_nano())
    except (ValueError, AttributeError):
        raise DataError("no_time", f"{symbol}: time is {value!r}") from None
    if ts <= 0:
        raise DataError("no_time", f"{symbol}: time is {value!r}")
    if ts > now + FUTURE_SECONDS * NS:
        raise DataError("future", f"{symbol}: {(ts - now) / NS:.0f} s ahead of this machine's clock")
    return ts


def _price(symbol: str, value: Any) -> float:
    price = _side(value)
    if price is None:
        raise DataError("bad_price", f"{symbol}: price is {value!r}")
    return price


def _size(trade: Mapping[str, Any]) -> float | None:
    """USD."""
    price, shares = _side(trade.get("p")), _side(trade.get("s"))
    return None if price is None or shares is None else price * shares


def _side(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) and value > 0 else None
