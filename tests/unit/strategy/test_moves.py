"""Moves over a wait that may be longer than it should be."""

from __future__ import annotations

from itertools import accumulate
from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.strategy.moves import mixed, quantile, student
from bot.strategy.risk import SIGMAS_99

SCALE = SIGMAS_99 / quantile(0.99)


def below(move: float, sds: list[tuple[float, float]]) -> float:
    """Student's law with four degrees of freedom in closed form, mixed."""
    total = 0.0
    for chance, sd in sds:
        x = move / (sd * SCALE)
        part = x * x / (1 + x * x / 4)
        total += chance * (0.5 + 0.375 * x / sqrt(1 + x * x / 4) * (1 - part / 12))
    return total


@pytest.mark.parametrize("sds", [[(0.95, 0.01), (0.05, 0.05)], [(0.6, 0.02), (0.4, 0.03)], [(1.0, 0.02)]])
def test_each_move_is_the_mixtures_at_the_middle_of_its_cell(sds):
    moves = mixed(sds)
    middles = [end - weight / 2 for end, weight in zip(accumulate(moves.weights), moves.weights, strict=True)]
    drift = moves.logs[len(moves.logs) // 2]
    found = [below(move - drift, sds) for move in moves.logs]
    for one, wanted in list(zip(found, middles, strict=True))[1:-1]:
        assert one == pytest.approx(wanted, rel=0.15, abs=0.002)


def test_a_rare_long_wait_is_no_matter_in_one_of_20_cases_and_all_in_one_of_300():
    rare = [(0.98, 0.01), (0.02, 0.1)]
    one = student(sqrt(0.98 * 0.01**2 + 0.02 * 0.1**2))
    usual, both = student(0.01), mixed(rare)
    at_5, at_03 = (
        [moves.shortfall(moves.logs, level) for moves in (usual, both, one)] for level in (0.95, 0.997)
    )
    assert at_5[0] < at_5[1] < 1.15 * at_5[0] < at_5[2]
    assert at_03[0] < at_03[2] < at_03[1]


@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.0, 0.2)), min_size=1, max_size=9))
def test_the_price_is_expected_to_stay_and_moves_rise(pairs):
    total = sum(chance for chance, _ in pairs)
    moves = mixed([(chance / total, sd) for chance, sd in pairs])
    assert moves.mean([exp(move) for move in moves.logs]) == pytest.approx(1.0)
    assert all(a <= b + 1e-12 for a, b in zip(moves.logs, moves.logs[1:], strict=False))


def test_one_wait_is_the_plain_law():
    assert mixed([(1.0, 0.03)]) == student(0.03)
