"""Asking Yahoo for the last price over HTTP, through yfinance: the fall-back of the socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.collectors.yahoo_ask import Asker
from bot.collectors.yahoo_client import CACHE
from bot.collectors.yahoo_parse import Bar
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns


class Poller:
    """The last one-minute bar of a symbol, pre- and post-market included.

    ``Ticker.history(period="1d", interval="1m", prepost=True)``: the freshest price yfinance 1.7 gets over
    HTTP; ``fast_info`` is a daily close, and ``info`` is slower and may lack the extended hours.
    """

    def __init__(self, query_url: str, *, cache: Path = CACHE) -> None:
        self._asker = Asker(query_url, cache=cache)

    async def last(self, symbol: str) -> Bar:
        """Raises :class:`SourceRefused` when rate-limited, :class:`DataError` if the symbol has no price,
        :class:`SourceError` if Yahoo cannot be reached or makes no sense."""
        try:
            return await self._asker.ask(lambda yfinance, session: _last(yfinance, session, symbol))
        except DataError as error:
            raise DataError(error.reason, f"{symbol}: {error.detail.removeprefix(f'{symbol}: ')}") from None


def _last(yfinance: Any, session: Any, symbol: str) -> Bar:
    # A new Ticker each time: it keeps what it once fetched.
    ticker = yfinance.Ticker(symbol, session=session)
    frame = ticker.history(period="1d", interval="1m", prepost=True, auto_adjust=False, actions=False)
    closes = frame["Close"].dropna()
    if closes.empty:
        raise DataError("no_price", f"{symbol}: the chart has no bars")
    meta = ticker.history_metadata
    start = int(closes.index[-1].timestamp()) * NS
    return Bar(start, float(closes.iloc[-1]), str(meta.get("currency") or ""), _traded(meta))


def _traded(meta: Any) -> Ns | None:
    """``regularMarketTime``: seconds in Yahoo's answer, a pandas Timestamp once yfinance has formatted it."""
    value = meta.get("regularMarketTime")
    seconds = value.timestamp() if hasattr(value, "timestamp") else value
    return int(seconds) * NS if isinstance(seconds, int | float) else None
