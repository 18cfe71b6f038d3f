"""How long until it is in hand: distributions, and the calendar under them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.registry.issuer import Late
from bot.strategy.mechanisms.delay import certain, delay_of, late_by
from bot.timefmt import parse as at
from tests.fixtures.market import CLOCK
from tests.unit.strategy.mechanisms.given import DAY, moment, quick, shipped

THURSDAY = at("2025-07-03T14:00Z")
"""Before a half-day's early close, a holiday on Friday and a weekend."""

outcomes = st.lists(st.tuples(st.floats(0.0, 1e7), st.floats(0.01, 1.0)), min_size=1, max_size=8).map(
    lambda pairs: [(s, c / sum(chance for _, chance in pairs)) for s, c in pairs]
)


@quick
@given(outcomes, st.lists(st.floats(0.0, 1.0), min_size=2, max_size=9))
def test_quantiles_never_fall_and_lie_within_the_outcomes(pairs, levels):
    delay = delay_of(pairs)
    found = [delay.quantile(level) for level in sorted(levels)]
    assert found == sorted(found)
    assert min(s for s, _ in pairs) <= found[0]
    assert found[-1] <= delay.worst
    assert delay.median <= delay.likely <= delay.worst
    assert delay.seconds[0] - 1e-6 <= delay.mean <= delay.worst + 1e-6


def test_median_95_percent_and_worst_of_a_distribution_written_out():
    delay = delay_of([(600.0, 0.04), (60.0, 0.9), (120.0, 0.06)])
    assert (delay.median, delay.likely, delay.worst) == (60.0, 120.0, 600.0)
    assert delay.mean == pytest.approx(60 * 0.9 + 120 * 0.06 + 600 * 0.04)


def test_equal_outcomes_are_one():
    assert delay_of([(60.0, 0.5), (60.0, 0.5)]) == certain(60.0)


@quick
@given(outcomes, outcomes)
def test_one_delay_after_another_takes_as_long_as_both_on_average(first, second):
    one, other = delay_of(first), delay_of(second)
    both = one.plus(other)
    assert both.mean == pytest.approx(one.mean + other.mean)
    assert both.worst == pytest.approx(one.worst + other.worst)
    assert sum(both.chances) == pytest.approx(1.0)


def test_a_day_late_before_a_holiday_weekend_is_four_days():
    due = at("2025-07-03T18:00Z")  # Thursday after the early close
    delay = late_by(CLOCK, due, due, [Late(0.1, days=1)])
    assert delay.seconds == (0.0, (at("2025-07-07T13:30Z") - due) / 1e9)  # Monday's open
    assert delay.chances == pytest.approx((0.9, 0.1))


def test_stages_add_up_on_the_calendar_not_by_the_clock():
    friday = at("2025-07-11T20:00Z")
    delay = late_by(CLOCK, friday, friday, [Late(1.0, hours=1)], [Late(0.5, days=1)], [Late(0.5, days=2)])
    by_open = {"07-14": 0.25, "07-15": 0.25, "07-16": 0.25}  # one, two, three business days
    expected = {3600.0: 0.25} | {
        (at(f"2025-{day}T13:30Z") - friday) / 1e9: chance for day, chance in by_open.items()
    }
    assert dict(zip(delay.seconds, delay.chances, strict=True)) == pytest.approx(expected)


def test_xstocks_over_a_holiday_weekend():
    """Ordered on Thursday: due on Monday; days of lateness and of a share's transfer are business days."""
    delay = shipped("xstocks").delay("mint", moment(THURSDAY))
    opens = {n: (at(f"2025-07-{day:02}T13:30Z") - THURSDAY) / 1e9
             for n, day in enumerate((7, 8, 9, 10, 11, 14, 15, 16, 17, 18))}  # fmt: skip
    late, broker = {0: 0.90, 1: 0.08, 3: 0.02}, {0: 0.90, 2: 0.08, 6: 0.02}
    expected: dict[float, float] = {}
    for a, p in late.items():
        for b, q in broker.items():
            expected[opens[a + b]] = expected.get(opens[a + b], 0.0) + p * q
    assert dict(zip(delay.seconds, delay.chances, strict=True)) == pytest.approx(expected)
    assert delay.median == opens[0]
    assert delay.median > 3.9 * DAY / 1e9


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "dinari", "synthetix", "kraken"])
@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_every_shipped_distribution_is_one(name, action):
    for hour in range(0, 24 * 8, 5):
        now = moment(THURSDAY + hour * 3600 * 10**9)
        delay = shipped_delay(name, action, now)
        assert sum(delay.chances) == pytest.approx(1.0)
        assert list(delay.seconds) == sorted(set(delay.seconds))
        opens = shipped_opening(name, action, now)
        assert delay.seconds[0] >= (opens - now.ts) / 1e9


def shipped_delay(name, action, now):
    found = shipped(name).delay(action, now)
    assert found is not None
    return found


def shipped_opening(name, action, now):
    found = shipped(name).opening(action, now).opens
    assert found is not None
    return found
