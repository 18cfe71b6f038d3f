"""Share prices from Yahoo: its socket behind a watchdog of our own, and polling while the socket is away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bot.collectors.base import Backoff, OnBad
from bot.collectors.streamed import Connection, Streamed
from bot.collectors.yahoo_client import CACHE
from bot.collectors.yahoo_parse import VENUE, from_bar, from_message, yahoo_symbol
from bot.collectors.yahoo_poll import Poller
from bot.collectors.yahoo_stream import Stream
from bot.config import YahooSource
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import duration
from bot.types import Ns, Session, Tick

REFUSED_SECONDS = (60.0, 900.0)


class YahooCollector(Streamed):
    """``TICKER@yahoo`` quotes of the configured symbols, stamped with Yahoo's own time.

    A rate limit is honoured: no polling for a minute, then longer, up to a quarter of an hour, while the
    socket is tried on.
    """

    def __init__(
        self,
        source: YahooSource,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        session: Callable[[Ns], Session] | None = None,
        on_bad: OnBad | None = None,
        backoff_initial: float = 0.5,
        backoff_max: float = 60.0,
        rng: Callable[[], float] = random.random,
        cache: Path = CACHE,
    ) -> None:
        super().__init__(
            source.name,
            [f"{ticker}@{VENUE}" for ticker in source.symbols],
            poll_seconds=source.poll_seconds,
            silence_seconds=source.silence_seconds,
            clock=clock,
            session=session,
            on_bad=on_bad,
            backoff_initial=backoff_initial,
            backoff_max=backoff_max,
            rng=rng,
        )
        self._source = source
        self._tickers = {yahoo_symbol(ticker): ticker for ticker in source.symbols}
        self._refusals = Backoff(*REFUSED_SECONDS, rng)
        self._cache = cache
        self._poller = Poller(source.query_url, cache=cache)
        self._barred_until = 0.0

    def connection(self) -> Connection:
        """yfinance's socket."""
        return Stream(self._source.stream_url, list(self._tickers), self._cache)

    def understood(self, message: Any) -> Iterable[Tick]:
        """One price."""
        return (from_message(message, self._tickers, self._clock()),)

    async def poll(self, *, every: bool) -> None:
        """One symbol after the other."""
        barred = self._barred_until - time.monotonic()
        if barred > 0:
            raise SourceRefused(f"rate-limited, not asked again for {duration(barred)}")
        answered, why = 0, ""
        for symbol in self._tickers:
            if not every and self.carried:
                return
            try:
                bar = await self._poller.last(symbol)
                answered += 1
                await self.hand_on(from_bar(symbol, bar, self._tickers, self._clock()))
                self.polled += 1
            except DataError as error:
                why = str(error)
                self.set_aside(error, f"{self._tickers[symbol]}@{VENUE}")
            except SourceRefused:
                self._barred_until = time.monotonic() + self._refusals.next()
                raise
        if not answered:
            raise SourceError(f"no price of any symbol: {why}")
        self._refusals.reset()
