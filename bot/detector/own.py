"""What of a basis is one venue's own: beside what all carry together, and beside where the others agree."""

from __future__ import annotations

from bot.detector.bands import Band
from bot.detector.common import Common, middle
from bot.detector.evidence import LATELY_NS, UNMOVED_NS
from bot.market import FRESH_NS, InstrumentState
from bot.timefmt import NS
from bot.types import Ns, Session
from bot.valuation import Estimate

PEERS_AGREE = 0.01
PEERS_NS = 7200 * NS


def own(
    instrument: InstrumentState,
    excess: float,
    direction: int,
    basis: float,
    base: float,
    estimate: Estimate,
    session: Session,
    ts: Ns,
    noise_var: float,
) -> tuple[float, float, float, float]:
    """What of a basis is this venue's own, and how well that is known: (excess, basis, base, variance), of
    logs. ``noise_var`` is the variance of an honest venue's basis.

    What all venues carry together is fair while nobody can arbitrage it, or not for one venue to tell;
    two or more others that agree know better than the average of all that might have happened.
    """
    common: Common = instrument.underlying.group
    variance = estimate.variance
    if estimate.age_ns is not None and estimate.age_ns <= FRESH_NS:
        excess -= common.high if direction > 0 else -common.low
    elif common.seen and ts - common.seen < PEERS_NS:
        # Nobody says what the share does; where its tokens have been carried slowly may be it.
        limits: Band = instrument.alarm.band
        away = base + basis - instrument.underlying.fair.anchor - instrument.token_state.log_multiplier
        if direction > 0:
            excess = min(excess, away - common.high - limits.high)
        else:
            excess = min(excess, limits.low + common.low - away)
    if session == "regular":
        return excess, basis, base, variance
    variance += common.variance
    others = [one for one in instrument.underlying.instruments if one is not instrument]
    level = middle(others, ts, instrument)
    if level is None:
        return excess, basis, base, variance
    level += instrument.token_state.log_multiplier
    apart = base + basis - level
    whole = abs(basis)
    if ts - instrument.token_state.told < LATELY_NS:
        # What a step of the multiplier may have left to all of them is not this venue's.
        whole -= max(common.high if direction > 0 else -common.low, 0.0)
    if apart * direction < 0.5 * whole or apart * direction <= 0.0:
        return min(excess, 0.0), basis, base, variance
    agreeing = 0
    for one in others:
        if one.consensus_log is not None and ts - one.changed <= PEERS_NS:
            agreeing += abs(one.consensus_log + instrument.token_state.log_multiplier - level) < PEERS_AGREE
    still = ts - instrument.changed > UNMOVED_NS
    if agreeing < (1 if still else 2):
        return excess, basis, base, variance
    limits = instrument.alarm.band
    excess = apart - limits.high if direction > 0 else limits.low - apart
    # A price that stands still has no noise of its own.
    return excess, apart, level, (0.25 if still else 2.0) * noise_var
