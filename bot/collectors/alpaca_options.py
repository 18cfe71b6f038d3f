"""Option chains from Alpaca, through alpaca-py: quotes with sizes and their own time; open interest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.collectors.alpaca_client import RateLimited, Rest
from bot.collectors.alpaca_parse import VENUE, Shares
from bot.collectors.option_chains import OptionChains
from bot.collectors.option_dividends import AHEAD_DAYS, Known, declared
from bot.collectors.option_parse import SHARES, Seen, count, days, of_use, option, price, root_of, strikes
from bot.config import AlpacaOptionsSource
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import NS, parse
from bot.types import Ns, Quarantined, Tick

PAGE = 10_000
MOST_PAGES = 50
WIDE_RATIO = 0.02
"""A share's quote wider than this says less of its price than its last trade."""


class AlpacaOptions(OptionChains):
    """``OCC@alpaca`` quotes, each as of its own time.

    For every share: its price, the snapshots of the options of use (``get_option_chain``), once in
    ``contracts_seconds`` the list of contracts, for open interest, style and size, and once a day the
    dividends that were declared.
    """

    venue = VENUE

    def __init__(self, source: AlpacaOptionsSource, **more: Any) -> None:
        super().__init__(source, **more)
        self._source = source
        self._rest = Rest(source, per_second=source.requests_per_second)
        self._contracts: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._listed_at: dict[str, float] = {}

    def barred_seconds(self) -> float:
        return self._rest.barred_seconds

    def told_along(self) -> dict[str, Any]:
        return {"feed": self._source.feed}

    async def chain(self, ticker: str) -> AsyncIterator[Seen]:
        """All requests for a share in one thread."""
        now = self._clock()
        spot, snapshots = await self._rest.ask(lambda rest: self._ask(rest, ticker, now))
        if not isinstance(snapshots, dict):
            raise SourceError("Alpaca's answer makes no sense: no snapshots in it")
        contracts = self._contracts.get(ticker, {})
        for symbol, snapshot in snapshots.items():
            try:
                one = option(symbol)
                if of_use(one, self._source, ticker, spot, now):
                    seen = _seen(symbol, snapshot, contracts.get(symbol, {}))
                    if seen.shares == SHARES:
                        yield seen
            except DataError as error:
                if self._on_bad is not None:
                    self._on_bad(Quarantined(now, f"{symbol}@{VENUE}", error.reason, error.detail))

    async def dividends(self, ticker: str) -> list[Known]:
        """Declared ones, by corporate actions."""
        today = datetime.fromtimestamp(self._clock() / NS, UTC).date()
        return declared(await self._rest.ask(lambda rest: self._actions(rest, ticker, today)), ticker)

    # -- in the thread -------------------------------------------------------------------------------------

    def _ask(self, rest: Rest, ticker: str, now: Ns) -> tuple[float, Any]:
        from alpaca.data.enums import OptionsFeed
        from alpaca.data.requests import OptionChainRequest

        source = self._source
        spot = self._spot(rest, ticker, now)
        if time.monotonic() - self._listed_at.get(ticker, float("-inf")) >= source.contracts_seconds:
            self._list(rest, ticker, spot, now)
        first, last = days(source, now)
        low, high = strikes(source, spot)
        chain = rest.client("option", source.data_url).get_option_chain(
            OptionChainRequest(
                underlying_symbol=ticker,
                feed=OptionsFeed(source.feed),
                root_symbol=root_of(ticker),
                strike_price_gte=round(low, 3),
                strike_price_lte=round(high, 3),
                expiration_date_gte=first,
                expiration_date_lte=last,
            )
        )
        return spot, chain

    def _actions(self, rest: Rest, ticker: str, today: date) -> Any:
        from alpaca.data.enums import CorporateActionsType
        from alpaca.data.requests import CorporateActionsRequest

        return rest.client("actions", self._source.data_url).get_corporate_actions(
            CorporateActionsRequest(
                symbols=[ticker],
                types=[CorporateActionsType.CASH_DIVIDEND],
                start=today - timedelta(1),
                end=today + timedelta(AHEAD_DAYS),
            )
        )

    def _spot(self, rest: Rest, ticker: str, now: Ns) -> float:
        from alpaca.data.enums import DataFeed
        from alpaca.data.requests import StockSnapshotRequest

        feed = self._source.stock_feed
        answer = rest.client("stock", self._source.data_url).get_stock_snapshot(
            StockSnapshotRequest(symbol_or_symbols=[ticker], feed=DataFeed(feed))
        )
        told: Tick = Shares([ticker], feed).snapshot(ticker, answer.get(ticker), now)
        if told.bid and told.ask and (told.price is None or told.ask / told.bid - 1 <= WIDE_RATIO):
            return (told.bid + told.ask) / 2
        spot = told.price or told.bid or told.ask
        assert spot is not None  # or there would have been no tick
        return spot

    def _list(self, rest: Rest, ticker: str, spot: float, now: Ns) -> None:
        """Contracts of a wider range of strikes than now needed: the share moves before the next list."""
        if not self._source.trading_url:
            return
        from alpaca.trading.requests import GetOptionContractsRequest

        first, last = days(self._source, now)
        low, high = strikes(self._source, spot)
        found: dict[str, Mapping[str, Any]] = {}
        token = None
        for _ in range(MOST_PAGES):
            request = GetOptionContractsRequest(
                underlying_symbols=[ticker], root_symbol=root_of(ticker), limit=PAGE, page_token=token,
                expiration_date_gte=first, expiration_date_lte=last,
                strike_price_gte=f"{low * 0.8:.3f}", strike_price_lte=f"{high * 1.2:.3f}",
            )  # fmt: skip
            try:
                answer = rest.client("trading", self._source.trading_url).get_option_contracts(request)
            except RateLimited:
                raise
            except SourceRefused as error:
                hint = "contracts are listed at trading_url, which has keys of its own"
                raise SourceRefused(f"{error}; {hint}") from None
            found |= {str(one["symbol"]): one for one in answer["option_contracts"]}
            token = answer.get("next_page_token")
            if not token:
                break
        self._contracts[ticker], self._listed_at[ticker] = found, time.monotonic()


def _seen(symbol: str, snapshot: Any, contract: Mapping[str, Any]) -> Seen:
    """A snapshot's quote as of its time, or its trade where there is no quote; 0 is no bid, or no ask."""
    told = snapshot if isinstance(snapshot, Mapping) else {}
    quote, trade = (
        one if isinstance(one, Mapping) else {} for one in (told.get("latestQuote"), told.get("latestTrade"))
    )
    traded = _time(symbol, trade.get("t")) if trade else None
    if not quote and traded is None:
        raise DataError("no_price", f"{symbol}: neither a quote nor a trade")
    bid, ask = price(quote.get("bp")), price(quote.get("ap"))
    return Seen(
        symbol, _time(symbol, quote.get("t")) if quote else traded or 0,
        bid=bid, ask=ask, last=price(trade.get("p")), traded=traded,
        bid_size=count(quote.get("bs")) if bid is not None else None,
        ask_size=count(quote.get("as")) if ask is not None else None,
        open_interest=count(contract.get("open_interest")),
        style=str(contract.get("style") or "american"), shares=count(contract.get("size")) or SHARES,
    )  # fmt: skip


def _time(symbol: str, value: Any) -> Ns:
    try:
        return parse(value)
    except (ValueError, AttributeError):
        raise DataError("no_time", f"{symbol}: time is {value!r}") from None
