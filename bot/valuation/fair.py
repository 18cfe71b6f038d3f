"""Fair value of a share as an estimate of its log price with a variance, from what can be seen.

Evidence, and how it is fused:

* an **anchor**: what the references say together (:mod:`bot.valuation.references`) or, where a tape has none,
  the tokens' own filtered history. Its variance grows with the variance time since
  (:mod:`bot.valuation.sessions`) at the share's own volatility, prior and realised
  (:mod:`bot.valuation.volatility`), and by a jump where earnings are due;
* the **factor**: in closed hours, beta times what the index has done since, if that is known better;
* the **peers**: what the other venues say, leaving out the one that is judged, so that a venue never
  vouches for itself (:mod:`bot.valuation.peers`). They carry a common error: ``PEER_SHARE`` of the variance
  accrued, after Cong et al. (2025), where off-hour token returns predict the close-to-open return
  with slope 0.90.

While a reference is fresh it decides alone. Doubt about the multiplier and the currency comes on top.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp, sqrt

from msgspec import Struct

from bot.config import ValuationSection
from bot.market import FRESH_NS, InstrumentState, Market, ReferenceState, UnderlyingState
from bot.timefmt import NS, parse
from bot.types import Ns, Session
from bot.valuation import history, peers
from bot.valuation.realised import Realised
from bot.valuation.references import consensus, voices
from bot.valuation.scalars import EARNINGS_YEARS, fused, half_width, moved_with
from bot.valuation.sessions import SessionClock
from bot.valuation.state import FairState
from bot.valuation.units import UNKNOWN_MULTIPLIER, currency_variance, multiplier_variance

GATE = 4.0
PEER_SHARE = 0.111
"""Variance of the peers' common error over the variance accrued: weight 1 / (1 + 0.111) = 0.90."""
TIGHT = (0.001) ** 2
"""References this sure decide alone; with less, what was known before counts too."""
JUMP = 0.10
"""A reference that moves by more than this in one tick must be confirmed before it is believed."""
CONFIRMATIONS = 3
AGREE = 0.01
FACTOR_PEERS = 3
"""An index that has no fresh reference needs so many token venues to say anything of other shares."""


class Estimate(Struct, frozen=True, gc=False):
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
    stretch: float = 1.0

    def interval(self, level: float) -> tuple[float, float]:
        """(low, high) in USD that is to hold the true value with probability ``level``; Student's t."""
        half = half_width(self.sd * self.sd, level, self.stretch)
        return self.value_usd * exp(-half), self.value_usd * exp(half)


class Valuation:
    """The estimator; keeps one :class:`FairState` per underlying in ``UnderlyingState.fair``."""

    def __init__(self, config: ValuationSection, clock: SessionClock, market: Market | None = None) -> None:
        self.clock = clock
        self.realised = Realised(clock)
        self._market = market
        self._default_volatility = config.annual_volatility
        self._noise_var = config.venue_noise**2
        self._max_age = int(config.reference_max_age_seconds * NS)
        self._earnings: dict[str, list[Ns]] = {}

    def state_of(self, underlying: UnderlyingState) -> FairState:
        """The state of an underlying, made on first use."""
        if underlying.fair is None:
            info = underlying.info
            underlying.fair = FairState(info.annual_volatility or self._default_volatility)
            if info.earnings:
                self._earnings[info.ticker] = sorted(parse(moment) for moment in info.earnings)
        state: FairState = underlying.fair
        return state

    def estimate(self, instrument: InstrumentState, ts: Ns) -> Estimate | None:
        """Log share price at ``ts`` as everyone but this instrument sees it; ``None`` if nobody does."""
        underlying = instrument.underlying
        state = underlying.fair or self.state_of(underlying)
        token = instrument.token_state
        units = 0.0 if token.known else UNKNOWN_MULTIPLIER * UNKNOWN_MULTIPLIER
        if token.previous is not None or token.next_multiplier is not None:
            units = multiplier_variance(token, ts, self.clock.session(ts))
        if instrument.quote_symbol != "USD":
            units += currency_variance(instrument.quote_symbol, self._market, ts)
        return self._share(underlying, state, instrument, ts, units)

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
            self.realised.market.stretch,
        )

    def weights(self, underlying: UnderlyingState, ts: Ns) -> dict[str, float]:
        """Each reference's part in what all of the share say at ``ts``: 0 for who is not heard now."""
        state = self.state_of(underlying)
        heard = voices(underlying, ts, self.clock, state.variance_rate, self._max_age)
        total = sum(one.weight for one in heard)
        found = {one.name: 0.0 for one in underlying.references.values()}
        return found | {one.name: one.weight / total for one in heard}

    def on_reference(self, underlying: UnderlyingState, reference: ReferenceState, ts: Ns) -> bool:
        """A reference spoke. Returns False if it is held back until confirmed."""
        state = self.state_of(underlying)
        # A frozen price with a moving time stamp is as old as its last change.
        valid = ts if ts - reference.changed <= self._max_age else reference.changed
        if state.by_reference and valid < state.anchor_ts and state.source != reference.name:
            return True
        seen = consensus(
            underlying, reference, ts, self.clock, state.variance_rate, self._max_age, state.anchor
        )
        variance_time = self.clock.variance_time(valid)
        before, before_var = state.predicted(valid, variance_time)
        if before is not None and not self._plausible(underlying, state, seen.log_price, ts, before_var):
            return False
        log_price, variance = seen
        if (
            variance > TIGHT
            and state.prior is not None
            and (log_price - state.prior) ** 2 <= GATE * GATE * (before_var + variance)
        ):
            log_price, variance = fused(state.prior, before_var, log_price, variance)
        state.anchor, state.anchor_var = log_price, variance
        state.anchor_ts, state.anchor_vt = valid, variance_time
        state.by_reference = True
        state.source = reference.name
        state.held = 0
        if underlying.info.beta:
            state.factor_log = self._factor_now(underlying, valid)
        self.realised.see(underlying.info, state, log_price, valid)
        return True

    def on_token(self, instrument: InstrumentState, ts: Ns, estimate: Estimate | None) -> None:
        """A token venue spoke, after it was judged: it becomes a peer of the others, and, where no
        reference has ever been seen, moves the anchor if it is in line with it."""
        log_share = instrument.log_price - instrument.token_state.log_multiplier
        instrument.consensus_log = log_share
        state = instrument.underlying.fair or self.state_of(instrument.underlying)
        if state.by_reference:
            if state.open_ts and ts >= state.session_end:
                self.realised.ended(state, ts)
            return
        seen = history.Seen(log_share, instrument.liquidity_usd or 0.0, ts, self.clock.variance_time(ts))
        if state.anchor is None or estimate is None:
            history.begin(state, seen, self._noise_var)
            return
        stays = history.follow(state, seen, estimate.log_share, estimate.variance, self._noise_var)
        if stays and not peers.any_but(instrument, ts):
            history.believe(state, seen, self._noise_var)

    def _share(self, underlying: UnderlyingState, state: FairState, judged: InstrumentState | None, ts: Ns,
               units: float) -> Estimate | None:  # fmt: skip
        """The share's log price as all venues but ``judged`` see it."""
        anchor = state.anchor
        if anchor is None:
            only = peers.heard(underlying, judged, ts, self._noise_var, None, 0.0)
            if only is None:
                return None
            return Estimate(only.log_share, 4 * self._noise_var + only.spread + units, True, None)
        # A tick that comes late is as far from the anchor as one so much later.
        years = abs(self.clock.variance_time(ts) - state.anchor_vt)
        by_reference = state.by_reference
        age = ts - state.anchor_ts
        if by_reference and age <= FRESH_NS:
            variance = state.anchor_var + state.variance_rate * years + units
            return Estimate(anchor, variance, True, age if age > 0 else 0)
        anchor, accrued = self._drifted(underlying, state, anchor, years, ts)
        variance = state.anchor_var + accrued
        peer_var = self._noise_var + (PEER_SHARE * variance if by_reference else 0.0)
        peer = peers.heard(underlying, judged, ts, self._noise_var, anchor, variance + peer_var)
        if peer is not None:
            anchor, variance = fused(anchor, variance, peer.log_share, peer_var + peer.spread)
        if by_reference or peer is not None:
            # Its own history is in the same units as its price; all else is not.
            variance += units
        return Estimate(anchor, variance, by_reference or peer is not None, age if by_reference else None)

    def _drifted(self, underlying: UnderlyingState, state: FairState, anchor: float, years: float,
                 ts: Ns) -> tuple[float, float]:  # fmt: skip
        """(log price, variance accrued) since the anchor, before any venue is heard."""
        info = underlying.info
        rate = state.variance_rate * self.realised.ratio(state) ** 2
        if info.closed_factor != 1.0 and self.clock.session(ts) != "regular":
            rate *= info.closed_factor
        accrued = rate * years
        if info.beta and state.factor_log is not None and self._market is not None:
            factor = self._market.underlyings[info.factor]
            now = self._index(factor, ts)
            if now is not None:
                index_rate = factor.fair.variance_rate * self.realised.ratio(factor.fair) ** 2
                move, accrued = moved_with(
                    info.beta, now.log_share - state.factor_log, now.variance, rate, index_rate, years
                )
                anchor += move
        if self._earnings and (due := self._earnings.get(info.ticker)):
            releases = bisect_right(due, ts) - bisect_right(due, state.anchor_ts)
            accrued += max(0, releases) * EARNINGS_YEARS * state.variance_rate
        return anchor, accrued

    def _index(self, factor: UnderlyingState, ts: Ns) -> Estimate | None:
        """The factor's own estimate, if it is known by more than its own anchor: from a fresh reference, or
        from so many venues that one that lies does not count."""
        state: FairState | None = factor.fair
        if state is None or state.anchor is None or not state.by_reference:
            return None
        if ts - state.anchor_ts > FRESH_NS and not peers.are_heard(factor, ts, FACTOR_PEERS):
            return None
        return self._share(factor, state, None, ts, 0.0)

    def _factor_now(self, underlying: UnderlyingState, ts: Ns) -> float | None:
        """The factor's log price as its reference has it now; ``None`` if that is not fresh."""
        market = self._market
        factor = market.underlyings.get(underlying.info.factor) if market is not None else None
        state: FairState | None = factor.fair if factor is not None else None
        if state is None or not state.by_reference or abs(ts - state.anchor_ts) > FRESH_NS:
            return None
        return state.anchor

    def _plausible(self, underlying: UnderlyingState, state: FairState, log_price: float, ts: Ns,
                   variance: float) -> bool:  # fmt: skip
        """Whether a reference may move the anchor: a jump must repeat, or tokens must agree."""
        assert state.anchor is not None
        move = abs(log_price - state.anchor)
        if move <= JUMP or not state.by_reference or move <= GATE * sqrt(variance):
            return True
        agreeing = [i for i in underlying.instruments
                    if i.consensus_log is not None and ts - i.ts <= peers.MAX_AGE_NS
                    and abs(i.consensus_log - log_price) < 2 * AGREE]  # fmt: skip
        if state.held and abs(log_price - state.held_log) < AGREE:
            state.held += 1
        else:
            state.held = 1
        state.held_log = log_price
        return bool(agreeing) or state.held >= CONFIRMATIONS
