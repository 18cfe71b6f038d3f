"""While New York sleeps: what all venues carry together is news, what one carries alone is not."""

from __future__ import annotations

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Incident, Tick
from tests.fixtures.engine import engine, feed, incidents, quote, reference, seconds, trade

TSLA = "TSLA@yahoo"
VENUES = ("TSLAx@kraken", "TSLAx@bybit", "TSLAx@gate")
MINUTE = seconds(60)
EVENING = parse("2026-06-16T20:30:00Z")
"""Post-market: the reference still speaks."""
MORNING = parse("2026-06-17T13:00:00Z")


def walk(one: Engine, start: int, prices: list[float], share: float = 400.0, step: int = 2) -> list[Incident]:
    """All venues at these prices, one after another; the reference stays, a cent to and fro."""
    found = []
    for n, price in enumerate(prices):
        ts = start + n * step * MINUTE
        found += incidents(feed(one, reference(ts, TSLA, share + 0.01 * (n % 2))))
        found += incidents(feed(one, *[quote(ts + 1 + k, name, price) for k, name in enumerate(VENUES)]))
    return found


def test_a_premium_that_all_venues_drift_into_is_news() -> None:
    prices = [400 * (1 + 0.0004 * n) for n in range(100)]  # +4 % within three hours
    assert not walk(engine(), EVENING, prices)


def test_one_that_they_jump_into_together_is_a_broad_premium() -> None:
    prices = [400.0] * 40 + [400 * (1 + 0.01 * n) for n in range(1, 9)] + [432.0] * 10
    found = walk(engine(), EVENING, prices)
    assert found[-1].cause == "broad_premium"
    assert set(found[-1].venues) == set(VENUES)
    assert len({one.id for one in found}) == 1


def test_a_venue_that_leaves_all_others_is_told_though_it_stands_at_the_shares_price() -> None:
    one = engine()
    drift = [400 * (1 - 0.0005 * n) for n in range(70)]
    assert not walk(one, EVENING, drift)
    found = []
    for n in range(20):
        ts = EVENING + (140 + 2 * n) * MINUTE
        feed(one, reference(ts, TSLA, 400 + 0.01 * (n % 2)), *[quote(ts + 1, v, 386) for v in VENUES[1:]])
        found += incidents(feed(one, quote(ts + 2, VENUES[0], 400)))
    assert found
    assert found[0].venues == [VENUES[0]]


def test_news_while_the_reference_speaks_gives_venues_time_to_follow() -> None:
    one = engine()
    walk(one, EVENING, [400.0] * 20)
    later = EVENING + 40 * MINUTE
    found = []
    for n, price in enumerate([404, 412, 420, 425, 428, 430, 431, 432, 432, 432]):
        ts = later + n * MINUTE
        found += incidents(feed(one, reference(ts, TSLA, 432 + 0.01 * n)))
        found += incidents(feed(one, *[quote(ts + 1, name, price) for name in VENUES]))
    assert not found


def test_what_they_carry_melts_away_after_the_open_and_is_no_alarm_meanwhile() -> None:
    one = engine()
    drift = [400 * (1 + 0.0015 * n) for n in range(16)]  # +2.3 % in half an hour before the open
    assert not walk(one, MORNING, drift)
    melting = [400 * (1 + 0.0225 * 0.5 ** (n / 18)) for n in range(60)]
    assert not walk(one, MORNING + 32 * MINUTE, melting, step=1)


def test_a_gap_of_14_percent_that_everybody_follows_is_no_alarm() -> None:
    one = engine()
    friday, monday = parse("2026-06-12T19:59:00Z"), parse("2026-06-15T08:00:00Z")
    feed(one, reference(friday, TSLA, 400), *[quote(friday + 1, name, 400) for name in VENUES])
    found = []
    for n, share in enumerate([456.0] * 30):
        ts = monday + n * MINUTE
        found += incidents(feed(one, reference(ts, TSLA, share + 0.01 * n)))
        price = 456 - 56 * 0.5 ** (n / 2)
        found += incidents(feed(one, *[quote(ts + 1, name, price) for name in VENUES]))
    assert not found


def test_an_incident_is_not_closed_because_nobody_knows_fair_value_any_more() -> None:
    one = engine()
    walk(one, EVENING, [400.0] * 30)
    feed(one, *[trade(EVENING + 61 * MINUTE, VENUES[0], 450)])
    assert one.detector.open
    night = parse("2026-06-17T00:10:00Z")
    for n in range(60):
        feed(one, *[trade(night + n * 5 * MINUTE, VENUES[0], 450)])
    assert one.detector.open
    back = feed(one, *[trade(night + (300 + n) * MINUTE, VENUES[0], 400) for n in range(8)])
    assert [found.phase for found in incidents(back)] == ["resolve"]


def test_the_session_names_are_not_needed_where_no_reference_ever_spoke() -> None:
    one = engine()
    bars = [
        Tick(EVENING + n * 60 * MINUTE, "TSLAx@orca:9p7a", "bar", price=400 + n % 3, high=404, low=399)
        for n in range(30)
    ]
    assert not incidents(feed(one, *bars))
