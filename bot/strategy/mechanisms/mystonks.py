"""MyStonks (MSX): shares held one to one at Fidelity, orders matched off the chain. Pure.

An order is passed on to a broker who matches it away from the exchanges, as payment for order flow does, and
is booked in the customer's account; the fee begins at 0.3 %. A token is something else than that entry: it
is withdrawn to a chain, and must be deposited again before it can be sold. Beside fee and custody next to
nothing is published, so nearly every term is an assumption with a name.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.registry.issuer import Late
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.model import Action, Moment


class MyStonks(ByChannel):
    """A match in the account, then the way between account and chain."""

    def stages(self, action: Action, moment: Moment) -> tuple[Sequence[Late], ...]:
        """The settlement's lateness, then the withdrawal (of a mint) or the deposit (of a redemption)."""
        account = self.issuer.account
        assert account is not None  # the loader has made sure
        return self.channel(action, moment).late, [Late(1.0, hours=account.hours)], account.late
