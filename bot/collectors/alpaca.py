"""Share prices and halts from Alpaca: its socket behind a watchdog of our own, and polling meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bot.collectors.alpaca_client import Rest, keys
from bot.collectors.alpaca_parse import VENUE, Shares
from bot.collectors.alpaca_stream import Stream
from bot.collectors.base import OnBad
from bot.collectors.streamed import Connection, Streamed
from bot.config import AlpacaSource
from bot.errors import DataError, SourceError
from bot.types import Ns, Session, Tick

REQUESTS_PER_SECOND = 3.0
"""Alpaca answers 200 a minute without a plan; one holds all symbols."""


class AlpacaCollector(Streamed):
    """``TICKER@alpaca``: quotes and trades of the configured feed with Alpaca's own time, and halts.

    Of several messages of a share in one frame the last is told. What a halt that began before we listened
    is, Alpaca does not say; that one is over is told by the first trade after it, if by nothing else.
    """

    def __init__(
        self,
        source: AlpacaSource,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        session: Callable[[Ns], Session] | None = None,
        on_bad: OnBad | None = None,
        backoff_initial: float = 0.5,
        backoff_max: float = 60.0,
        rng: Callable[[], float] = random.random,
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
        self._rest = Rest(source, per_second=REQUESTS_PER_SECOND)
        self._shares = Shares(source.symbols, source.feed)

    def connection(self) -> Connection:
        """alpaca-py's socket."""
        source = self._source
        return Stream(source.stream_url, source.feed, *keys(source), source.symbols)

    def understood(self, message: Any) -> Iterable[Tick]:
        """All of a frame: what changes state in order, of prices the last."""
        told: dict[str, Tick] = {}
        for one in message:
            try:
                tick = self._shares.take(one, self._clock())
            except DataError as error:
                self.set_aside(error, _instrument(one))
                continue
            if tick is None:
                continue
            if tick.kind == "status":
                yield from _taken(told, tick.instrument)
                yield tick
            elif tick.bid is not None or tick.ask is not None or tick.price is not None:
                told[tick.instrument] = tick
        yield from told.values()

    def standing(self) -> Iterable[Tick]:
        """Halts of which no end was told."""
        return self._shares.halts(self._clock())

    async def poll(self, *, every: bool) -> None:
        """All symbols in one request."""
        told = await self.snapshots()
        if not every and self.carried:
            return
        for tick in told:
            await self.hand_on(tick)
            self.polled += 1

    async def snapshots(self) -> list[Tick]:
        """What Alpaca tells when asked. Raises :class:`SourceError` if that is no price at all."""
        answer = await self._rest.ask(self._asked)
        if not isinstance(answer, dict):
            raise SourceError("Alpaca's answer makes no sense: no snapshots in it")
        told, why = [], ""
        for symbol in self._source.symbols:
            try:
                told.append(self._shares.snapshot(symbol, answer.get(symbol), self._clock()))
            except DataError as error:
                why = str(error)
                self.set_aside(error, f"{symbol}@{VENUE}")
        if not told:
            raise SourceError(f"no price of any symbol: {why}")
        return told

    def _asked(self, rest: Rest) -> Any:
        from alpaca.data.enums import DataFeed
        from alpaca.data.requests import StockSnapshotRequest

        return rest.client("stock", self._source.data_url).get_stock_snapshot(
            StockSnapshotRequest(symbol_or_symbols=self._source.symbols, feed=DataFeed(self._source.feed))
        )


def _taken(told: dict[str, Tick], instrument: str) -> Iterator[Tick]:
    """What was to be told of it before its state changed."""
    tick = told.pop(instrument, None)
    if tick is not None:
        yield tick


def _instrument(message: Any) -> str:
    symbol = message.get("S")
    return f"{symbol}@{VENUE}" if isinstance(symbol, str) and symbol else ""
