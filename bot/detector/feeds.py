"""Faults of feeds: told by their source, or heard as a silence where there is always a sound. Never a depeg.

A source's own word (``status``) counts at once. Silence counts only of what speaks regularly, in the
session in which it does: a quiet pool is not a dead one, and a reference that stops at its close is none.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from bot.detector.book import IncidentBook
from bot.detector.incidents import OpenIncident
from bot.detector.scalars import average_step
from bot.market import InstrumentState, Market, ReferenceState
from bot.timefmt import NS, duration
from bot.types import Incident, IncidentPhase, Ns, Session
from bot.valuation.sessions import SessionClock

SILENCE_SECONDS = 900.0
SILENCE_BEATS = 10.0
"""So many usual intervals without a tick, and at least so many seconds, are a silence."""
UNSTEADY = 0.4
"""Intervals that stray from their average by more than this part of it are no beat: trades, swaps."""
HEARD = 0.05
"""Weight of one interval in the average."""
BEATS = 20
"""So many regular intervals before a silence means anything."""
AGAIN = 5
"""So many are learnt anew each time that it is looked at."""
GAP_NS = 300 * NS
"""If nothing at all was heard for so long, it is we who were away."""


CLOSED: frozenset[Session] = frozenset({"weekend", "holiday"})


class Beat:
    """How regularly one instrument or reference speaks. Times in seconds; ``left`` intervals are to be
    learnt.
    """

    __slots__ = ("every", "left", "strays", "timed")

    def __init__(self) -> None:
        self.every = 0.0
        self.strays = 0.0
        self.left = BEATS
        self.timed = False


class Feeds:
    """Which sources are lost, and who is too quiet."""

    def __init__(self, market: Market, book: IncidentBook, clock: SessionClock) -> None:
        self._market = market
        self._book = book
        self._clock = clock
        self.silent: dict[str, Ns] = {}
        self.timers: list[tuple[Ns, str]] = []

    def status(self, instrument: str, underlying: str, up: bool, reason: str, ts: Ns) -> Incident | None:
        """A source says that it lost an instrument, or has it again.

        Instruments of one venue that fail together are one incident.
        """
        group = f"feed {instrument.partition('@')[2].partition(':')[0]}"
        key = (group, 0)
        incident = self._book.open.get(key)
        if not up:
            return self._lost(key, incident, instrument, underlying, reason, ts)
        self.silent.pop(instrument, None)
        if incident is None or instrument not in incident.members:
            return None
        incident.members[instrument] = ts
        if any(since is None for since in incident.members.values()):
            return None
        del self._book.open[key]
        incident.resolved = incident.last_seen = ts
        lasted = duration((ts - incident.opened) / NS)
        incident.explanation = f"Prices of {incident.instrument} are back after {lasted}."
        return incident.message("resolve")

    def _lost(self, key: tuple[str, int], incident: OpenIncident | None, instrument: str, underlying: str,
              reason: str, ts: Ns) -> Incident | None:  # fmt: skip
        if incident is not None and incident.members.get(instrument, 0) is None:
            return None
        phase: IncidentPhase = "update"
        if incident is None:
            phase = "open"
            incident = self._book.open[key] = OpenIncident(instrument, underlying, "feed_fault", 0, ts)
            incident.group = key[0]
            incident.severity, incident.cause, incident.cause_probability = "warning", "feed_fault", 1.0
            incident.explanation = (
                f"No prices of {instrument}: {reason or 'its source is down'}. What is shown is old."
            )
        incident.members[instrument] = None
        incident.last_seen = ts
        incident.evidence = [reason] if reason else []
        return self._book.tell(incident, phase, ts)

    def learn(self, state: InstrumentState | ReferenceState, ts: Ns) -> None:
        """One more interval between its ticks; call before ``state.ts`` moves on, while ``beat.left``."""
        beat: Beat = state.beat
        if ts <= state.ts or not state.ts:
            return
        since = (ts - state.ts) / NS
        if not beat.every:
            beat.every = since
        limit = 4.0 * beat.every
        interval = since if since < limit else limit
        off = interval - beat.every
        beat.strays = average_step(beat.strays, off if off > 0 else -off, HEARD)
        beat.every = average_step(beat.every, interval, HEARD)
        beat.left -= 1
        if not beat.left and not beat.timed:
            beat.timed = True
            heappush(self.timers, (ts + _limit(beat), state.name))

    def heard(self, name: str, underlying: str, ts: Ns) -> Incident | None:
        """Something that had been silent spoke."""
        return self.status(name, underlying, True, "", ts)

    def due(self, ts: Ns, heard_until: Ns) -> list[Incident]:
        """Silences that have lasted long enough by ``ts``; ``heard_until`` is when anything was heard
        last.
        """
        told: list[Incident] = []
        while self.timers and self.timers[0][0] <= ts:
            at, name = heappop(self.timers)
            state, underlying = self._find(name)
            if state is None:
                continue
            beat: Beat = state.beat
            limit = _limit(beat)
            if at < state.ts + limit:
                # It has spoken since: look again later, and learn meanwhile whether its rhythm has changed.
                beat.left = AGAIN
                heappush(self.timers, (state.ts + limit, name))
                continue
            beat.timed = False
            beat.left = BEATS
            away = at - heard_until > GAP_NS
            other = self._clock.segment(at) != self._clock.segment(state.ts)
            if other and isinstance(state, InstrumentState) and self._clock.session(at) not in CLOSED:
                other = False  # tokens trade on through New York's bells, but not everywhere through weekends
            strays = beat.strays >= UNSTEADY * beat.every
            if away or other or strays or state.halted or not state.steady:
                continue
            self.silent[name] = at
            usual, still = duration(beat.every), duration((at - state.ts) / NS)
            found = self.status(name, underlying, False, f"silent for {still}; it speaks every {usual}", at)
            if found is not None:
                told.append(found)
        return told

    def _find(self, name: str) -> tuple[InstrumentState | ReferenceState | None, str]:
        instrument = self._market.instruments.get(name)
        if instrument is not None:
            return instrument, instrument.underlying.info.ticker
        known = self._market.references.get(name)
        return (None, "") if known is None else (known[1], known[0].info.ticker)

    @property
    def next_due(self) -> Ns | None:
        """When a silence may next have lasted long enough."""
        return self.timers[0][0] if self.timers else None

    def snapshot(self) -> dict[str, Any]:
        """What is remembered beside the beats, as plain data."""
        return {"silent": self.silent, "timers": self.timers}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from :meth:`snapshot`."""
        self.silent = saved["silent"]
        self.timers = [(at, name) for at, name in saved["timers"]]


def _limit(beat: Beat) -> Ns:
    return int(max(SILENCE_SECONDS, SILENCE_BEATS * beat.every) * NS)
