"""A pool or book that stands still while its peers go on: dead, or not worth anybody's trade.

What can be had at a pool stands until somebody trades. While it lives somebody does as soon as it is worth
it, so a price that has not changed for long, and is now well off where the share's other venues trade, has
been left behind. The band of mint and redeem does not matter: it says what issuers' customers may gain, and
this is about whether anybody trades here at all. Closed hours do not, either: it is the peers that moved.
"""

from __future__ import annotations

from bot.detector.common import middle
from bot.detector.evidence import UNMOVED_NS
from bot.detector.units import NEW_NS
from bot.market import FRESH_NS, InstrumentState
from bot.timefmt import NS
from bot.types import Ns, Session
from bot.valuation import Estimate

LEFT = 0.014
"""So far, as a log, from where its peers are, it has been left behind."""
NEAR = 0.008
"""So near to them again, it has not."""
CONFIRM_NS = 240 * NS
SETTLE_NS = 900 * NS
"""After a change of its token's multiplier venues get so long to follow."""
AGREE = 0.01
"""Peers this near to one another agree."""
SD = 0.002


def stands_still(instrument: InstrumentState, ts: Ns) -> bool:
    """Whether it is a pool or a book whose price has not changed for long."""
    deep = instrument.pool_data is not None or instrument.book_data is not None
    return deep and ts - instrument.changed > UNMOVED_NS and not instrument.halted


def level(instrument: InstrumentState, estimate: Estimate, ts: Ns, session: Session) -> float | None:
    """Log share price where the others are; ``None`` if nobody knows, or reference and peers disagree."""
    token = instrument.token_state
    if ts - token.changed < SETTLE_NS and token.previous is not None:
        return None
    peers = middle(instrument.underlying.instruments, ts, instrument)
    if peers is not None and token.told and ts - token.told < NEW_NS:
        # Who is right about the new multiplier, of two that disagree? The one that trades need not be.
        others = [one for one in instrument.underlying.instruments if one is not instrument]
        near = [
            one for one in others if one.consensus_log is not None and abs(one.consensus_log - peers) < AGREE
        ]
        if len(near) < 2:
            return None
    fresh = session == "regular" and estimate.age_ns is not None and estimate.age_ns <= FRESH_NS
    if not fresh:
        return peers
    if peers is None:
        return estimate.log_share
    here = instrument.log_price - token.log_multiplier
    mine, theirs = here - estimate.log_share, here - peers
    if mine * theirs <= 0.0:
        return None
    return estimate.log_share if abs(mine) < abs(theirs) else peers
