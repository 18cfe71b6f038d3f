"""What the API says: percent where people read, ISO times, nothing that is not a number."""

from __future__ import annotations

import json
import re
from math import log
from typing import Any

import msgspec
import pytest

from bot.timefmt import NS, iso
from bot.web import views
from bot.web.replica import Replica
from tests.fixtures.messages import T, basis, incident, plan
from tests.unit.web import world


@pytest.fixture(scope="module")
def replica() -> Replica:
    return world.replica()


def test_a_premium_is_the_basis_in_percent() -> None:
    assert views.premium(log(106.44)) == pytest.approx(10_544)
    assert views.premium(0.0) == 0
    assert views.premium(None) is None


def test_a_basis_beyond_any_number_has_no_premium() -> None:
    assert views.premium(5_000.0) is None


def test_nothing_in_any_answer_is_not_a_number(replica: Replica) -> None:
    odd = Replica()
    odd.apply(basis(price=float("nan"), basis=float("inf"), fair_value_sd=float("nan")), T)
    for each in (replica, odd):
        everything: list[Any] = [
            views.status(each, version="1", notice="", ready=(True, "")),
            views.instruments(each),
            [views.instrument(each, name) for name in each.instruments],
            views.incidents(each),
            views.plans(each),
            views.fills(each),
            views.changes(each, each.changes(0)),
        ]
        text = msgspec.json.encode(everything).decode()
        json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} in JSON"))


def test_every_time_is_iso_with_nanoseconds(replica: Replica) -> None:
    row = views.incidents(replica)[0]
    for key in ("opened", "last_seen"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", row[key])


def test_open_incidents_come_first_each_with_its_latest_plan(replica: Replica) -> None:
    rows = views.incidents(replica)
    assert [row["id"] for row in rows] == [world.SPIKE.id, world.DRIFT.id, world.PAST.id]
    assert rows[1]["plan"]["id"] == world.TRADE.id
    assert [row["id"] for row in views.incidents(replica, open_only=True)] == [world.SPIKE.id, world.DRIFT.id]
    assert len(views.incidents(replica, limit=1)) == 1


def test_the_past_of_an_instrument_is_columns_of_one_length(replica: Replica) -> None:
    answer = views.instrument(replica, world.SPIKED)
    assert answer is not None
    columns = answer["history"]
    assert {len(column) for column in columns.values()} == {len(columns["ts"])}
    assert max(high for high in columns["premium_high"] if high is not None) > 10_000
    assert [each["id"] for each in answer["incidents"]] == [world.SPIKE.id]
    assert answer["peers"] == ["AMZNx@kraken", "AMZNx@raydium:6m5aXAve"]


def test_a_part_of_the_past_can_be_asked_for(replica: Replica) -> None:
    answer = views.instrument(replica, world.SPIKED, world.END - 600 * NS)
    assert answer is not None
    assert answer["history"]["ts"][0] == iso(world.END - 600 * NS)


def test_sparks_share_one_axis_and_keep_the_spike(replica: Replica) -> None:
    answer = views.instruments(replica)
    assert {len(row["spark"]) for row in answer["instruments"]} == {answer["spark"]["points"]}
    rows = {row["instrument"]: row for row in answer["instruments"]}
    assert max(value for value in rows[world.SPIKED]["spark"] if value is not None) > 10_000
    assert set(rows[world.UNPRICED]["spark"]) == {None}


def test_a_young_bot_shows_its_minutes_and_not_an_empty_day() -> None:
    replica = Replica()
    for n in range(30):
        replica.apply(basis(ts=T + n * 60 * NS), T + n * 60 * NS)
    answer = views.instruments(replica)
    assert answer["spark"]["step_seconds"] == 60
    assert sum(value is not None for value in answer["instruments"][0]["spark"]) == 30


def test_before_the_first_price_there_is_no_time_and_nothing_fails() -> None:
    empty = Replica()
    assert views.status(empty, version="1", notice="", ready=(False, "starting"))["now"] is None
    assert views.instruments(empty)["instruments"] == []
    assert views.incident(empty, "x") is None
    assert views.instrument(empty, "x") is None


def test_changes_say_how_each_thing_stands_now() -> None:
    replica = Replica()
    for message in (basis(price=1.0), basis(price=2.0), incident(), plan()):
        replica.apply(message, T)
    told = views.changes(replica, replica.changes(0))
    assert [row["price"] for row in told["instruments"]] == [2.0]
    assert told["incidents"][0]["plan"]["id"] == "p1"
    assert told["now"] == iso(T)
