"""alpaca-py, loaded once, when first needed, and asked over HTTP as a daemon has to ask."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from bot.collectors.threads import in_thread
from bot.config import AlpacaKeys, secret
from bot.errors import PegbotError, SourceError, SourceRefused
from bot.timefmt import duration

T = TypeVar("T")
LOCK = threading.Lock()
LONGEST_WAIT_SECONDS = 120.0
"""Alpaca asking us to wait for longer is taken to have refused."""
CALL_SECONDS = 60.0
"""For one question, all its pages together."""


class RateLimited(SourceError):
    """Not to be asked again for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"rate-limited, not asked again for {duration(max(1.0, seconds))}")


def _barred(seconds: float) -> SourceError:
    limited = RateLimited(seconds)
    return SourceRefused(str(limited)) if seconds > LONGEST_WAIT_SECONDS else limited


def load() -> None:
    """Import alpaca-py, which takes about a second (pandas): call it in a thread."""
    with LOCK:
        # alpaca-py 0.44 uses what websockets may drop one day; that is nothing for our users to read about.
        warnings.filterwarnings("ignore", category=DeprecationWarning, message="websockets.legacy")
        for name in ("alpaca.data.historical", "alpaca.data.live", "alpaca.trading.client"):
            import_module(name)


def keys(source: AlpacaKeys) -> tuple[str, str]:
    """Key and secret of a source."""
    return secret(source.api_key).get_secret_value(), secret(source.api_secret).get_secret_value()


class Rest:
    """Asks Alpaca's HTTP endpoints through alpaca-py's clients, one question at a time.

    alpaca-py 0.44 itself sets no time limit, and on HTTP 429 sleeps for three seconds three times whatever
    the server says; the session put into its clients does better.
    """

    def __init__(self, source: AlpacaKeys, *, per_second: float) -> None:
        self._source = source
        self._per_second = per_second
        self._session: Any = None
        self._clients: dict[Any, Any] = {}
        self._barred_until = 0.0
        self._busy = False

    @property
    def barred_seconds(self) -> float:
        """How long it may not be asked."""
        return max(0.0, self._barred_until - time.monotonic())

    async def ask(self, work: Callable[[Rest], T]) -> T:
        """What ``work`` returns, which runs in a thread and may use :meth:`client`.

        Raises :class:`SourceRefused` (401, 403, and a limit that outlasts our patience), :class:`RateLimited`
        (429, and until that is over) and :class:`SourceError` for all else.
        """
        if self.barred_seconds:
            raise _barred(self.barred_seconds)
        if self._busy:
            raise SourceError("Alpaca still owes the last answer")
        self._busy = True
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await in_thread(self._work, work)
        except RateLimited as error:
            self._barred_until = time.monotonic() + error.seconds
            raise _barred(error.seconds) from None
        except TimeoutError:
            raise SourceError(f"Alpaca did not answer within {CALL_SECONDS:g} s") from None

    def client(self, kind: str, url: str) -> Any:
        """alpaca-py's client for ``stock`` or ``option`` data, ``trading`` or corporate ``actions``; raw."""
        if (kind, url) not in self._clients:
            from alpaca.data.historical import OptionHistoricalDataClient, StockHistoricalDataClient
            from alpaca.data.historical.corporate_actions import CorporateActionsClient
            from alpaca.trading.client import TradingClient

            classes: dict[str, Any] = {
                "stock": StockHistoricalDataClient,
                "option": OptionHistoricalDataClient,
                "trading": TradingClient,
                "actions": CorporateActionsClient,
            }
            key, password = keys(self._source)
            client = classes[kind](key, password, raw_data=True, url_override=url.rstrip("/"))
            client._session = self._session
            self._clients[kind, url] = client
        return self._clients[kind, url]

    def _work(self, work: Callable[[Rest], T]) -> T:
        try:
            load()
            if self._session is None:
                from bot.collectors.alpaca_http import AlpacaSession

                self._session = AlpacaSession(self._per_second)
            return work(self)
        except PegbotError:
            raise
        except Exception as error:  # it has no error of its own for a bad answer: whatever broke on it
            raise SourceError(f"Alpaca's answer makes no sense: {type(error).__name__}: {error}") from None
        finally:
            self._busy = False
