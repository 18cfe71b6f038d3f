"""What ticks of hedging instruments say: listed options, perpetual futures, perpetual options. Pure.

Ticks are of kind ``quote``, ``ts`` being when the quote was true at its source:

* listed option ``TSLA261218C00400000@alpaca``: ``bid`` and ``ask`` in USD a share (``None``: there is none),
  ``data`` with ``bid_size`` and ``ask_size`` in contracts, ``open_interest``, ``style``, ``shares``;
* perp ``TSLA@krakenfutures``: ``price`` is the mark, ``data`` has ``index``, ``bid``, ``ask``, ``bid_size``,
  ``ask_size`` (contracts) or ``impact_bid`` and ``impact_ask``, ``funding_rate``, ``funding_rate_next`` over
  ``funding_hours``;
* perpetual option ``TSLA-400-put-PERP@fufuture``: ``data`` has ``volatility``, ``units``, ``markup``,
  ``fee_ratio``, ``period_days``, ``coin``; ``price``, if any, is what it asks a day and unit, for people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from bot.errors import DataError
from bot.market import MAX_PRICE, MIN_PRICE
from bot.types import Tick

T = TypeVar("T")
LEAST_FUNDING_HOURS, MOST_FUNDING_HOURS = 0.1, 24.0 * 31
"""Over so long does a perp's funding rate run: minutes to a month."""


class OptionData(Struct):
    bid_size: int | None = None
    ask_size: int | None = None
    open_interest: int | None = None
    style: str = "american"
    shares: int = 100


class PerpData(Struct):
    index: float | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    impact_bid: float | None = None
    impact_ask: float | None = None
    funding_rate: float | None = None
    funding_rate_next: float | None = None
    funding_hours: float = 1.0


class MarketTerms(Struct):
    taker: float | None = None
    lot: float | None = None


class StatusData(Struct):
    state: str = ""
    reason: str = ""
    terms: MarketTerms | None = None


class PerpetualData(Struct):
    volatility: float | None = None
    units: float = 0.0
    markup: float | None = None
    fee_ratio: float | None = None
    period_days: float | None = None
    coin: str | None = None


option = msgspec.json.Decoder(OptionData).decode
perp = msgspec.json.Decoder(PerpData).decode
perpetual = msgspec.json.Decoder(PerpetualData).decode
status = msgspec.json.Decoder(StatusData).decode


def read(decode: Callable[[str], T], tick: Tick) -> T:
    """What ``data`` of a tick says. Raises :class:`DataError`."""
    try:
        return decode(tick.data or "{}")
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DataError("bad_data", f"{tick.instrument}: {error}") from None


def check_perp(tick: Tick, told: PerpData) -> None:
    """Raise :class:`DataError` on a perp's numbers that cannot be."""
    prices = (told.index, told.bid, told.ask, told.impact_bid, told.impact_ask)
    if not all(price is None or MIN_PRICE <= price < MAX_PRICE for price in prices):
        raise DataError("bad_price", f"{tick.instrument}: {prices}")
    for bid, ask in ((told.bid, told.ask), (told.impact_bid, told.impact_ask)):
        if bid is not None and ask is not None and bid > ask:
            raise DataError("crossed", f"{tick.instrument}: bid {bid!r} above ask {ask!r}")
    for rate in (told.funding_rate, told.funding_rate_next):
        if rate is not None and not -1.0 < rate < 1.0:
            raise DataError("bad_data", f"{tick.instrument}: funding {rate!r}")
    if not LEAST_FUNDING_HOURS <= told.funding_hours <= MOST_FUNDING_HOURS:
        raise DataError("bad_data", f"{tick.instrument}: funding_hours {told.funding_hours!r}")


def check_terms(instrument: str, told: MarketTerms) -> None:
    """The same of the terms that a perp's status tells."""
    if told.taker is not None and not 0 <= told.taker < 1:
        raise DataError("bad_data", f"{instrument}: taker fee {told.taker!r}")
    if told.lot is not None and not 0 < told.lot < 1e12:
        raise DataError("bad_data", f"{instrument}: lot {told.lot!r}")
