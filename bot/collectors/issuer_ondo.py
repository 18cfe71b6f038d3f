"""Ondo Global Markets: the issuer's API. What it says of a token is told of ``TOKEN@ondo``.

Source: docs.ondo.finance, ``api-reference``; a key in ``x-api-key``. Prices are for display, soft quotes bind
nobody: both come without depth, for neither is an offer.

A pause of the market that ends within ``soon_seconds`` by its own word is a gap between sessions, which
the registry's hours know; any other pause, of the market or of a token, is a halt. What may be bought
and sold, and when shares per token are about to change, is told beside the state.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from bot.collectors.base import OnBad
from bot.collectors.http_json import Http
from bot.collectors.issuer_ondo_parse import rows
from bot.collectors.issuer_ondo_said import ISSUER, Said
from bot.collectors.issuer_rounds import Round, Rounds
from bot.config import OndoSource, secret
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick


class OndoCollector:
    """One issuer's word; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self, source: OndoSource, *, clock: Callable[[], Ns] = time.time_ns, on_bad: OnBad | None = None
    ) -> None:
        self.name = source.name
        self.instruments = tuple(f"{token}@{ISSUER}" for token in source.tokens)
        self._source = source
        self._clock, self._on_bad = clock, on_bad
        self._http: Http | None = None
        self._said = Said(clock, soon=int(source.soon_seconds * NS), soft_usd=source.soft_usd)
        asked = [
            Round(source.status_seconds, self._ask_status),
            Round(source.market_seconds, self._ask_market),
            Round(source.price_seconds, self._ask_prices),
            Round(source.limits_seconds, self._ask_limits, anew=False),
        ]
        if source.soft_usd:
            asked.append(Round(source.limits_seconds, self._ask_soft, anew=False))
        self._rounds = Rounds(asked, source.silence_seconds)

    @property
    def detail(self) -> str:
        """Which session the issuer says it is."""
        return self._said.session

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Whatever changes. Raises :class:`SourceError` when the issuer cannot be asked."""
        self._said.forget()
        async with self.http() as self._http, aclosing(self._rounds.ticks()) as ticks:
            async for tick in ticks:
                yield tick

    def http(self) -> Http:
        """What asks the issuer."""
        key = self._source.api_key
        headers = {"x-api-key": secret(key).get_secret_value()} if key else {}
        per_second = self._source.requests_per_second
        return Http("Ondo", self._source.url, headers=headers, per_second=per_second)

    # -- one question each ---------------------------------------------------------------------------------

    async def _ask_status(self) -> AsyncIterator[Tick]:
        for answer in await self._get("/status/market"):
            self._made("", self._said.market, answer)
        for found in await self._list("/status/assets"):
            for error in self._said.pauses(found):
                self._set_aside("", error)
        for token in self._source.tokens:
            for tick in self._said.channel(token):
                yield tick

    async def _ask_market(self) -> AsyncIterator[Tick]:
        for found in await self._list("/assets/all/market"):
            for token, row in self._of_tokens(found):
                for tick in self._made(token, self._said.shares, token, row):
                    yield tick

    async def _ask_prices(self) -> AsyncIterator[Tick]:
        for found in await self._list("/assets/all/prices/latest"):
            for token, row in self._of_tokens(found):
                for tick in self._made(token, self._said.price, token, row):
                    yield tick

    async def _ask_limits(self) -> AsyncIterator[Tick]:
        for token in self._source.tokens:
            for side in ("buy", "sell"):
                for answer in await self._get("/limits/trading", [("symbol", token), ("side", side)], token):
                    for tick in self._made(token, self._said.limit, token, side, answer):
                        yield tick

    async def _ask_soft(self) -> AsyncIterator[Tick]:
        for token in self._source.tokens:
            if self._said.halt(token):
                continue
            body = {"chainId": self._source.soft_chain, "symbol": token, "duration": "short",
                    "notionalValue": f"{self._source.soft_usd:g}"}  # fmt: skip
            for bought in await self._post("/attestations/soft", body | {"side": "buy"}, token):
                for sold in await self._post("/attestations/soft", body | {"side": "sell"}, token):
                    for tick in self._made(token, self._said.soft, token, bought, sold):
                        yield tick

    # -- asking: the answer in a list, or nothing in it ------------------------------------------------------

    async def _get(self, path: str, params: Sequence[tuple[str, str]] = (), token: str = "") -> list[Any]:
        assert self._http is not None
        try:
            return [await self._http.get(path, params)]
        except DataError as error:
            self._set_aside(token, error)
            return []

    async def _list(self, path: str) -> list[Any]:
        return [found for answer in await self._get(path) for found in (self._made("", rows, answer),)]

    async def _post(self, path: str, body: Any, token: str) -> list[Any]:
        assert self._http is not None
        try:
            return [await self._http.post(path, body)]
        except DataError as error:
            self._set_aside(token, error)
            return []

    def _of_tokens(self, found: list[Any]) -> list[tuple[str, Any]]:
        """Rows of the tokens that are watched."""
        out = []
        for row in found:
            primary = row.get("primaryMarket") if isinstance(row, dict) else None
            symbol = primary.get("symbol") if isinstance(primary, dict) else None
            if symbol in self._source.tokens:
                out.append((str(symbol), row))
        return out

    def _made(self, token: str, say: Callable[..., Any], *answer: Any) -> Any:
        """What ``say`` makes of an answer; nothing of one that cannot be used."""
        try:
            made = say(*answer)
        except DataError as error:
            self._set_aside(token, error)
            return []
        self._rounds.heard()
        return made

    def _set_aside(self, token: str, error: DataError) -> None:
        if self._on_bad is not None:
            name = f"{token}@{ISSUER}" if token else self.name
            self._on_bad(Quarantined(self._clock(), name, error.reason, error.detail))
