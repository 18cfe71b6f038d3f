"""Tapes of bars of one pool or a few, and nothing else: what comes back by itself was an excursion."""

from __future__ import annotations

from bot.timefmt import NS
from bot.types import Incident, Tick
from tests.fixtures.engine import SATURDAY, engine, feed, incidents

POOL, SIBLING = "TSLAx@orca:9p7a", "TSLAx@raydium:8aDa"
HOUR = 3600 * NS
QUIET = [400, 401, 399, 400, 402, 401, 400, 399, 401, 400, 402, 401, 400]


def bar(n: int, price: float, name: str = POOL, high: float = 0.0, low: float = 0.0) -> Tick:
    return Tick(
        SATURDAY + n * HOUR, name, "bar", price=price, high=high or price, low=low or price, size=900.0
    )


def told(*bars: Tick) -> list[Incident]:
    one = engine()
    found = incidents(feed(one, *[bar(n, price) for n, price in enumerate(QUIET)]))
    return found + incidents(feed(one, *bars))


def test_a_bar_that_went_far_and_the_next_that_came_back_are_an_incident_of_that_bar() -> None:
    (found,) = told(bar(13, 440), bar(14, 401))
    assert found.opened == SATURDAY + 13 * HOUR
    assert found.detected == SATURDAY + 14 * HOUR
    assert round(found.price or 0) == 440
    assert found.cause == "thin_liquidity"
    assert "seen 1 h later, when the price had come back" in found.evidence


def test_so_is_one_that_took_two_bars_to_come_back() -> None:
    (found,) = told(bar(13, 440), bar(14, 436), bar(15, 402))
    assert found.opened == SATURDAY + 13 * HOUR


def test_one_that_stays_is_news() -> None:
    assert not told(*[bar(n, 440) for n in range(13, 20)])


def test_one_that_comes_half_way_back_is_news_too() -> None:
    assert not told(bar(13, 440), bar(14, 421), bar(15, 420), bar(16, 421))


def test_what_is_usual_for_this_pool_is_no_excursion() -> None:
    one = engine()
    wild = [400 * (1.0 + 0.03 * (-1) ** n) for n in range(30)]
    assert not incidents(feed(one, *[bar(n, price) for n, price in enumerate(wild)]))


def test_a_move_that_the_other_pools_bar_of_the_same_hour_shows_too_is_news() -> None:
    one = engine()
    for n, price in enumerate(QUIET):
        feed(one, bar(n, price), bar(n, price, SIBLING))
    found = incidents(feed(one, bar(13, 440), bar(13, 441, SIBLING), bar(14, 440), bar(14, 441, SIBLING)))
    assert not found


def test_a_drop_in_one_pool_while_the_other_stood_is_told_as_of_its_hour() -> None:
    one = engine()
    for n, price in enumerate(QUIET):
        feed(one, bar(n, price), bar(n, price, SIBLING))
    found = incidents(feed(one, bar(13, 350), bar(13, 400, SIBLING), bar(14, 400), bar(14, 400, SIBLING)))
    assert [(one.instrument, one.opened) for one in found] == [(POOL, SATURDAY + 13 * HOUR)]
    assert f"{SIBLING} stood at fair value" in found[0].evidence


def test_a_wick_that_the_other_pool_has_too_is_a_market_move() -> None:
    one = engine()
    for n, price in enumerate(QUIET):
        feed(one, bar(n, price), bar(n, price, SIBLING))
    both = [bar(13, 400, low=360), bar(13, 400, SIBLING, low=362), bar(14, 400), bar(14, 400, SIBLING)]
    assert not incidents(feed(one, *both))


def test_a_dead_pool_that_wakes_far_off_is_told_at_once() -> None:
    one = engine()
    feed(one, bar(0, 7282))
    found = incidents(feed(one, bar(24 * 40, 54_424)))
    assert found
    assert found[0].opened == SATURDAY + 24 * 40 * HOUR
