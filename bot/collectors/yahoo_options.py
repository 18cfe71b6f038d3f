"""Option chains from Yahoo, through yfinance: late, without sizes, without a word of when they were true."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bot.collectors.base import Backoff
from bot.collectors.option_chains import OptionChains
from bot.collectors.option_dividends import Known, expected
from bot.collectors.option_parse import Seen, count, days, of_use, option, price, quoted_at
from bot.collectors.yahoo_ask import Asker
from bot.collectors.yahoo_client import CACHE
from bot.collectors.yahoo_parse import VENUE, yahoo_symbol
from bot.config import YahooOptionsSource
from bot.errors import DataError, SourceRefused
from bot.timefmt import NS
from bot.types import Ns, Quarantined

REGULAR = "REGULAR"
"""Yahoo's ``contractSize`` of what stands for 100 shares."""
REFUSED_SECONDS = (60.0, 900.0)


class YahooOptions(OptionChains):
    """``OCC@yahoo`` quotes, by ``Ticker.options`` and ``Ticker.option_chain``.

    Yahoo says no time of a quote (``lastTradeDate`` is the last trade's): quotes are taken to be true
    ``delay_seconds`` ago, or at the close if that is when they last could change. Sizes are not told. The
    first request for a share names its expiries and price, each further one is for an expiry of use.
    """

    venue = VENUE

    def __init__(self, source: YahooOptionsSource, *, cache: Path = CACHE, **more: Any) -> None:
        super().__init__(source, **more)
        self._source = source
        self._asker = Asker(source.query_url, cache=cache)
        self._pause = 1 / source.requests_per_second
        self._next = 0.0
        self._refusals = Backoff(*REFUSED_SECONDS)
        self._barred_until = 0.0

    def barred_seconds(self) -> float:
        return max(0.0, self._barred_until - time.monotonic())

    def told_along(self) -> dict[str, Any]:
        return {"delayed_seconds": self._source.delay_seconds}

    async def chain(self, ticker: str) -> AsyncIterator[Seen]:
        """One request after the other, at the configured pace."""
        symbol = yahoo_symbol(ticker)
        listed = await self._ask(partial(_expiries, symbol=symbol))
        first, last = days(self._source, self._clock())
        for expiry in listed:
            if first <= date.fromisoformat(expiry) <= last:
                spot, rows = await self._ask(partial(_rows, symbol=symbol, expiry=expiry, listed=listed))
                at = quoted_at(self._clock(), self._source.delay_seconds, self._session)
                for row in rows:
                    seen = self._seen(row, ticker, spot, at)
                    if seen is not None:
                        yield seen
        self._refusals.reset()

    async def dividends(self, ticker: str) -> list[Known]:
        """Yahoo tells what was paid: more of the same is expected."""
        paid = await self._ask(partial(_paid, symbol=yahoo_symbol(ticker)))
        return expected(paid, datetime.fromtimestamp(self._clock() / NS, UTC).date())

    async def _ask(self, work: Callable[[Any, Any], Any]) -> Any:
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._pause
        if turn > now:
            await self._sleep(turn - now)
        try:
            return await self._asker.ask(work)
        except SourceRefused:
            self._barred_until = time.monotonic() + self._refusals.next()
            raise

    def _seen(self, row: dict[str, Any], ticker: str, spot: float, at: Ns) -> Seen | None:
        symbol = str(row.get("contractSymbol", ""))
        try:
            one = option(symbol)
            currency = row.get("currency")
            if currency not in ("USD", None):
                raise DataError("wrong_currency", f"{symbol}: priced in {currency}, not USD")
        except DataError as error:
            if self._on_bad is not None:
                self._on_bad(Quarantined(self._clock(), self.name, error.reason, error.detail))
            return None
        if row.get("contractSize") not in (REGULAR, None) or not of_use(one, self._source, ticker, spot, at):
            return None
        return Seen(
            symbol, at, bid=price(row.get("bid")), ask=price(row.get("ask")),
            last=price(row.get("lastPrice")), traded=_traded(row.get("lastTradeDate")),
            open_interest=count(row.get("openInterest")),
        )  # fmt: skip


def _traded(value: Any) -> Ns | None:
    """A Timestamp of pandas, NaT where there was no trade."""
    return int(value.timestamp()) * NS if hasattr(value, "timestamp") and value == value else None


def _expiries(yfinance: Any, session: Any, *, symbol: str) -> dict[str, int]:
    """Expiry as text → as Yahoo numbers it."""
    ticker = yfinance.Ticker(symbol, session=session)
    if not ticker.options:
        _require_answer(session)
        raise DataError("no_chain", f"{symbol}: Yahoo lists no options on it")
    listed: dict[str, int] = ticker._expirations
    return listed


def _rows(yfinance: Any, session: Any, *, symbol: str, expiry: str, listed: dict[str, int]) -> Any:
    """The share's price, and the contracts of an expiry, calls and puts, as dictionaries."""
    ticker = yfinance.Ticker(symbol, session=session)
    ticker._expirations = dict(listed)  # or it would ask for them again, with every expiry
    chain = ticker.option_chain(expiry)
    if chain.calls is None or chain.puts is None:
        _require_answer(session)
        raise DataError("no_chain", f"{symbol}: no options of {expiry}")
    spot = _spot(chain.underlying)
    if spot is None:
        raise DataError("no_price", f"{symbol}: the chain comes without the share's price")
    return spot, [row for frame in (chain.calls, chain.puts) for row in frame.to_dict("records")]


def _paid(yfinance: Any, session: Any, *, symbol: str) -> list[tuple[date, float]]:
    """Dividends of the last years by the day on which they went ex, for today's number of shares."""
    ticker = yfinance.Ticker(symbol, session=session)
    frame = ticker.history(period="2y", interval="1d", auto_adjust=False, actions=True)
    if frame.empty or "Dividends" not in frame:
        _require_answer(session)
        return []
    paid = frame["Dividends"]
    return [(day.date(), float(usd)) for day, usd in paid[paid > 0].items()]


def _require_answer(session: Any) -> None:
    """yfinance takes a refusal for a share without options."""
    if session.status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(session.status)


def _spot(quote: dict[str, Any]) -> float | None:
    """The share's price in the session that Yahoo says it is (PREPRE, PRE, REGULAR, POST, CLOSED …)."""
    state = str(quote.get("marketState", ""))
    extended = "preMarketPrice" if "PRE" in state else "postMarketPrice" if "POST" in state else ""
    return price(quote.get(extended)) or price(quote.get("regularMarketPrice"))
