"""References against one another: an oracle that is wrong, a quote that stands still while others move.

A fault of a reference is an incident of its own, on the reference. Of two that disagree the one that
stands still is at fault; else the one farther from the middle of all references and token venues.
"""

from __future__ import annotations

from bot.detector.book import IncidentBook
from bot.detector.common import middle
from bot.detector.incidents import OpenIncident
from bot.detector.scalars import average_step, weight
from bot.market import FRESH_NS, ReferenceState, UnderlyingState
from bot.timefmt import NS, duration
from bot.types import Cause, Incident, Ns, Session

DIFFER = 0.012
"""References that are farther apart than this (as a log) do not speak of the same price."""
AGREE = 0.005
CONFIRM_NS = 100 * NS
SLOW_NS = 10 * NS
SLOW_TAU, SLOW_CAP_SECONDS = 600.0, 300.0
TOGETHER_NS = 300 * NS
"""References that spoke within so long are compared."""


def follow(underlying: UnderlyingState, ts: Ns, session: Session) -> None:
    """Take note of where the share has been: a slow average, so that a jump of it is known as one."""
    anchor: float = underlying.fair.anchor
    if underlying.slow is None:
        underlying.slow = anchor
    else:
        seconds = min((ts - underlying.slow_at) / NS, SLOW_CAP_SECONDS)
        underlying.slow = average_step(underlying.slow, anchor, weight(seconds, SLOW_TAU))
    underlying.slow_at = ts
    if underlying.group is not None:
        underlying.group.anchored(anchor, underlying.fair.anchor_ts, ts, session)


class References:
    """Judges each reference beside the others of its share."""

    def __init__(self, book: IncidentBook) -> None:
        self._book = book

    def judge(
        self, underlying: UnderlyingState, one: ReferenceState, ts: Ns, session: Session
    ) -> Incident | None:
        """One reference spoke, and its price is taken in."""
        others = [
            other for other in underlying.references.values()
            if other is not one and other.price is not None
            and not other.halted and ts - other.ts <= TOGETHER_NS
        ]  # fmt: skip
        key = (f"reference {one.name}", 0)
        incident = self._book.open.get(key)
        if not others:
            return None
        if len(others) == 1:
            centre = others[0].log_price
        else:
            levels = sorted([one.log_price, *(other.log_price for other in others)])
            centre = (
                levels[len(levels) // 2]
                if len(levels) % 2
                else (levels[len(levels) // 2 - 1] + levels[len(levels) // 2]) / 2
            )
        off = one.log_price - centre
        if incident is not None:
            return self._follow(key, incident, one, off, ts)
        # One that says what this one said a moment ago is only a moment behind.
        behind = one.previous is not None and abs(one.previous - centre) < AGREE
        if abs(off) < DIFFER or behind:
            one.differs = 0
            return None
        if not one.differs:
            one.differs = ts
        if ts - one.differs < CONFIRM_NS or not self._at_fault(underlying, one, others, ts):
            return None
        return self._open(key, underlying, one, off, ts)

    def _at_fault(
        self, underlying: UnderlyingState, one: ReferenceState, others: list[ReferenceState], ts: Ns
    ) -> bool:
        if len(others) > 1:
            return True  # far from the median of all
        still, moving = ts - one.changed, min(ts - other.changed for other in others)
        if still > FRESH_NS or moving > FRESH_NS:
            return still > moving
        venues = middle(underlying.instruments, ts, None, outside=True)
        if venues is None:
            return one.oracle
        return abs(one.log_price - venues) > min(abs(other.log_price - venues) for other in others)

    def _open(
        self, key: tuple[str, int], underlying: UnderlyingState, one: ReferenceState, off: float, ts: Ns
    ) -> Incident:
        still = ts - one.changed
        cause: Cause = (
            "oracle_fault" if one.oracle else "stale_reference" if still > FRESH_NS else "oracle_fault"
        )
        incident = OpenIncident(one.name, underlying.info.ticker, "feed_fault", 0, ts)
        self._book.open[key] = incident
        one.distrusted = True
        incident.group = key[0]
        incident.severity, incident.cause, incident.cause_probability = "warning", cause, 0.9
        incident.price = one.price
        incident.see(off)
        what = (
            f"has stood still for {duration(still / NS)}" if still > FRESH_NS else "is alone with its price"
        )
        incident.evidence = [f"it {what}"]
        whose = underlying.info.ticker
        incident.explanation = (
            f"{one.name} is {off * 100:+.1f} % from the other references of {whose}: it {what}."
        )
        return self._book.tell(incident, "open", ts)

    def _follow(
        self, key: tuple[str, int], incident: OpenIncident, one: ReferenceState, off: float, ts: Ns
    ) -> Incident | None:
        if abs(off) >= AGREE:
            incident.last_seen = ts
            incident.see(off)
            return None
        del self._book.open[key]
        one.differs = 0
        one.distrusted = False
        incident.resolved = incident.last_seen = ts
        incident.explanation = (
            f"{one.name} agrees with the others again after {duration((ts - incident.opened) / NS)}."
        )
        return incident.message("resolve")
