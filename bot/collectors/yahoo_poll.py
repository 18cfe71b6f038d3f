"""Asking Yahoo for the last price over HTTP, through yfinance: the fall-back of the socket."""

from __future__ import annotations

import time
import warnings
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.collectors.threads import in_thread
from bot.collectors.yahoo_client import CACHE, LOCK, REFUSALS, load
from bot.collectors.yahoo_parse import Bar
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import NS
from bot.types import Ns

if TYPE_CHECKING:
    from bot.collectors.yahoo_http import YahooSession

SYMBOL_SECONDS = 20.0
"""For one symbol, all requests together."""


class Poller:
    """The last one-minute bar of a symbol, pre- and post-market included.

    ``Ticker.history(period="1d", interval="1m", prepost=True)``: the freshest price yfinance 1.7 gets over
    HTTP; ``fast_info`` is a daily close, and ``info`` is slower and may lack the extended hours.
    """

    def __init__(self, query_url: str, *, cache: Path = CACHE) -> None:
        self._query_url = query_url
        self._cache = cache
        self._session: YahooSession | None = None

    async def last(self, symbol: str) -> Bar:
        """Raises :class:`SourceRefused` when rate-limited, :class:`DataError` if the symbol has no price,
        :class:`SourceError` if Yahoo cannot be reached or makes no sense."""
        return await in_thread(self._last, symbol)

    def _last(self, symbol: str) -> Bar:
        with LOCK:
            yfinance = load(self._cache)
            missing = yfinance.exceptions.YFTickerMissingError
            try:
                return self._fetch(yfinance, symbol)
            except yfinance.exceptions.YFRateLimitError:
                self._forget(yfinance)
                raise SourceRefused("rate-limited by Yahoo (HTTP 429)") from None
            except missing as error:
                self._forget(yfinance)
                raise DataError("no_price", str(error)) from None
            except DataError:
                raise
            except Exception as error:
                self._forget(yfinance)
                raise self._meant(symbol, error) from None

    def _meant(self, symbol: str, error: Exception) -> DataError | SourceError:
        """yfinance has no error of its own for a bad answer: it shows as whatever broke on it."""
        status = self._session.status if self._session is not None else 0
        if status == HTTPStatus.NOT_FOUND:
            return DataError("no_price", f"{symbol}: not known to Yahoo (HTTP 404)")
        if status in REFUSALS:
            return SourceRefused(f"refused by Yahoo (HTTP {status})")
        return SourceError(f"{type(error).__name__}: {error}")

    def _fetch(self, yfinance: Any, symbol: str) -> Bar:
        if self._session is None:
            from bot.collectors.yahoo_http import YahooSession

            self._session = YahooSession(self._query_url)
        # yfinance 1.7 uses what pandas 4 will drop; that is nothing for our users to read about.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
        self._session.deadline = time.monotonic() + SYMBOL_SECONDS
        # A new Ticker each time: it keeps what it once fetched.
        ticker = yfinance.Ticker(symbol, session=self._session)
        frame = ticker.history(period="1d", interval="1m", prepost=True, auto_adjust=False, actions=False)
        closes = frame["Close"].dropna()
        if closes.empty:
            raise DataError("no_price", f"{symbol}: the chart has no bars")
        meta = ticker.history_metadata
        start = int(closes.index[-1].timestamp()) * NS
        return Bar(start, float(closes.iloc[-1]), str(meta.get("currency") or ""), _traded(meta))

    @staticmethod
    def _forget(yfinance: Any) -> None:
        # yfinance keeps the answer to its time zone request, an error page too, and would never ask again.
        yfinance.data.YfData.cache_get.cache_clear()


def _traded(meta: Any) -> Ns | None:
    """``regularMarketTime``: seconds in Yahoo's answer, a pandas Timestamp once yfinance has formatted it."""
    value = meta.get("regularMarketTime")
    seconds = value.timestamp() if hasattr(value, "timestamp") else value
    return int(seconds) * NS if isinstance(seconds, int | float) else None
