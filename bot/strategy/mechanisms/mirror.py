"""Mirror: tokens owed against collateral. Pure.

Anybody mints an mAsset by locking collateral worth at least a ratio of it, and owes the tokens. Minting needs
a price of the oracle that is at most a minute old, so it stops when Nasdaq closes, while the pool trades on.

A premium is earned by minting, selling, and buying the debt back once the token is at par: it must pay for
the collateral's financing until then and for the fee on taking it back, and out of hours for the risk of
the share until minting opens. Nothing is redeemed: burning pays back a debt, and only who has one can. So
below par nothing holds the price for a desk without a debt.
"""

from __future__ import annotations

from math import inf, log, sqrt

from bot.registry.issuer import Debt, Issuer
from bot.strategy.mechanisms.by_channel import YEAR_SECONDS, ByChannel, costed
from bot.strategy.mechanisms.hours import REGULAR
from bot.strategy.mechanisms.model import Action, Bounds, Cost, Moment, Opening
from bot.timefmt import DAY_SECONDS, duration
from bot.types import Ns


class Mirror(ByChannel):
    """Minting against collateral; no redemption."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(issuer)
        assert issuer.debt is not None  # the loader has made sure
        self.debt: Debt = issuer.debt

    @property
    def collateral_ratio(self) -> float:
        """Collateral that is locked for a token, as a ratio of its value."""
        return self.debt.ratio * self.debt.multiplier + self.debt.cushion_ratio

    def opening(self, action: Action, moment: Moment) -> Opening:
        """As the share's hours say, while the oracle speaks."""
        found = super().opening(action, moment)
        age = moment.oracle_age_seconds
        if not found.now or age is None or age <= self.debt.oracle_seconds:
            return found
        detail = (
            f"{self.title}'s oracle has not spoken for {duration(age)}: no minting beyond "
            f"{duration(self.debt.oracle_seconds)}, while the pool trades on"
        )
        return Opening("channel.oracle_stale", detail, None)

    def cost(self, action: Action, moment: Moment, size_usd: float) -> Cost:
        """What stands between a mint and fair value; ``capital_usd`` is the collateral."""
        channel = self.channel(action, moment)
        collateral = size_usd * self.collateral_ratio
        parts = {"close_fee": collateral * self.debt.close_fee_ratio, "gas": channel.gas_usd}
        found = costed(self, action, moment, size_usd, parts, collateral)
        return Cost(
            found.action, size_usd, found.tokens, found.unit_usd, found.parts_usd,
            collateral * self._holding(moment), collateral, found.rule, found.detail,
        )  # fmt: skip

    def bounds(self, moment: Moment, size_usd: float, venue_fee: float) -> Bounds:
        """Above, what a debt costs until it is bought back, and the wait for minting; below, nothing."""
        opening = self.opening("mint", moment)
        below = self.opening("redeem", moment).detail
        if opening.opens is None and opening.rule != "channel.oracle_stale":
            note = f"{opening.detail}; nothing holds the price"
            return Bounds(-inf, inf, False, False, note, below, opening.detail)
        cost = self.cost("mint", moment, size_usd)
        ratio = (sum(cost.parts_usd.values()) + cost.carry_usd) / size_usd + self.waiting(moment)
        note = f"{self.title} mints now against collateral" if opening.now else opening.detail
        note += "; nothing is redeemed, so nothing holds the price below"
        return Bounds(-inf, log(1.0 + ratio + venue_fee), opening.now, False, note, below)

    def waiting(self, moment: Moment) -> float:
        """What the share's risk until minting opens is charged at, as a ratio: nothing in its hours."""
        clock, start = moment.clock, moment.clock.segment(moment.ts)[0]
        opens: Ns = clock.next_start(moment.ts, REGULAR)
        if opens == moment.ts:
            return 0.0
        years = clock.variance_time(opens) - clock.variance_time(start)
        return self.debt.risk_charge * moment.annual_volatility * sqrt(years)

    def _holding(self, moment: Moment) -> float:
        return moment.financing_rate * self.debt.hold_days * DAY_SECONDS / YEAR_SECONDS
