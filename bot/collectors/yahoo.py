"""Share prices from Yahoo: its socket behind a watchdog of our own, and polling while the socket is away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.collectors.base import Backoff, OnBad
from bot.collectors.yahoo_client import CACHE
from bot.collectors.yahoo_parse import VENUE, from_bar, from_message, yahoo_symbol
from bot.collectors.yahoo_poll import Poller
from bot.collectors.yahoo_stream import Stream
from bot.config import YahooSource
from bot.errors import DataError, SourceError, SourceRefused, SourceSilent
from bot.timefmt import NS, duration
from bot.types import Ns, Quarantined, Session, Tick

NEW_YORK = ZoneInfo("America/New_York")
PATIENCE: dict[Session, float] = {"regular": 1.0, "pre": 5.0, "post": 5.0}
"""How many times ``silence_seconds`` the socket may be silent, by session; in others for as long as it
likes: nothing need trade, and the WebSocket's own pings (every 20 s) show that it is there."""
LOOK_SECONDS = 15.0
"""How often a silent socket is looked at: the session may have changed."""
HEALTHY_SECONDS = 30.0
REFUSED_SECONDS = (60.0, 900.0)
WAITING_TICKS = 1024


class YahooCollector:
    """``TICKER@yahoo`` quotes of the configured symbols, stamped with Yahoo's own time.

    On start each symbol is polled once, so that there is a price while the market sleeps. Then the socket
    delivers; each lost or silent one is replaced by a new one after a back-off, and until it delivers,
    all symbols are polled every ``poll_seconds``. It raises (the supervisor then starts it again) only
    when neither way works. A rate limit is honoured: no polling for a minute, then longer, up to a quarter of
    an hour, while the socket is tried on. What was seen already, or is older, is not yielded again.
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
        self.name = source.name
        self.instruments = [f"{ticker}@{VENUE}" for ticker in source.symbols]
        self.sockets = 0
        """Connections made since the start."""
        self.polled = 0
        """Prices polled since the start."""
        self._source = source
        self._tickers = {yahoo_symbol(ticker): ticker for ticker in source.symbols}
        self._clock = clock
        self._session = session or usual_session
        self._on_bad = on_bad
        self._backoff = Backoff(backoff_initial, backoff_max, rng)
        self._refusals = Backoff(*REFUSED_SECONDS, rng)
        self._cache = cache
        self._poller = Poller(source.query_url, cache=cache)
        self._barred_until = 0.0
        self._last: dict[str, Tick] = {}
        self._connected = self._proven = False
        self._fault: SourceError | None = None
        self._lost = asyncio.Event()

    @property
    def detail(self) -> str:
        """How prices come at the moment."""
        if self._proven:
            return "socket"
        if self._connected:
            return "socket, quiet so far"
        return f"polling; {self._fault}" if self._fault else "connecting"

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Quotes as they come. Raises :class:`SourceError` when neither socket nor polling works."""
        found: asyncio.Queue[Tick | None] = asyncio.Queue(WAITING_TICKS)
        work = asyncio.create_task(self._work(found), name=f"{self.name} work")
        work.add_done_callback(lambda _: None if found.full() else found.put_nowait(None))
        try:
            while not (work.done() and found.empty()):
                tick = await found.get()
                if tick is not None:
                    yield tick
            await work
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _work(self, found: asyncio.Queue[Tick | None]) -> None:
        self._fault = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(found), name=f"{self.name} socket")
                group.create_task(self._poll(found), name=f"{self.name} polling")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    # -- the socket --------------------------------------------------------------------------------

    async def _listen(self, found: asyncio.Queue[Tick | None]) -> None:
        while True:
            stream = Stream(self._source.stream_url, list(self._tickers), self._cache)
            began = time.monotonic()
            try:
                await stream.open()
                self.sockets += 1
                self._connected, self._fault = True, None
                await self._read(stream, found)
            except SourceError as error:
                self._fault = error
            finally:
                if self._proven and time.monotonic() - began >= HEALTHY_SECONDS:
                    self._backoff.reset()
                self._connected = self._proven = False
                await stream.close()
            self._lost.set()
            await asyncio.sleep(self._backoff.next())

    async def _read(self, stream: Stream, found: asyncio.Queue[Tick | None]) -> None:
        heard = time.monotonic()
        while True:
            patience = PATIENCE.get(self._session(self._clock()))
            limit = None if patience is None else patience * self._source.silence_seconds
            try:
                message = await stream.receive(min(limit or LOOK_SECONDS, LOOK_SECONDS))
                if message is not None:
                    heard = time.monotonic()
                    await self._hand_on(from_message(message, self._tickers, self._clock()), found)
                    self._proven = True
                    continue
            except DataError as error:
                self._set_aside(error)
                continue
            if limit is None:
                heard = time.monotonic()
            elif time.monotonic() - heard >= limit:
                raise SourceSilent(f"socket silent for {duration(limit)}")

    # -- polling -----------------------------------------------------------------------------------

    def _carried(self) -> bool:
        """The socket does it: it delivers, or nothing is to be expected of it now."""
        return self._proven or (self._connected and self._session(self._clock()) not in PATIENCE)

    async def _poll(self, found: asyncio.Queue[Tick | None]) -> None:
        primed = False
        while True:
            self._lost.clear()
            if not (primed and self._carried()):
                try:
                    await self._poll_all(found, every=not primed)
                    primed = True
                except SourceError as error:
                    if self._fault is not None:
                        raise self._both(self._fault, error) from None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._source.poll_seconds):
                    await self._lost.wait()

    async def _poll_all(self, found: asyncio.Queue[Tick | None], *, every: bool) -> None:
        barred = self._barred_until - time.monotonic()
        if barred > 0:
            raise SourceRefused(f"rate-limited, not asked again for {duration(barred)}")
        answered, why = 0, ""
        for symbol in self._tickers:
            if not every and self._carried():
                return
            try:
                bar = await self._poller.last(symbol)
                answered += 1
                await self._hand_on(from_bar(symbol, bar, self._tickers, self._clock()), found)
                self.polled += 1
            except DataError as error:
                why = str(error)
                self._set_aside(error, symbol)
            except SourceRefused:
                self._barred_until = time.monotonic() + self._refusals.next()
                raise
        if not answered:
            raise SourceError(f"no price of any symbol: {why}")
        self._refusals.reset()

    @staticmethod
    def _both(socket: SourceError, polling: SourceError) -> SourceError:
        refused = isinstance(socket, SourceRefused) and isinstance(polling, SourceRefused)
        return (SourceRefused if refused else SourceError)(f"{socket}; polling: {polling}")

    # -- both --------------------------------------------------------------------------------------

    async def _hand_on(self, tick: Tick, found: asyncio.Queue[Tick | None]) -> None:
        last = self._last.get(tick.instrument)
        if last is not None:
            same = (last.price, last.bid, last.ask) == (tick.price, tick.bid, tick.ask)
            if tick.ts < last.ts or (tick.ts == last.ts and same):
                return
        self._last[tick.instrument] = tick
        await found.put(tick)

    def _set_aside(self, error: DataError, symbol: str = "") -> None:
        if self._on_bad is not None:
            name = f"{self._tickers[symbol]}@{VENUE}" if symbol else self.name
            self._on_bad(Quarantined(self._clock(), name, error.reason, error.detail))


def usual_session(ts: Ns) -> Session:
    """The session by New York's clock alone, holidays unknown: enough to judge a silence by."""
    now = datetime.fromtimestamp(ts / NS, UTC).astimezone(NEW_YORK)
    minutes = now.hour * 60 + now.minute
    if now.weekday() >= 5:
        return "weekend"
    if not 4 * 60 <= minutes < 20 * 60:
        return "overnight"
    if minutes < 9 * 60 + 30:
        return "pre"
    return "regular" if minutes < 16 * 60 else "post"
