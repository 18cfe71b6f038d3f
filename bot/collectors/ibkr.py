"""Share prices and halts from Interactive Brokers, through a TWS or gateway that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from bot.collectors.base import OnBad
from bot.collectors.exchange_conflate import Conflator
from bot.collectors.ibkr_client import DELAYED, LIVE, Tws
from bot.collectors.ibkr_parse import DELAY_SECONDS, VENUE, halt, quote, status
from bot.config import IbkrSource
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick

NO_DATA = {354, 10089, 10168, 10186, 101, 200, 322}
"""Of one request: no subscription (and delayed data not asked for, or not enabled), too many requests, no
such contract. It will not pass by itself."""
COMPETING = 10197
"""Somebody else is logged in with this user, and has the market data; it ends when he leaves."""
BROKEN_OFF = 10182
"""One subscription has ended, as when a farm is restarted."""
BROKEN_OFF_SECONDS = 5.0
LOST, RESTORED, RESTORED_ANEW = {1100, 2110}, 1102, 1101
"""Between TWS and Interactive Brokers: lost, back with all subscriptions, back without."""
FARM_BROKEN, FARM_OK = 2103, 2104
US_FARM = "usfarm"
"""Farms whose names begin so serve US shares; others, of history and of contracts, do not matter here."""
PORT_CHANGED = 1300
CLASH_SECONDS = 120.0
"""For so long after a connection of ours TWS may take its client id to be in use still."""
ASKS = 3


class IbkrCollector:
    """``TICKER@ibkr``: quotes as they change, and halts; see :class:`bot.collectors.base.Collector`.

    Delayed data is marked and carries the time it was true. TWS is asked the time three times in
    ``silence_seconds``: it may well have nothing to tell of a share, but always of that. When a market data
    farm breaks, the shares are told to be lost, and are subscribed to anew once it is back (what TWS
    then still delivers is not to be relied on); the connection stays.
    """

    def __init__(
        self, source: IbkrSource, *, clock: Callable[[], Ns] = time.time_ns, on_bad: OnBad | None = None
    ) -> None:
        self.name = source.name
        self.instruments = [f"{symbol}@{VENUE}" for symbol in source.symbols]
        self.connections = 0
        """Made since the start."""
        self.subscribed = 0
        """Subscriptions made since the start."""
        self._source = source
        self._clock, self._on_bad = clock, on_bad
        self._last: dict[str, Ns] = {}
        self._was_open = float("-inf")
        self._told: dict[str, tuple[str, str]] = {}
        self._reset()

    def _reset(self) -> None:
        self._out = Conflator(self._source.quote_seconds, last=self._last)
        self._tws: Any = None
        self._requests: dict[int, str] = {}
        self._tickers: dict[int, str] = {}
        self._contracts: dict[str, Any] = {}
        self._refused: dict[str, str] = {}
        # What was told to be wrong may be over, and the supervisor may have said so: it is told anew.
        self._told = {symbol: ("", "") for symbol, (state, _) in self._told.items() if state != "up"}
        self._kinds: dict[str, int] = {}
        self._broken: set[str] = set()
        self._off = ""
        self._again = asyncio.Event()
        self._fault: SourceError | None = None

    @property
    def detail(self) -> str:
        """What is not as it should be, if anything."""
        parts = []
        if self._off:
            parts.append(self._off)
        if self._broken:
            parts.append(f"market data farms broken: {', '.join(sorted(self._broken))}")
        if self._refused:
            parts.append("; ".join(f"{symbol}: {why}" for symbol, why in self._refused.items()))
        late = sum(kind != LIVE for kind in self._kinds.values())
        if late:
            parts.append(f"{late} of {len(self._kinds)} shares delayed or frozen")
        return "; ".join(parts)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """As they come. Raises :class:`SourceError` once TWS is lost."""
        self._reset()
        work = asyncio.create_task(self._work(), name=f"{self.name} work")
        work.add_done_callback(lambda _: self._out.stop())
        ticks = self._out.ticks()
        try:
            async for tick in ticks:
                yield tick
            await work
        finally:
            work.cancel()
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()  # raised above, unless nobody wanted to know any more
            await ticks.aclose()

    async def _work(self) -> None:
        source = self._source
        self._tws = tws = Tws(
            source.host, source.port, source.client_id,
            on_ticker=self._ticked, on_error=self._heard, on_bad=self._malformed,
        )  # fmt: skip
        try:
            await self._open(tws)
            async with asyncio.TaskGroup() as group:
                group.create_task(tws.closed())
                group.create_task(self._ask(tws))
                group.create_task(self._subscribe(tws))
        except ExceptionGroup as failed:
            raise (self._fault or failed.exceptions[0]) from None
        finally:
            if self.connections:
                self._was_open = time.monotonic()
            await tws.close()

    async def _open(self, tws: Tws) -> None:
        try:
            await tws.open()
        except SourceRefused as error:
            if time.monotonic() - self._was_open < CLASH_SECONDS:
                # Our own last connection, most likely: TWS takes a while to notice that it is gone.
                raise SourceError(str(error)) from None
            raise
        self.connections += 1

    async def _ask(self, tws: Tws) -> None:
        """Whether it is there."""
        seconds = self._source.silence_seconds
        while True:
            await asyncio.sleep(seconds / ASKS)
            await tws.alive(seconds)

    async def _subscribe(self, tws: Tws) -> None:
        """All shares; and again whenever that is needed."""
        tws.prefer(DELAYED if self._source.market_data == "delayed" else LIVE)
        for symbol in self._source.symbols:
            try:
                self._contracts[symbol] = await tws.contract(symbol)
            except DataError as error:
                self._set_aside(error, symbol)
                self._refuse(symbol, error.detail)
        while True:
            self._again.clear()
            for symbol, contract in self._contracts.items():
                if symbol in self._tickers.values():
                    tws.unsubscribe(contract)
                request, ticker = tws.subscribe(contract)
                self.subscribed += 1
                self._requests[request] = symbol
                self._tickers[id(ticker)] = symbol
            if not self._judge():
                await self._again.wait()
            if self._fault is not None:
                raise self._fault

    # -- what TWS says -------------------------------------------------------------------------------------

    def _ticked(self, ticker: Any) -> None:
        symbol = self._tickers.get(id(ticker))
        if symbol is None:
            return
        self._kinds[symbol] = ticker.marketDataType
        self._refused.pop(symbol, None)
        why = halt(ticker)
        if why:
            self._tell(symbol, "halted", why)
        elif not (self._off or self._stock_farms()):
            self._tell(symbol, "up", "")
        self._out.quote(f"{symbol}@{VENUE}", lambda: self._quote(symbol, ticker))

    def _quote(self, symbol: str, ticker: Any) -> Tick | None:
        now = self._clock()
        if self._last.get(f"{symbol}@{VENUE}", 0) > now:  # our clock has gone back: what was told was wrong
            del self._last[f"{symbol}@{VENUE}"]
        try:
            told = quote(symbol, ticker, now)
        except DataError as error:
            self._set_aside(error, symbol)
            return None
        # Delayed data after live: what is told already is newer.
        return None if told is None or told.ts < self._last.get(told.instrument, 0) else told

    def _heard(self, request: int, code: int, text: str) -> None:
        symbol = self._requests.get(request)
        if symbol is not None and (code in NO_DATA or code == COMPETING):
            self._refuse(symbol, f"{text} ({code})")
            if self._judge():
                self._again.set()
        elif symbol is not None and code == BROKEN_OFF:
            self._tell(symbol, "down", f"{text} ({code})")
            asyncio.get_running_loop().call_later(BROKEN_OFF_SECONDS, self._again.set)
        elif code in LOST:
            self._off = f"TWS has lost Interactive Brokers ({code})"
            self._tell_all("down", self._off)
        elif code in (RESTORED, RESTORED_ANEW):
            self._off = ""
            self._again.set()
        elif code in (FARM_BROKEN, FARM_OK):
            self._farm(code, text.rpartition(":")[2].strip())
        elif code == PORT_CHANGED:
            self._fault = SourceError(f"TWS says: {text} ({code}); set port")
            self._again.set()

    def _farm(self, code: int, farm: str) -> None:
        if code == FARM_BROKEN:
            self._broken.add(farm)
            if self._stock_farms():
                self._tell_all("down", f"market data farm {farm} is broken ({code})")
        elif farm in self._broken:
            self._broken.discard(farm)
            if farm.startswith(US_FARM) and not self._stock_farms():
                self._again.set()

    def _stock_farms(self) -> bool:
        """Whether one that serves US shares is broken."""
        return any(farm.startswith(US_FARM) for farm in self._broken)

    def _refuse(self, symbol: str, why: str) -> None:
        self._refused[symbol] = why
        self._tell(symbol, "down", why)

    def _judge(self) -> bool:
        """Whether nothing is left to be had; then why is the fault."""
        if len(self._refused) < len(self._source.symbols):
            return False
        first = next(iter(self._refused.values()))
        passing = all(f"({COMPETING})" in why for why in self._refused.values())
        self._fault = (SourceError if passing else SourceRefused)(f"no share can be had: {first}")
        return True

    def _tell_all(self, state: str, reason: str) -> None:
        for symbol in self._contracts:
            self._tell(symbol, state, reason)

    def _tell(self, symbol: str, state: str, reason: str) -> None:
        """If it is news. That a share is up is none before something else was told of it."""
        before = self._told.get(symbol, ("up", ""))
        if before == (state, reason):
            return
        self._told[symbol] = (state, reason)
        if state == "down":
            self._out.forget(f"{symbol}@{VENUE}")
        late = DELAY_SECONDS * NS if self._kinds.get(symbol, LIVE) >= DELAYED else 0
        self._out.put(status(symbol, state, reason, self._clock(), late))

    def _malformed(self, what: str) -> None:
        self._set_aside(DataError("malformed", what), "")

    def _set_aside(self, error: DataError, symbol: str) -> None:
        if self._on_bad is not None:
            name = f"{symbol}@{VENUE}" if symbol else self.name
            self._on_bad(Quarantined(self._clock(), name, error.reason, error.detail))
