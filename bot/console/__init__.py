"""What the command line shows: tables for people, JSON for machines, progress on stderr."""

from bot.console.judge import backtested, backtests, replayed, set_aside, swept
from bot.console.look import incidents, plan, plans, positions, quoted
from bot.console.pools import pools
from bot.console.terminal import counting, emit, progress
from bot.console.watch import checked, findings

__all__ = [
    "backtested",
    "backtests",
    "checked",
    "counting",
    "emit",
    "findings",
    "incidents",
    "plan",
    "plans",
    "pools",
    "positions",
    "progress",
    "quoted",
    "replayed",
    "set_aside",
    "swept",
]
