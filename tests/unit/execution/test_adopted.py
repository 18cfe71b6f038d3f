"""Hedges made again from the fills that the ledger has of them, by a broker that remembers nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.execution.adopted import positions_of
from bot.execution.margin import Position
from bot.ledger.reconcile import hedged
from bot.timefmt import NS
from bot.types import Fill
from tests.unit.execution import desk as plain
from tests.unit.execution.desk import BROKER, ISSUER, T
from tests.unit.execution.hedged import CALL, FRIDAY, HOUR, OFFER, PERP, PUT, HedgedDesk, actions, leg

MINT = plain.leg("mint", ISSUER, 10.0, 221.0, limit_price=1e9, delay_seconds=10 * 86_400.0)


def hedging() -> HedgedDesk:
    """One plan with one of each, for as long as the tokens are on their way."""
    desk = HedgedDesk()
    desk.perp(219.9, 220.1, rate=1e-5)
    desk.option(PUT, 7.57, 7.67)
    desk.option(CALL, 8.13, 8.23)
    desk.offer()
    desk.execute(
        leg("hedge", PERP, "sell", 10, 219.9, margin=500.0), leg("hedge", PUT, "buy", 1, 767.0),
        leg("hedge", CALL, "sell", 1, 813.0, margin=9_000.0),
        leg("hedge", OFFER, "buy", 10, 0.0, margin=200.0), MINT,
    )  # fmt: skip
    return desk


def carried(desk: HedgedDesk) -> list[Position]:
    """What the broker has, by its own memory."""
    memory = desk.broker.snapshot()["hedges"]["positions"]
    return _told(Position(**_typed(one)) for one in memory)


def _told(positions: Iterable[Position]) -> list[Position]:
    """In order; the closes at which an option sold was not assigned are in no book."""
    found = sorted(positions, key=lambda one: one.id)
    for one in found:
        if (one.kind, one.side) == ("option", "sell"):
            one.due = 0
    return found


def _typed(plainly: dict[str, object]) -> dict[str, object]:
    exact = ("quantity", "usd", "coins", "coin_usd")
    return {key: Decimal(str(value)) if key in exact else value for key, value in plainly.items()}


def again(desk: HedgedDesk) -> list[Position]:
    """What its fills say."""
    return _told(positions_of(desk.fills, desk.hedges.kind_of))


def forget(desk: HedgedDesk, booked: Iterable[Fill]) -> list[str]:
    """A new broker that has only the books."""
    desk.broker = desk.new_broker()
    desk.broker.attach(desk.hedges, desk.market)
    return desk.broker.adopt_hedges(booked)


def test_one_of_each_is_as_it_was_remembered_hour_by_hour():
    desk = hedging()
    assert len(carried(desk)) == 4
    assert again(desk) == carried(desk)
    for hour in range(1, 80):
        desk.now = T + hour * HOUR
        desk.stock(220.0 - hour / 40)
        desk.perp(219.9 - hour / 40, 220.1 - hour / 40, rate=1e-5)
        desk.wait(desk.now)
        assert again(desk) == carried(desk)


def test_what_has_ended_is_there_no_more_and_what_was_delivered_is():
    desk = hedging()
    desk.now = FRIDAY
    desk.stock(210.0)
    desk.perp(400.0, 400.2)
    assert "liquidate_short" in actions(desk.fills)
    done = actions(desk.wait(FRIDAY + 61 * NS))
    assert {"exercise", "expire_short", "funding_paid"} <= set(done)
    assert [one.kind for one in again(desk)] == ["shares", "perpetual"]
    assert again(desk) == carried(desk)


@given(st.lists(st.sampled_from([PERP, PUT, CALL, OFFER]), min_size=1, max_size=6), st.integers(0, 30))
def test_whatever_is_opened_and_closed_the_fills_say_what_is_left(names, hours):
    sides = {PERP: "sell", PUT: "buy", CALL: "sell", OFFER: "buy"}
    desk = hedging()
    for number, name in enumerate(names):
        desk.now = T + hours * HOUR + number * 60 * NS
        desk.perp(219.9, 220.1, rate=1e-5)
        desk.option(PUT, 7.57, 7.67, size=1_000)
        desk.option(CALL, 8.13, 8.23, size=1_000)
        desk.stock(220.0)
        desk.wait(desk.now)
        out = "buy" if sides[name] == "sell" else "sell"
        order = [leg("hedge", name, sides[name], 1, 500.0, margin=9_000.0)]
        if number % 2:
            order.append(leg("unhedge", name, out, 1, 500.0))
        made = plain.plan(*order, id=f"q{number}", expires=desk.now + NS)
        desk.fills += desk.broker.execute(made, desk.market, desk.now)
        assert again(desk) == carried(desk)


def test_a_coin_as_margin_is_counted_in_the_coin():
    desk = HedgedDesk()
    desk.stock(200.0)
    desk.fair = replace(desk.fair, value_usd=200.0)
    desk.market.token_usd = lambda _symbol, _ts: 200.0
    desk.offer(coin="AMZNx")
    desk.execute(leg("hedge", OFFER, "buy", 10, 20.0, margin=400.0), MINT)
    assert again(desk) == carried(desk)
    (one,) = again(desk)
    assert (one.coin, one.coin_usd) == ("AMZNx", Decimal(200))
    assert one.coins > 0


def test_a_broker_without_memory_takes_them_over_and_goes_on():
    desk = hedging()
    desk.wait(T + 5 * HOUR)
    desk.perp(219.9, 220.1, rate=1e-5)
    found = forget(desk, desk.fills)
    assert found == [
        "10 AMZN@krakenfutures (sell, p1)", "1 AMZN250711P00220000@alpaca (buy, p1)",
        "1 AMZN250711C00220000@alpaca (sell, p1)", "10 AMZN-220-put-PERP@fufuture (buy, p1)",
    ]  # fmt: skip
    assert desk.broker.watched == {PERP}
    assert desk.hedges.carried(PUT)
    assert desk.broker.state_of("p1") == "stranded"
    assert desk.broker.next_due == T + 6 * HOUR
    assert actions(desk.wait(T + 6 * HOUR)) == ["funding_received"]
    assert desk.broker.adopt_hedges(desk.fills) == []
    before = len(desk.fills)
    desk.now = FRIDAY
    desk.stock(230.0)
    desk.perp(219.9, 220.1, rate=1e-5)
    desk.wait(FRIDAY + 61 * NS)
    desk.perp(400.0, 400.2)
    ended = {"expire_long", "assign", "funding_paid", "liquidate_short"}
    assert ended <= set(actions(desk.fills[before:]))
    assert len({fill.id for fill in desk.fills}) == len(desk.fills)
    left = hedged(desk.books().positions())
    assert left == {OFFER: 10.0, "AMZN": -100.0}


def test_what_it_remembers_is_not_taken_over_twice():
    desk = hedging()
    desk.again()
    before = carried(desk)
    assert desk.broker.adopt_hedges(desk.fills) == []
    assert carried(desk) == before
    assert desk.broker.state_of("p1") == "settling"


def test_what_the_registry_no_longer_knows_and_shares_sold_short_are_left_to_the_books():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    desk.execute(
        plain.leg("hedge", BROKER, limit_price=1e-9), leg("hedge", PERP, "sell", 1, 219.9, margin=50.0)
    )
    assert [one.instrument for one in again(desk)] == [PERP]
    assert positions_of(desk.fills, lambda _name: None) == []


@pytest.mark.parametrize("hours", [30, 24 * 400])
def test_an_option_sold_is_not_assigned_by_closes_that_nobody_watched(hours):
    desk = hedging()
    booked = list(desk.fills)
    desk.fair = None
    desk.hedges.lines.clear()
    desk.hedges.shares.clear()
    forget(desk, booked)
    desk.wait(T + hours * HOUR)
    assert desk.broker.next_due is not None
    assert desk.broker.next_due > T + hours * HOUR
    assert "assign" not in actions(desk.fills)
