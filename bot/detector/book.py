"""The incidents: opened, followed, told, resolved; what belongs together is one.

Venues of one share that are out in the same direction are one incident; so are all venues that quote in a
coin off its own peg, whatever their shares. An incident resolves when every venue in it has been inside
for long enough; only a judged price counts as inside, so a halted or missing one never closes it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import exp, sqrt
from typing import Any

from bot.config import DetectorSection
from bot.detector.alarm import Alarm, Sighting
from bot.detector.bands import Band
from bot.detector.causes import BEGINS, STAYS, diagnose
from bot.detector.evidence import Gathering
from bot.detector.explain import sentence
from bot.detector.incidents import OpenIncident, severity
from bot.detector.scalars import INSIDE, follow
from bot.market import FRESH_NS, InstrumentState, Market
from bot.timefmt import NS, duration
from bot.types import Command, Incident, IncidentPhase, Ns
from bot.valuation import Estimate

UPDATE_NS = 60 * NS
STILL_OFF = 0.5
"""With this part of the worst basis left, and no fresh reference, a venue is not back."""
WORSE = 1.25
"""A basis that is worse by this factor is told again."""


class IncidentBook:
    """Open and recent incidents by (group, direction), and the timers that resolve them."""

    def __init__(self, section: DetectorSection, market: Market) -> None:
        self._market = market
        self._close_sigmas = section.close_sigmas
        self._resolve = int(section.resolve_seconds * NS)
        self._reopen = int(section.reopen_seconds * NS)
        self.sizes = list(section.sizes_usd)
        self.open: dict[tuple[str, int], OpenIncident] = {}
        self.recent: dict[tuple[str, int], OpenIncident] = {}
        self.timers: list[tuple[Ns, str, int]] = []
        self.muted: dict[str, Ns] = {}

    def sighted(self, seen: Sighting, group: str = "") -> Incident:
        """A venue is out: a new incident, one that goes on, or one more venue of one that is open."""
        instrument, ts = seen.instrument, seen.ts
        group = group or instrument.underlying.info.ticker
        key = (group, seen.direction)
        incident = self.open.get(key)
        phase: IncidentPhase = "update"
        joins = incident is not None
        if incident is None:
            incident = self.again(key, ts)
            phase = "escalate"
            if incident is None:
                incident = OpenIncident(
                    instrument.name, instrument.underlying.info.ticker, "depeg", seen.direction, ts
                )
                incident.group = group
                incident.muted_until = self.muted.get(instrument.name) or None
                phase = "open"
            self.open[key] = incident
            self.recent.pop(key, None)
        incident.members[instrument.name] = None
        alarm: Alarm = instrument.alarm
        alarm.incident = incident
        alarm.count = 0
        incident.last_seen = max(ts, incident.last_seen)
        if incident.basis is None:
            # It was known before any price was off: from now on it is named after this one.
            incident.instrument = instrument.name
        worst = not incident.of_coin and incident.see(seen.basis)
        if self._describe(incident, seen, worst, joins) and phase == "update":
            phase = "escalate"
        return self._tell(incident, phase, ts)

    def follow(self, incident: OpenIncident, seen: Sighting) -> Incident | None:
        """One more price of a venue that is in an incident."""
        name, ts = seen.instrument.name, seen.ts
        if follow(incident.direction, seen.direction, seen.sigmas, self._close_sigmas) == INSIDE:
            if incident.members[name] is None:
                self.inside(incident, name, ts)
            return None
        incident.members[name] = None
        incident.last_seen = ts
        worst = not incident.of_coin and incident.see(seen.basis)
        worse = worst and abs(seen.basis) > WORSE * abs(incident.published_basis)
        if not worse and ts - incident.published < UPDATE_NS:
            return None
        rose = self._describe(incident, seen, worst, joins=False)
        return self._tell(incident, "escalate" if rose else "update", ts)

    def unclear(self, incident: OpenIncident, direction: int, basis: float, estimate: Estimate) -> bool:
        """Whether a venue is inside only because nobody knows fair value any more: that closes nothing."""
        stale = estimate.age_ns is None or estimate.age_ns > FRESH_NS
        worst = incident.basis
        return (
            stale
            and direction == incident.direction
            and worst is not None
            and abs(basis) > STILL_OFF * abs(worst)
        )

    def again(self, key: tuple[str, int], ts: Ns) -> OpenIncident | None:
        """The incident that resolved so lately that one that opens now is the same; it is open again."""
        incident = self.recent.get(key)
        if incident is None or ts - (incident.resolved or 0) > self._reopen:
            return None
        incident.resolved = None
        incident.evidence.append("it had resolved and came back")
        del self.recent[key]
        return incident

    def inside(self, incident: OpenIncident, name: str, ts: Ns) -> None:
        """A venue is back inside as of ``ts``: the wait until it resolves begins."""
        incident.members[name] = ts
        heappush(self.timers, (ts + self._resolve, incident.group, incident.direction))

    def due(self, ts: Ns) -> list[Incident]:
        """Incidents whose time to resolve has come by ``ts``, in order."""
        told: list[Incident] = []
        while self.timers and self.timers[0][0] <= ts:
            at, group, direction = heappop(self.timers)
            incident = self.open.get((group, direction))
            if incident is None:
                continue
            inside = [since for since in incident.members.values() if since is not None]
            if len(inside) < len(incident.members) or max(inside) + self._resolve > at:
                continue
            told.append(self._close(incident, max(inside)))
        return told

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

    def tell(self, incident: OpenIncident, phase: IncidentPhase, ts: Ns) -> Incident:
        """The message, noted as told."""
        return self._tell(incident, phase, ts)

    def _describe(self, incident: OpenIncident, seen: Sighting, worst: bool, joins: bool) -> bool:
        """Write down what is seen now; True if the severity rose."""
        if incident.of_coin:
            return False
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
        self._explain(incident, seen, limits.note)
        rose = incident.raise_severity(
            severity(basis, incident.stake_usd, estimate.independent, incident.cause)
        )
        incident.explanation = sentence(
            incident.instrument, incident.basis or basis, incident.price, incident.fair_value,
            incident.fair_value_sd, incident.cause, incident.stake_usd,
        )  # fmt: skip
        return rose

    def _explain(self, incident: OpenIncident, seen: Sighting, note: str) -> None:
        """Why, by what is seen now and what was seen before and stays true of it."""
        coin = incident.group.partition("currency ")[2]
        found = Gathering(self._market, seen, coin).gather()
        first = not incident.evidence
        names = (found.names if first else found.names - BEGINS) | set(incident.facts)
        live = [one for one in seen.instrument.underlying.instruments if one.price is not None]
        out = sum(one.name in incident.members for one in live)
        if 1 < out >= len(live) / 2 and incident.group == incident.underlying:
            names |= {"all_along"}
        if "all_along" in names:
            names -= {"others_inside", "some_along", "no_others"}
        incident.facts = sorted(names & (STAYS | BEGINS))
        cause, probability = diagnose(names)
        if (
            cause != incident.cause
            or not incident.evidence
            or len(found.sentences) >= len(incident.evidence) - 1
        ):
            incident.evidence = [*found.sentences, note]
        incident.cause, incident.cause_probability = cause, probability

    def _tell(self, incident: OpenIncident, phase: IncidentPhase, ts: Ns) -> Incident:
        incident.published = ts
        incident.published_basis = incident.basis or 0.0
        return incident.message(phase)

    def _close(self, incident: OpenIncident, resolved: Ns) -> Incident:
        incident.resolved = resolved
        key = (incident.group, incident.direction)
        del self.open[key]
        self.recent[key] = incident
        for name in incident.members:
            state = self._market.instruments.get(name)
            if state is not None and state.alarm is not None:
                state.alarm.incident = None
        lasted = duration((incident.resolved - incident.opened) / NS)
        incident.explanation = (
            f"{incident.explanation.partition(' Resolved after')[0]} Resolved after {lasted}."
        )
        return incident.message("resolve")

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

    def snapshot(self) -> dict[str, Any]:
        """What is remembered beside the incidents themselves."""
        return {
            "open": [incident.id for incident in self.open.values()],
            "recent": [incident.id for incident in self.recent.values()],
            "timers": self.timers,
            "muted": self.muted,
        }
