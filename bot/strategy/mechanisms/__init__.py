"""The systems that issue or carry these tokens, each as what it is."""

from bot.strategy.mechanisms.access import Access, conversion_halted, look, seconds_until, years
from bot.strategy.mechanisms.delay import Delay
from bot.strategy.mechanisms.hours import in_hand
from bot.strategy.mechanisms.model import (
    Action,
    Assumption,
    Bounds,
    Cost,
    Limits,
    Mechanism,
    Moment,
    Opening,
)
from bot.strategy.mechanisms.odds import Odds, odds_of
from bot.strategy.mechanisms.system import mechanism_of, mechanisms

__all__ = [
    "Access",
    "Action",
    "Assumption",
    "Bounds",
    "Cost",
    "Delay",
    "Limits",
    "Mechanism",
    "Moment",
    "Odds",
    "Opening",
    "conversion_halted",
    "in_hand",
    "look",
    "mechanism_of",
    "mechanisms",
    "odds_of",
    "seconds_until",
    "years",
]
