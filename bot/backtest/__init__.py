"""What the whole engine would have earned on tapes: plans traded on paper, books kept, figures made."""

from bot.backtest.report import report
from bot.backtest.run import Backtest

__all__ = ["Backtest", "report"]
