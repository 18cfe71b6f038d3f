"""ccxt's Kraken with tokenized stocks.

ccxt 4.5.90 does not know Kraken's asset class ``tokenized_asset``, which Kraken's REST interface leaves out
unless asked (docs.kraken.com, Spot REST; krakenfx/kraken-cli): ``aclass_base`` on AssetPairs, ``aclass`` on
Assets, ``asset_class`` on what names a pair. Accounts are told in shares unless they are asked for in tokens,
which we count: by ``rebase_multiplier`` ``base`` over REST, by ``rebased`` false on the private channels of
WebSocket v2.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.pro

TOKENIZED = "tokenized_asset"
ANSWERS_BY_PAIR = frozenset({"Ticker", "OHLC", "Depth", "Trades", "Spread"})
NAMES_A_PAIR = ANSWERS_BY_PAIR | {"AddOrder", "AddOrderBatch", "EditOrder"}
"""Calls that have to name the pair's class too."""
TELLS_AMOUNTS = frozenset(
    {
        "Balance",
        "BalanceEx",
        "CreditLines",
        "TradeBalance",
        "OpenOrders",
        "ClosedOrders",
        "QueryOrders",
        "TradesHistory",
        "QueryTrades",
        "OpenPositions",
        "Ledgers",
        "QueryLedgers",
        "TradeVolume",
        "DepositMethods",
        "DepositStatus",
        "WithdrawMethods",
        "WithdrawStatus",
    }
)
"""Calls that take ``rebase_multiplier``. An order's own volume does not: what it counts must be tried
first."""


class Kraken(ccxt.pro.kraken):  # type: ignore[misc]  # ccxt's types are not followed
    """As ccxt's, and xStocks too, REST and WebSocket, public and private.

    Their symbols are Kraken's own, letter by letter (``AAPLx/USD``): so AAPLX, were Kraken to list such a
    coin, is another one, and WebSocket v2, which knows them by these names, is spoken to as ccxt does.
    """

    def describe(self) -> Any:
        """With where their names are kept."""
        ours: dict[str, Any] = {"tokenized": {}, "tokenizedPairs": []}
        theirs = super().describe()
        ours["marketHelperProps"] = [*theirs["options"]["marketHelperProps"], *ours]
        return self.deep_extend(theirs, {"options": ours})

    def safe_currency(self, currencyId: Any, currency: Any = None) -> Any:  # noqa: N803  # ccxt's name
        """ccxt writes codes in capitals; in that of a tokenized asset the small ``x`` counts."""
        known = self.options["tokenized"].get(currencyId)
        if known is None or currencyId in (self.currencies_by_id or {}):
            return super().safe_currency(currencyId, currency)
        return self.safe_currency_structure({"id": currencyId, "code": known, "precision": None})

    async def fetch_currencies(self, params: Any = None) -> Any:
        """Of both classes."""
        plain, answer = await asyncio.gather(
            super().fetch_currencies(params or {}), self.publicGetAssets({"aclass": TOKENIZED})
        )
        assets: dict[str, Any] = answer.get("result") or {}
        self.options["tokenized"].update({name: one["altname"] for name, one in assets.items()})
        return {**plain, **self.parse_currencies(self.add_key_in_array_items(assets, "_coin_id"))}

    async def fetch_markets(self, params: Any = None) -> Any:
        """Of both classes; a tokenized one's ``info`` has ``aclass_base`` ``tokenized_asset``."""
        plain = await super().fetch_markets(params or {})
        # The second call replaces the index that the first one made.
        by_altname = dict(self.options["marketsByAltname"])
        tokenized = await super().fetch_markets({**(params or {}), "aclass_base": TOKENIZED})
        self.options["marketsByAltname"] = {**by_altname, **self.options["marketsByAltname"]}
        self.options["tokenizedPairs"] = [name for one in tokenized for name in (one["id"], one["altname"])]
        return plain + tokenized

    async def request(self, path: Any, api: Any = "public", method: Any = "GET", params: Any = None,
                      config: Any = None) -> Any:  # fmt: skip
        """With the class of the pair, and accounts in tokens, where Kraken has to be told."""
        asked = dict(params or {})
        pair = asked.get("pair")
        tokenized = path in NAMES_A_PAIR and pair in self.options["tokenizedPairs"]
        if tokenized:
            asked.setdefault("asset_class", TOKENIZED)
        if path in TELLS_AMOUNTS:
            asked.setdefault("rebase_multiplier", "base")
        answer = await super().request(path, api, method, asked, config or {})
        if tokenized and path in ANSWERS_BY_PAIR and isinstance(result := answer.get("result"), dict):
            # Kraken may name the pair otherwise than it was asked; ccxt looks for its id.
            names = [name for name in result if name != "last"]
            if len(names) == 1:
                result[pair] = result.pop(names[0])
        return answer

    async def watch_balance(self, params: Any = None) -> Any:
        """In tokens."""
        return await super().watch_balance(self.deep_extend({"params": {"rebased": False}}, params or {}))

    async def watch_private(self, name: str, symbol: Any = None, since: Any = None, limit: Any = None,
                            params: Any = None) -> Any:  # fmt: skip
        """Orders and fills, in tokens."""
        return await super().watch_private(name, symbol, since, limit, {"rebased": False, **(params or {})})
