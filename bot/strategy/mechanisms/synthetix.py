"""Synthetix' stock synths: exchanged at an oracle's price, without a counterparty. Pure.

sUSD becomes sTSLA, and the other way round, at the oracle's price less a fee, whatever the size. For minutes
after that the synth cannot be moved, and what was received is settled anew at the price of then, so that
nobody gains by seeing a price before the oracle does. When the share's market is closed the synth is
suspended: what has not been settled by then waits for the opening.
"""

from __future__ import annotations

from bot.registry.issuer import Issuer, OracleExchange
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.delay import Delay, certain
from bot.strategy.mechanisms.hours import next_open
from bot.strategy.mechanisms.model import Action, Moment, Opening
from bot.timefmt import NS, duration


class Synthetix(ByChannel):
    """Exchange at the oracle's price, in the share's hours."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(issuer)
        assert issuer.exchange is not None  # the loader has made sure
        self.exchange: OracleExchange = issuer.exchange

    def opening(self, action: Action, moment: Moment) -> Opening:
        """In the share's hours, while the oracle's price is fresh."""
        found = super().opening(action, moment)
        age = moment.oracle_age_seconds
        if not found.now or age is None or age <= self.exchange.oracle_seconds:
            return found
        detail = (
            f"{self.title}'s oracle price is {duration(age)} old: no exchange beyond "
            f"{duration(self.exchange.oracle_seconds)}"
        )
        return Opening("channel.oracle_stale", detail, None)

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """The waiting period; where the market closes within it, settlement waits for the next opening."""
        opens = self.opening(action, moment).opens
        if opens is None:
            return None
        settled = opens + round(self.exchange.wait_seconds * NS)
        settled = next_open(self.channel(action, moment), moment.clock, settled)
        return certain((settled - moment.ts) / NS)
