"""The ways to earn a basis: mint and sell, buy and redeem, venue against venue, hedge and hold."""

from bot.strategy.routes.buy_and_redeem import buy_and_redeem
from bot.strategy.routes.common import IN_PRICES, Candidate, Case, Details, View, open_case
from bot.strategy.routes.cross_venue import Pair, cross_venue, gap
from bot.strategy.routes.hedge_and_hold import hedge_and_hold
from bot.strategy.routes.mint_and_sell import mint_and_sell

__all__ = [
    "IN_PRICES",
    "Candidate",
    "Case",
    "Details",
    "Pair",
    "View",
    "buy_and_redeem",
    "cross_venue",
    "gap",
    "hedge_and_hold",
    "mint_and_sell",
    "open_case",
]
