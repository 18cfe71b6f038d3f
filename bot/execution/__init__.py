"""Carrying plans out: on paper, against what the market would really give; live only when armed."""

from bot.execution.arming import ArmingState, require_start
from bot.execution.paper import PaperBroker

__all__ = ["ArmingState", "PaperBroker", "require_start"]
