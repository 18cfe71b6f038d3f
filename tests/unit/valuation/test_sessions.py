"""Sessions of New York, and the variance that accrues in them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.config import ValuationSection
from bot.timefmt import NS, iso, parse
from bot.valuation import SessionClock


@pytest.fixture
def clock() -> SessionClock:
    return SessionClock(ValuationSection())


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2025-07-03T13:29:59Z", "pre"),
        ("2025-07-03T13:30:00Z", "regular"),
        ("2025-07-03T16:59:59Z", "regular"),
        ("2025-07-03T17:00:00Z", "post"),  # a half-day closes at 13:00 in New York
        ("2025-07-03T21:30:00Z", "holiday"),  # its post-market ends at 17:00, and the 4th follows
        ("2025-07-04T15:00:00Z", "holiday"),
        ("2025-07-05T15:00:00Z", "weekend"),
        ("2025-07-06T23:59:59Z", "weekend"),
        ("2025-07-07T00:00:00Z", "overnight"),  # Sunday 20:00 in New York
        ("2025-07-07T08:00:00Z", "pre"),
        ("2025-07-07T20:00:00Z", "post"),
        ("2025-01-09T15:00:00Z", "holiday"),  # a day of mourning no rule would know
        ("2026-11-25T21:30:00Z", "post"),
        ("2026-11-26T05:00:00Z", "holiday"),  # Thanksgiving, from midnight in New York
        ("2026-11-26T15:00:00Z", "holiday"),
        ("2026-11-27T01:00:00Z", "overnight"),  # its evening belongs to Friday
        ("2026-11-27T14:30:00Z", "regular"),
        ("2026-11-27T17:59:59Z", "regular"),
        ("2026-11-27T18:00:00Z", "post"),  # a half-day: closed at 13:00, post until 17:00
        ("2026-11-27T22:00:00Z", "weekend"),
        ("2026-12-24T18:00:00Z", "post"),  # Christmas Eve
        ("2026-12-25T15:00:00Z", "holiday"),
        ("2026-07-02T20:30:00Z", "post"),  # no half-day: the 4th is a Saturday, kept on Friday
        ("2026-07-03T15:00:00Z", "holiday"),
        ("2027-12-24T15:00:00Z", "holiday"),  # Christmas on a Saturday, kept on Friday
        ("2026-03-06T14:29:59Z", "pre"),  # the last Friday of winter time
        ("2026-03-06T14:30:00Z", "regular"),
        ("2026-03-09T00:00:00Z", "overnight"),  # Sunday 20:00, an hour earlier by UTC
        ("2026-03-09T13:30:00Z", "regular"),
        ("2026-11-02T00:59:59Z", "weekend"),  # summer time has ended that morning
        ("2026-11-02T01:00:00Z", "overnight"),
        ("2026-11-02T14:30:00Z", "regular"),
        ("2025-12-05T14:29:00Z", "pre"),  # winter time
        ("2025-12-05T14:30:00Z", "regular"),
    ],
)
def test_session_of_a_moment(clock: SessionClock, moment: str, session: str) -> None:
    assert clock.session(parse(moment)) == session


def test_a_year_of_variance_time_is_a_year(clock: SessionClock) -> None:
    start, end = parse("2025-01-02T00:00:00Z"), parse("2026-01-02T00:00:00Z")
    assert clock.variance_time(end) - clock.variance_time(start) == pytest.approx(1.0, abs=0.02)


def test_variance_time_never_runs_back_and_is_slower_at_the_weekend(clock: SessionClock) -> None:
    hour = 3600 * NS
    moments = [parse("2026-06-15T00:00:00Z") + n * hour for n in range(14 * 24)]
    values = [clock.variance_time(moment) for moment in moments]
    assert all(later > earlier for earlier, later in pairwise(values))
    regular, saturday = parse("2026-06-16T15:00:00Z"), parse("2026-06-20T15:00:00Z")
    rate = [clock.variance_time(ts + hour) - clock.variance_time(ts) for ts in (regular, saturday)]
    assert rate[1] == pytest.approx(0.025 * rate[0])


def test_asking_for_the_past_does_not_move_what_was_said_of_the_present(clock: SessionClock) -> None:
    now = parse("2026-06-16T15:00:00Z")
    before = clock.variance_time(now)
    clock.variance_time(parse("2014-06-05T15:00:00Z"))
    assert clock.variance_time(now) - before == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("moment", "days", "expected"),
    [
        ("2026-06-15T15:00:00Z", 1, "2026-06-16T13:30:00.000000000Z"),
        ("2026-06-12T15:00:00Z", 1, "2026-06-15T13:30:00.000000000Z"),  # Friday to Monday
        ("2025-07-03T15:00:00Z", 1, "2025-07-07T13:30:00.000000000Z"),  # over a holiday weekend
        ("2026-06-15T15:00:00Z", 0, "2026-06-15T15:00:00.000000000Z"),
    ],
)
def test_settlement_counts_days_on_which_the_market_opens(
    clock: SessionClock, moment: str, days: float, expected: str
) -> None:
    assert iso(clock.business_days_after(parse(moment), days)) == expected


def test_a_weekend_in_which_the_clocks_change_is_an_hour_longer_or_shorter(clock: SessionClock) -> None:
    def hours(saturday: str) -> float:
        begins, until = clock.segment(parse(saturday))
        return (until - begins) / NS / 3600

    assert hours("2026-06-20T15:00:00Z") == 48
    assert hours("2026-03-07T15:00:00Z") == 47
    assert hours("2026-10-31T15:00:00Z") == 49


def test_an_order_of_the_day_before_thanksgiving_settles_on_the_half_day(clock: SessionClock) -> None:
    assert (
        iso(clock.business_days_after(parse("2026-11-25T20:00:00Z"), 1)) == "2026-11-27T14:30:00.000000000Z"
    )
    assert (
        iso(clock.business_days_after(parse("2026-11-27T17:00:00Z"), 1)) == "2026-11-30T14:30:00.000000000Z"
    )
