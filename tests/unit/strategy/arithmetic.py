"""A plan's profit worked out again from its legs and costs, by another way than the plan's own."""

from __future__ import annotations

from bot.strategy.routes import IN_PRICES
from bot.types import Plan

SIGN = {"sell": 1, "redeem": 1, "buy": -1, "mint": -1}


def profit_from_legs(plan: Plan, fair: float) -> float:
    """Proceeds less outlay less the costs that no price holds; tokens left or missing count at fair value.

    What is sent later is left out: what the way out costs is among the costs."""
    legs = [leg for leg in plan.legs if not leg.after_seconds]
    cash = sum(SIGN.get(leg.action, 0) * leg.notional_usd for leg in legs)
    gained = sum(
        leg.quantity_tokens * (1 if leg.action in ("buy", "mint") else -1)
        for leg in legs
        if leg.action in SIGN
    )
    outside = sum(usd for name, usd in plan.costs_usd.items() if name not in IN_PRICES)
    return cash + gained * fair - outside
