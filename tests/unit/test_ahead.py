"""Rows ahead of their time are told and passed over, whoever they say has seen them; no other row is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ahead import WINDOW, not_ahead
from bot.types import Ns, Tick

T = 1_781_600_000_000_000_000
DAY = 86_400 * 10**9
FUTURE = T + 25_000 * DAY


def tick(ts: Ns, received: Ns = 0) -> Tick:
    return Tick(ts, "TSLAx@kraken", "trade", price=400.5, received=received)


def taken(given: list[Tick]) -> tuple[list[Tick], list[str]]:
    """What is passed on, and what was told."""
    told: list[str] = []
    return list(not_ahead(iter(given), told.append)), told


@pytest.mark.parametrize("received", [0, FUTURE + 1, T])
@pytest.mark.parametrize("count", [1, 2, WINDOW // 2])
@pytest.mark.parametrize("place", [0, 1, 7, 30, 59, 60])
def test_rows_of_the_future_are_passed_over_wherever_they_stand(place: int, count: int, received: Ns) -> None:
    right = [tick(T + n) for n in range(60)]
    wrong = [tick(FUTURE + n, received) for n in range(count)]
    kept, told = taken([*right[:place], *wrong, *right[place:]])
    assert kept == right
    assert len(told) == count
    assert told[-1].startswith("TSLAx@kraken at 2094-")
    last = "before" if place == 60 else "after"
    assert told[-1].endswith(f" ahead of the row {last} it")


def test_one_apart_from_another_is_passed_over_too() -> None:
    kept, told = taken([tick(T), tick(FUTURE), tick(T + 1), tick(FUTURE), tick(T + 2)])
    assert kept == [tick(T + n) for n in range(3)]
    assert len(told) == 2


def test_an_old_row_that_was_received_after_fresh_ones_takes_none_of_them_with_it() -> None:
    rows = [tick(T, T), tick(T + 9 * DAY, T + 9 * DAY), tick(T, T + 9 * DAY + 1), tick(T, T + 9 * DAY + 2)]
    assert taken(rows) == (rows, [])


def test_one_late_row_after_a_weekend_takes_no_row_of_the_week_with_it() -> None:
    week = [tick(T + 3 * DAY + n) for n in range(20)]
    rows = [tick(T), *week[:5], tick(T + 1), *week[5:]]
    assert taken(rows) == (rows, [])


def test_a_pause_of_years_is_no_row_ahead_where_the_tape_goes_on() -> None:
    rows = [tick(T), *(tick(T + 400 * DAY + n) for n in range(20))]
    assert taken(rows) == (rows, [])
    assert taken([tick(T + 400 * DAY), tick(T + 401 * DAY)])[1] == []


@given(st.lists(st.integers(0, DAY), max_size=40))
def test_in_what_order_the_rows_of_a_day_come_does_not_matter(offsets: list[int]) -> None:
    rows = [tick(T + offset) for offset in offsets]
    assert taken(rows) == (rows, [])


@given(st.lists(st.integers(0, 1000).map(lambda days: tick(T + days * DAY)), max_size=40))
def test_each_row_is_passed_on_in_its_place_or_told(rows: list[Tick]) -> None:
    kept, told = taken(rows)
    assert len(kept) + len(told) == len(rows)
    places = iter(rows)
    assert all(any(one is other for other in places) for one in kept)
