"""A venue where a token still trades by its multiplier of before.

What a dividend adds to a token's multiplier the share loses, so that the token's price goes on as it was: a
venue that goes on with the old multiplier falls by the step, below the others that took it. The sign tells
which of two is wrong, while the share's own market is shut and cannot; and no band of mint and redeem excuses
it.
"""

from __future__ import annotations

from math import log

from bot.detector.common import middle
from bot.detector.splits import is_split
from bot.market import InstrumentState, TokenState
from bot.timefmt import NS
from bot.types import Ns

NEW_NS = 24 * 3600 * NS
"""So long after a step it is looked for."""
LEAST = 0.014
"""A smaller step is no matter."""
NEAR = 0.3
"""So near to the step, as a part of it, a distance is it."""
SAME = 0.002
"""Steps no farther apart than this are the same."""


def step_of(token: TokenState) -> float:
    """By how much, as a log, the multiplier last changed; until it is told, one share is taken for one."""
    return token.log_multiplier - log(token.previous or 1.0)


def trails(instrument: InstrumentState, ts: Ns) -> float:
    """How far a venue is from those that took the same step, if that is the step itself, missed; else 0."""
    token = instrument.token_state
    step = step_of(token)
    if abs(step) < LEAST or is_split(step):
        return 0.0
    took = [
        one for one in instrument.underlying.instruments
        if one.token_state is token
        or (ts - one.token_state.told < NEW_NS and abs(step_of(one.token_state) - step) < SAME)
    ]  # fmt: skip
    level = middle(took, ts, instrument)
    if level is None:
        return 0.0
    gap = instrument.log_price - token.log_multiplier - level
    return gap if abs(gap + step) < NEAR * abs(step) else 0.0
