"""Dinari dShares: an order at a broker, minted or burned when it is filled. Pure.

A contract takes the order and the money; the share is bought or sold; the fill and the mint are one step on
the chain, so no settlement day follows. In the regular session an order is filled at the market; before and
after it and at night it waits at a limit, and is filled when somebody meets it, or when the session opens.
"""

from __future__ import annotations

from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.delay import Delay, delay_of, late_by
from bot.strategy.mechanisms.hours import REGULAR
from bot.strategy.mechanisms.model import Action, Moment
from bot.timefmt import NS


class Dinari(ByChannel):
    """Orders at a broker through a contract."""

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """Minutes in the regular session; else a limit order's fill, now or at the next opening."""
        opens = self.opening(action, moment).opens
        if opens is None:
            return None
        fills, clock = self.issuer.fills, moment.clock
        assert fills is not None  # the loader has made sure
        handling = late_by(clock, opens, opens, *self.stages(action, moment))
        regular = clock.next_start(opens, REGULAR)
        filled_now = 1.0 if regular == opens else fills.outside_chance
        return delay_of(
            [((opens - moment.ts) / NS, filled_now), ((regular - moment.ts) / NS, 1.0 - filled_now)]
        ).plus(handling)
