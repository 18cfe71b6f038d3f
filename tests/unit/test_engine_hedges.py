"""Hedges in the engine: taken in, not judged, remembered; what cannot be is set aside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.engine import Engine
from bot.strategy import hedge_book
from bot.timefmt import NS
from bot.types import Quarantined, Tick
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import config, engine, shipped_registry

T, SPOT = world.START, world.SHARE
PUT = world.option(395, "put")


@pytest.fixture
def shared() -> Engine:
    return engine()


@pytest.fixture(scope="module")
def lasting() -> Engine:
    """One that has heard all sorts of things already."""
    return engine()


def reasons(messages) -> list[str]:
    return [message.reason for message in messages if isinstance(message, Quarantined)]


def test_a_quote_is_taken_in_without_a_word(shared):
    assert shared.step(world.quote_of(PUT, T, SPOT)) == []
    assert shared.step(world.perp(T, SPOT)) == []
    assert shared.step(world.offer(T)) == []
    assert set(shared.hedges.lines) >= {PUT, world.PERP, world.OFFER}
    assert shared.market.instruments == {}
    assert shared.market.references == {}


def test_a_quote_with_one_side_or_none_is_one(shared):
    name = world.option(400, "put")
    tick = world.quote_of(name, T, SPOT)
    assert shared.step(replace(tick, bid=None)) == []
    assert shared.step(replace(tick, bid=None, ask=None, ts=T + NS)) == []
    assert (shared.hedges.lines[name].bid, shared.hedges.lines[name].ask) == (None, None)


def test_a_crossed_quote_is_set_aside_and_the_one_before_no_longer_believed(shared):
    name = world.option(405, "put")
    tick = world.quote_of(name, T, SPOT)
    shared.step(tick)
    assert reasons(shared.step(replace(tick, bid=tick.ask + 1, ts=T + NS))) == ["crossed"]
    assert shared.hedges.lines[name].crossed
    shared.step(world.perp(T, SPOT))
    data = json.loads(world.perp(T, SPOT).data) | {"bid": SPOT + 1, "ask": SPOT}
    assert reasons(shared.step(replace(world.perp(T + NS, SPOT), data=json.dumps(data)))) == ["crossed"]
    assert shared.hedges.lines[world.PERP].crossed


@pytest.mark.parametrize(
    "name", ["ZZZZZ260619P00395000@alpaca", "ZZZZZ@krakenfutures", "TSLA-395-put-PERP@orca"]
)
def test_what_the_registry_does_not_know_is_set_aside_as_before(shared, name):
    assert reasons(shared.step(Tick(T, name, "quote", bid=1.0, ask=1.1))) == ["unknown_instrument"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bid": -1.0}, "bad_price"),
        ({"index": 0.0}, "bad_price"),
        ({"ask": 1e300}, "bad_price"),
        ({"funding_rate": 2.0}, "bad_data"),
        ({"bid": "dear"}, "bad_data"),
    ],
)
def test_numbers_of_a_perp_that_cannot_be(shared, change, reason):
    tick = world.perp(T + 10 * NS, SPOT)
    assert reasons(shared.step(replace(tick, data=json.dumps(json.loads(tick.data) | change)))) == [reason]
    assert reasons(shared.step(replace(tick, price=None))) == ["no_price"]


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from([PUT, world.PERP, world.OFFER, "TSLA@hyperliquid", world.option(500, "call")]),
    kind=st.sampled_from(["quote", "status", "trade"]),
    data=st.one_of(st.none(), st.text(max_size=30), st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
        lambda inner: st.dictionaries(
            st.sampled_from(["bid", "ask", "mark", "index", "bid_size", "funding_rate", "funding_hours",
                             "units", "volatility", "period_days", "markup", "terms", "state",
                             "impact_bid"]), inner),
        max_leaves=8).map(json.dumps)),
    price=st.one_of(st.none(), st.floats(1e-3, 1e6)),
    later=st.integers(0, 10),
)  # fmt: skip
def test_whatever_is_told_the_engine_lives_and_offers_make_sense(lasting, name, kind, data, price, later):
    lasting.step(Tick(T + later * NS, name, kind, price=price, data=data))
    found = lasting.hedges.quotes("TSLA", T + 20 * NS, SPOT, lasting.market.multiplier)
    if found is not None:
        for perp in found.perps:
            assert 0 < perp.bid <= perp.ask
            assert abs(perp.rate_hour()) <= perp.terms.funding_cap_hour
        for offer in found.perpetuals:
            assert 0 < offer.volatility < 10


def test_a_restart_in_the_middle_is_none():
    one = engine()
    for tick in [*world.chain(T, SPOT, (390, 395)), world.perp(T, SPOT), world.offer(T)]:
        one.step(tick)
    again = Engine(config(), shipped_registry())
    again.restore(one.snapshot())
    assert again.hedges.snapshot() == one.hedges.snapshot()
    assert again.snapshot() == one.snapshot()


def test_what_the_desk_holds_is_held_for_the_book_of_hedges(monkeypatch):
    made = Engine(config(), shipped_registry())
    names = [world.option(395, "put", expiry) for expiry in reversed(world.EXPIRIES)]
    monkeypatch.setattr(hedge_book, "MOST_OPTIONS", 1)
    made.strategy.desk.hedges = {names[0]: -3.0}
    for name in names:
        assert made.step(world.quote_of(name, T, SPOT)) == []
    assert names[0] in made.hedges.lines
