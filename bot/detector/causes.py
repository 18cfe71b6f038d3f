"""Why a price is out: each cause is weighed by what speaks for it, and says so.

The weights are odds, multiplied over independent pieces of evidence and normalised at the end;
they are set by judgement here and fitted on labelled simulations later.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

from bot.market import InstrumentState
from bot.timefmt import NS, duration
from bot.types import Cause, Ns, Session

STALE_VENUE_NS = 6 * 3600 * NS
DEAD_NS = 24 * 3600 * NS
PEER_NS = 3 * 3600 * NS
THIN_DEPTH_USD = 5_000.0
SPLITS = tuple(
    sorted({log(a / b) for a in (1, 2, 3, 4, 5, 10, 15, 20) for b in (1, 2, 3, 4, 5, 10, 20) if a != b})
)


class Diagnosis(NamedTuple):
    """The likeliest cause, its probability, and the sentences that led there."""

    cause: Cause
    probability: float
    evidence: list[str]


class Peers(NamedTuple):
    """How the other fresh venues of the underlying stand."""

    along: list[str]
    inside: list[str]


def peers(instrument: InstrumentState, log_share: float, basis: float, ts: Ns) -> Peers:
    """Which other venues are out with this one (more than half as far), and which stand at fair value."""
    along: list[str] = []
    inside: list[str] = []
    for other in instrument.underlying.instruments:
        if other is instrument or other.consensus_log is None or ts - other.ts > PEER_NS:
            continue
        theirs = other.consensus_log - log_share
        (along if theirs * basis > 0 and abs(theirs) > abs(basis) / 2 else inside).append(other.name)
    return Peers(along, inside)


def diagnose(instrument: InstrumentState, basis: float, log_share: float, session: Session, ts: Ns,
             jump: float, reference_frozen: bool) -> Diagnosis:  # fmt: skip
    """Weigh the causes of a depeg of ``basis``. ``jump`` is the last move of this venue's log price."""
    odds: dict[Cause, float] = {"unknown": 1.0}
    evidence: list[str] = []
    others = peers(instrument, log_share, basis, ts)
    state = instrument.token_state

    if others.inside and not others.along:
        evidence.append(f"{_names(others.inside)} stood at fair value")
    if others.along:
        evidence.append(f"{_names(others.along)} moved the same way")
        odds["broad_premium"] = 6.0 if len(others.along) >= len(others.inside) else 2.0
        if reference_frozen:
            odds["stale_reference"] = 30.0
            evidence.append("the reference has not changed in session while the tokens did")
    elif not others.inside:
        odds["broad_premium"] = 3.0
    if session in ("weekend", "holiday", "overnight") and others.along:
        odds["closed_market_drift"] = 2.0

    sudden = abs(jump) > abs(basis) / 2
    if not others.along:
        thin = _thinness(instrument, evidence)
        odds["thin_liquidity"] = thin * (4.0 if sudden else 0.7) * (2.0 if others.inside else 1.0)
    quiet = instrument.previous_ts and instrument.ts - instrument.previous_ts > DEAD_NS
    unmoved = ts - instrument.changed > STALE_VENUE_NS
    if (quiet or unmoved) and not sudden:
        odds["stale_venue"] = 20.0
        since = ts - instrument.changed if unmoved else instrument.ts - instrument.previous_ts
        evidence.append(f"the venue's price had not moved for {duration(since / NS)}")
    if instrument.halted:
        odds["trading_halt"] = 30.0
        evidence.append(f"the venue is halted: {instrument.halted_reason or 'no reason given'}")
    _multiplier(state.log_multiplier, state.previous, basis, odds, evidence)

    total = sum(odds.values())
    cause = max(odds, key=lambda name: odds[name])
    return Diagnosis(cause, odds[cause] / total, evidence)


def _thinness(instrument: InstrumentState, evidence: list[str]) -> float:
    """Odds for a thin venue, from depth if it is known, else from what was traded."""
    curve = instrument.curve
    if curve is not None:
        down, up = curve.depth(0.02)
        depth = min(down, up)
        evidence.append(f"${depth:,.0f} moves the price by 2 %")
        return 12.0 if depth < THIN_DEPTH_USD else 0.8
    if instrument.traded_usd is not None:
        where = "in all of its bar" if instrument.is_bar else "at that price"
        evidence.append(f"${instrument.traded_usd:,.2f} traded {where}")
        return 8.0 if instrument.traded_usd < 50_000 else 1.0
    if instrument.liquidity_usd is not None and instrument.liquidity_usd < 10 * THIN_DEPTH_USD:
        evidence.append(f"${instrument.liquidity_usd:,.0f} of liquidity")
        return 8.0
    return 1.0


def _multiplier(log_multiplier: float, previous: float | None, basis: float,
                odds: dict[Cause, float], evidence: list[str]) -> None:  # fmt: skip
    """A basis that is just a multiplier, an old one, or a split ratio speaks for a unit mix-up."""
    candidates = {"the multiplier itself": -log_multiplier}
    if previous is not None:
        candidates["the multiplier before its last change"] = log(previous) - log_multiplier
    for what, expected in candidates.items():
        if abs(expected) > 0.002 and abs(basis - expected) < max(0.0015, 0.1 * abs(expected)):
            odds["multiplier_mismatch"] = 40.0
            evidence.append(f"the basis equals {what} ({exp(expected):.4f})")
            return
    for split in SPLITS:
        if abs(split) > 0.3 and abs(basis - split) < 0.01:
            odds["multiplier_mismatch"] = 10.0
            evidence.append(f"the basis equals a split ratio of {exp(split):.3g}")
            return


def _names(instruments: list[str]) -> str:
    shown = ", ".join(sorted(instruments)[:3])
    more = len(instruments) - 3
    return f"{shown} and {more} more" if more > 0 else shown
