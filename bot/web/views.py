"""What the API says, as JSON-ready data; pure functions of the replica.

Times are ISO 8601 with nanoseconds; a ``premium`` is percent, a ``basis`` and all else named so a ratio;
what is not known is ``null``.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import expm1
from typing import Any

from msgspec import Struct

from bot.timefmt import NS, iso
from bot.types import Basis, Incident, Ns, Plan, split_instrument, to_builtins
from bot.web.history import Point
from bot.web.replica import Key, Replica, Turn, newest

Json = dict[str, Any]

SPARK_POINTS = 48
SPARK_NS = 24 * 3600 * NS
SPARK_STEPS = tuple(seconds * NS for seconds in (60, 120, 300, 600, 900, 1800))


def premium(basis: float | None) -> float | None:
    """A basis (a log ratio) in percent for people."""
    return None if basis is None or basis > 700 else round(expm1(basis) * 100, 6)


def row(message: Struct) -> Json:
    """Any message as JSON-ready data; instruments are split, a basis gains its premium."""
    out = to_builtins(message)
    if isinstance(message, Basis | Incident | Plan):
        out["token"], out["venue"] = split_instrument(message.instrument)
    if isinstance(message, Basis | Incident):
        out["premium"] = premium(message.basis)
        out["band_low_premium"] = premium(message.band_low)
        out["band_high_premium"] = premium(message.band_high)
    return out


def status(replica: Replica, *, version: str, notice: str, ready: tuple[bool, str]) -> Json:
    """The state of the whole: counts, sessions, feeds, what was set aside."""
    states: dict[str, int] = {}
    for basis in replica.instruments.values():
        states[basis.state] = states.get(basis.state, 0) + 1
    return {
        "version": version,
        "notice": notice,
        "now": moment(replica.now),
        "since": moment(replica.first),
        "ready": ready[0],
        "reason": ready[1],
        "change": replica.version,
        "instruments": len(replica.instruments),
        "states": states,
        "incidents_open": len(replica.open_incidents()),
        "sessions": dict(sorted(replica.sessions.items())),
        "feeds": [row(feed) for feed in replica.feeds.values()],
        "references": references(replica),
        "quarantined": quarantined(replica),
    }


def references(replica: Replica) -> list[Json]:
    """How good each reference is, by name."""
    return [row(replica.references[name]) for name in sorted(replica.references)]


def quarantined(replica: Replica) -> Json:
    """Data set aside: how often per reason, and the latest of them, newest first."""
    latest = [row(each) for each in reversed(replica.last_quarantined)]
    return {"reasons": dict(sorted(replica.quarantined.items())), "latest": latest[:20]}


def instruments(replica: Replica) -> Json:
    """Every instrument where it stands, by underlying and name, with a day (or less) in 48 points.

    ``spark`` holds, per step, the premium farthest from zero seen in it, ``null`` where nothing was.
    All rows share ``spark.from`` and ``spark.step_seconds``, so that they can be compared.
    """
    now = replica.now
    span = min(SPARK_NS, now - replica.first) if replica.first else SPARK_NS
    step = next((step for step in SPARK_STEPS if step * SPARK_POINTS >= span), SPARK_STEPS[-1])
    start = (now // step - SPARK_POINTS + 1) * step
    ordered = sorted(replica.instruments.values(), key=lambda basis: (basis.underlying, basis.instrument))
    rows = []
    for basis in ordered:
        shown = row(basis)
        shown["spark"] = spark(replica.histories[basis.instrument].points(start), start, step)
        rows.append(shown)
    shape = {"from": moment(max(start, 0)), "step_seconds": step / NS, "points": SPARK_POINTS}
    return {"now": moment(now), "spark": shape, "instruments": rows}


def spark(points: Iterable[Point], start: Ns, step: Ns) -> list[float | None]:
    """The premium farthest from zero in each of :data:`SPARK_POINTS` steps from ``start`` on."""
    out: list[float | None] = [None] * SPARK_POINTS
    for point in points:
        index = (point.ts - start) // step
        if not 0 <= index < SPARK_POINTS:
            continue
        for basis in (point.low, point.high):
            value, so_far = premium(basis), out[index]
            if value is not None and (so_far is None or abs(value) > abs(so_far)):
                out[index] = round(value, 4)
    return out


def instrument(replica: Replica, name: str, since: Ns = 0) -> Json | None:
    """One instrument with its past as columns, oldest first, and the incidents that touched it."""
    basis = replica.instruments.get(name)
    if basis is None:
        return None
    points = replica.histories[name].points(since)
    columns: Json = {"ts": [iso(point.ts) for point in points]}
    for field in ("price", "fair_value", "fair_value_sd"):
        columns[field] = [getattr(point, field) for point in points]
    for column, field in (("premium", "basis"), ("premium_low", "low"), ("premium_high", "high"),
                          ("band_low", "band_low"), ("band_high", "band_high")):  # fmt: skip
        columns[column] = [premium(getattr(point, field)) for point in points]
    columns["session"] = [point.session for point in points]
    columns["state"] = [point.state for point in points]
    touched = [i for i in replica.incidents.values() if name == i.instrument or name in i.venues]
    return {
        "now": moment(replica.now),
        "instrument": row(basis),
        "history": columns,
        "incidents": [row(each) for each in touched],
        "peers": sorted(
            other.instrument
            for other in replica.instruments.values()
            if other.underlying == basis.underlying and other.instrument != name
        ),
    }


def incidents(replica: Replica, *, open_only: bool = False, limit: int = 100) -> list[Json]:
    """Open ones first (the worst on top), then the resolved, latest first."""
    found = replica.open_incidents()
    if not open_only:
        resolved = [each for each in replica.incidents.values() if each.resolved is not None]
        found += sorted(resolved, key=lambda each: each.resolved or 0, reverse=True)
    return [incident_row(replica, each) for each in found[:limit]]


def incident_row(replica: Replica, incident: Incident) -> Json:
    """An incident with the latest plan made for it."""
    plan = replica.plan_for(incident.id)
    return {**row(incident), "plan": None if plan is None else row(plan)}


def incident(replica: Replica, incident_id: str) -> Json | None:
    """One incident with its turns, its plans and their fills."""
    found = replica.incidents.get(incident_id)
    if found is None:
        return None
    plans = [plan for plan in reversed(replica.plans.values()) if plan.incident_id == incident_id]
    ids = {plan.id for plan in plans}
    return {
        **incident_row(replica, found),
        "turns": [_turn(turn) for turn in replica.turns[incident_id]],
        "plans": [row(plan) for plan in plans],
        "fills": [row(fill) for fill in replica.fills.values() if fill.plan_id in ids],
    }


def plans(replica: Replica, *, limit: int = 100) -> list[Json]:
    """Plans, the latest first."""
    return [row(replica.plans[key]) for key in newest(replica.plans, limit)]


def fills(replica: Replica, *, limit: int = 100) -> list[Json]:
    """Fills, the latest first."""
    return [row(replica.fills[key]) for key in newest(replica.fills, limit)]


def changes(replica: Replica, keys: Iterable[Key]) -> Json:
    """What the stream says of the keys that changed, each as it stands now."""
    out: dict[str, Any] = {"now": moment(replica.now), "change": replica.version}
    for kind, name in keys:
        if kind == "instrument":
            out.setdefault("instruments", []).append(row(replica.instruments[name]))
        elif kind == "incident":
            out.setdefault("incidents", []).append(incident_row(replica, replica.incidents[name]))
        elif kind == "plan":
            out.setdefault("plans", []).append(row(replica.plans[name]))
        elif kind == "fill":
            out.setdefault("fills", []).append(row(replica.fills[name]))
        elif kind == "feed":
            out.setdefault("feeds", []).append(row(replica.feeds[name]))
        elif kind == "reference":
            out.setdefault("references", []).append(row(replica.references[name]))
        else:
            out["quarantined"] = quarantined(replica)
    return out


def _turn(turn: Turn) -> Json:
    return {**to_builtins(turn), "premium": premium(turn.basis)}


def moment(ns: Ns) -> str | None:
    """A time as ISO 8601, ``null`` before there was one."""
    return iso(ns) if ns else None
