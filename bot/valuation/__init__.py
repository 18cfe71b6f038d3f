"""Sessions and fair value: what the share is worth now, and how sure that is."""

from bot.valuation.fair import Estimate, FairState, FairValue, Valuation
from bot.valuation.sessions import SessionClock

__all__ = ["Estimate", "FairState", "FairValue", "SessionClock", "Valuation"]
