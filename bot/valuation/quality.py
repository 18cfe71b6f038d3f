"""How good a source is, by its own ticks and its peers: a score from 0 to 1, the same live and in replay.

Five things make a source worse, each as a factor of the score:

* **missing**: the share of late time in which nothing came although, by its own usual rhythm in this kind of
  session, something should have: staleness while it lasts, a gap once it is over;
* **frozen**: the same of its price: ticks come, and it stands still for longer than it ever does;
* **lag**: how late its ticks are here, and **skew**: how far its stamps are ahead of the clock here;
* **apart**: how far it is from the median of all references of the share, where at least three speak.

What is lost counts at once and is forgotten over minutes (``MEMORY``): a source that comes back is heard
little at first and more as it holds, so that weights neither jump nor flap. A rhythm is believed after
``LEARNT`` intervals of its kind of session; before that, and of what speaks only when somebody trades,
silence says nothing.
"""

from __future__ import annotations

from array import array
from math import exp
from typing import Any

from bot.market import InstrumentState, ReferenceState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns, Quality, Session

SAMPLE_NS, VENUE_SAMPLE_NS = NS, 20 * NS
"""How often a reference is looked at, and a venue, however often they speak: so a tick costs a comparison."""
MEMORY = 300.0
"""Seconds over which what was lost is forgotten, as 1/e."""
LEARNT = 20
GAIN = 0.05
"""Weight of one interval in what is usual."""
CAP = 4.0
"""No interval counts for more than so many usual ones in what is usual."""
GAP = 10.0
"""So many usual intervals, and at least :data:`GAP_SECONDS`, may pass before time counts as lost."""
GAP_SECONDS = 30.0
LATE_TAU = 60.0
LATE_SECONDS, AHEAD_SECONDS, APART = 30.0, 5.0, 0.006
"""A lag, a skew or a distance (as a log) so large halves the score."""
APART_UP, APART_DOWN = 30.0, 300.0
"""Seconds in which a disagreement is believed, and in which it is forgotten."""

TOGETHER_NS = 300 * NS
"""References that spoke within so long are compared."""
KINDS: dict[Session, int] = {"regular": 0, "pre": 1, "post": 1, "overnight": 1, "weekend": 2, "holiday": 2}
"""Sessions with a rhythm of their own."""


SPEAKS, MOVES = 0, 6
"""Where the rhythm of its ticks is in :attr:`Meter.rhythms`, and that of its price: average interval, in
seconds, and how many it is of, for each kind of session."""


def learn(rhythms: array[float], at: int, seconds: float) -> None:
    """One more interval of the rhythm at ``at``."""
    count = rhythms[at + 1]
    if count:
        every = rhythms[at]
        most = CAP * every
        rhythms[at] = every + GAIN * ((seconds if seconds < most else most) - every)
    else:
        rhythms[at] = seconds
    if count < LEARNT:
        rhythms[at + 1] = count + 1.0


def lost(rhythms: array[float], at: int, seconds: float) -> float:
    """Seconds of a silence of ``seconds`` that are beyond what is usual by the rhythm at ``at``."""
    if seconds <= GAP_SECONDS or rhythms[at + 1] < LEARNT:
        return 0.0
    beyond = seconds - max(GAP_SECONDS, GAP * rhythms[at])
    return beyond if beyond > 0.0 else 0.0


class Meter:
    """What is remembered of one source; constant in size. Times are event time."""

    __slots__ = (
        "ahead",
        "apart",
        "at",
        "changed",
        "compared",
        "due",
        "frozen",
        "lag",
        "missing",
        "rhythms",
        "sample",
        "score_at",
        "score_then",
    )

    def __init__(self, sample: Ns = SAMPLE_NS) -> None:
        self.sample = sample
        self.at: Ns = 0
        self.due: Ns = 0
        """When it is to be looked at again: before that a tick costs nothing."""
        self.changed: Ns = 0
        self.rhythms = array("d", bytes(12 * 8))
        self.missing = 0.0
        self.frozen = 0.0
        self.lag: float | None = None
        self.ahead: float | None = None
        self.apart: float | None = None
        self.compared: Ns = 0
        self.score_at: Ns = 0
        self.score_then = 1.0

    def see(self, ts: Ns, received: Ns, changed: Ns, kind: int, begun: Ns, steady: bool = True) -> None:
        """It spoke at ``ts``; its price is of ``changed``; this session, of ``kind``, has ``begun`` then.
        ``steady``: whether its silence means anything."""
        at = self.at
        if at:
            since = (ts - at) / NS
            rhythms, speaks = self.rhythms, SPEAKS + 2 * kind
            same = begun <= at
            if steady:
                moves, moved = MOVES + 2 * kind, changed > self.changed
                away = lost(rhythms, speaks, since if same else (ts - begun) / NS)
                if away or self.missing:
                    self.missing = _average(self.missing, away, since)
                # Of one that moved when it spoke again nobody knows whether it had stood still: it was away.
                stood = 0.0 if moved else min(since, lost(rhythms, moves, (ts - max(changed, begun)) / NS))
                if stood or self.frozen:
                    self.frozen = _average(self.frozen, stood, since)
                if moved and same:
                    learn(rhythms, moves, (changed - max(self.changed, begun)) / NS)
            if same:
                learn(rhythms, speaks, since)
        else:
            since = LATE_TAU
        if received:
            late = (received - ts) / NS
            step = 1.0 - exp(-since / LATE_TAU)
            self.lag = _toward(self.lag, late if late > 0.0 else 0.0, step)
            self.ahead = _toward(self.ahead, -late if late < 0.0 else 0.0, step)
        self.at, self.changed, self.due = ts, changed, ts + self.sample

    def compare(self, distance: float, ts: Ns) -> None:
        """It is so far from its peers: a log, without sign."""
        apart = self.apart
        tau = APART_UP if apart is None or distance > apart else APART_DOWN
        since = min((ts - self.compared) / NS, APART_UP) if self.compared else 0.0
        # It begins as one in line: a first look at peers that are a moment apart is no fault.
        self.apart = _toward(apart or 0.0, distance, 1.0 - exp(-since / tau))
        self.compared = ts

    def missing_at(self, ts: Ns, kind: int, begun: Ns) -> float:
        """Share of late time without a tick where there should have been one, as of ``ts``."""
        silent = (ts - max(self.at, begun)) / NS
        away = lost(self.rhythms, SPEAKS + 2 * kind, silent)
        return _average(self.missing, away, (ts - self.at) / NS)

    def frozen_at(self, ts: Ns) -> float:
        """Share of late time in which it spoke and its price stood still although it should have moved."""
        return _average(self.frozen, 0.0, (ts - self.at) / NS)

    def score(self, ts: Ns, kind: int, begun: Ns, steady: bool = True) -> float:
        """0 (worthless) to 1 (faultless) at ``ts``; ``steady``: whether its silence means anything."""
        score = 1.0
        if steady:
            score = (1.0 - self.missing_at(ts, kind, begun)) * (1.0 - self.frozen_at(ts))
        if self.lag is not None and self.ahead is not None:
            late, ahead = self.lag / LATE_SECONDS, self.ahead / AHEAD_SECONDS
            score /= (1.0 + late * late) * (1.0 + ahead * ahead)
        if self.apart is not None:
            apart = self.apart / APART
            score /= 1.0 + apart * apart
        return score

    def lately(self, ts: Ns, kind: int, begun: Ns) -> float:
        """:meth:`score`, worked out once a second: for whoever asks with every tick."""
        if ts - self.score_at >= NS or ts < self.score_at:
            self.score_then, self.score_at = self.score(ts, kind, begun), ts
        return self.score_then

    def fault(self, ts: Ns, kind: int, begun: Ns, steady: bool = True) -> str:
        """What costs the score most, if anything costs a tenth of it: one of the five by name."""
        late = (self.lag or 0.0) / LATE_SECONDS
        ahead = (self.ahead or 0.0) / AHEAD_SECONDS
        apart = (self.apart or 0.0) / APART
        kept = {
            "missing": 1.0 - self.missing_at(ts, kind, begun) if steady else 1.0,
            "frozen": 1.0 - self.frozen_at(ts) if steady else 1.0,
            "late": 1.0 / (1.0 + late * late),
            "ahead": 1.0 / (1.0 + ahead * ahead),
            "apart": 1.0 / (1.0 + apart * apart),
        }
        worst = min(kept, key=kept.__getitem__)
        return worst if kept[worst] <= 0.9 else ""


def _average(so_far: float, lost: float, since: float) -> float:
    """A time average over :data:`MEMORY` after ``since`` more seconds, the last ``lost`` of them lost."""
    if since <= 0.0 or (so_far == 0.0 and lost <= 0.0):
        return so_far
    kept = so_far * exp(-since / MEMORY)
    return kept if lost <= 0.0 else kept + 1.0 - exp(-lost / MEMORY)


def _toward(value: float | None, seen: float, step: float) -> float:
    return seen if value is None else value + step * (seen - value)


PLAIN = tuple(name for name in Meter.__slots__ if name != "rhythms")


def beside_peers(underlying: UnderlyingState, one: ReferenceState, ts: Ns) -> float | None:
    """How far a reference is from the median of all that have spoken of late, as a log without sign.

    ``None`` where fewer than three have: of two that differ nobody can tell by them alone.
    """
    levels = [
        other.log_price
        for other in underlying.references.values()
        if other.price is not None and not other.halted and ts - other.ts <= TOGETHER_NS
    ]
    if len(levels) < 3:
        return None
    levels.sort()
    middle = len(levels) // 2
    centre = levels[middle] if len(levels) % 2 else (levels[middle - 1] + levels[middle]) / 2
    return abs(one.log_price - centre)


def told(
    state: ReferenceState | InstrumentState, ticker: str, ts: Ns, session: Session, begun: Ns,
    weight: float | None = None,
) -> Quality | None:  # fmt: skip
    """The message about one source as of ``ts``; ``None`` if it has never told a price."""
    meter: Meter | None = state.meter
    if meter is None or not meter.at:
        return None
    ts, kind = max(ts, meter.at), KINDS[session]
    steady = state.steady
    every, count = meter.rhythms[SPEAKS + 2 * kind : SPEAKS + 2 * kind + 2]
    fault = meter.fault(ts, kind, begun, steady)
    if state.halted:
        fault = "halted"
    elif session not in state.sessions and state.ts < begun:
        fault = "closed"
    return Quality(
        ts=ts,
        instrument=state.name,
        underlying=ticker,
        score=0.0 if state.halted else meter.score(ts, kind, begun, steady),
        fault=fault,
        age_seconds=(ts - state.ts) / NS,
        every_seconds=every if count >= LEARNT else None,
        lag_seconds=meter.lag,
        skew_seconds=meter.ahead,
        missing_ratio=meter.missing_at(ts, kind, begun) if steady else None,
        frozen_ratio=meter.frozen_at(ts) if steady else None,
        apart_ratio=meter.apart,
        weight_ratio=weight,
    )


def dump(meter: Meter | None) -> dict[str, Any] | None:
    """What is remembered, as plain data."""
    if meter is None:
        return None
    values = {name: getattr(meter, name) for name in PLAIN}
    values["rhythms"] = list(meter.rhythms)
    return values


def load(values: dict[str, Any] | None) -> Meter | None:
    """Go on from :func:`dump`."""
    if values is None:
        return None
    meter = Meter()
    for name in PLAIN:
        setattr(meter, name, values[name])
    meter.rhythms = array("d", values["rhythms"])
    return meter
