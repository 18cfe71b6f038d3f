"""What failures of a channel do: the parts, and what is reckoned with at 99 %."""

from __future__ import annotations

import pytest

from bot.strategy.routes.failing import NOTHING_GONE, gone


def test_nothing_is_lost_where_nothing_fails() -> None:
    assert gone(()) == NOTHING_GONE
    assert NOTHING_GONE.at_99 == 0.0
    assert NOTHING_GONE.branches(1.0, 2.0, tuple) == []


def test_at_99_the_largest_part_counts_that_is_lost_often_enough_or_worse() -> None:
    assert gone(((0.3, 0.002), (0.02, 0.5))).at_99 == 0.5
    assert gone(((0.3, 0.002), (0.009, 0.5))).at_99 == 0.002
    assert gone(((0.005, 1.0), (0.006, 0.4))).at_99 == 0.4
    assert gone(((0.005, 1.0), (0.004, 0.4))).at_99 == 0.0


def test_the_parts_come_to_the_average() -> None:
    parts = gone(((0.3, 0.002), (0.02, 0.5)))
    made = parts.branches(1_000.0 - 10_000.0 * parts.ratio, 10_000.0, tuple)
    assert [(one.probability, one.usd) for one in made] == [
        (0.3, pytest.approx(1_000.0 - 20.0)),
        (0.02, pytest.approx(1_000.0 - 5_000.0)),
    ]
    assert [one.name for one in made] == ["0.2 % of the money is lost", "50 % of the money is lost"]
    mean = sum(one.probability * one.usd for one in made) / parts.chance
    assert mean == pytest.approx(1_000.0 - 10_000.0 * parts.ratio)
