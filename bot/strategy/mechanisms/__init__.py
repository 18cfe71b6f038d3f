"""The systems that issue or carry these tokens, each as what it is."""

from bot.strategy.mechanisms.access import Access, Action, in_hand, look, seconds_until, years
from bot.strategy.mechanisms.delay import Delay

__all__ = ["Access", "Action", "Delay", "in_hand", "look", "seconds_until", "years"]
