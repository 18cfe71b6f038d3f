"""Robinhood: a closed loop. Pure.

Tokens are made and unmade inside the app, for its customers. On Robinhood Chain they can be moved and traded
by anybody, but no desk can have them minted or redeemed: nothing pulls their price back to the share's.
"""

from __future__ import annotations

from msgspec.structs import replace

from bot.registry.issuer import Channel
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.model import Action
from bot.types import Ns, Session


class ClosedLoop(ByChannel):
    """Tradable, and neither minted nor redeemed for anybody outside, whatever the app does for its own."""

    def used(self, action: Action, session: Session, ts: Ns) -> Channel:
        """None that a desk could use."""
        return replace(super().used(action, session, ts), available=False, hours="none")
