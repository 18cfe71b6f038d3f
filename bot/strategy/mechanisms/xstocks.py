"""xStocks: market flow from $5,000, atomic quotes, and shares in kind. Pure.

*Market flow*: a whitelisted wallet sends dollars or tokens, the issuer trades the share, 24 hours on five
days. The share settles a business day later, and must then be with the custodian before tokens are minted
against it: at once where the issuer's broker holds it (Alpaca, a journal between accounts), days later where
it is transferred from another (Interactive Brokers). Two faster ways need an agreement, and count once the
desk that has one enables them: *xChange*, an atomic swap against a signed quote, and Alpaca's *tokenization
network*, in which an authorised participant's own shares are journalled and minted in kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.registry.issuer import Channel, Late
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.hours import takes_orders
from bot.strategy.mechanisms.model import Action, Moment
from bot.types import Ns, Session


class XStocks(ByChannel):
    """Market flow, or the cheapest of the other ways that this desk has."""

    def used(self, action: Action, session: Session, ts: Ns) -> Channel:
        """Of the ways that are open now, the cheapest; the main one if none is."""
        main = super().used(action, session, ts)
        ways = [way.mint if action == "mint" else way.redeem for way in self.issuer.ways if way.enabled]
        able = [each for each in (main, *ways) if takes_orders(each, session, ts)]
        return min(able, key=lambda each: each.fee_ratio + each.spread_ratio, default=main)

    def stages(self, action: Action, moment: Moment) -> tuple[Sequence[Late], ...]:
        """The issuer's own lateness, and in market flow the way of the shares to the custodian."""
        used = self.channel(action, moment)
        if used is not super().used(action, moment.session, moment.ts):
            return (used.late,)
        return used.late, [
            Late(broker.chance, broker.days, broker.hours)
            for broker in self.issuer.brokers
            if broker.days or broker.hours
        ]
