"""The way of tokens from one place to another: out of an exchange, into another, or over our wallet. Pure."""

from __future__ import annotations

from typing import NamedTuple

from bot.registry.model import Registry
from bot.strategy.mechanisms.delay import Delay, certain
from bot.strategy.mechanisms.exchange import Exchange
from bot.strategy.mechanisms.model import Moment
from bot.timefmt import DAY_SECONDS
from bot.types import WALLET


class Way(NamedTuple):
    """The seconds it usually takes, what it may really take, and what it costs: gas, the exchange's fee."""

    seconds: float
    delay: Delay
    usd: float


HERE = Way(0.0, certain(0.0), 0.0)


def way_between(registry: Registry, moment: Moment, symbol: str, origin: str, to: str,
                gas_usd: float) -> Way:  # fmt: skip
    """Between two places, each the wallet or an exchange. Who withdraws pays the exchange's fee; anybody
    else, and from an exchange that names none, the gas."""
    if origin == to:
        return HERE
    token = registry.tokens[symbol]
    seconds, delay, usd, fee = 0.0, certain(0.0), 0.0, False
    for place, leaves in ((origin, True), (to, False)):
        known = registry.carries(place, token)
        if known is not None:
            move = known.withdraw if leaves else known.deposit
            delay = delay.plus(Exchange(known).move("mint" if leaves else "redeem", moment))
            seconds, usd, fee = seconds + move.hours * 3_600, usd + move.usd, fee or leaves
        elif place != WALLET:
            part = registry.venues[place].withdraw_days * DAY_SECONDS if place in registry.venues else 0.0
            seconds, delay = seconds + part, delay.plus(certain(part))
    return Way(seconds, delay, usd if fee else usd + gas_usd)
