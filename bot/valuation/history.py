"""Where a tape holds no reference at all: the tokens' own history, filtered, takes its place as anchor.

A price in line with it moves it by its precision (a thin pool's by less). One that is not must stay at its
new level before it is believed, and only where no other venue could say better.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.timefmt import NS
from bot.types import Ns
from bot.valuation.scalars import fused
from bot.valuation.state import FairState

GATE = 4.0
AGREE = 0.01
CONFIRMATIONS = 3
REANCHOR_NS = 1800 * NS
THIN_POOL_USD = 10_000.0


class Seen(NamedTuple):
    """One venue's log share price, its liquidity (0: not known), when, and that in variance time."""

    log_share: float
    liquidity_usd: float
    ts: Ns
    years: float


def begin(state: FairState, seen: Seen, noise_var: float) -> None:
    """The first price ever, or one that nothing can be said of."""
    state.anchor, state.anchor_var = seen.log_share, 25 * noise_var
    state.anchor_vt, state.anchor_ts = seen.years, seen.ts


def follow(state: FairState, seen: Seen, log_share: float, variance: float, noise_var: float) -> bool:
    """Filter one more price, given what others let expect; True if it is out of line and stays there."""
    thin = seen.liquidity_usd
    noise = noise_var * (THIN_POOL_USD / thin if 0.0 < thin < THIN_POOL_USD else 1.0)
    innovation = seen.log_share - log_share
    if innovation * innovation <= GATE * GATE * (variance + noise):
        state.rejections = 0
        _move(state, seen, *fused(log_share, variance, seen.log_share, noise))
        return False
    return _persists(state, seen)


def believe(state: FairState, seen: Seen, noise_var: float) -> None:
    """A lone venue has stayed at a new level: that is the price now."""
    _move(state, seen, seen.log_share, 4 * noise_var)
    state.rejections = 0


def _move(state: FairState, seen: Seen, anchor: float, variance: float) -> None:
    if seen.ts >= state.anchor_ts:
        state.anchor, state.anchor_var = anchor, variance
        state.anchor_vt, state.anchor_ts = seen.years, seen.ts


def _persists(state: FairState, seen: Seen) -> bool:
    if state.rejections == 0 or abs(seen.log_share - state.rejected_log) > 2 * AGREE:
        state.rejections, state.rejected_since = 0, seen.ts
    state.rejections += 1
    state.rejected_log = seen.log_share
    return state.rejections >= CONFIRMATIONS and seen.ts - state.rejected_since >= REANCHOR_NS
