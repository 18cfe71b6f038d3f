"""MyStonks (MSX): candles of its own market, ``TOKEN@mystonks``; nothing else of it is public.

Source: an endpoint that other people's programs asked in 2025 (``newKline``: ``symbol``, ``kType``,
``sType``; rows of ``t``, ``o``, ``h``, ``l``, ``c``, ``v``). It is documented nowhere, so it is off
unless configured, and what its answers look like is configuration as far as it can be.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from bot.collectors.base import OnBad
from bot.collectors.http_json import Http, number
from bot.collectors.issuer_rounds import Round, Rounds
from bot.config import MyStonksSource
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick

ISSUER = "mystonks"
PAGE = 10
MILLISECONDS = 10**11


class MyStonksCollector:
    """One venue's candles, each told once, when it is over; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self, source: MyStonksSource, *, clock: Callable[[], Ns] = time.time_ns, on_bad: OnBad | None = None
    ) -> None:
        self.name = source.name
        self.instruments = tuple(f"{token}@{ISSUER}" for token in source.symbols)
        self.detail = "an undocumented endpoint"
        self._source = source
        self._clock, self._on_bad = clock, on_bad
        self._http: Http | None = None
        self._last: dict[str, Ns] = {}
        self._rounds = Rounds([Round(source.every_seconds, self._ask)], source.silence_seconds)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Bars as they end. Raises :class:`SourceError` when the venue cannot be asked."""
        http = Http("MyStonks", self._source.url, per_second=self._source.requests_per_second)
        async with http as self._http, aclosing(self._rounds.ticks()) as ticks:
            async for tick in ticks:
                yield tick

    async def _ask(self) -> AsyncIterator[Tick]:
        assert self._http is not None
        source = self._source
        for token, symbol in source.symbols.items():
            body = {"symbol": symbol, "kType": source.interval, "sType": source.kind, "pageIndex": 1,
                    "pageSize": PAGE}  # fmt: skip
            try:
                answer = await self._http.post(source.path, body)
                ticks = self._bars(token, answer)
            except DataError as error:
                if self._on_bad is not None:
                    name = f"{token}@{ISSUER}"
                    self._on_bad(Quarantined(self._clock(), name, error.reason, error.detail))
                continue
            self._rounds.heard()
            for tick in ticks:
                yield tick

    def _bars(self, token: str, answer: Any) -> list[Tick]:
        found = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise DataError("malformed", f"no candles in {str(answer)[:60]}")
        now = self._clock()
        bars = sorted((self._bar(token, row, now) for row in found), key=lambda bar: bar.ts)
        fresh = [bar for bar in bars if self._last.get(token, 0) < bar.ts <= now]
        if fresh:
            self._last[token] = fresh[-1].ts
        return fresh

    def _bar(self, token: str, row: Any, now: Ns) -> Tick:
        told = [number(row.get(key)) for key in "tohlc"] if isinstance(row, dict) else [None]
        numbers = [one for one in told if one is not None and one > 0]
        if len(numbers) != 5:
            raise DataError("malformed", f"no candle in {str(row)[:60]}")
        start, _, high, low, close = numbers
        begin = int(start * (NS // 1000 if start >= MILLISECONDS else NS))
        end = begin + int(self._source.interval_seconds * NS)
        return Tick(end, f"{token}@{ISSUER}", "bar", price=close, high=high, low=low, received=now)
