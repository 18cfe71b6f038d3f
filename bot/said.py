"""What ticks say in words, as JSON in their ``data``: halts, what backs a token, gas, conversions."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import forks
from bot.errors import DataError
from bot.market import InstrumentState, Market
from bot.types import Tick

MAX_GAS_PRICE = 1e-3
"""Gas tokens for a unit of gas: 1,000 of them for a swap are nobody's price."""
STATES = ("up", "open", "down", "halted", "closed")
SHUT = ("down", "halted", "closed")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def data(tick: Tick) -> dict[str, Any]:
    """The object in a tick's ``data``, empty where there is none. Raises :class:`DataError` ``bad_data``."""
    try:
        return _decode(tick.data or "{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError("bad_data", str(error)) from None


def state(tick: Tick) -> tuple[str, str]:
    """The word and the reason of a status. Raises :class:`DataError` ``bad_data``."""
    told = data(tick)
    word = told.get("state")
    if word not in STATES:
        raise DataError("bad_data", f"status {word!r}")
    return word, str(told.get("reason", ""))


def gas(market: Market, tick: Tick) -> None:
    """A chain says what gas costs there: ``ETH@ethereum``, ``{"gas_price": 3.1e-9}`` in its gas token."""
    price = data(tick).get("gas_price")
    if not isinstance(price, int | float) or isinstance(price, bool) or not 0.0 < price < MAX_GAS_PRICE:
        raise DataError("bad_data", f"gas_price is {price!r}")
    market.gas[tick.instrument.partition("@")[2]] = (float(price), tick.ts)


def conversion(market: Market, tick: Tick) -> None:
    """An exchange says whether it converts a token: ``TSLAx@kraken:convert``. It is no market: it has no
    price but the share's."""
    if market.registry.conversion_at(tick.instrument) is None:
        raise DataError("unknown_instrument", tick.instrument)
    if tick.kind != "status":
        raise DataError("no_market", f"{tick.instrument} has the share's price, and none of its own")
    word, reason = state(tick)
    market.conversions.pop(tick.instrument, None)
    if word in SHUT:
        market.conversions[tick.instrument] = reason or f"it is {word}"


def channel(market: Market, issuer: InstrumentState, told: dict[str, Any]) -> None:
    """An issuer says whether it mints and redeems a token, and what backs it: its bands follow."""
    for token in forks.all_of(market, issuer.token):
        token.channel(told)
    for one in issuer.underlying.instruments:
        if one.token is issuer.token and one.alarm is not None:
            one.alarm.band = None
