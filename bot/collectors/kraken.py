"""Kraken spot: what it lists from ccxt, its books and trades from WebSocket v2, decoded here and verified.

Why not ccxt's own socket: docs/decisions/008-kraken-frames.md.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
import msgspec
from msgspec import Raw, Struct

from bot.collectors import exchange_parse as parse
from bot.collectors.exchange import FIRST_SECONDS, ExchangeCollector
from bot.collectors.kraken_book import BookFrame, KrakenBook
from bot.errors import DataError, SourceError, SourceSilent
from bot.timefmt import duration
from bot.timefmt import parse as at
from bot.types import Tick

BOOK = b'{"channel":"book"'
LARGEST_FRAME = 16 * 1024 * 1024
"""The snapshot of the ``instrument`` channel lists every pair, about a megabyte."""
FAIR_FRAMES = 64
"""After so many without waiting, the other tasks get their turn."""
BAD_BOOKS = (5, 60.0)
"""A symbol with more bad books than the first within the second, in seconds: start again."""
BAD_FRAMES = 50
TRADING = frozenset({"online", "limit_only", "reduce_only"})
"""States of a pair, and of the exchange, in which an order that takes can be filled."""


class Told(Struct, frozen=True):
    """Any message: of a channel, or the answer to a request."""

    channel: str = ""
    type: str = ""
    data: Raw = Raw(b"null")
    method: str = ""
    success: bool = True
    error: str = ""
    symbol: str = ""


class Pair(Struct, frozen=True):
    """One of ``pairs`` of the ``instrument`` channel."""

    symbol: str
    status: str
    price_precision: int
    qty_precision: int


class Instruments(Struct, frozen=True):
    """``data`` of the ``instrument`` channel."""

    pairs: list[Pair] = []


class Traded(Struct, frozen=True):
    """One of ``data`` of the ``trade`` channel."""

    symbol: str
    side: str
    price: float
    qty: float
    trade_id: int
    timestamp: str


class System(Struct, frozen=True):
    """One of ``data`` of the ``status`` channel."""

    system: str


_book = msgspec.json.Decoder(BookFrame)
_told = msgspec.json.Decoder(Told)
_instruments = msgspec.json.Decoder(Instruments)
_traded = msgspec.json.Decoder(list[Traded])
_systems = msgspec.json.Decoder(list[System])


class KrakenCollector(ExchangeCollector):
    """As :class:`ExchangeCollector`. A book whose checksum is wrong is unsubscribed and subscribed to anew;
    until its snapshot there are no quotes of it. Nothing is told of a pair, or by an exchange, that does
    not trade."""

    frames = 0
    """Received over the present connection."""

    def _reset(self, wanted: Mapping[str, str]) -> None:
        self._by_symbol = {symbol: instrument for instrument, symbol in wanted.items()}
        self._books: dict[str, KrakenBook] = {}
        self._states: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._system = "online"
        self._again: list[str] = []
        self._bad: dict[str, deque[float]] = {}
        self._bad_in_row = 0
        self._last_trade: dict[str, int] = {}
        self._heard = time.monotonic()
        self.frames = 0

    async def _feed(self, exchange: Any, wanted: Mapping[str, str]) -> None:
        self._reset(wanted)
        depth = self._rules.depth(self._source.depth)
        for symbol in wanted.values():
            info = exchange.market(symbol)["info"]
            decimals = int(info.get("pair_decimals", 0)), int(info.get("lot_decimals", 0))
            self._books[symbol] = KrakenBook(symbol, depth, *decimals)
        url = exchange.urls["api"]["ws"]["publicV2"]
        limit = self._source.silence_seconds
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=limit)) as http,
            asyncio.TaskGroup() as group,
        ):
            watch = group.create_task(self._watch())
            # The handshake is under the watchdog too. Binary decoding: the book's decoder wants bytes.
            async with http.ws_connect(
                url,
                decode_text=False,
                max_msg_size=LARGEST_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            ) as socket:
                expect = group.create_task(self._expect_books())
                try:
                    await self._subscribe(socket, depth)
                    await self._read(socket, depth)
                finally:
                    watch.cancel()
                    expect.cancel()

    async def _subscribe(self, socket: Any, depth: int) -> None:
        symbols = list(self._books)
        tokens = [symbol for symbol in symbols if self._is_token(self._by_symbol[symbol])]
        await _ask(socket, "subscribe", channel="instrument", include_tokenized_assets=True)
        await _ask(socket, "subscribe", channel="book", symbol=symbols, depth=depth)
        if self._source.trades and tokens:
            await _ask(socket, "subscribe", channel="trade", symbol=tokens, snapshot=False)

    async def _read(self, socket: Any, depth: int) -> None:
        text, binary = aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        while True:
            message = await socket.receive()
            if message.type is not text and message.type is not binary:
                raise SourceError(_why(socket, message))
            self._heard = time.monotonic()
            self.frames += 1
            self._frame(message.data)
            if self._again:
                symbols, self._again = self._again, []
                await _ask(socket, "unsubscribe", channel="book", symbol=symbols, depth=depth)
                await _ask(socket, "subscribe", channel="book", symbol=symbols, depth=depth)
            if not self.frames % FAIR_FRAMES:
                await asyncio.sleep(0)

    async def _watch(self) -> None:
        limit = self._source.silence_seconds
        while True:
            await asyncio.sleep(min(1.0, limit / 4))
            if time.monotonic() - self._heard > limit:
                raise SourceSilent(f"socket silent for {duration(limit)}: not even a heartbeat")

    async def _expect_books(self) -> None:
        await self._sleep(FIRST_SECONDS)
        missing = [symbol for symbol, book in self._books.items() if not book.valid]
        if len(missing) == len(self._books):
            raise SourceSilent(f"no book within {duration(FIRST_SECONDS)} of subscribing")
        for symbol in missing:
            self._reasons[symbol] = f"no book of {symbol} since it was subscribed to"
            self._tell(self._by_symbol[symbol], "down", self._reasons[symbol])

    # -- frames --------------------------------------------------------------------------------------

    def _frame(self, frame: bytes) -> None:
        try:
            if frame.startswith(BOOK):
                self._on_book(_book.decode(frame))
            else:
                self._on_other(_told.decode(frame), frame)
            self._bad_in_row = 0
        except msgspec.DecodeError as error:
            self._set_aside(DataError("malformed", f"{error}: {bytes(frame[:80])!r}"))
            self._bad_in_row += 1
            if self._bad_in_row >= BAD_FRAMES:
                raise SourceError(f"{BAD_FRAMES} malformed frames in a row") from None

    def _on_book(self, frame: BookFrame) -> None:
        snapshot = frame.type == "snapshot"
        for data in frame.data:
            symbol = data.symbol
            book = self._books.get(symbol)
            if book is None or (not snapshot and not book.valid):
                continue
            try:
                book.apply(data, snapshot=snapshot)
            except DataError as error:
                if book.valid:
                    self._set_aside(error, self._by_symbol[symbol])
                else:
                    self._spoilt(symbol, error)
                continue
            if snapshot:
                self._out.release()
            instrument = self._by_symbol[symbol]
            if self._open[instrument]:
                self._out.quote(instrument, partial(self._told_book, instrument, book))
            elif self._reasons.pop(symbol, None) is not None:
                self._judge(symbol)

    def _spoilt(self, symbol: str, error: DataError) -> None:
        instrument = self._by_symbol[symbol]
        self._set_aside(error, instrument)
        self._out.forget(instrument)
        self._again.append(symbol)
        self.gaps += 1
        most, seconds = BAD_BOOKS
        times = self._bad.setdefault(symbol, deque(maxlen=most))
        now = time.monotonic()
        if len(times) == most and now - times[0] < seconds:
            raise SourceError(f"the book of {symbol} was bad {most + 1} times in {seconds:.0f} s; {error}")
        times.append(now)

    def _told_book(self, instrument: str, book: KrakenBook) -> Tick | None:
        if not book.valid:
            return None
        most, now = self._source.depth, self._clock()
        with self._setting_aside(instrument):
            try:
                ts = at(book.timestamp) if book.timestamp else 0
                quote = self.terms[instrument].quote
                return parse.book(instrument, book.bids(most), book.asks(most), quote, ts, now)
            except ValueError as error:
                raise DataError("no_time", str(error)) from None
            except DataError:
                book.timestamp = ""  # one that cannot be is no measure for the next
                raise
        return None

    def _on_other(self, told: Told, frame: bytes) -> None:
        match told.channel:
            case "book":
                self._on_book(_book.decode(frame))
            case "trade":
                for one in _traded.decode(told.data):
                    self._on_trade(one)
            case "instrument":
                for pair in _instruments.decode(told.data).pairs:
                    self._on_pair(pair)
            case "status":
                for system in _systems.decode(told.data):
                    if system.system != self._system:
                        self._system = system.system
                        for symbol in self._books:
                            self._judge(symbol)
            case "" if told.method == "subscribe" and not told.success:
                self._on_refusal(told)

    def _on_refusal(self, told: Told) -> None:
        instrument = self._by_symbol.get(told.symbol)
        if instrument is None:
            raise SourceError(f"a subscription was refused: {told.error}")
        reason = f"{told.symbol}: {told.error}"
        self._set_aside(DataError("refused", reason), instrument)
        if "already subscribed" not in told.error.lower():
            self._reasons[told.symbol] = reason
            self._tell(instrument, "down", reason)

    def _on_trade(self, one: Traded) -> None:
        instrument = self._by_symbol.get(one.symbol)
        if instrument is None or one.trade_id <= self._last_trade.get(instrument, -1):
            return
        self._last_trade[instrument] = one.trade_id
        with self._setting_aside(instrument):
            try:
                ts = at(one.timestamp)
            except ValueError as error:
                raise DataError("no_time", str(error)) from None
            quote = self.terms[instrument].quote
            self._out.put(parse.trade(instrument, one.price, one.qty, one.side, quote, ts, self._clock()))

    def _on_pair(self, pair: Pair) -> None:
        book = self._books.get(pair.symbol)
        if book is None:
            return
        book.price_decimals, book.qty_decimals = pair.price_precision, pair.qty_precision
        if self._states.get(pair.symbol) != pair.status:
            self._states[pair.symbol] = pair.status
            self._judge(pair.symbol)

    def _judge(self, symbol: str) -> None:
        """Tell whether a pair trades, if that is news."""
        if symbol in self._reasons:
            return
        instrument, state = self._by_symbol[symbol], self._states.get(symbol, "online")
        if self._system not in TRADING:
            reason = f"Kraken is in {self._system}"
        elif state not in TRADING:
            reason = f"{symbol} is in {state}"
        else:
            reason = ""
        if self._open[instrument] != (not reason):
            self._tell(instrument, "halted" if reason else "open", reason)
            if not reason and self._books[symbol].valid:
                self._out.quote(instrument, partial(self._told_book, instrument, self._books[symbol]))


async def _ask(socket: Any, method: str, **params: Any) -> None:
    await socket.send_str(msgspec.json.encode({"method": method, "params": params}).decode())


def _why(socket: Any, message: Any) -> str:
    code = socket.close_code
    if message.type is aiohttp.WSMsgType.ERROR:
        return f"socket failed: {socket.exception() or message.data}"
    return f"socket closed by Kraken{f' ({code})' if code else ''}"
