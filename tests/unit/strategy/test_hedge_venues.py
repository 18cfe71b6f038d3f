"""Chains of several venues: each contract where least is asked, what is sold against it at the same place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.registry.model import Registry
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_choice import HedgeChoice, Hedger
from bot.strategy.hedge_quotes import HedgeQuotes, Way
from bot.strategy.hedge_ways import Wait
from bot.strategy.options import occ
from bot.timefmt import DAY_SECONDS, NS
from bot.types import split_instrument
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import shipped_registry

T, SPOT = world.START, world.SHARE
EXPIRY = world.EXPIRIES[1]
STRIKES = tuple(range(350, 441, 10))
ONE, OTHER = "alpaca", "elsewhere"


def registry(commission: float = 0.65) -> Registry:
    """With a second venue like the first."""
    known = shipped_registry()
    first = known.option_venues[ONE]
    return replace(
        known,
        option_venues=known.option_venues | {OTHER: replace(first, name=OTHER, commission_usd=commission)},
        venues=known.venues | {OTHER: replace(known.venues[ONE], name=OTHER)},
    )


def book(commission: float = 0.65) -> HedgeBook:
    return HedgeBook(registry(commission))


def quoted(into: HedgeBook, venue: str, *, ts: int = T, half: float = 0.05, **more: int) -> None:
    for strike in STRIKES:
        for kind in ("call", "put"):
            into.take(world.quote_of(world.option(strike, kind, EXPIRY, venue), ts, SPOT, half=half, **more))


def offered(of: HedgeBook, ts: int = T) -> HedgeQuotes:
    found = of.quotes("TSLA", ts, SPOT, lambda _symbol: 1.0)
    assert found is not None
    return found


def choose(quotes: HedgeQuotes, shares: float = 250.0, **changes: float) -> HedgeChoice:
    values = {"seconds": 3.0 * DAY_SECONDS, "sd": 0.03, "shortfall_ratio": 0.04} | changes
    return Hedger(Wait("TSLA", SPOT, quotes.chain.ts, **values), quotes, "none").choose(shares, 1e9)


def ways(quotes: HedgeQuotes) -> list[Way]:
    wait = Wait("TSLA", SPOT, quotes.chain.ts, 3.0 * DAY_SECONDS, 0.03)
    return list(Hedger(wait, quotes, "none").ways.of(250.0))


def puts(quotes: HedgeQuotes) -> dict[float, str]:
    return {
        each.contract.strike: split_instrument(each.instrument)[1] for each in quotes.chain.of(EXPIRY, "put")
    }


def test_each_contract_is_had_where_least_is_asked():
    of = book()
    quoted(of, ONE, half=0.05)
    quoted(of, OTHER, half=0.10)
    dear = world.option(380, "put", EXPIRY, ONE)
    of.take(world.quote_of(dear, T, SPOT, half=0.30))
    assert puts(offered(of)) == dict.fromkeys(STRIKES, ONE) | {380: OTHER}


def test_a_commission_is_part_of_what_is_asked():
    of = book(commission=3.0)
    quoted(of, ONE, half=0.06)
    quoted(of, OTHER, half=0.05)
    assert set(puts(offered(of)).values()) == {ONE}


def test_what_one_venue_alone_lists_is_there_too():
    of = book()
    quoted(of, ONE)
    late = world.option(400, "put", world.EXPIRIES[2], OTHER)
    of.take(world.quote_of(late, T, SPOT))
    chain = offered(of).chain
    assert chain.expiries(T) == [EXPIRY, world.EXPIRIES[2]]
    assert [each.instrument for each in chain.of(world.EXPIRIES[2], "put")] == [late]
    assert chain.of(world.EXPIRIES[0], "put") == []


def test_a_venue_that_has_fallen_silent_is_left_out_and_told():
    of = book()
    quoted(of, OTHER, half=0.01)
    now = T + 400 * NS
    quoted(of, ONE, ts=now)
    found = offered(of, now)
    assert set(puts(found).values()) == {ONE}
    (told,) = [each for each in found.aside if each.description == f"options on {OTHER}"]
    assert told.reason == "hedge.stale: the last of its options was quoted 6 min 40 s ago"


def test_an_old_quote_is_none_though_its_venue_speaks():
    of = book()
    quoted(of, OTHER, half=0.01)
    now = T + 400 * NS
    quoted(of, ONE, ts=now)
    fresh = world.option(390, "put", EXPIRY, OTHER)
    of.take(world.quote_of(fresh, now, SPOT, half=0.01))
    found = offered(of, now)
    assert puts(found) == dict.fromkeys(STRIKES, ONE) | {390: OTHER}
    assert f"{len(STRIKES) - 1} options on {OTHER}" in [each.description for each in found.chain.left_out()]


def test_where_all_are_silent_the_last_one_says_so():
    of = book()
    quoted(of, OTHER)
    quoted(of, ONE, ts=T + NS)
    found = offered(of, T + 400 * NS)
    assert found.chain.of(EXPIRY, "put") == []
    assert [each.description for each in found.chain.left_out()] == [f"{len(STRIKES)} options on {ONE}"]
    assert found.chain.venue == ONE


def test_where_least_is_asked_for_too_few_the_next_venue_sells():
    of = book()
    quoted(of, ONE, half=0.02, size=1)
    quoted(of, OTHER, half=0.05, size=200)
    choice = choose(offered(of))
    assert choice.chosen is not None
    assert choice.chosen.way.contracts >= 2
    assert {split_instrument(leg.instrument)[1] for leg in choice.chosen.way.legs} == {OTHER}
    small = choose(offered(of), 100.0)
    assert small.chosen is not None
    assert small.chosen.way.venue == ONE


def test_what_is_sold_against_it_is_sold_where_it_was_bought():
    of = book()
    quoted(of, ONE, half=0.05)
    quoted(of, OTHER, half=0.06)
    for strike in STRIKES[::2]:
        of.take(world.quote_of(world.option(strike, "put", EXPIRY, OTHER), T, SPOT, half=0.01))
    pairs = [way for way in ways(offered(of)) if len(way.legs) == 2]
    assert pairs
    for way in pairs:
        assert {split_instrument(leg.instrument)[1] for leg in way.legs} == {way.venue}
    assert {way.venue for way in pairs} == {ONE, OTHER}


def test_a_plan_says_where_and_how_old_the_quote_is():
    of = book()
    quoted(of, ONE, half=0.02)
    quoted(of, OTHER)
    found = offered(of, T + 90 * NS)
    assert any(" on alpaca, quoted 1 min 30 s ago" in way.description for way in ways(found))
    alone = HedgeBook(shipped_registry())
    quoted(alone, ONE)
    assert not any("quoted" in way.description for way in ways(offered(alone)))


def test_a_venue_where_this_desk_may_not_trade_is_not_among_them():
    of = HedgeBook(registry(), [OTHER])
    quoted(of, ONE)
    quoted(of, OTHER, half=0.01)
    found = offered(of)
    assert set(puts(found).values()) == {ONE}
    assert found.chain.venue == ONE


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(
    st.tuples(st.sampled_from([ONE, OTHER]), st.sampled_from(STRIKES)),
    st.tuples(st.floats(0.01, 2.0), st.integers(0, 5), st.integers(0, 600)), min_size=1))  # fmt: skip
def test_of_each_contract_none_that_is_fresh_asks_less(quotes):
    of = book(commission=0.65)
    now = T + 600 * NS
    for (venue, strike), (half, size, age) in quotes.items():
        name = world.option(strike, "put", EXPIRY, venue)
        of.take(world.quote_of(name, now - age * NS, SPOT, half=half, size=size))
    found = offered(of, now)
    fresh = [line for line in of.lines.values() if now - line.ts <= 300 * NS and line.bid is not None]
    least = {}
    for line in fresh:
        least[line.contract.strike] = min(line.ask, least.get(line.contract.strike, 1e9))
    shown = {each.contract.strike: each.ask for each in found.chain.of(EXPIRY, "put")}
    assert shown == least
    for each in found.chain.of(EXPIRY, "put"):
        same = found.chain.same(each)
        assert same[0] is each
        assert [one.ask for one in same] == sorted(one.ask for one in same)
        assert all(occ.parse(one.instrument.partition("@")[0]) == each.contract for one in same)
        assert found.chain.on(each).venue == split_instrument(each.instrument)[1]


@pytest.mark.parametrize(
    "bounds", [(0.0, 1e9), (380.0, 400.0), (381.0, 399.0), (500.0, 600.0), (400.0, 400.0)]
)
def test_between_two_strikes_both_are_included(bounds):
    low, high = bounds
    for venues in ((ONE,), (ONE, OTHER)):
        of = book()
        for venue in venues:
            quoted(of, venue)
        chain = offered(of).chain
        found = [each.contract.strike for each in chain.between(EXPIRY, "call", low, high)]
        assert found == [strike for strike in STRIKES if low <= strike <= high]
