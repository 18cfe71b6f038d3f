"""Option chains, asked for in rounds: what sources of them have in common; each says how it asks."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from bot.collectors.alpaca_client import RateLimited
from bot.collectors.base import OnBad
from bot.collectors.option_dividends import Known, tick_of
from bot.collectors.option_parse import Seen, tick
from bot.collectors.streamed import usual_session
from bot.config import AlpacaOptionsSource, YahooOptionsSource
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns, Quarantined, Session, Tick

Sleep = Callable[[float], Any]
PATIENCE_SECONDS = 60.0
"""A rate limit that is over within so long is waited for once before it is a fault."""
DIVIDENDS_NS = DAY_SECONDS * NS
"""Dividends are asked for so often, one share's after its chain; and so much later if they cannot be had:"""
DIVIDENDS_AGAIN_NS = 3_600 * NS
FORGET_NS = 7 * DAY_SECONDS * NS
"""What has not been quoted for so long has expired, or is of no use any more."""


class OptionChains(ABC):
    """Quotes ``OCC@venue`` of the options of use, every ``poll_seconds``; see
    :class:`bot.collectors.base.Collector`.

    A share whose chain cannot be had is tried again in the next round; it raises when none can. A quote with
    the time and the prices of the one told before is not told again. What nobody quotes any more is told no
    more: it grows old.
    """

    venue = ""

    def __init__(
        self,
        source: YahooOptionsSource | AlpacaOptionsSource,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        session: Callable[[Ns], Session] | None = None,
        on_bad: OnBad | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.detail = "asking for the first chains"
        self.rounds = 0
        """Finished since the start."""
        self._turn = deque(source.symbols)
        self._poll_seconds = source.poll_seconds
        self._clock, self._on_bad, self._sleep = clock, on_bad, sleep
        self._session = session or usual_session
        self._last: dict[str, Tick] = {}
        self._ask_dividends: dict[str, Ns] = {}
        self._dividends: dict[str, list[Known]] = {}
        self._without: dict[str, str] = {}

    @abstractmethod
    def chain(self, ticker: str) -> AsyncIterator[Seen]:
        """What the source tells now of the options of use on a share.

        Raises :class:`SourceError`, or :class:`DataError` if the source does not know the share.
        """

    @abstractmethod
    async def dividends(self, ticker: str) -> list[Known]:
        """Those of a share that the source knows to come, or expects. Raises as :meth:`chain`."""

    def barred_seconds(self) -> float:
        """How long it may not be asked; 0: it may."""
        return 0.0

    def told_along(self) -> dict[str, Any]:
        """What every tick's ``data`` holds beside."""
        return {}

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """As they come. Raises :class:`SourceError` when no chain can be had."""
        waited = False
        while True:
            await self._sleep(self.barred_seconds())
            began = time.monotonic()
            chains, count = 0, 0
            fault: SourceError | None = None
            for _ in range(len(self._turn)):
                ticker = self._turn[0]
                try:
                    async for seen in self.chain(ticker):
                        count += 1
                        told = self._news(seen)
                        if told is not None:
                            yield told
                    chains += 1
                    along = await self._news_of_dividends(ticker)
                    if along is not None:
                        yield along
                except DataError as error:
                    fault = SourceError(f"{ticker}: {error.detail or error.reason}")
                    self._set_aside(error, ticker)
                except (SourceRefused, RateLimited) as error:
                    fault = error
                    break  # the others would hear the same; this one is the first to be asked next time
                except SourceError as error:
                    fault = error
                self._turn.rotate(-1)
            if fault is not None and not chains:
                if not isinstance(fault, RateLimited) or fault.seconds > PATIENCE_SECONDS or waited:
                    raise fault
                waited = True
                continue
            waited = False
            self.rounds += 1
            self._sweep()
            of = f" of {len(self._turn)}; {fault}" if fault is not None else ""
            of += "".join(f"; {without}" for without in list(self._without.values())[:1])
            self.detail = f"{count} options of {chains} shares{of}"
            await self._sleep(max(0.0, began + self._poll_seconds - time.monotonic()))

    def _news(self, seen: Seen) -> Tick | None:
        now = self._clock()
        try:
            told = tick(seen, self.venue, now, **self.told_along())
        except DataError as error:
            self._set_aside(error, seen.symbol)
            return None
        last = self._last.get(told.instrument)
        if last is not None and last.ts <= now:  # or our clock has gone back, and what was told was wrong
            same = (last.bid, last.ask, last.price, last.data) == (told.bid, told.ask, told.price, told.data)
            if told.ts < last.ts or (told.ts == last.ts and same):
                return None
        self._last[told.instrument] = told
        return told

    async def _news_of_dividends(self, ticker: str) -> Tick | None:
        """Now and then; what is as it was is not told again. Without them there still is a chain."""
        now = self._clock()
        if now < self._ask_dividends.get(ticker, 0):
            return None
        try:
            known = await self.dividends(ticker)
        except DataError:
            known = []  # it knows of none
        except SourceError as error:
            self._ask_dividends[ticker] = now + DIVIDENDS_AGAIN_NS
            self._without[ticker] = f"no dividends of {ticker}: {error}"
            return None
        self._without.pop(ticker, None)
        self._ask_dividends[ticker] = now + DIVIDENDS_NS
        if known == self._dividends.get(ticker, []):
            return None
        self._dividends[ticker] = known
        return tick_of(ticker, self.venue, known, now)

    def _sweep(self) -> None:
        long_ago = self._clock() - FORGET_NS
        self._last = {name: told for name, told in self._last.items() if told.received > long_ago}

    def _set_aside(self, error: DataError, symbol: str) -> None:
        if self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), f"{symbol}@{self.venue}", error.reason, error.detail))
