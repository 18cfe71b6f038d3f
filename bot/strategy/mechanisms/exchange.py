"""An exchange that carries an issuer's tokens: conversion at the share's price, deposit, withdrawal. Pure.

Kraken sells xStocks for dollars at what the share is bought for, while the share trades, and buys them back;
there a token is made and unmade without a whitelisted wallet, at the exchange's spread. Others only have an
order book: their tokens come and go by deposit and withdrawal, and hold no price.
"""

from __future__ import annotations

from msgspec.structs import replace

from bot.registry.issuer import Channel, Conversion, Issuer, Late, Transfer
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.delay import Delay, delay_of, late_by
from bot.strategy.mechanisms.hours import next_open
from bot.strategy.mechanisms.model import Action, Assumption, Moment
from bot.strategy.mechanisms.told import assumptions_of
from bot.timefmt import NS


class Exchange(ByChannel):
    """Buy and withdraw, or deposit and sell."""

    def __init__(self, conversion: Conversion) -> None:
        mint, redeem = (
            replace(channel, gas_usd=channel.gas_usd + way.usd)
            for channel, way in (
                (conversion.mint, conversion.withdraw),
                (conversion.redeem, conversion.deposit),
            )
        )
        super().__init__(
            Issuer(
                conversion.name, conversion.title, mint=mint, redeem=redeem, summary=conversion.summary,
                terms=conversion.terms, failures=conversion.failures,
            )
        )  # fmt: skip
        self.conversion = conversion

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """Conversion in its hours and the way to the wallet; or the way from it, which takes no hours off,
        and then the next moment at which it converts."""
        opens = self.opening(action, moment).opens
        if opens is None:
            return None
        if action == "mint":
            return late_by(moment.clock, moment.ts, opens, *_stages(self.conversion.withdraw))
        moved = self.move(action, moment)
        channel: Channel = self.issuer.redeem
        outcomes = []
        for seconds, chance in zip(moved.seconds, moved.chances, strict=True):
            sold = next_open(channel, moment.clock, moment.ts + round(seconds * NS))
            outcomes.append(((sold - moment.ts) / NS, chance))
        return delay_of(outcomes)

    def converted(self, action: Action, moment: Moment) -> Delay | None:
        """From now until it is converted, the way of the tokens apart."""
        return super().delay(action, moment)

    def move(self, action: Action, moment: Moment) -> Delay:
        """Only the way of the tokens: to the wallet (of a mint), or from it."""
        way = self.conversion.withdraw if action == "mint" else self.conversion.deposit
        return late_by(moment.clock, moment.ts, moment.ts, *_stages(way))

    def assumptions(self) -> tuple[Assumption, ...]:
        """Parameters that nobody publishes."""
        return assumptions_of(self.conversion)


def _stages(way: Transfer) -> tuple[list[Late], list[Late]]:
    return [Late(1.0, hours=way.hours)], way.late
