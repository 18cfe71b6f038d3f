"""The detector: each priced tick is judged at once, in constant time and memory.

A basis counts as *outside* if it is beyond the band by ``open_sigmas`` standard deviations. Far
outside (``spike_basis``) opens an incident on that very tick; less must last ``confirm_seconds``.
A venue with nothing to compare it with opens one only if it moves by ``LONE_SPIKE``, or if it comes
back by itself within the bar: an honest market may well have moved. An incident resolves when
every venue in it has been inside by ``close_sigmas`` for ``resolve_seconds``; only a judged price
counts as inside, so a halted or missing one never closes it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import exp, log, sqrt
from typing import NamedTuple

from bot.config import Config
from bot.detector.bands import Band, band
from bot.detector.causes import diagnose
from bot.detector.explain import sentence
from bot.detector.incidents import OpenIncident, severity
from bot.market import FRESH_NS, InstrumentState, Market
from bot.timefmt import NS, duration
from bot.types import Command, Incident, IncidentPhase, Ns, Session
from bot.valuation import Estimate

LONE_SPIKE = 0.25
SPIKE_SIGMAS = 1.5
CONFIRM_TICKS = 3
UPDATE_NS = 60 * NS
SPLIT_CLOSED_NS = 5 * 24 * 3600 * NS
SPLIT_IN_SESSION_NS = 900 * NS
"""How long after a split the share's reference may still be on the old count: to the next session."""
WORSE = 1.25
"""A basis that is worse by this factor is told again."""


class Alarm:
    """Where one instrument stands with the detector."""

    __slots__ = ("band", "band_session", "count", "direction", "incident", "last_log", "since")

    def __init__(self) -> None:
        self.band: Band | None = None
        self.band_session: Session | None = None
        self.count = 0
        self.direction = 0
        self.since: Ns = 0
        self.incident: OpenIncident | None = None
        self.last_log: float | None = None


class Sighting(NamedTuple):
    """One price, judged: how far out (``basis``, and ``sigmas`` beyond the band), which way, seen how."""

    instrument: InstrumentState
    ts: Ns
    basis: float
    direction: int
    sigmas: float
    estimate: Estimate
    session: Session


class Detector:
    """Judges prices; owns the alarms and the incidents. Times are event times."""

    def __init__(self, config: Config, market: Market) -> None:
        self._market = market
        section = config.detector
        self._open_sigmas = section.open_sigmas
        self._close_sigmas = section.close_sigmas
        self._spike = section.spike_basis
        self._confirm = int(section.confirm_seconds * NS)
        self._resolve = int(section.resolve_seconds * NS)
        self._reopen = int(section.reopen_seconds * NS)
        self.sizes = list(section.sizes_usd)
        self._noise_var = config.valuation.venue_noise**2
        self._financing = config.strategy.financing_rate
        self.open: dict[tuple[str, int], OpenIncident] = {}
        self.recent: dict[tuple[str, int], OpenIncident] = {}
        self.timers: list[tuple[Ns, str, int]] = []
        self.muted: dict[str, Ns] = {}

    @property
    def next_due(self) -> Ns | None:
        """When the next timer fires, if any is set."""
        return self.timers[0][0] if self.timers else None

    def band_of(self, instrument: InstrumentState, session: Session) -> Band:
        """The band of an instrument in this session."""
        alarm = instrument.alarm
        if alarm is None:
            alarm = instrument.alarm = Alarm()
        if alarm.band_session != session:
            fee = 0.0 if instrument.curve is not None else instrument.fee_ratio
            issuer = self._market.issuer_of(instrument)
            alarm.band = band(issuer, session, self.sizes[0], fee, self._financing)
            alarm.band_session = session
        result: Band = alarm.band
        return result

    def judge(self, instrument: InstrumentState, ts: Ns, log_bid: float, log_ask: float,
              estimate: Estimate, session: Session, reverted: bool = False) -> Incident | None:  # fmt: skip
        """Judge one price. ``log_bid`` is the log of what a seller gets, ``log_ask`` of what a buyer pays.

        ``reverted``: the price is an excursion that has already come back within its bar.
        """
        limits = self.band_of(instrument, session)
        alarm: Alarm = instrument.alarm
        base = estimate.log_share + instrument.token_state.log_multiplier
        above, below = log_bid - base, log_ask - base
        if above - limits.high > limits.low - below:
            excess, direction, basis = above - limits.high, 1, above
        else:
            excess, direction, basis = limits.low - below, -1, below
        incident = alarm.incident
        if excess <= 0.0 and incident is None:
            alarm.count = 0
            return None
        sigmas = excess / sqrt(estimate.variance + self._noise_var)
        if incident is not None:
            return self._follow(
                incident, Sighting(instrument, ts, basis, direction, sigmas, estimate, session)
            )
        if sigmas < self._open_sigmas:
            if sigmas < self._close_sigmas:
                alarm.count = 0
            return None
        if self._in_corporate_action(instrument, basis, ts, session):
            return None
        independent = estimate.independent or reverted
        spike = excess >= self._spike and sigmas >= SPIKE_SIGMAS * self._open_sigmas
        at_once = spike and (independent or excess >= LONE_SPIKE)
        if not at_once and not (independent and self._lasting(alarm, direction, ts)):
            return None
        return self._open(Sighting(instrument, ts, basis, direction, sigmas, estimate, session))

    def due(self, ts: Ns) -> list[Incident]:
        """Incidents whose time to resolve has come by ``ts``, in order."""
        told: list[Incident] = []
        while self.timers and self.timers[0][0] <= ts:
            at, underlying, direction = heappop(self.timers)
            incident = self.open.get((underlying, direction))
            if incident is None:
                continue
            inside = [since for since in incident.members.values() if since is not None]
            if len(inside) < len(incident.members) or max(inside) + self._resolve > at:
                continue
            told.append(self._close(incident, max(inside)))
        return told

    def feed(self, instrument: str, underlying: str, up: bool, reason: str, ts: Ns) -> Incident | None:
        """A source says that it lost an instrument, or has it again: a fault of its own, never a depeg.

        Instruments of one venue that fail together are one incident.
        """
        key = (f"feed {instrument.partition('@')[2].partition(':')[0]}", 0)
        incident = self.open.get(key)
        if not up:
            if incident is not None and incident.members.get(instrument, 0) is None:
                return None
            first = incident is None
            if incident is None:
                incident = self.open[key] = OpenIncident(instrument, underlying, "feed_fault", 0, ts)
                incident.severity, incident.cause, incident.cause_probability = "warning", "feed_fault", 1.0
                incident.explanation = (
                    f"No prices of {instrument}: {reason or 'its source is down'}. What is shown is old."
                )
            incident.members[instrument] = None
            incident.last_seen = ts
            incident.evidence = [reason] if reason else []
            return self._tell(incident, "open" if first else "update", ts)
        if incident is None or instrument not in incident.members:
            return None
        incident.members[instrument] = ts
        if any(since is None for since in incident.members.values()):
            return None
        del self.open[key]
        incident.resolved = incident.last_seen = ts
        incident.explanation = (
            f"Prices of {incident.instrument} are back after {duration((ts - incident.opened) / NS)}."
        )
        return incident.message("resolve")

    def command(self, command: Command) -> Incident | None:
        """Acknowledge or mute an incident by id, or mute an instrument."""
        if command.verb in ("mute", "unmute"):
            self.muted[command.target] = (command.until or 0) if command.verb == "mute" else 0
        for incident in [*self.open.values(), *self.recent.values()]:
            if command.target not in (incident.id, *incident.members):
                continue
            if command.verb == "acknowledge":
                incident.acknowledged_by = command.by or "someone"
            else:
                incident.muted_until = command.until if command.verb == "mute" else None
            return incident.message("resolve" if incident.resolved else "update")
        return None

    def _lasting(self, alarm: Alarm, direction: int, ts: Ns) -> bool:
        if alarm.count == 0 or alarm.direction != direction:
            alarm.count, alarm.since, alarm.direction = 0, ts, direction
        alarm.count += 1
        return alarm.count >= CONFIRM_TICKS and ts - alarm.since >= self._confirm

    def _in_corporate_action(
        self, instrument: InstrumentState, basis: float, ts: Ns, session: Session
    ) -> bool:
        """A split has moved the multiplier and the share does not trade on it yet: wait, say nothing."""
        state = instrument.token_state
        if state.previous is None:
            return False
        waited = ts - state.changed
        waiting = waited < (SPLIT_IN_SESSION_NS if session == "regular" else SPLIT_CLOSED_NS)
        step = state.log_multiplier - log(state.previous)
        return waiting and abs(step) > 0.04 and abs(basis + step) < 0.05

    def _open(self, seen: Sighting) -> Incident:
        instrument, ts = seen.instrument, seen.ts
        key = (instrument.underlying.info.ticker, seen.direction)
        incident = self.open.get(key)
        phase: IncidentPhase = "update"
        joins = incident is not None
        if incident is None:
            incident = self.recent.get(key)
            if incident is not None and ts - (incident.resolved or 0) <= self._reopen:
                incident.resolved = None
                incident.evidence.append("it had resolved and came back")
                phase = "escalate"
            else:
                incident = OpenIncident(instrument.name, key[0], "depeg", seen.direction, ts)
                incident.muted_until = self.muted.get(instrument.name) or None
                phase = "open"
            self.open[key] = incident
            self.recent.pop(key, None)
        incident.members[instrument.name] = None
        instrument.alarm.incident = incident
        instrument.alarm.count = 0
        incident.last_seen = ts
        worst = incident.see(seen.basis)
        if self._describe(incident, seen, worst, joins) and phase == "update":
            phase = "escalate"
        return self._tell(incident, phase, ts)

    def _follow(self, incident: OpenIncident, seen: Sighting) -> Incident | None:
        name, ts = seen.instrument.name, seen.ts
        if seen.direction != incident.direction or seen.sigmas < self._close_sigmas:
            if incident.members[name] is None:
                incident.members[name] = ts
                heappush(self.timers, (ts + self._resolve, incident.underlying, incident.direction))
            return None
        incident.members[name] = None
        incident.last_seen = ts
        worst = incident.see(seen.basis)
        worse = worst and abs(seen.basis) > WORSE * abs(incident.published_basis)
        if not worse and ts - incident.published < UPDATE_NS:
            return None
        rose = self._describe(incident, seen, worst, joins=False)
        return self._tell(incident, "escalate" if rose else "update", ts)

    def _describe(self, incident: OpenIncident, seen: Sighting, worst: bool, joins: bool) -> bool:
        """Write down what is seen now; True if the severity rose."""
        instrument, basis, estimate = seen.instrument, seen.basis, seen.estimate
        base = estimate.log_share + instrument.token_state.log_multiplier
        limits: Band = instrument.alarm.band
        stake = self._stake(instrument, base, incident.direction)
        if stake is not None:
            incident.stake_usd = max(stake, incident.stake_usd or 0.0)
        if worst:
            incident.band_low, incident.band_high = limits.low, limits.high
            incident.fair_value, incident.fair_value_sd = exp(base), sqrt(estimate.variance)
            incident.price = exp(base + basis)
            incident.executable = self._executable(instrument, incident.direction)
        frozen = self._reference_frozen(instrument, seen.ts, seen.session)
        jump = instrument.log_price - _log_before(instrument)
        found = diagnose(instrument, basis, estimate.log_share, seen.session, seen.ts, jump, frozen)
        if joins or incident.cause_probability is None or found.probability > incident.cause_probability:
            incident.cause, incident.cause_probability = found.cause, found.probability
            incident.evidence = [*found.evidence, limits.note]
        rose = incident.raise_severity(severity(basis, incident.stake_usd, estimate.independent))
        incident.explanation = sentence(
            incident.instrument, incident.basis or basis, incident.price, incident.fair_value,
            incident.fair_value_sd, incident.cause, incident.stake_usd,
        )  # fmt: skip
        return rose

    def _tell(self, incident: OpenIncident, phase: IncidentPhase, ts: Ns) -> Incident:
        incident.published = ts
        incident.published_basis = incident.basis or 0.0
        return incident.message(phase)

    def _close(self, incident: OpenIncident, resolved: Ns) -> Incident:
        incident.resolved = resolved
        key = (incident.underlying, incident.direction)
        del self.open[key]
        self.recent[key] = incident
        for name in incident.members:
            state = self._market.instruments[name]
            state.alarm.incident = None
        lasted = duration((incident.resolved - incident.opened) / NS)
        incident.explanation = (
            f"{incident.explanation.partition(' Resolved after')[0]} Resolved after {lasted}."
        )
        return incident.message("resolve")

    def _reference_frozen(self, instrument: InstrumentState, ts: Ns, session: Session) -> bool:
        references = instrument.underlying.references.values()
        if session != "regular" or not references:
            return False
        return all(ts - reference.changed > FRESH_NS for reference in references)

    def _executable(self, instrument: InstrumentState, direction: int) -> dict[str, float | None]:
        curve = instrument.curve
        if curve is None:
            return {}
        prices: dict[str, float | None] = {}
        for size in self.sizes:
            done = curve.sell(size) if direction > 0 else curve.buy(size)
            prices[f"{size:g}"] = None if done is None else done.price
        return prices

    def _stake(self, instrument: InstrumentState, base: float, direction: int) -> float | None:
        """USD an arbitrageur would gain on this venue by moving its price back to fair value."""
        if instrument.curve is None:
            return None
        fair_value = exp(base)
        done = instrument.curve.to_price(fair_value)
        if done is None:
            return 0.0
        gain = done.usd - done.tokens * fair_value
        return max(0.0, gain * direction)


def _log_before(instrument: InstrumentState) -> float:
    """The log price this venue had before its last change; its present one if it had none."""
    alarm: Alarm = instrument.alarm
    return instrument.log_price if alarm.last_log is None else alarm.last_log
