"""Incidents over arrays: what one venue's row does, told by a handful of rows."""

from __future__ import annotations

from math import nan
from typing import Any

import msgspec
import numpy as np

from bot.kernel import run
from bot.kernel.arrays import ABOVE, CONFIRMED, FAIR_MOVED, TOGETHER, WITHHELD
from bot.kernel.columns import FLOATS, Columns, Thresholds, thresholds
from bot.timefmt import NS
from tests.fixtures.columns import START
from tests.fixtures.engine import config

SHIPPED = thresholds(config())


def rows(*basis: float, every: int = 60, venues: tuple[int, ...] = (0,), **more: list[Any]) -> Columns:
    """One group; a row each ``every`` seconds, venues in turn, at so far from fair value."""
    count = len(basis)
    floats = {name: np.zeros(count) for name in FLOATS} | {
        "log_bid": np.array(basis), "log_ask": np.array(basis), "low": np.full(count, -0.005),
        "high": np.full(count, 0.005), "variance": np.full(count, 1e-6), "own_variance": np.full(count, 1e-6),
        "noise_var": np.full(count, 4e-6), "own_excess": np.full(count, nan),
    }  # fmt: skip
    flags = more.pop("flags", [CONFIRMED] * count)
    floats |= {name: np.array(values) for name, values in more.items()}
    return Columns(
        [f"T@{number}" for number in range(max(venues) + 1)], ["T"], np.array([0, count]),
        np.array([0, max(venues) + 1]), START + np.arange(count) * every * NS,
        np.array([venues[number % len(venues)] for number in range(count)]), np.array(flags), floats,
    )  # fmt: skip


def found(columns: Columns, setting: Thresholds = SHIPPED) -> list[tuple[int, int, int | None]]:
    """(direction, seconds until it opened, and until it ended), the same plain and compiled."""
    seen = run.episodes(columns, setting)
    assert seen == run.episodes(columns, setting, plain=True)
    return [
        (one.direction, (one.opened - START) // NS, None if one.ended is None else (one.ended - START) // NS)
        for one in seen
    ]


def test_far_outside_opens_on_that_very_row_and_ends_as_of_its_return() -> None:
    assert found(rows(0.0, 0.2, 0.2, 0.0, *[0.0] * 10)) == [(1, 60, 180)]
    assert found(rows(0.0, -0.2, -0.2, 0.0, *[0.0] * 10)) == [(-1, 60, 180)]


def test_less_has_to_last() -> None:
    assert found(rows(0.0, *[0.02] * 5, 0.0)) == []
    assert found(rows(0.0, *[0.02] * 8)) == [(1, 360, None)]


def test_a_missing_price_neither_opens_nor_closes() -> None:
    assert found(rows(0.0, nan, nan, nan)) == []
    assert found(rows(0.0, 0.2, *[nan] * 30)) == [(1, 60, None)]


def test_hysteresis_holds_it_open_between_the_two_thresholds() -> None:
    edge = 0.005 + 3 * (5e-6) ** 0.5  # three standard deviations beyond the band
    assert found(rows(0.2, *[edge] * 20)) == [(1, 0, None)]
    assert found(rows(0.0, *[edge] * 4)) == []


def test_back_out_soon_is_the_same_incident_and_later_is_another() -> None:
    assert found(rows(0.2, *[0.0] * 20, 0.2, *[0.0] * 20)) == [(1, 0, 22 * 60)]
    setting = msgspec.structs.replace(SHIPPED, reopen_ns=60 * NS)
    assert found(rows(0.2, *[0.0] * 20, 0.2, *[0.0] * 20), setting) == [(1, 0, 60), (1, 21 * 60, 22 * 60)]


def test_venues_of_a_group_are_one_incident_until_all_are_back() -> None:
    columns = rows(0.2, 0.0, 0.2, 0.2, 0.0, 0.2, *[0.0, 0.0] * 10, venues=(0, 1))
    assert found(columns) == [(1, 0, 6 * 60 + 60)]
    assert run.episodes(columns, SHIPPED)[0].instruments == ("T@0", "T@1")


def test_what_is_withheld_or_after_fair_value_moved_does_not_open_at_once() -> None:
    for flag in (WITHHELD, FAIR_MOVED):
        assert found(rows(0.2, 0.0, flags=[CONFIRMED | flag, CONFIRMED])) == []
    assert found(rows(*[0.03] * 8, flags=[CONFIRMED | FAIR_MOVED] * 8)) == [(1, 300, None)]


def test_a_lone_venue_opens_only_when_it_moves_by_a_quarter() -> None:
    assert found(rows(*[0.2] * 20, flags=[0] * 20)) == []
    assert found(rows(0.4, flags=[0])) == [(1, 0, None)]


def test_a_common_jump_opens_on_its_side_and_what_all_share_does_not_count() -> None:
    assert found(rows(0.0, flags=[CONFIRMED | TOGETHER | ABOVE])) == [(1, 0, None)]
    assert found(rows(0.0, flags=[CONFIRMED | TOGETHER])) == [(-1, 0, None)]
    assert found(rows(*[0.2] * 20, own_excess=[0.0] * 20)) == []
