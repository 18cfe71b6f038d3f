"""What a currency is worth in dollars, prices in one that floats turned into dollars, and what gas costs."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bot.errors import DataError
from bot.market import CURRENCY_MAX_AGE_NS, Market
from bot.registry.model import Chain
from bot.timefmt import NS, duration
from bot.types import Ns, Tick

GAS_MAX_AGE_NS = 3600 * NS
GAS_TIP = 1.125
"""Over the base fee: what it may rise by in one block (EIP-1559), and the tip."""


class Rate(NamedTuple):
    """Log of the dollars that one is worth, and when that was last said."""

    log_usd: float
    ts: Ns


def rate(market: Market, symbol: str, ts: Ns) -> Rate | None:
    """The median of what its references have said within the hour; ``None`` if none has."""
    state = market.underlyings.get(symbol)
    if state is None:
        return None
    fresh = [
        one
        for one in state.references.values()
        if one.price is not None and not one.halted and ts - one.ts <= CURRENCY_MAX_AGE_NS
    ]
    if not fresh:
        return None
    logs = sorted(one.log_price for one in fresh)
    return Rate(logs[len(logs) // 2], max(one.ts for one in fresh))


def gas_usd(market: Market, chain: Chain, ts: Ns) -> float:
    """What one swap on a chain costs now: by its gas price if that was told within the hour, else as the
    registry takes it; at the live price of its gas token, if there is one."""
    if not chain.gas_token:
        return chain.gas_usd
    token = rate(market, chain.gas_token, ts)
    if token is None:
        return chain.gas_usd
    price, told = market.gas.get(chain.name, (0.0, 0))
    if chain.gas_units and price > 0.0 and ts - told <= GAS_MAX_AGE_NS:
        return chain.gas_units * price * GAS_TIP * exp(token.log_usd)
    return chain.gas_usd * exp(token.log_usd) / chain.gas_token_usd if chain.gas_token_usd else chain.gas_usd


def in_dollars(market: Market, symbol: str, tick: Tick) -> Tick:
    """A tick whose prices are in ``symbol``, at its rate; :class:`DataError` ``no_rate`` without one."""
    found = rate(market, symbol, tick.ts)
    if found is None:
        within = duration(CURRENCY_MAX_AGE_NS / NS)
        what = f"quoted in {symbol}, and nobody has said within {within} what one is worth"
        raise DataError("no_rate", what)
    usd = exp(found.log_usd)

    def times(value: float | None) -> float | None:
        return None if value is None else value * usd

    return replace(
        tick, bid=times(tick.bid), ask=times(tick.ask), price=times(tick.price), high=times(tick.high),
        low=times(tick.low), size=times(tick.size), data=_book(tick, usd),
    )  # fmt: skip


def _book(tick: Tick, usd: float) -> str | None:
    """Its levels, if it brings any. What is no book is left as it is: the decoder refuses it in words."""
    if tick.kind != "quote" or tick.data is None:
        return tick.data
    try:
        told = msgspec.json.decode(tick.data)
        for side in ("bids", "asks"):
            if side in told:
                told[side] = [[level[0] * usd, *level[1:]] for level in told[side]]
    except (msgspec.DecodeError, RecursionError, TypeError, LookupError):
        return tick.data
    return msgspec.json.encode(told).decode()
