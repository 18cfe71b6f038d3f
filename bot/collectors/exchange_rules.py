"""What differs between exchanges, as data; what ccxt does alike for all is not here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from bot.collectors import exchange_sequence as sequence
from bot.collectors.exchange_sequence import StepOf


class Rules(Struct, frozen=True):
    """``depths`` are those a book can be subscribed at, smallest first (none: any); ``step_of`` numbers its
    messages where ccxt does not check them; ``market_types`` what of the exchange is loaded; ``perpetual``
    reads a future's ticker; ``currencies``: whether ccxt needs them to name the markets."""

    depths: tuple[int, ...] = ()
    step_of: StepOf | None = None
    market_types: tuple[str, ...] = ("spot",)
    perpetual: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    currencies: bool = False

    def depth(self, wanted: int) -> int:
        """The smallest that holds ``wanted`` levels, or else the largest."""
        return next((one for one in self.depths if one >= wanted), self.depths[-1] if self.depths else wanted)


def _numbers(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, theirs in names.items():
        value = told.get(theirs)
        try:
            found[ours] = None if value is None else float(value)
        except (TypeError, ValueError):
            found[ours] = None
    return found


def _krakenfutures(told: Mapping[str, Any]) -> dict[str, Any]:
    """``ticker`` of Kraken Futures: ``relative_funding_rate`` is a ratio per hour, times are milliseconds."""
    names = {
        "mark": "markPrice",
        "index": "index",
        "bid": "bid",
        "ask": "ask",
        "bid_size": "bid_size",
        "ask_size": "ask_size",
        "last": "last",
        "funding_rate": "relative_funding_rate",
        "funding_rate_next": "relative_funding_rate_prediction",
        "open_interest": "openInterest",
    }
    found = _numbers(told, names)
    found["funding_hours"] = 1.0
    if told.get("next_funding_rate_time"):
        found["funding_ns"] = int(told["next_funding_rate_time"]) * 1_000_000
    found["suspended"] = True if told.get("suspended") else None
    return found


def _hyperliquid(told: Mapping[str, Any]) -> dict[str, Any]:
    """``activeAssetCtx`` of Hyperliquid: ``funding`` is a ratio per hour; impact prices are averages for as
    much notional as its documentation says."""
    names = {
        "mark": "markPx",
        "index": "oraclePx",
        "mid": "midPx",
        "funding_rate": "funding",
        "open_interest": "openInterest",
        "premium": "premium",
    }
    found = {**_numbers(told, names), "funding_hours": 1.0}
    impact = dict(zip(("bid", "ask"), list(told.get("impactPxs") or []), strict=False))
    return found | _numbers(impact, {"impact_bid": "bid", "impact_ask": "ask"})


RULES: dict[str, Rules] = {
    "kraken": Rules(depths=(10, 25, 100, 500, 1000), currencies=True),
    "bybit": Rules(depths=(1, 50, 200, 1000), step_of=sequence.bybit),
    "gate": Rules(depths=(50, 400), step_of=sequence.gate),
    # Whole books at every change, so that there is no gap to be found.
    "bitget": Rules(depths=(5, 15), step_of=sequence.bitget),
    # ccxt itself joins a snapshot and differences by their numbers. What a small snapshot does not show, it
    # never learns.
    "binance": Rules(depths=(100, 500, 1000)),
    "krakenfutures": Rules(step_of=sequence.krakenfutures, market_types=(), perpetual=_krakenfutures),
    "hyperliquid": Rules(
        step_of=sequence.hyperliquid,
        market_types=("hip3", "swap"),
        perpetual=_hyperliquid,
        currencies=True,
    ),
}
"""Exchanges that are tested, by ccxt's name; see :func:`rules`."""


def rules(exchange: str) -> Rules:
    """Of an exchange, known or not."""
    return RULES.get(exchange, Rules(market_types=()))


def options(exchange: str, symbols: Sequence[str]) -> dict[str, Any]:
    """What ccxt is told so that it loads the markets wanted and no others."""
    types = list(rules(exchange).market_types)
    if not types:
        return {}
    wanted: dict[str, Any] = {"types": types}
    if exchange == "hyperliquid":
        # XYZ-TSLA/USDC:USDC is TSLA of the exchange "xyz" that someone runs on Hyperliquid (HIP-3).
        dexes = sorted(
            {symbol.partition("-")[0].lower() for symbol in symbols if "-" in symbol.partition("/")[0]}
        )
        wanted = {"types": types if dexes else ["swap"], "hip3": {"dexes": dexes}}
    return {"fetchMarkets": wanted}
