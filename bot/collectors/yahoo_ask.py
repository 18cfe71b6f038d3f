"""Asking Yahoo over HTTP, through yfinance: in a thread, one at a time, its faults turned into ours."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.collectors.threads import in_thread
from bot.collectors.yahoo_client import CACHE, LOCK, REFUSALS, load
from bot.errors import DataError, SourceError, SourceRefused

if TYPE_CHECKING:
    from bot.collectors.yahoo_http import YahooSession

T = TypeVar("T")
ASK_SECONDS = 20.0
"""For one question, all its requests together (cookie, crumb, consent …)."""
SESSIONS: dict[str, YahooSession] = {}
"""By address. One for the process: yfinance keeps one crumb, which is good with the cookies it came with."""


class Asker:
    """Runs what asks yfinance something, with a session that leads to ``query_url``."""

    def __init__(self, query_url: str, *, cache: Path = CACHE) -> None:
        self._query_url = query_url
        self._cache = cache

    async def ask(self, work: Callable[[Any, Any], T]) -> T:
        """What ``work(yfinance, session)`` returns.

        Raises :class:`SourceRefused` when Yahoo says no, :class:`DataError` for what Yahoo does not have, and
        :class:`SourceError` if it cannot be reached or makes no sense.
        """
        return await in_thread(self._asked, work)

    def _asked(self, work: Callable[[Any, Any], T]) -> T:
        with LOCK:
            yfinance = load(self._cache)
            session = self._session()
            session.deadline = time.monotonic() + ASK_SECONDS
            # yfinance 1.7 uses what pandas 4 will drop; that is nothing for our users to read about.
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
            try:
                return work(yfinance, session)
            except yfinance.exceptions.YFRateLimitError:
                self._forget(yfinance)
                raise SourceRefused("rate-limited by Yahoo (HTTP 429)") from None
            except yfinance.exceptions.YFTickerMissingError as error:
                self._forget(yfinance)
                raise DataError("no_price", str(error)) from None
            except DataError:
                raise
            except Exception as error:
                self._forget(yfinance)
                raise _meant(session.status, error) from None

    def _session(self) -> YahooSession:
        if self._query_url not in SESSIONS:
            from bot.collectors.yahoo_http import YahooSession

            SESSIONS[self._query_url] = YahooSession(self._query_url)
        return SESSIONS[self._query_url]

    @staticmethod
    def _forget(yfinance: Any) -> None:
        # yfinance keeps the answer to its time zone request, an error page too, and would never ask again.
        yfinance.data.YfData.cache_get.cache_clear()


def _meant(status: int, error: Exception) -> DataError | SourceError:
    """yfinance has no error of its own for a bad answer: it shows as whatever broke on it."""
    if status == HTTPStatus.NOT_FOUND:
        return DataError("no_price", "not known to Yahoo (HTTP 404)")
    if status in REFUSALS:
        return SourceRefused(f"refused by Yahoo (HTTP {status})")
    if status >= HTTPStatus.BAD_REQUEST:
        return SourceError(f"Yahoo answered HTTP {status}")
    return SourceError(f"{type(error).__name__}: {error}")
