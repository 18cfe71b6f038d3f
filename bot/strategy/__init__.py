"""From an incident to a plan a desk would sign: mechanisms, routes, sizing, hedges, risk."""

from bot.strategy.explain import explain
from bot.strategy.strategy import Strategy

__all__ = ["Strategy", "explain"]
