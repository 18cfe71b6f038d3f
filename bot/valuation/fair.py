"""Fair value of a share as an estimate of its log price with a variance, from what can be seen.

Two kinds of evidence are fused:

* an **anchor**: the last trustworthy reference or, where a tape has none, the tokens' own filtered
  history. Its variance grows with the variance time of the sessions since
  (:mod:`bot.valuation.sessions`), so a Friday close is worth less on Sunday;
* the **peers**: the median of the other venues' prices, leaving out the one that is being judged,
  so that a venue never vouches for itself. Peers carry a common error (a token may lead or lag the
  share as a whole): ``PEER_SHARE`` of the variance accrued since the anchor, after Cong et al.
  (2025), where off-hour token returns predict the close-to-open return with slope 0.90.

While a reference is fresh it decides alone. One lying venue cannot move the estimate: a single
peer beyond ``GATE`` standard deviations of the anchor is ignored, and of two the nearer counts.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

from msgspec import Struct

from bot.config import ValuationSection
from bot.market import FRESH_NS, InstrumentState, ReferenceState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns, Session
from bot.valuation.sessions import SessionClock

GATE = 4.0
PEER_SHARE = 0.111
"""Variance of the peers' common error over the variance accrued: weight 1 / (1 + 0.111) = 0.90."""
REFERENCE_NOISE = 0.0002
"""Standard deviation of a reference's mid around the true price: 2 bp."""
PEER_MAX_AGE_NS = 3 * 3600 * NS
PEERS_AGREE = 0.01
JUMP = 0.10
"""A reference that moves by more than this in one tick must be confirmed before it is believed."""
CONFIRMATIONS = 3
REANCHOR_NS = 1800 * NS
THIN_POOL_USD = 10_000.0


class Estimate(NamedTuple):
    """Log share price and its variance. ``independent``: something else than this venue says so."""

    log_share: float
    variance: float
    independent: bool
    age_ns: Ns | None


class FairValue(Struct, frozen=True):
    """Fair value of one token: USD, standard deviation of its log, age of the reference behind it."""

    value_usd: float
    sd: float
    age_seconds: float | None
    session: Session
    independent: bool


class FairState:
    """What valuation remembers of one underlying."""

    __slots__ = (
        "anchor",
        "anchor_ts",
        "anchor_var",
        "anchor_vt",
        "by_reference",
        "held",
        "held_log",
        "rejected_log",
        "rejected_since",
        "rejections",
        "source",
        "variance_rate",
    )

    def __init__(self, annual_volatility: float) -> None:
        self.variance_rate = annual_volatility**2
        self.anchor: float | None = None
        self.anchor_var = 0.0
        self.anchor_vt = 0.0
        self.anchor_ts: Ns = 0
        self.by_reference = False
        self.source = ""
        self.held = 0
        self.held_log = 0.0
        self.rejections = 0
        self.rejected_log = 0.0
        self.rejected_since: Ns = 0


class Valuation:
    """The estimator; keeps one :class:`FairState` per underlying in ``UnderlyingState.fair``."""

    def __init__(self, config: ValuationSection, clock: SessionClock) -> None:
        self.clock = clock
        self._default_volatility = config.annual_volatility
        self._noise_var = config.venue_noise**2
        self._max_age = int(config.reference_max_age_seconds * NS)

    def state_of(self, underlying: UnderlyingState) -> FairState:
        """The state of an underlying, made on first use."""
        if underlying.fair is None:
            underlying.fair = FairState(underlying.info.annual_volatility or self._default_volatility)
        state: FairState = underlying.fair
        return state

    def estimate(self, instrument: InstrumentState, ts: Ns) -> Estimate | None:
        """Log share price at ``ts`` as everyone but this instrument sees it; ``None`` if nobody does."""
        underlying = instrument.underlying
        state = underlying.fair or self.state_of(underlying)
        anchor = state.anchor
        if anchor is None:
            peer = self._peers(instrument, ts, None, 0.0)
            if peer is None:
                return None
            return Estimate(peer, 4 * self._noise_var, True, None)
        # A tick that comes late is as far from the anchor as one so much later.
        since = abs(self.clock.variance_time(ts) - state.anchor_vt)
        variance = state.anchor_var + state.variance_rate * since
        by_reference = state.by_reference
        age = ts - state.anchor_ts
        if by_reference and age <= FRESH_NS:
            return Estimate(anchor, variance, True, age if age > 0 else 0)
        common = PEER_SHARE * variance if by_reference else 0.0
        peer_var = common + self._noise_var
        peer = self._peers(instrument, ts, anchor, variance + peer_var)
        if peer is not None:
            weight = variance / (variance + peer_var)
            anchor += weight * (peer - anchor)
            variance *= 1 - weight
        return Estimate(anchor, variance, by_reference or peer is not None, age if by_reference else None)

    def fair_value(self, instrument: InstrumentState, ts: Ns) -> FairValue | None:
        """:meth:`estimate` in USD per token of this instrument."""
        estimate = self.estimate(instrument, ts)
        if estimate is None:
            return None
        return FairValue(
            exp(estimate.log_share + instrument.token_state.log_multiplier),
            sqrt(estimate.variance),
            None if estimate.age_ns is None else estimate.age_ns / NS,
            self.clock.session(ts),
            estimate.independent,
        )

    def on_reference(self, underlying: UnderlyingState, reference: ReferenceState, ts: Ns) -> bool:
        """A reference spoke. Returns False if it is held back until confirmed."""
        state = self.state_of(underlying)
        # A frozen price with a moving time stamp is as old as its last change.
        valid = ts if ts - reference.changed <= self._max_age else reference.changed
        if state.by_reference and valid < state.anchor_ts and state.source != reference.name:
            return True
        log_price = self._consensus_of_references(underlying, reference, ts, state.anchor)
        variance_time = self.clock.variance_time(valid)
        if state.anchor is not None and not self._plausible(underlying, state, log_price, ts, variance_time):
            return False
        spread = 0.0
        if reference.bid is not None and reference.ask is not None:
            spread = (reference.ask - reference.bid) / (reference.ask + reference.bid)
        state.anchor = log_price
        state.anchor_var = REFERENCE_NOISE**2 + spread * spread
        state.anchor_vt = variance_time
        state.anchor_ts = valid
        state.by_reference = True
        state.source = reference.name
        state.held = 0
        return True

    def on_token(self, instrument: InstrumentState, ts: Ns, estimate: Estimate | None) -> None:
        """A token venue spoke, after it was judged: it becomes a peer of the others, and, where no
        reference has ever been seen, moves the anchor if it is in line with it."""
        log_share = instrument.log_price - instrument.token_state.log_multiplier
        instrument.consensus_log = log_share
        state = self.state_of(instrument.underlying)
        if state.by_reference:
            return
        if state.anchor is None or estimate is None:
            state.anchor, state.anchor_var = log_share, 25 * self._noise_var
            state.anchor_vt, state.anchor_ts = self.clock.variance_time(ts), ts
            return
        thin = instrument.liquidity_usd
        noise = self._noise_var * (THIN_POOL_USD / thin if thin and thin < THIN_POOL_USD else 1.0)
        innovation = log_share - estimate.log_share
        if innovation * innovation <= GATE * GATE * (estimate.variance + noise):
            state.rejections = 0
            gain = estimate.variance / (estimate.variance + noise)
            self._move(state, estimate.log_share + gain * innovation, estimate.variance * (1 - gain), ts)
        elif self._persists(state, log_share, ts) and not self._has_peers(instrument, ts):
            self._move(state, log_share, 4 * self._noise_var, ts)
            state.rejections = 0

    def _move(self, state: FairState, anchor: float, variance: float, ts: Ns) -> None:
        if ts >= state.anchor_ts:
            state.anchor, state.anchor_var = anchor, variance
            state.anchor_vt, state.anchor_ts = self.clock.variance_time(ts), ts

    def _persists(self, state: FairState, log_share: float, ts: Ns) -> bool:
        """Whether a lone venue has stayed at a new level long enough to be believed."""
        if state.rejections == 0 or abs(log_share - state.rejected_log) > 2 * PEERS_AGREE:
            state.rejections, state.rejected_since = 0, ts
        state.rejections += 1
        state.rejected_log = log_share
        return state.rejections >= CONFIRMATIONS and ts - state.rejected_since >= REANCHOR_NS

    def _plausible(self, underlying: UnderlyingState, state: FairState, log_price: float,
                   ts: Ns, variance_time: float) -> bool:  # fmt: skip
        """Whether a reference may move the anchor: a jump must repeat, or tokens must agree."""
        assert state.anchor is not None
        variance = state.anchor_var + state.variance_rate * max(0.0, variance_time - state.anchor_vt)
        move = abs(log_price - state.anchor)
        if move <= JUMP or not state.by_reference or move <= GATE * sqrt(variance):
            return True
        agreeing = [i for i in underlying.instruments
                    if i.consensus_log is not None and ts - i.ts <= PEER_MAX_AGE_NS
                    and abs(i.consensus_log - log_price) < 2 * PEERS_AGREE]  # fmt: skip
        if state.held and abs(log_price - state.held_log) < PEERS_AGREE:
            state.held += 1
        else:
            state.held = 1
        state.held_log = log_price
        return bool(agreeing) or state.held >= CONFIRMATIONS

    def _consensus_of_references(self, underlying: UnderlyingState, reference: ReferenceState, ts: Ns,
                                 anchor: float | None) -> float:  # fmt: skip
        if len(underlying.references) == 1:
            return reference.log_price
        fresh = sorted(r.log_price for r in underlying.references.values()
                       if r.price is not None and not r.halted and ts - r.changed <= FRESH_NS)  # fmt: skip
        if len(fresh) < 2:
            return reference.log_price
        return _median(fresh, reference.log_price if anchor is None else anchor)

    def _has_peers(self, instrument: InstrumentState, ts: Ns) -> bool:
        return any(
            other is not instrument and other.consensus_log is not None and ts - other.ts <= PEER_MAX_AGE_NS
            for other in instrument.underlying.instruments
        )

    def _peers(
        self, instrument: InstrumentState, ts: Ns, anchor: float | None, variance: float
    ) -> float | None:
        """Median log share price of the other fresh venues, or ``None`` if none can be trusted.

        A venue that is itself in an incident, or has not changed its price for hours, says nothing.
        """
        prices = [
            other.consensus_log
            for other in instrument.underlying.instruments
            if other is not instrument
            and other.consensus_log is not None
            and ts - other.changed <= PEER_MAX_AGE_NS
            and not other.halted
            and (other.alarm is None or other.alarm.incident is None)
        ]
        if not prices:
            return None
        if len(prices) == 1:
            lone = prices[0]
            if anchor is not None and (lone - anchor) ** 2 > GATE * GATE * variance:
                return None
            return lone
        prices.sort()
        return _median(prices, anchor)


def _median(ordered: list[float], anchor: float | None) -> float:
    """Median of sorted values; of two that disagree, the one nearer to the anchor."""
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    low, high = ordered[middle - 1], ordered[middle]
    if anchor is not None and high - low > PEERS_AGREE:
        return low if abs(low - anchor) < abs(high - anchor) else high
    return (low + high) / 2
