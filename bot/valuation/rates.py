"""What a currency is worth in dollars, and prices in one that floats turned into dollars."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bot.errors import DataError
from bot.market import CURRENCY_MAX_AGE_NS, Market
from bot.timefmt import NS, duration
from bot.types import Ns, Tick


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
