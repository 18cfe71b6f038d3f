"""The replica: latest state wins, everything is bounded, and a reader can ask what changed."""

from __future__ import annotations

import tracemalloc

from bot.timefmt import NS
from bot.types import FeedStatus, Quality, Quarantined
from bot.web import views
from bot.web.replica import MAX_KEYS, MAX_TURNS, Replica
from tests.fixtures.messages import T, basis, fill, incident, plan


def test_time_is_the_engines_and_never_runs_back() -> None:
    replica = Replica()
    replica.apply(basis(), T + NS)
    replica.apply(basis(ts=T), T)
    assert replica.now == T + NS


def test_an_older_state_of_an_incident_never_replaces_a_newer_one() -> None:
    replica = Replica()
    replica.apply(incident(last_seen=T + 9, severity="critical"), T)
    replica.apply(incident(last_seen=T, severity="info"), T)
    assert replica.incidents["i1"].severity == "critical"


def test_open_incidents_come_worst_first_and_then_newest() -> None:
    replica = Replica()
    for id_, severity, opened in (
        ("a", "info", 1),
        ("b", "critical", 2),
        ("c", "critical", 3),
        ("d", "warning", 4),
    ):
        replica.apply(incident(id=id_, severity=severity, opened=T + opened), T)
    replica.apply(incident(id="gone", resolved=T + 1), T)
    assert [each.id for each in replica.open_incidents()] == ["c", "b", "d", "a"]


def test_the_ring_forgets_resolved_incidents_before_open_ones() -> None:
    replica = Replica(ring=3)
    replica.apply(incident(id="open"), T)
    for n in range(10):
        replica.apply(incident(id=f"r{n}", resolved=T), T)
    assert set(replica.incidents) == {"open", "r8", "r9"}
    assert set(replica.turns) == set(replica.incidents)


def test_even_open_incidents_are_bounded() -> None:
    replica = Replica(ring=3)
    for n in range(10):
        replica.apply(incident(id=f"o{n}"), T)
    assert list(replica.incidents) == ["o7", "o8", "o9"]


def test_turns_are_the_opening_and_what_mattered_since() -> None:
    replica = Replica()
    replica.apply(incident(severity="info"), T)
    replica.apply(incident(phase="update"), T)
    for _ in range(100):
        replica.apply(incident(phase="escalate"), T)
    turns = replica.turns["i1"]
    assert turns[0].severity == "info"
    assert "update" not in {turn.phase for turn in turns}
    assert len(turns) <= MAX_TURNS + 1


def test_the_latest_plan_of_an_incident_is_found_until_the_ring_forgets_it() -> None:
    replica = Replica(ring=2)
    replica.apply(plan(id="p1"), T)
    replica.apply(plan(id="p2"), T)
    latest = replica.plan_for("i1")
    assert latest is not None
    assert latest.id == "p2"
    for n in range(2):
        replica.apply(plan(id=f"other{n}", incident_id="i9"), T)
    assert replica.plan_for("i1") is None
    assert len(replica.plans) == 2


def test_fills_feeds_and_reasons_are_bounded() -> None:
    replica = Replica(ring=5)
    for n in range(1000):
        replica.apply(fill(id=f"f{n}"), T)
        replica.apply(FeedStatus(f"s{n}", "up", T, None, 0, 0), T)
        replica.apply(Quarantined(T, "X", f"reason {n}", ""), T)
    assert list(replica.fills) == [f"f{n}" for n in range(995, 1000)]
    assert len(replica.feeds) == MAX_KEYS
    assert len(replica.quarantined) == MAX_KEYS + 1
    assert replica.quarantined["other"] == 1000 - MAX_KEYS
    assert len(replica.changes(0)) <= 5 + MAX_KEYS + 1


def test_how_good_references_are_is_kept_by_name_and_of_instruments_the_metrics_tell() -> None:
    replica = Replica(max_instruments=2)
    for name in ("AMZN@yahoo", "AMZNx@kraken", "AMZN@pyth", "AMZN@alpaca"):
        replica.apply(Quality(T, name, "AMZN", 0.5, "late", 1.0, weight_ratio=0.25), T)
    assert sorted(replica.references) == ["AMZN@pyth", "AMZN@yahoo"]
    since = replica.version
    replica.apply(Quality(T, "AMZN@pyth", "AMZN", 0.75, "", 1.0), T)
    assert replica.changes(since) == [("reference", "AMZN@pyth")]
    told = views.changes(replica, replica.changes(since))["references"]
    assert [(one["instrument"], one["score"]) for one in told] == [("AMZN@pyth", 0.75)]
    assert [one["instrument"] for one in views.references(replica)] == ["AMZN@pyth", "AMZN@yahoo"]


def test_instruments_beyond_the_bound_are_counted_and_not_kept() -> None:
    replica = Replica(max_instruments=2)
    for n in range(5):
        replica.apply(basis(f"T{n}@v"), T)
    assert sorted(replica.instruments) == ["T0@v", "T1@v"]
    assert replica.dropped_instruments == 3


def test_a_reader_is_told_each_thing_once_however_often_it_changed() -> None:
    replica = Replica()
    replica.apply(basis("A@v"), T)
    seen = replica.version
    assert replica.changes(seen) == []
    for _ in range(50):
        replica.apply(basis("B@v"), T)
        replica.apply(basis("A@v"), T)
    replica.apply(incident(), T)
    assert replica.changes(seen) == [("instrument", "B@v"), ("instrument", "A@v"), ("incident", "i1")]


def test_a_reader_too_far_behind_misses_the_oldest_changes_first() -> None:
    replica = Replica()
    for n in range(10):
        replica.apply(basis(f"T{n}@v"), T)
    assert [name for _, name in replica.changes(0, limit=3)] == ["T7@v", "T8@v", "T9@v"]


def test_an_instrument_with_a_full_past_takes_less_than_40_kib() -> None:
    instruments = 5
    tracemalloc.start()
    try:
        replica = Replica()
        before, _ = tracemalloc.get_traced_memory()
        for n in range(3000):
            for i in range(instruments):
                replica.apply(basis(f"T{i}@v", ts=T + n * 240 * NS), T)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / instruments < 40 * 1024
