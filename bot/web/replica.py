"""A copy of the engine's state, built from the messages it sends and from nothing else.

Pure and bounded: rings of incidents, plans and fills, a few kilobytes of history per instrument.
Each change bumps :attr:`Replica.version`; a reader that remembers the version it saw asks
:meth:`Replica.changes` for what is new. What was superseded meanwhile it never sees, so a slow
reader costs nothing and the oldest change goes first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from bot.types import (
    Basis,
    FeedStatus,
    Fill,
    Incident,
    IncidentPhase,
    Message,
    Ns,
    Plan,
    Quality,
    Quarantined,
    Session,
    Severity,
    split_instrument,
)
from bot.web.history import History

RING = 500
MAX_INSTRUMENTS = 10_000
MAX_KEYS = 256
"""Sources, and reasons of quarantine, that are told apart."""
MAX_TURNS = 32

Kind = Literal["instrument", "incident", "plan", "fill", "feed", "reference", "quarantined"]
Key = tuple[Kind, str]


class Turn(Struct, frozen=True, gc=False):
    """A moment in the life of an incident that was more than an update."""

    ts: Ns
    phase: IncidentPhase
    severity: Severity
    basis: float | None
    price: float | None


class Replica:
    """What the page knows; see the module. All attributes are for reading only."""

    def __init__(self, *, ring: int = RING, max_instruments: int = MAX_INSTRUMENTS) -> None:
        self.now: Ns = 0
        self.version = 0
        self.first: Ns = 0
        self.instruments: dict[str, Basis] = {}
        self.histories: dict[str, History] = {}
        self.sessions: dict[str, Session] = {}
        self.incidents: OrderedDict[str, Incident] = OrderedDict()
        self.turns: dict[str, list[Turn]] = {}
        self.plans: OrderedDict[str, Plan] = OrderedDict()
        self.plan_of: dict[str, str] = {}
        self.fills: OrderedDict[str, Fill] = OrderedDict()
        self.feeds: dict[str, FeedStatus] = {}
        self.references: dict[str, Quality] = {}
        """How good each reference is; of instruments the metrics tell."""
        self.quarantined: dict[str, int] = {}
        self.last_quarantined: deque[Quarantined] = deque(maxlen=50)
        self.dropped_instruments = 0
        self._ring = ring
        self._max_instruments = max_instruments
        self._changed: OrderedDict[Key, int] = OrderedDict()

    def apply(self, message: Message, now: Ns) -> None:
        """Take one message; ``now`` is the engine's event time. A few microseconds, never raises."""
        if now > self.now:
            self.now = now
        match message:
            case Basis():
                self._basis(message)
            case Incident():
                self._incident(message)
            case Plan():
                self._plan(message)
            case Fill():
                self._fill(message)
            case FeedStatus():
                if message.source in self.feeds or len(self.feeds) < MAX_KEYS:
                    self.feeds[message.source] = message
                    self._touch("feed", message.source)
            case Quality():
                self._quality(message)
            case Quarantined():
                known = message.reason in self.quarantined or len(self.quarantined) < MAX_KEYS
                reason = message.reason if known else "other"
                self.quarantined[reason] = self.quarantined.get(reason, 0) + 1
                self.last_quarantined.append(message)
                self._touch("quarantined", "")

    def changes(self, since: int, limit: int = 5_000) -> list[Key]:
        """Keys of what changed after version ``since``, oldest change first, the newest ``limit`` of them."""
        keys: list[Key] = []
        for key, version in reversed(self._changed.items()):
            if version <= since or len(keys) >= limit:
                break
            keys.append(key)
        keys.reverse()
        return keys

    def open_incidents(self) -> list[Incident]:
        """Those not resolved, the worst and then the newest first."""
        rank = {"critical": 0, "warning": 1, "info": 2}
        found = [incident for incident in self.incidents.values() if incident.resolved is None]
        return sorted(found, key=lambda incident: (rank[incident.severity], -incident.opened))

    def plan_for(self, incident_id: str) -> Plan | None:
        """The latest plan made for an incident, ``None`` if there is none (any more)."""
        return self.plans.get(self.plan_of.get(incident_id, ""))

    # -- one message -----------------------------------------------------------------------------

    def _basis(self, basis: Basis) -> None:
        name = basis.instrument
        history = self.histories.get(name)
        if history is None:
            if len(self.histories) >= self._max_instruments:
                self.dropped_instruments += 1
                return
            history = self.histories[name] = History()
            self.first = self.first or basis.ts
        history.add(basis)
        self.instruments[name] = basis
        self.sessions[basis.underlying] = basis.session
        self._touch("instrument", name)

    def _incident(self, incident: Incident) -> None:
        known = self.incidents.get(incident.id)
        if known is not None and incident.last_seen < known.last_seen:
            return
        self.incidents[incident.id] = incident
        turns = self.turns.setdefault(incident.id, [])
        if not turns or incident.phase != "update":
            turns.append(
                Turn(incident.last_seen, incident.phase, incident.severity, incident.basis, incident.price)
            )
            # The opening stays, however often it escalates and comes back.
            del turns[1:-MAX_TURNS]
        self._touch("incident", incident.id)
        if len(self.incidents) > self._ring:
            resolved = (key for key, each in self.incidents.items() if each.resolved is not None)
            oldest = next(resolved, next(iter(self.incidents)))
            del self.incidents[oldest], self.turns[oldest]
            self._changed.pop(("incident", oldest), None)

    def _plan(self, plan: Plan) -> None:
        self.plans[plan.id] = plan
        self.plan_of[plan.incident_id] = plan.id
        self._touch("plan", plan.id)
        if len(self.plans) > self._ring:
            oldest, gone = self.plans.popitem(last=False)
            if self.plan_of.get(gone.incident_id) == oldest:
                del self.plan_of[gone.incident_id]
            self._changed.pop(("plan", oldest), None)

    def _fill(self, fill: Fill) -> None:
        self.fills[fill.id] = fill
        self._touch("fill", fill.id)
        if len(self.fills) > self._ring:
            oldest, _ = self.fills.popitem(last=False)
            self._changed.pop(("fill", oldest), None)

    def _quality(self, quality: Quality) -> None:
        name = quality.instrument
        if split_instrument(name)[0] != quality.underlying:
            return
        if name in self.references or len(self.references) < self._max_instruments:
            self.references[name] = quality
            self._touch("reference", name)

    def _touch(self, kind: Kind, name: str) -> None:
        self.version += 1
        key = (kind, name)
        self._changed[key] = self.version
        self._changed.move_to_end(key)


def newest(items: Iterable[str], limit: int) -> list[str]:
    """The last ``limit`` keys of an ordered mapping, newest first."""
    return list(items)[: -limit - 1 : -1]
