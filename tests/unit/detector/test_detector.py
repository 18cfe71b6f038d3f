"""When a price is a depeg, and when it is not."""

from __future__ import annotations

import pytest

from bot.timefmt import parse
from bot.types import Clock, Command, Tick
from tests.fixtures.engine import (
    SATURDAY,
    TUESDAY,
    engine,
    feed,
    incidents,
    quote,
    reference,
    seconds,
    trade,
)

TSLA, KRAKEN, BYBIT = "TSLA@yahoo", "TSLAx@kraken", "TSLAx@bybit"
MINUTE = seconds(60)
FRIDAY = parse("2026-06-12T19:59:50Z")
THAT_SATURDAY = parse("2026-06-13T15:00:00Z")


def settled(*names: str, price: float = 400.0, ts: int = TUESDAY):  # type: ignore[no-untyped-def]  # an Engine
    one = engine()
    feed(one, reference(ts, TSLA, price), *[quote(ts, name, price) for name in names or (KRAKEN,)])
    return one


def test_a_spike_opens_on_its_very_first_tick() -> None:
    one = settled()
    (found,) = incidents(feed(one, trade(TUESDAY + seconds(1), KRAKEN, 470)))
    assert found.phase == "open"
    assert found.opened == TUESDAY + seconds(1)
    assert found.basis == pytest.approx(0.1613, abs=1e-3)
    assert found.kind == "depeg"


def test_a_small_depeg_opens_when_it_has_lasted() -> None:
    one = settled()
    opened = []
    for n in range(1, 9):
        ts = TUESDAY + n * MINUTE
        opened += incidents(feed(one, reference(ts, TSLA, 400 + n / 100), quote(ts, KRAKEN, 410)))
    assert opened[0].phase == "open"
    assert opened[0].opened == TUESDAY + 6 * MINUTE


def test_a_small_excursion_that_ends_is_nothing() -> None:
    one = settled()
    for n in range(1, 12):
        ts = TUESDAY + n * MINUTE
        price = 410 if n < 4 else 400
        assert not incidents(feed(one, reference(ts, TSLA, 400 + n / 100), quote(ts, KRAKEN, price)))


def test_the_ordinary_spread_of_market_hours_is_nothing() -> None:
    one = settled()
    for n in range(1, 200):  # TSLAx: 90 % of market hours within 51 bp of the NBBO
        ts = TUESDAY + n * MINUTE
        price = 400 * (1 + 0.005 * (-1) ** n)
        assert not incidents(feed(one, reference(ts, TSLA, 400 + n / 100), quote(ts, KRAKEN, price)))


def test_weekend_drift_of_honest_venues_is_nothing() -> None:
    one = settled(KRAKEN, BYBIT, ts=FRIDAY)
    for n in range(48):
        ts = THAT_SATURDAY + n * 30 * MINUTE
        price = 400 * (1 + 0.0008 * n)  # +3.8 % by the end of it
        assert not incidents(feed(one, quote(ts, KRAKEN, price), quote(ts + 1, BYBIT, price * 1.002)))


def test_mondays_open_far_from_fridays_close_is_nothing() -> None:
    one = settled(KRAKEN, BYBIT, ts=FRIDAY)
    monday = parse("2026-06-15T13:30:00Z")
    for n in range(30):
        ts = monday - seconds(3600) + n * MINUTE
        assert not incidents(feed(one, quote(ts, KRAKEN, 424), quote(ts + 1, BYBIT, 424.5)))
    found = feed(one, *[reference(monday + n * seconds(1), TSLA, 423) for n in range(5)])
    found += feed(one, quote(monday + seconds(6), KRAKEN, 424))
    assert not incidents(found)


def test_a_single_liar_never_opens_an_incident_on_an_honest_venue() -> None:
    one = settled(KRAKEN, BYBIT, ts=FRIDAY)
    found = []
    for n in range(30):
        ts = THAT_SATURDAY + n * MINUTE
        found += incidents(feed(one, quote(ts, KRAKEN, 400.5), quote(ts + 1, BYBIT, 480)))
    assert {name for one_found in found for name in one_found.venues} == {BYBIT}


def test_a_lone_venue_without_any_reference_may_move_on_news() -> None:
    one = engine()
    feed(one, *[trade(SATURDAY + n * MINUTE, KRAKEN, 400) for n in range(10)])
    assert not incidents(feed(one, trade(SATURDAY + 11 * MINUTE, KRAKEN, 436)))


def test_but_not_by_a_quarter() -> None:
    one = engine()
    feed(one, *[trade(SATURDAY + n * MINUTE, KRAKEN, 400) for n in range(10)])
    assert incidents(feed(one, trade(SATURDAY + 11 * MINUTE, KRAKEN, 700)))


def test_a_bar_that_went_far_and_came_back_is_an_incident_though_its_close_is_fair() -> None:
    one = engine()
    hour = 60 * MINUTE
    for n in range(10):
        feed(one, Tick(SATURDAY + n * hour, KRAKEN, "bar", price=400, high=401, low=399, size=1000.0))
    wick = Tick(SATURDAY + 10 * hour, KRAKEN, "bar", price=400, high=401, low=277, size=4000.0)
    found = incidents(feed(one, wick))
    assert found[0].basis == pytest.approx(-0.367, abs=0.01)
    end = incidents(feed(one, Clock(SATURDAY + 11 * hour)))
    assert [one_found.phase for one_found in end] == ["resolve"]


def test_a_quote_nobody_would_trade_on_is_not_a_price() -> None:
    one = settled()
    empty_book = Tick(TUESDAY + seconds(1), KRAKEN, "quote", bid=100.0, ask=900.0)
    assert not incidents(feed(one, empty_book))


def open_spike():  # type: ignore[no-untyped-def]  # an Engine and its incident
    one = settled()
    (found,) = incidents(feed(one, trade(TUESDAY + seconds(1), KRAKEN, 470)))
    return one, found


def test_it_resolves_when_inside_for_long_enough_and_names_when_it_came_back() -> None:
    one, opened = open_spike()
    back = TUESDAY + seconds(30)
    assert not incidents(feed(one, trade(back, KRAKEN, 400)))
    assert not incidents(feed(one, trade(back + seconds(299), KRAKEN, 400.5)))
    (resolved,) = incidents(feed(one, reference(back + seconds(301), TSLA, 400.4)))
    assert (resolved.id, resolved.phase, resolved.resolved) == (opened.id, "resolve", back)
    assert "Resolved after 29 s" in resolved.explanation


def test_going_out_again_while_waiting_keeps_it_open() -> None:
    one, _ = open_spike()
    feed(one, trade(TUESDAY + seconds(30), KRAKEN, 400), trade(TUESDAY + seconds(200), KRAKEN, 465))
    assert not [
        found for found in incidents(feed(one, Clock(TUESDAY + seconds(400)))) if found.phase == "resolve"
    ]


def test_coming_back_within_the_window_is_the_same_incident() -> None:
    one, opened = open_spike()
    feed(one, trade(TUESDAY + seconds(30), KRAKEN, 400), Clock(TUESDAY + seconds(400)))
    (again,) = incidents(feed(one, reference(TUESDAY + seconds(600), TSLA, 400.1),
                              trade(TUESDAY + seconds(601), KRAKEN, 480)))  # fmt: skip
    assert (again.id, again.phase, again.resolved) == (opened.id, "escalate", None)


def test_a_halted_or_silent_venue_never_closes_it() -> None:
    one, _ = open_spike()
    halted = Tick(TUESDAY + seconds(60), KRAKEN, "status", data='{"state": "halted", "reason": "review"}')
    later = feed(one, halted, *[Clock(TUESDAY + n * 60 * MINUTE) for n in range(1, 48)])
    assert not incidents(later)
    assert one.detector.open


def test_one_move_of_all_venues_is_one_incident_with_many_instruments() -> None:
    one = settled(KRAKEN, BYBIT, "TSLAx@gate")
    found = []
    for n, name in enumerate((KRAKEN, BYBIT, "TSLAx@gate"), 1):
        found += incidents(feed(one, trade(TUESDAY + seconds(n), name, 450 + n)))
    assert len({one_found.id for one_found in found}) == 1
    assert found[-1].venues == [KRAKEN, BYBIT, "TSLAx@gate"]
    assert found[-1].cause == "broad_premium"


def test_it_resolves_only_when_the_last_venue_is_back() -> None:
    one = settled(KRAKEN, BYBIT)
    feed(one, trade(TUESDAY + seconds(1), KRAKEN, 450), trade(TUESDAY + seconds(2), BYBIT, 450))
    feed(one, trade(TUESDAY + seconds(3), KRAKEN, 400), reference(TUESDAY + seconds(500), TSLA, 400.1))
    assert one.detector.open
    feed(one, trade(TUESDAY + seconds(501), BYBIT, 400), Clock(TUESDAY + seconds(900)))
    assert not one.detector.open


def test_a_split_at_midnight_raises_no_alarm_before_the_share_trades_on_it() -> None:
    one = settled(KRAKEN, ts=FRIDAY)
    split = [Tick(FRIDAY + n, "TSLAx@solana", "multiplier", data=f'{{"multiplier": {n}.0}}') for n in (1, 3)]
    found = feed(one, *split, *[trade(THAT_SATURDAY + n * MINUTE, KRAKEN, 400 + n) for n in range(1, 9)])
    assert not incidents(found)


def test_acknowledging_and_muting_are_said_on_the_incident() -> None:
    one, opened = open_spike()
    told = incidents(one.step(Command(TUESDAY + seconds(5), "acknowledge", opened.id, by="ann")))
    assert told[0].acknowledged_by == "ann"
    until = TUESDAY + 60 * MINUTE
    told = incidents(one.step(Command(TUESDAY + seconds(6), "mute", KRAKEN, until=until)))
    assert told[0].muted_until == until


def test_an_id_is_the_same_wherever_the_same_ticks_were_seen() -> None:
    assert open_spike()[1].id == open_spike()[1].id
