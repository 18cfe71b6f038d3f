"""Dividends to come: what past ones lead to expect, and what Alpaca's corporate actions declare."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.collectors.option_dividends import AHEAD_DAYS, declared, expected, tick_of
from bot.errors import SourceError
from bot.strategy.dividends import KnownDividends
from tests.fixtures.engine import shipped_registry

TODAY = date(2026, 11, 24)
QUARTERS = [
    (date(2025, 12, 5), 0.4), (date(2026, 3, 6), 0.4), (date(2026, 6, 5), 0.5), (date(2026, 9, 4), 0.5),
]  # fmt: skip


def test_as_much_as_last_time_at_the_usual_interval():
    assert expected(QUARTERS, TODAY) == [{"ex": "2026-12-04", "usd": 0.5, "assumed": True}]
    monthly = [(date(2026, 5, 1) + timedelta(30 * n), 0.1 + n / 100) for n in range(7)]
    assert [(one["ex"], one["usd"]) for one in expected(monthly, TODAY)] == [
        ("2026-11-27", 0.16), ("2026-12-28", 0.16), ("2027-01-26", 0.16)  # the second was to be on a Sunday
    ]  # fmt: skip


def test_what_is_due_and_was_not_told_is_to_be_told_any_day():
    (late,) = expected([(day - timedelta(20), usd) for day, usd in QUARTERS], TODAY)
    assert late["ex"] == "2026-11-25"


@pytest.mark.parametrize(
    "paid",
    [
        [],
        [(date(2026, 9, 4), 0.5)],
        [(date(2025, 1, 3), 0.5), (date(2025, 4, 4), 0.5), (date(2025, 7, 4), 0.5)],  # it stopped paying
        [(date(2026, 11, 20), 0.5), (date(2026, 11, 23), 0.5)],  # nobody pays twice a week
        [(date(2026, 12, 4), 0.5), (date(2027, 3, 4), 0.5)],  # nothing of the future is known
    ],
    ids=["never", "once", "stopped", "two at once", "ahead"],
)
def test_where_nothing_is_usual_nothing_is_expected(paid):
    assert expected(paid, TODAY) == []


@given(
    st.lists(st.tuples(st.dates(date(2024, 1, 1), date(2027, 1, 1)), st.floats(-1.0, 50.0)), max_size=12),
    st.dates(date(2025, 1, 1), date(2027, 1, 1)),
)
def test_whatever_was_paid_what_is_expected_is_ahead_on_a_weekday_and_taken_in(paid, today):
    found = expected(paid, today)
    days = [date.fromisoformat(one["ex"]) for one in found]
    assert all(today < day <= today + timedelta(AHEAD_DAYS + 2) for day in days)
    assert all(day.weekday() < 5 for day in days)
    known = KnownDividends(shipped_registry())
    assert known.take(tick_of("TSLA", "yahoo", found, 1))


def action(**changes: object) -> dict[str, object]:
    made = {"symbol": "AAPL", "cusip": "037833100", "rate": 0.26, "special": False, "foreign": False,
            "ex_date": "2026-12-10", "process_date": "2026-12-24"}  # fmt: skip
    return made | changes


def test_declared_ones_are_those_of_the_share_without_special_ones():
    actions = [
        action(), action(rate=0.01), action(special=True, rate=9.0), action(symbol="APLE"),
        action(ex_date="2026-12-02", rate=0.1), action(rate=0.0),
    ]  # fmt: skip
    assert declared({"cash_dividends": actions}, "AAPL") == [
        {"ex": "2026-12-02", "usd": 0.1}, {"ex": "2026-12-10", "usd": 0.27},
    ]  # fmt: skip
    assert declared({}, "AAPL") == []


@pytest.mark.parametrize(
    "answer",
    [
        [], None, {"cash_dividends": {}}, {"cash_dividends": [7]},
        {"cash_dividends": [action(ex_date="soon")]}, {"cash_dividends": [action(rate="much")]},
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_a_fault(answer):
    with pytest.raises(SourceError, match="makes no sense"):
        declared(answer, "AAPL")
