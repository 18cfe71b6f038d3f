"""Sessions and fair value: what the share is worth now, and how sure that is."""

from bot.valuation.fair import Estimate, FairValue, Valuation
from bot.valuation.sessions import SessionClock
from bot.valuation.state import FairState

__all__ = ["Estimate", "FairState", "FairValue", "SessionClock", "Valuation"]
