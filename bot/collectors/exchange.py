"""An exchange through ccxt: books, trades, perpetual futures, whether it trades, and on what terms."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import structlog

from bot.collectors import exchange_parse as parse
from bot.collectors.base import OnBad
from bot.collectors.exchange_conflate import Conflator
from bot.collectors.exchange_parse import Terms
from bot.collectors.exchange_rules import rules
from bot.config import ExchangeSource
from bot.errors import DataError, SourceRefused, SourceSilent
from bot.registry.model import Registry
from bot.timefmt import duration
from bot.types import Ns, Quarantined, Tick

Sleep = Callable[[float], Awaitable[None]]
FIRST_SECONDS = 20.0
"""A market that says nothing for so long after it was subscribed to is told to be down."""
LONGEST_WAIT_SECONDS = 900.0
TRADES_KEPT = 256
MILLI = 1_000_000


class ExchangeCollector:
    """``TOKEN@venue``, ``CURRENCY@venue`` and ``SHARE@venue`` of the markets that the configuration pins.

    A spot market gives quotes with their books and trades, a future its mark with index and funding. Quotes
    come at most every ``quote_seconds`` per instrument, the latest winning. At the start, and when it
    changes, a ``status`` says whether the market trades and on what terms. A market that is not listed, or
    is priced in another currency than the registry says, is set aside and told ``closed``; the others go
    on.

    Books are checked by the exchange's own numbers or checksums; one that fails is subscribed to anew. The
    connection is alive while frames come, pongs included, whatever trades.
    """

    def __init__(
        self,
        source: ExchangeSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        on_bad: OnBad | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.venue = source.venue or source.exchange
        self.markets = {f"{name}@{self.venue}": symbol for name, symbol in source.markets.items()}
        self.instruments = list(self.markets)
        self.terms: dict[str, Terms] = {}
        """By instrument, as the exchange described its market last."""
        self.gaps = 0
        """Books subscribed to anew because messages were missed or a checksum was wrong."""
        self._source = source
        self._registry = registry
        self._clock = clock
        self._on_bad = on_bad
        self._sleep = sleep
        self._rules = rules(source.exchange)
        self._wait_until = 0.0
        self._known: Any = None
        self._known_at = 0.0
        self._last: dict[str, Ns] = {}
        self._out = Conflator(source.quote_seconds, last=self._last)
        self._open: dict[str, bool] = {}
        self._log = structlog.get_logger("pegbot.exchange").bind(source=source.name)

    @property
    def detail(self) -> str:
        """What of it had to be done twice, if anything."""
        return f"{self.gaps} books subscribed to anew" if self.gaps else ""

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """As they come. Raises :class:`SourceError` once the exchange is lost."""
        # ccxt takes a second and more to load: not in the event loop.
        await asyncio.to_thread(import_module, "bot.collectors.exchange_client")
        from bot.collectors.exchange_client import close, make

        wait = self._wait_until - time.monotonic()
        if wait > 0:
            await self._sleep(wait)
        self._out = Conflator(self._source.quote_seconds, last=self._last)
        self._out.hold()
        self._open = {}
        exchange = make(self._source, self._set_aside)
        work = asyncio.create_task(self._work(exchange), name=f"{self.name} work")
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
            await close(exchange)

    async def _work(self, exchange: Any) -> None:
        from bot.collectors.exchange_client import RateLimited

        try:
            wanted = await self.load(exchange)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(exchange, wanted), name=f"{self.name} feed")
                group.create_task(self._look_again(exchange), name=f"{self.name} markets")
        except Exception as failed:
            error = exchange.meant(_first(failed))
        if isinstance(error, RateLimited):
            if error.seconds > LONGEST_WAIT_SECONDS:
                error = SourceRefused(f"rate-limited for {duration(error.seconds)}")
            else:
                self._wait_until = time.monotonic() + error.seconds
        raise error from None

    # -- which markets there are ---------------------------------------------------------------------

    async def load(self, exchange: Any) -> dict[str, str]:
        """Instrument → symbol of those that can be watched; tells of all of them. Raises where there is
        none."""
        if self._known is not None and time.monotonic() - self._known_at < self._source.check_seconds:
            # Not asked for again at every reconnection: it is a megabyte, and some exchanges count requests.
            exchange.set_markets_from_exchange(self._known)
        else:
            await exchange.load_markets()
            self._known_at = time.monotonic()
        self._known = exchange
        wanted: dict[str, str] = {}
        wrong: list[str] = []
        for instrument, symbol in self.markets.items():
            market = (exchange.markets or {}).get(symbol)
            reason = "" if market is not None else f"{symbol} is not listed"
            if market is not None:
                told = self.terms[instrument] = parse.terms(market)
                reason = self._mismatch(instrument, told)
            if reason:
                wrong.append(reason)
                self._set_aside(
                    DataError("not_listed" if market is None else "wrong_market", reason), instrument
                )
                self._tell(instrument, "closed", reason)
            else:
                wanted[instrument] = symbol
                self._describe(instrument)
        if not wanted:
            raise SourceRefused(f"no market as configured: {'; '.join(wrong)}")
        return wanted

    def _mismatch(self, instrument: str, told: Terms) -> str:
        """Why the market cannot be what the registry calls by this name; empty: it can."""
        resolved = self._registry.resolve(instrument)
        if resolved is None:
            return f"{instrument} is not in the registry"
        if resolved.token is not None and told.is_contract:
            return f"{told.symbol} is a future, not {resolved.token.symbol} itself"
        if resolved.token is None and resolved.underlying.kind == "share":
            # A perpetual future's margin coin says nothing of what its price is in.
            return "" if told.is_contract else f"{told.symbol} is no future on {resolved.underlying.ticker}"
        if told.quote != resolved.quote_symbol:
            return f"{told.symbol} is priced in {told.quote}, the registry says {resolved.quote_symbol}"
        return ""

    def _describe(self, instrument: str) -> None:
        told = self.terms[instrument]
        self._tell(instrument, "open" if told.is_open else "halted",
                   "" if told.is_open else f"{told.symbol} does not trade", told)  # fmt: skip

    def _tell(self, instrument: str, state: str, reason: str, told: Terms | None = None) -> None:
        self._open[instrument] = state == "open"
        if state != "open":
            self._out.forget(instrument)
        self._out.put(parse.status(instrument, state, reason, self._clock(), told))

    async def _look_again(self, exchange: Any) -> None:
        """Markets halt and come back, and terms change, without a word on most exchanges' sockets."""
        while True:
            await self._sleep(self._source.check_seconds)
            try:
                await exchange.load_markets(True)
            except Exception as error:
                self._log.warning("markets could not be asked for again", error=str(exchange.meant(error)))
                continue
            self._known_at = time.monotonic()
            for instrument, before in list(self.terms.items()):
                market = (exchange.markets or {}).get(self.markets[instrument])
                if market is not None and (told := parse.terms(market)) != before:
                    self.terms[instrument] = told
                    self._describe(instrument)

    # -- what they say -------------------------------------------------------------------------------

    async def _feed(self, exchange: Any, wanted: Mapping[str, str]) -> None:
        """Until it fails."""
        spoken: set[str] = set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watchdog(exchange))
            group.create_task(self._expect(spoken, wanted))
            for instrument, symbol in wanted.items():
                if self.terms[instrument].is_contract:
                    group.create_task(self._each(exchange, instrument, self._ticker, symbol, spoken))
                    continue
                group.create_task(self._each(exchange, instrument, self._book, symbol, spoken))
                if self._source.trades and self._is_token(instrument):
                    seen: deque[str] = deque(maxlen=TRADES_KEPT)
                    group.create_task(self._each(exchange, instrument, partial(self._trades, seen), symbol))

    def _is_token(self, instrument: str) -> bool:
        resolved = self._registry.resolve(instrument)
        return resolved is not None and resolved.token is not None

    async def _watchdog(self, exchange: Any) -> None:
        limit = self._source.silence_seconds
        while True:
            await asyncio.sleep(min(1.0, limit / 4))
            self.gaps = exchange.gaps
            if exchange.fault is not None:
                raise exchange.fault
            if time.monotonic() - exchange.heard > limit:
                raise SourceSilent(f"socket silent for {duration(limit)}")

    async def _expect(self, spoken: set[str], wanted: Mapping[str, str]) -> None:
        """A subscription may be lost without a word: who has said nothing yet is told to be down."""
        await self._sleep(FIRST_SECONDS)
        if not spoken:
            raise SourceSilent(f"no market said anything within {duration(FIRST_SECONDS)}")
        for instrument in wanted:
            if instrument not in spoken and self._open[instrument]:
                self._tell(
                    instrument, "down", f"nothing heard of {wanted[instrument]} since it was subscribed to"
                )

    async def _each(self, exchange: Any, instrument: str, hear: Callable[..., Awaitable[None]], symbol: str,
                    spoken: set[str] | None = None) -> None:  # fmt: skip
        """Again and again; after a gap or a wrong checksum from a new snapshot on. ``spoken`` are instruments
        whose price has been heard; ``None`` if this is none."""
        import ccxt

        from bot.collectors.exchange_client import Gap

        while True:
            try:
                await hear(exchange, instrument, symbol)
            except DataError as error:
                self._set_aside(error, instrument)
            except Gap:
                self._out.forget(instrument)
                continue
            except (ccxt.ChecksumError, ccxt.InvalidNonce):
                exchange.count_gap()
                self._out.forget(instrument)
                await asyncio.sleep(0.1)
                continue
            if spoken is not None and instrument not in spoken:
                spoken.add(instrument)
                self._out.release()
                if not self._open[instrument] and self.terms[instrument].is_open:
                    self._describe(instrument)

    async def _book(self, exchange: Any, instrument: str, symbol: str) -> None:
        depth = self._rules.depth(self._source.depth)
        book = await exchange.watch_order_book(symbol, depth)
        if self._open[instrument]:
            self._out.quote(instrument, partial(self._quote, instrument, book))

    def _quote(self, instrument: str, book: Any) -> Tick | None:
        most, now = self._source.depth, self._clock()
        bids = [(level[0], level[1]) for level in book["bids"][:most]]
        asks = [(level[0], level[1]) for level in book["asks"][:most]]
        ts = int(book.get("timestamp") or 0) * MILLI
        with self._setting_aside(instrument):
            return parse.book(instrument, bids, asks, self.terms[instrument].quote, ts, now)
        return None

    async def _trades(self, seen: deque[str], exchange: Any, instrument: str, symbol: str) -> None:
        quote = self.terms[instrument].quote
        for one in await exchange.watch_trades(symbol):
            number = str(one.get("id"))
            if number in seen:
                continue
            seen.append(number)
            ts = int(one.get("timestamp") or 0) * MILLI
            side = str(one.get("side") or "")
            with self._setting_aside(instrument):
                self._out.put(
                    parse.trade(instrument, one["price"], one["amount"], side, quote, ts, self._clock())
                )

    async def _ticker(self, exchange: Any, instrument: str, symbol: str) -> None:
        told = await exchange.watch_ticker(symbol)
        info = told.get("info") or {}
        read = self._rules.perpetual
        values = (
            {"mark": told.get("markPrice"), "index": told.get("indexPrice")} if read is None else read(info)
        )
        if values.pop("suspended", None):
            if self._open[instrument]:
                self._tell(instrument, "halted", f"{symbol} is suspended")
            return
        if not self._open[instrument]:
            self._describe(instrument)
        ts = int(info.get("time") or told.get("timestamp") or 0) * MILLI
        quote = self.terms[instrument].quote
        self._out.quote(instrument, partial(self._perpetual, instrument, values, quote, ts))

    def _perpetual(self, instrument: str, values: Mapping[str, Any], quote: str, ts: Ns) -> Tick | None:
        with self._setting_aside(instrument):
            return parse.perpetual(instrument, values, quote, ts, self._clock())
        return None

    @contextmanager
    def _setting_aside(self, instrument: str) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            self._set_aside(error, instrument)

    def _set_aside(self, error: DataError, instrument: str = "") -> None:
        if self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), instrument or self.name, error.reason, error.detail))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
