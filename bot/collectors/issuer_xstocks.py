"""xStocks: the issuer's public API. What it says of a token is told of ``TOKEN@xstocks``.

Source: docs.xstocks.fi, ``apis/openapi``; no key, 1,000 requests a minute. ``/assets`` counts pages from 0,
``/corporate-actions`` from 1; more than 100 rows a page are none.

* A *quote* has no time: it is valid when it is first seen here, marked so, and not told again until it moves;
  one first seen while the issuer is closed not before. It is the issuer's word and nobody's offer: no depth
  comes with it. None is told of a halted token.
* *Multipliers* are told with what is announced: by the token itself, or by a corporate action still to come.
* *Halts* are of minting and redeeming. Hours are none: those are the registry's, and told beside.
* *Custody*: shares held, tokens circulating, and when that was proved.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote as quoted

from bot.collectors.base import OnBad
from bot.collectors.http_json import Http
from bot.collectors.issuer_rounds import Round, Rounds
from bot.collectors.issuer_xstocks_parse import Action, action
from bot.collectors.issuer_xstocks_said import ISSUER, Said
from bot.config import XStocksSource
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick

PAGE, MOST_PAGES = 100, 100
SINGLY = 13
"""Up to so many tokens are asked for one by one; for more, all pages are read instead."""


class XStocksCollector:
    """One issuer's word; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self,
        source: XStocksSource,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        on_bad: OnBad | None = None,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(f"{token}@{ISSUER}" for token in source.tokens)
        self._source = source
        self._clock, self._on_bad = clock, on_bad
        self._http: Http | None = None
        self._actions: dict[str, list[Action]] = {}
        self._said = Said(
            clock,
            per_share=source.quote_unit == "share",
            reserves_max_age=int(source.reserves_max_age_seconds * NS),
        )
        self._rounds = Rounds(
            [
                Round(source.status_seconds, self._ask_halts),
                Round(source.actions_seconds, self._ask_actions, anew=False),
                Round(source.multiplier_seconds, self._ask_multipliers),
                Round(source.multiplier_seconds, self._ask_trading, anew=False),
                Round(source.quote_seconds, self._ask_quotes),
                Round(source.reserves_seconds, self._ask_custody, anew=False),
            ],
            source.silence_seconds,
        )

    @property
    def detail(self) -> str:
        """How many tokens are halted."""
        halted = self._said.halted
        return f"{len(self.instruments)} tokens" + (f", {halted} halted" if halted else "")

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Whatever changes. Raises :class:`SourceError` when the issuer cannot be asked."""
        self._said.forget()
        async with self.http() as self._http, aclosing(self._rounds.ticks()) as ticks:
            async for tick in ticks:
                yield tick

    def http(self) -> Http:
        """What asks the issuer."""
        return Http("xStocks", self._source.url, per_second=self._source.requests_per_second)

    # -- one question each ---------------------------------------------------------------------------------

    async def _ask_halts(self) -> AsyncIterator[Tick]:
        async for token, answer in self._each("/system/status/{}"):
            for tick in self._made(self._said.halts, token, answer):
                yield tick

    async def _ask_trading(self) -> AsyncIterator[Tick]:
        if len(self._source.tokens) <= SINGLY:
            found = {token: answer async for token, answer in self._each("/assets/{}")}
        else:
            params = [("network", self._source.network)]
            rows = await self.pages("/assets", params, first=0)
            found = {str(one.get("symbol")): one for one in rows if isinstance(one, dict)}
        for token in self._source.tokens:
            if token in found:
                for tick in self._made(self._said.trading, token, found[token]):
                    yield tick

    async def _ask_multipliers(self) -> AsyncIterator[Tick]:
        params = [("network", self._source.network)]
        async for token, answer in self._each("/assets/{}/multiplier", params):
            for tick in self._made(self._said.multiplier, token, answer, self._actions.get(token, ())):
                yield tick

    async def _ask_quotes(self) -> AsyncIterator[Tick]:
        wanted = [token for token in self._source.tokens if not self._said.is_halted(token)]
        async for token, answer in self._each("/assets/{}/price-data", tokens=wanted):
            for tick in self._made(self._said.quote, token, answer):
                yield tick

    async def _ask_custody(self) -> AsyncIterator[Tick]:
        async for token, answer in self._each("/proof-of-reserves/{}"):
            for tick in self._made(self._said.custody, token, answer):
                yield tick

    async def _ask_actions(self) -> AsyncIterator[Tick]:
        found = self._read_actions(await self.pages("/corporate-actions/upcoming", [], first=1))
        now = self._clock()
        for token, actions in found.items():
            if any(one.effective > now for one in actions):
                # Later versions of it, or that it was cancelled, are told in the history only.
                rows = await self.pages("/corporate-actions/history", [("symbol", token)], first=1)
                actions += self._read_actions(rows).get(token, [])
        self._actions = found
        return
        yield  # multipliers tell of them

    # -- asking --------------------------------------------------------------------------------------------

    def _made(self, say: Callable[..., list[Tick]], token: str, *answer: Any) -> list[Tick]:
        """What follows from an answer; nothing from one that cannot be used."""
        try:
            ticks = say(token, *answer)
        except DataError as error:
            self._set_aside(token, error)
            return []
        if answer[0] is not None:
            self._rounds.heard()
        return ticks

    async def _each(
        self, path: str, params: Sequence[tuple[str, str]] = (), tokens: Sequence[str] | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        """The answer for each token; one that the issuer does not have is set aside."""
        assert self._http is not None
        for token in self._source.tokens if tokens is None else tokens:
            try:
                answer = await self._http.get(path.format(quoted(token)), params)
            except DataError as error:
                self._set_aside(token, error)
                continue
            yield token, answer

    async def pages(self, path: str, params: list[tuple[str, str]], first: int) -> list[Any]:
        """All rows, page by page, for as long as there are some."""
        assert self._http is not None
        rows: list[Any] = []
        for page in range(first, first + MOST_PAGES):
            try:
                answer = await self._http.get(path, [*params, ("pageSize", str(PAGE)), ("page", str(page))])
                nodes = answer.get("nodes") if isinstance(answer, dict) else None
                if not isinstance(nodes, list):
                    raise DataError("malformed", f"no rows in {str(answer)[:60]}")
            except DataError as error:
                self._set_aside("", error)
                break
            rows += nodes
            if not nodes or not (answer.get("page") or {}).get("hasNextPage"):
                break
        return rows

    def _read_actions(self, rows: list[Any]) -> dict[str, list[Action]]:
        found: dict[str, list[Action]] = {}
        for row in rows:
            if isinstance(row, dict) and row.get("xstockSymbol") not in self._source.tokens:
                continue
            for one in self._read_action(row):
                found.setdefault(one.symbol, []).append(one)
        return found

    def _read_action(self, row: Any) -> list[Action]:
        try:
            return [action(row)]
        except DataError as error:
            self._set_aside("", error)
            return []

    def _set_aside(self, token: str, error: DataError) -> None:
        if self._on_bad is not None:
            name = f"{token}@{ISSUER}" if token else self.name
            self._on_bad(Quarantined(self._clock(), name, error.reason, error.detail))
