"""The detector: each priced tick is judged at once, in constant time and memory.

A basis counts as *outside* if it is beyond the band by ``open_sigmas`` standard deviations of fair value
and of the venue's own honest noise. What opens an incident on that very tick is a price far outside
(``spike_basis``), or nearer but after a jump that is no usual move of this venue; unless it was fair
value that moved: the venue then gets time to follow. What is less must last, and not be on its way back:
by ``confirm_seconds``, or, while fair value is known well, by a cumulative sum of smaller excesses.

A venue with nothing to compare it with opens an incident only if it moves by ``LONE_SPIKE``, or if it
comes back by itself: within the bar, or within the next ones; then the incident begins when it had, and
says that it was seen later. The arithmetic is that of :mod:`bot.detector.scalars`.
"""

from __future__ import annotations

from math import log, sqrt

from msgspec.structs import replace

from bot.config import Config
from bot.detector.alarm import Alarm, Sighting, Trace
from bot.detector.bands import Band, BandSource, gap_until
from bot.detector.beneath import COIN_BACK, COIN_OPEN, Beneath
from bot.detector.book import IncidentBook
from bot.detector.common import BACK, Common, middle
from bot.detector.evidence import UNMOVED_NS
from bot.detector.feeds import Feeds
from bot.detector.incidents import OpenIncident
from bot.detector.own import own
from bot.detector.references import References
from bot.detector.scalars import (
    AT_ONCE,
    LASTED,
    beyond,
    came_back,
    cusum_step,
    decide,
    jump_score,
    lasting_step,
)
from bot.detector.splits import is_split
from bot.detector.standing import CONFIRM_NS as LEFT_NS
from bot.detector.standing import LEFT, NEAR, level, stands_still
from bot.detector.standing import SD as LEFT_SD
from bot.detector.units import NEW_NS, trails
from bot.detector.usual import SCALE_FLOOR, learn
from bot.market import FRESH_NS, InstrumentState, Market, ReferenceState, UnderlyingState
from bot.timefmt import NS, duration
from bot.types import Command, Incident, Ns, Session
from bot.valuation import Estimate, SessionClock

LONE_SPIKE = 0.25
SUSPECT_SD = 0.003
APART = 0.01
COIN_SD = 0.001
SPIKE_SIGMAS = 1.5
CONFIRM_TICKS = 3
JUMP_BASIS = 0.015
JUMP_SCALES = 8.0
STILL_OUT = 0.7
"""A basis that has shrunk below this part of its peak is on its way back, and the wait begins anew."""
CUSUM_DRIFT = 2.0
CUSUM_OPEN = 1800.0
CUSUM_CAP_SECONDS = 120.0
LEARN_NS = 10 * NS
EXCURSION = 0.05
EXCURSION_SCALES = 8.0
EXCURSION_BACK = 0.7
EXCURSION_UNKNOWN, FEW_BARS = 0.1, 5
"""So far it must go while so few bars have shown what is usual."""
EXCURSION_PRICES = 3
EXCURSION_NS = 3 * 3600 * NS
"""A far move that nobody confirms is one if so much of it is taken back within so many prices and so long."""
FOLLOW_NS = 900 * NS
REST_NS, RESTS_NS = 300 * NS, 24 * 3600 * NS
"""How often a pool that stands still is judged anew, and for how long."""


class Detector:
    """Judges prices; owns the alarms. Incidents are in ``book``, faults of feeds in ``feeds``."""

    def __init__(self, config: Config, market: Market, clock: SessionClock, bands: BandSource) -> None:
        self._market = market
        self._clock = clock
        self._bands = bands
        section = config.detector
        self._open_sigmas = section.open_sigmas
        self._close_sigmas = section.close_sigmas
        self._spike = section.spike_basis
        self._confirm = int(section.confirm_seconds * NS)
        self._noise_var = config.valuation.venue_noise**2
        self._volatility = config.valuation.annual_volatility
        self._size = section.sizes_usd[0]
        self.book = IncidentBook(section, market)
        self.feeds = Feeds(market, self.book, clock)
        self.references = References(self.book)
        self.beneath = Beneath(market, self.book)
        self.waiting: list[Sighting] = []
        self.resting: list[InstrumentState] = []
        """Pools that stand still, to be judged anew after the present tick."""
        self.trace: Trace | None = None

    @property
    def open(self) -> dict[tuple[str, int], OpenIncident]:
        """Open incidents, by what their venues have in common and direction."""
        return self.book.open

    @property
    def next_due(self) -> Ns | None:
        """When the next timer fires, if any is set."""
        due = self.book.timers[0][0] if self.book.timers else None
        silence = self.feeds.next_due
        if silence is not None and (due is None or silence < due):
            due = silence
        if self.waiting and (due is None or self.waiting[0].ts < due):
            due = self.waiting[0].ts + 1
        return due

    def is_due(self, ts: Ns) -> bool:
        """Whether a timer has fired by ``ts``; asked before every tick."""
        timers, silences = self.book.timers, self.feeds.timers
        if (timers and timers[0][0] <= ts) or (silences and silences[0][0] <= ts):
            return True
        return bool(self.waiting) and self.waiting[0].ts < ts

    def currency(self, currency: UnderlyingState, one: ReferenceState, ts: Ns) -> Incident | None:
        """A reference of a currency spoke: is that off its peg?"""
        told = self.beneath.coin(currency, one, ts)
        if told is not None and self.trace is not None:
            self.trace.opened(one, ts)
        return told

    def custody(self, issuer: InstrumentState, ts: Ns) -> Incident | None:
        """An issuer told what is behind a token: is it enough?"""
        told = self.beneath.custody(issuer, ts)
        if told is not None and self.trace is not None:
            self.trace.opened(issuer, ts)
        return told

    def band_of(self, instrument: InstrumentState, ts: Ns) -> Band:
        """The band of an instrument at ``ts``: made anew with each session, gap and halt of its issuer."""
        alarm: Alarm = instrument.alarm
        if alarm is None:
            alarm = instrument.alarm = Alarm()
            alarm.noise_var = self._noise_var
        limits = alarm.band
        if limits is None or not alarm.band_from <= ts < alarm.band_until:
            limits = self._make_band(instrument, alarm, ts)
        return limits

    def _make_band(self, instrument: InstrumentState, alarm: Alarm, ts: Ns) -> Band:
        issuer, token = self._market.issuer_of(instrument), instrument.token_state
        begins, until = self._clock.segment(ts)
        for channel in (issuer.mint, issuer.redeem):
            if channel.gaps:
                until = min(until, gap_until(channel, ts)[1])
                begins = max(begins, ts)
        fee = 0.0 if instrument.curve is not None else instrument.fee_ratio
        halted = token.channel_reason if token.channel_halted else None
        volatility = instrument.underlying.info.annual_volatility or self._volatility
        limits = self._bands(issuer, ts, self._size, fee, volatility, halted)
        alarm.band, alarm.band_from, alarm.band_until = limits, begins, until
        return limits

    def judge(self, instrument: InstrumentState, ts: Ns, log_bid: float, log_ask: float,
              estimate: Estimate, session: Session, reverted: bool = False) -> Incident | None:  # fmt: skip
        """Judge one price. ``log_bid`` is the log of what a seller gets, ``log_ask`` of what a buyer pays.

        ``reverted``: the price is an excursion that has already come back within its bar.
        """
        alarm: Alarm = instrument.alarm
        limits = alarm.band
        if limits is None or not alarm.band_from <= ts < alarm.band_until:
            limits = self.band_of(instrument, ts)
        common: Common = instrument.underlying.group or self._common(instrument)
        if ts >= common.due:
            self._look(instrument.underlying, common, ts, session)
        token = instrument.token_state
        if token.suspect:
            estimate = self._unheld(instrument, common, estimate, ts)
        base = estimate.log_share + token.log_multiplier
        coins = self._market.coins
        shift = 0.0
        if coins and instrument.quote_symbol in coins:
            off = coins[instrument.quote_symbol]
            told = self._coin(instrument, alarm, ts, log_bid, base, off, estimate, session)
            if told is not None or (
                alarm.incident is not None and alarm.incident.group.startswith("currency")
            ):
                return told
            excess, direction, basis = beyond(log_bid, log_ask, base, limits.low, limits.high)
            in_usd = beyond(log_bid + off, log_ask + off, base, limits.low, limits.high)
            if in_usd[0] < excess:
                # It may not have followed its coin yet: of the two the one that is less far off.
                excess, direction, basis = in_usd
                shift = off
        else:
            excess, direction, basis = beyond(log_bid, log_ask, base, limits.low, limits.high)
        if self.trace is not None:
            self.trace.priced(instrument, ts, log_bid + shift, log_ask + shift, base, limits.low, limits.high,
                              estimate.variance, alarm.noise_var)  # fmt: skip
        incident = alarm.incident
        told = None
        left, old_units = 0.0, False
        if reverted:
            pass
        elif ts - instrument.changed > UNMOVED_NS and stands_still(instrument, ts):
            left = self._left(instrument, alarm, ts, estimate, session)
        elif ts - token.told < NEW_NS and token.told:
            left = self._trails(instrument, alarm, ts)
            old_units = left != 0.0
        if left:
            told = self._behind(instrument, alarm, ts, left, old_units, estimate, session)
        elif common.side and self._with_all(alarm, common, instrument, log_bid, log_ask):
            if self.trace is not None:
                self.trace.together(common.side)
            told = self._all(instrument, alarm, common, ts, log_bid, log_ask, estimate, session)
        elif incident is not None:
            sigmas = excess / sqrt(estimate.variance + alarm.noise_var)
            if sigmas < self._close_sigmas and self.book.unclear(incident, direction, basis, estimate):
                sigmas = self._close_sigmas
                if self.trace is not None:
                    self.trace.together(direction)
            told = self.book.follow(incident, self._seen(instrument, ts, basis, direction, sigmas,
                                                         estimate, session, base))  # fmt: skip
        elif excess > 0.0 or (
            session != "regular"
            and not token.suspect
            and not _guessed(estimate)
            and (direction := self._apart(common, log_bid, log_ask, base, limits)) != 0
        ):
            if excess <= 0.0:
                basis = (log_bid if direction > 0 else log_ask) - base
                excess = basis - limits.high if direction > 0 else limits.low - basis
            told = self._outside(instrument, alarm, ts, excess, direction, basis, base, estimate, session,
                                 reverted)  # fmt: skip
        else:
            if alarm.count:
                alarm.count = 0
            if alarm.cusum > 0.0:
                self._accumulate(alarm, ts, direction, excess / sqrt(estimate.variance + alarm.noise_var))
            if alarm.after and not reverted:
                told = self._excursion(instrument, alarm, ts, estimate, session)
        alarm.seen = ts
        if ts - alarm.learnt >= LEARN_NS and not reverted:
            regular = session == "regular"
            learn(instrument, alarm, ts, basis, base, estimate.variance, regular, self._noise_var)
        return told

    def _common(self, instrument: InstrumentState) -> Common:
        underlying = instrument.underlying
        made = underlying.group = Common(underlying.info.annual_volatility or self._volatility)
        return made

    def _look(self, underlying: UnderlyingState, common: Common, ts: Ns, session: Session) -> None:
        fair = underlying.fair
        if fair is not None and fair.by_reference and fair.anchor is not None:
            begun = self._clock.segment(ts)[0]
            common.update(underlying, fair.anchor, fair.anchor_ts, ts, session, begun)
        for one in underlying.instruments:
            # A pool speaks when somebody trades; what can be had there stands on, while the others move.
            if one.pool_data is not None and ts - one.changed > UNMOVED_NS and not one.halted:
                alarm: Alarm = one.alarm
                if ts - alarm.seen >= REST_NS and ts - one.ts < RESTS_NS:
                    self.resting.append(one)

    def _unheld(self, instrument: InstrumentState, common: Common, estimate: Estimate, ts: Ns) -> Estimate:
        """Fair value of a token that nothing holds now, or that has less behind it: not by its own venues.

        It is where the share's other tokens are or, if there are none, the share with what all carried
        before; and what it is off is believed sooner.
        """
        fair = instrument.underlying.fair
        level = middle(instrument.underlying.instruments, ts, None)
        if level is None:
            if not fair.by_reference:
                return estimate
            level = fair.anchor + (common.low + common.high) / 2
            strays = 0.0 if common.regular else common.variance
            return replace(estimate, log_share=level, variance=SUSPECT_SD**2 + strays)
        return replace(estimate, log_share=level, variance=SUSPECT_SD**2)

    def _left(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, estimate: Estimate,
              session: Session) -> float:  # fmt: skip
        """How far a pool that stands still has been left behind by its peers, for long enough; else 0."""
        share = level(instrument, estimate, ts, session)
        if share is None:
            alarm.left = 0
            return 0.0
        here = instrument.log_price - instrument.token_state.log_multiplier
        gap = here - share
        coin = self._market.coins.get(instrument.quote_symbol)
        if coin is not None and abs(gap + coin) < abs(gap):
            gap += coin
        incident = alarm.incident
        if incident is not None:
            return gap if gap * incident.direction >= NEAR and incident.group == incident.underlying else 0.0
        return self._long_enough(alarm, ts, gap if abs(gap) >= LEFT else 0.0)

    def _trails(self, instrument: InstrumentState, alarm: Alarm, ts: Ns) -> float:
        """How far a venue with the old multiplier is from the others, for long enough; else 0."""
        gap = trails(instrument, ts)
        incident = alarm.incident
        if incident is None:
            return self._long_enough(alarm, ts, gap)
        return gap if gap * incident.direction > 0.0 and incident.group == incident.underlying else 0.0

    def _long_enough(self, alarm: Alarm, ts: Ns, gap: float) -> float:
        """The gap, if it has been on this side for long enough; else 0."""
        side = (gap > 0.0) - (gap < 0.0)
        if side == 0 or alarm.left != side:
            alarm.left, alarm.left_since = side, ts
        elif ts - alarm.left_since >= LEFT_NS:
            return gap
        return 0.0

    def _behind(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, gap: float, old_units: bool,
                estimate: Estimate, session: Session) -> Incident | None:  # fmt: skip
        """A venue that has been left behind is in an incident, now or still."""
        direction = 1 if gap > 0.0 else -1
        if self.trace is not None:
            self.trace.together(direction)
        share = instrument.log_price - gap - instrument.token_state.log_multiplier
        around = replace(estimate, log_share=share, variance=LEFT_SD**2)
        seen = self._seen(instrument, ts, gap, direction, abs(gap) / LEFT_SD, around, session,
                          instrument.log_price - gap)._replace(old_units=old_units)  # fmt: skip
        return self._open(seen) if alarm.incident is None else self.book.follow(alarm.incident, seen)

    def _level(self, instrument: InstrumentState, common: Common) -> float:
        """Log of fair value before all venues jumped, for one token of this instrument."""
        anchor: float = instrument.underlying.fair.anchor
        return (
            anchor + (common.high if common.side > 0 else common.low) + instrument.token_state.log_multiplier
        )

    def _with_all(self, alarm: Alarm, common: Common, instrument: InstrumentState, log_bid: float,
                  log_ask: float) -> bool:  # fmt: skip
        """Whether all venues have jumped together, and this one is with them, or was."""
        incident = alarm.incident
        if incident is not None:
            return incident.direction == common.side and incident.group == instrument.underlying.info.ticker
        price = log_bid if common.side > 0 else log_ask
        return (price - self._level(instrument, common)) * common.side > 0.5 * common.peak

    def _all(self, instrument: InstrumentState, alarm: Alarm, common: Common, ts: Ns, log_bid: float,
             log_ask: float, estimate: Estimate, session: Session) -> Incident | None:  # fmt: skip
        base = self._level(instrument, common)
        basis = (log_bid if common.side > 0 else log_ask) - base
        sigmas = abs(basis) / sqrt(common.variance + alarm.noise_var)
        around = replace(estimate, log_share=base - instrument.token_state.log_multiplier)
        if alarm.incident is None:
            return self._open(self._seen(instrument, ts, basis, common.side, sigmas, around, session, base))
        if basis * common.side < BACK * common.peak:
            sigmas = 0.0
        seen = self._seen(instrument, ts, basis, common.side, sigmas, around, session, base)
        return self.book.follow(alarm.incident, seen)

    def _coin(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, log_price: float, base: float, off:
    float,
              estimate: Estimate, session: Session) -> Incident | None:  # fmt: skip
        """The coin it quotes in is off its peg: what is shown in dollars is off by as much, the other way."""
        incident = alarm.incident
        direction = -1 if off > 0 else 1
        if incident is not None:
            if not incident.group.startswith("currency"):
                return None
            sigmas = 99.0 if abs(off) >= COIN_BACK else 0.0
            seen = self._seen(instrument, ts, log_price - base, direction, sigmas, estimate, session, base)
            return self.book.follow(incident, seen)
        if abs(off) < COIN_OPEN:
            return None
        basis = log_price - base
        if basis * direction < 0.5 * abs(off):
            if estimate.age_ns is not None and estimate.age_ns <= FRESH_NS:
                return None
            basis = -off
        seen = self._seen(instrument, ts, basis, direction, abs(off) / COIN_SD, estimate, session, base)
        return self._open(seen, f"currency {instrument.quote_symbol}")

    def _apart(self, common: Common, log_bid: float, log_ask: float, base: float, limits: Band) -> int:
        """Whether a venue at the share's price is out beside what all others carry; on which side."""
        if log_bid - base - common.high > limits.high + APART:
            return 1
        return -1 if log_ask - base - common.low < limits.low - APART else 0

    def _outside(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, excess: float, direction: int,
                 basis: float, base: float, estimate: Estimate, session: Session,
                 reverted: bool) -> Incident | None:  # fmt: skip
        """Beyond the band, and in no incident: is it one?"""
        variance = estimate.variance
        noise_var = alarm.noise_var
        if not reverted and not instrument.is_bar and not instrument.token_state.suspect:
            excess, basis, base, variance = own(
                instrument, excess, direction, basis, base, estimate, session, ts, self._noise_var
            )
        if self.trace is not None:
            self._traced(instrument, excess, direction, basis, base, variance, estimate, ts, reverted)
        sigmas = excess / sqrt(variance + noise_var)
        well_known = variance <= noise_var
        self._accumulate(alarm, ts, direction, min(sigmas, self._open_sigmas) if well_known else -1.0)
        if sigmas >= self._open_sigmas:
            size = excess
            if alarm.count and alarm.side == direction and size < STILL_OUT * alarm.peak:
                alarm.count = 0
            if alarm.count == 0 or alarm.side != direction or size > alarm.peak:
                alarm.peak = size
            alarm.side, alarm.count, alarm.since = lasting_step(
                alarm.side, alarm.count, alarm.since, direction, ts
            )
        elif sigmas < self._close_sigmas:
            alarm.count = 0
        if alarm.after and not reverted:
            told = self._excursion(instrument, alarm, ts, estimate, session)
            if told is not None:
                return told
        if sigmas < self._close_sigmas:
            return None
        confirmed = estimate.independent or reverted
        jump = self._jump(instrument, alarm, base + basis)
        around = replace(estimate, log_share=base - instrument.token_state.log_multiplier, variance=variance)
        seen = self._seen(instrument, ts, basis, direction, sigmas, around, session, base)
        verdict = decide(
            excess, sigmas, direction, jump, confirmed, seen.fair_moved and not reverted,
            alarm.side, alarm.count, ts - alarm.since, alarm.cusum, self._open_sigmas,
            SPIKE_SIGMAS * self._open_sigmas, self._spike, JUMP_BASIS, JUMP_SCALES, LONE_SPIKE,
            CONFIRM_TICKS, self._confirm, CUSUM_OPEN,
        )  # fmt: skip
        if verdict not in (AT_ONCE, LASTED):
            if not confirmed and excess >= EXCURSION and not alarm.after:
                self._remember(instrument, alarm, ts, basis, base)
            return None
        if verdict == AT_ONCE and instrument.is_bar and _guessed(estimate) and _neighbours(instrument, ts):
            # Their bars of the same hour may still be to come: let them speak first.
            self.waiting.append(seen._replace(reverted=reverted))
            return None
        return self._open(seen)

    def _traced(self, instrument: InstrumentState, excess: float, direction: int, basis: float, base: float,
                variance: float, estimate: Estimate, ts: Ns, reverted: bool) -> None:  # fmt: skip
        """Tell the trace what a price outside is judged by."""
        assert self.trace is not None
        alarm: Alarm = instrument.alarm
        jump = self._jump(instrument, alarm, base + basis)
        moved = self._seen(instrument, ts, basis, direction, 0.0, estimate, "regular", base).fair_moved
        waits = instrument.is_bar and _guessed(estimate) and _neighbours(instrument, ts)
        confirmed = estimate.independent or reverted
        self.trace.own(excess, direction, variance, jump, confirmed, waits, moved and not reverted)

    def _jump(self, instrument: InstrumentState, alarm: Alarm, log_price: float) -> float:
        """This venue's own last move in its usual ones; only where depth makes it a price, no print."""
        if instrument.curve is None or not alarm.learnt:
            return 0.0
        return jump_score(log_price - alarm.level, alarm.scale, SCALE_FLOOR)

    def _open(self, seen: Sighting, group: str = "") -> Incident:
        if self.trace is not None:
            self.trace.opened(seen.instrument, seen.ts)
        alarm: Alarm = seen.instrument.alarm
        alarm.cusum = 0.0
        alarm.after = 0
        return self.book.sighted(seen, group)

    def _seen(self, instrument: InstrumentState, ts: Ns, basis: float, direction: int, sigmas: float,
              estimate: Estimate, session: Session, base: float) -> Sighting:  # fmt: skip
        alarm: Alarm = instrument.alarm
        slow = instrument.underlying.slow
        if slow is None or _guessed(estimate):
            lately = alarm.fair
        else:
            lately = slow + instrument.token_state.log_multiplier
        fair_moved = lately is not None and (lately - base) * direction > 0.5 * abs(basis)
        fair = instrument.underlying.fair
        if not fair_moved and fair.by_reference and _guessed(estimate):
            # Back to where the share was last seen, from where the others have been since.
            known = fair.anchor + instrument.token_state.log_multiplier
            fair_moved = (known - base) * direction > 0.5 * abs(basis)
        token = instrument.token_state
        if not fair_moved and token.previous is not None and 0 <= ts - token.changed < FOLLOW_NS:
            # The token stands for more or fewer shares since a moment ago: venues follow in minutes.
            step = token.log_multiplier - log(token.previous)
            fair_moved = -step * direction > 0.5 * abs(basis) and not is_split(step)
        last = instrument.log_price if alarm.last_log is None else alarm.last_log
        return Sighting(instrument, ts, basis, direction, sigmas, estimate, session, fair_moved,
                        base + basis - last, instrument.traded_usd)  # fmt: skip

    def _accumulate(self, alarm: Alarm, ts: Ns, direction: int, sigmas: float) -> None:
        if alarm.cusum_side != direction:
            alarm.cusum, alarm.cusum_side = 0.0, direction
        seconds = (ts - alarm.seen) / NS if alarm.seen else 0.0
        alarm.cusum = cusum_step(alarm.cusum, sigmas, CUSUM_DRIFT, seconds, CUSUM_CAP_SECONDS)

    def _remember(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, basis: float, base: float) -> None:
        """A far move that nobody confirms: kept, to see whether it comes back."""
        if abs(basis) < EXCURSION_SCALES * alarm.bar_scale:
            return
        if instrument.is_bar and alarm.bars < FEW_BARS and abs(basis) < EXCURSION_UNKNOWN:
            return
        alarm.before, alarm.extreme, alarm.extreme_at = base, base + basis, ts
        alarm.extreme_usd = instrument.traded_usd
        alarm.after = 1

    def _excursion(self, instrument: InstrumentState, alarm: Alarm, ts: Ns, estimate: Estimate,
                   session: Session) -> Incident | None:  # fmt: skip
        """One more price after a far move: back already? Then that was an excursion, and is told now."""
        if ts == alarm.extreme_at:
            return None
        taken_back = came_back(alarm.before, alarm.extreme, instrument.log_price)
        began = alarm.extreme_at
        alarm.after += 1
        if taken_back < EXCURSION_BACK:
            if alarm.after > EXCURSION_PRICES or ts - began > EXCURSION_NS:
                alarm.after = 0
            return None
        alarm.after = 0
        if ts - began > EXCURSION_NS:
            return None
        basis = alarm.extreme - alarm.before
        before = replace(estimate, log_share=alarm.before - instrument.token_state.log_multiplier)
        sigmas = abs(basis) / sqrt(estimate.variance + alarm.noise_var)
        self._open(
            Sighting(instrument, began, basis, 1 if basis > 0 else -1, sigmas, before, session, False, basis,
                     alarm.extreme_usd)
        )  # fmt: skip
        incident: OpenIncident = alarm.incident  # type: ignore[assignment]  # opened just now
        incident.detected = ts
        incident.evidence.append(f"seen {duration((ts - began) / NS)} later, when the price had come back")
        self.book.inside(incident, instrument.name, ts)
        return incident.message("open")

    def due(self, ts: Ns, heard_until: Ns) -> list[Incident]:
        """What time brings by ``ts``: bars whose neighbours have spoken, incidents that resolve, silences."""
        told = []
        if self.waiting and self.waiting[0].ts < ts:
            ready, self.waiting = self.waiting, []
            told += [self._late(seen) for seen in ready if self._stands(seen)]
        told += self.book.due(ts)
        told += self.feeds.due(ts, heard_until)
        return told

    def _late(self, seen: Sighting) -> Incident:
        told = self._open(seen)
        if seen.reverted:
            self.book.inside(seen.instrument.alarm.incident, seen.instrument.name, seen.ts)
        return told

    def _stands(self, seen: Sighting) -> bool:
        """Whether a bar that is out is so alone, now that the bars of its neighbours are known."""
        if seen.instrument.alarm.incident is not None:
            return False
        centre = seen.estimate.log_share
        along = inside = 0
        for other in seen.instrument.underlying.instruments:
            if other is seen.instrument or other.ts < seen.ts or other.consensus_log is None:
                continue
            level = other.consensus_log
            if seen.reverted and other.is_bar:
                units = other.token_state.log_multiplier
                alarm: Alarm = other.alarm
                level = (alarm.bar_high if seen.direction > 0 else alarm.bar_low) - units
            if (level - centre) * seen.direction > abs(seen.basis) / 2:
                along += 1
            else:
                inside += 1
        return along == 0 or along < inside

    def command(self, command: Command) -> Incident | None:
        """Acknowledge or mute an incident by id, or mute an instrument."""
        return self.book.command(command)


def _neighbours(instrument: InstrumentState, ts: Ns) -> bool:
    """Whether there are other venues of the share that tell bars too, and told one lately."""
    return any(
        other is not instrument and other.is_bar and ts - other.ts <= EXCURSION_NS
        for other in instrument.underlying.instruments
    )


def _guessed(estimate: Estimate) -> bool:
    """Whether fair value comes from other venues' last prices, not from a fresh reference."""
    return estimate.age_ns is None or estimate.age_ns > FRESH_NS
