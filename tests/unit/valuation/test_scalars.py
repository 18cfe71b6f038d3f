"""Valuation's arithmetic: tails, volatility, and how coverage is held."""

from __future__ import annotations

from math import atan, pi, sqrt

import pytest

from bot.valuation import scalars


def student_level(sigmas: float) -> float:
    """The part of Student's t (three degrees of freedom) within so many standard deviations."""
    return 2 / pi * (sigmas / (1 + sigmas * sigmas) + atan(sigmas))


@pytest.mark.parametrize(
    ("level", "table"),
    # Student's t with three degrees of freedom, two-sided, from printed tables; over √3 for unit variance.
    [
        (0.5, 0.764892),
        (0.8, 1.637744),
        (0.9, 2.353363),
        (0.95, 3.182446),
        (0.99, 5.840909),
        (0.999, 12.923979),
    ],
)
def test_quantiles_are_those_of_students_t_with_unit_variance(level: float, table: float) -> None:
    assert scalars.student_quantile(level) == pytest.approx(table / sqrt(3), rel=1e-6)


def test_quantile_and_level_are_each_others_inverse_far_into_the_tail() -> None:
    for level in (1e-9, 0.01, 0.3, 0.68, 0.95, 0.9999, 0.9999999):
        assert student_level(scalars.student_quantile(level)) == pytest.approx(level, rel=1e-9)


def test_no_level_is_no_width() -> None:
    assert scalars.student_quantile(0.0) == 0.0
    assert scalars.student_quantile(-1.0) == 0.0


def test_a_sure_thing_of_normal_tails_is_wider_here() -> None:
    assert scalars.student_quantile(0.999) > 3.29 * 2


def test_volatility_follows_level_and_own_ratio_but_not_all_the_way() -> None:
    assert scalars.volatility_ratio(1.0, 33.0, 1.0) == 1.0
    assert scalars.volatility_ratio(1.0, 33.0, 4.0) == pytest.approx(4**0.6)
    # Without evidence of its own a share keeps its prior.
    assert scalars.volatility_ratio(9.0, 0.0, 1.0) == 1.0
    assert 1.0 < scalars.volatility_ratio(2.0, 4.0, 1.0) < scalars.volatility_ratio(2.0, 30.0, 1.0) < 2.0


def test_one_crash_is_one_crash() -> None:
    wild = scalars.level_step(1.0, 50.0, 0.2)
    assert wild == scalars.level_step(1.0, 3.0, 0.2)
    ratio, weight = scalars.own_step(1.0, 20.0, 50.0, 1.0, scalars.OWN_GAIN)
    assert ratio < 1.2
    assert weight == 21.0


def test_what_happens_as_expected_changes_nothing() -> None:
    seen = scalars.surprise(-0.02 * 0.55, 0.02**2, 0.55)
    assert seen == pytest.approx(1.0)
    assert scalars.level_step(1.0, seen, 0.2) == pytest.approx(1.0)
    assert scalars.own_step(1.0, 5.0, seen, 1.0, 0.03)[0] == pytest.approx(1.0)


def test_many_small_steps_of_own_ratio_weigh_as_few_large_ones() -> None:
    ratio = weight = 0.0
    for _ in range(5):
        ratio, weight = scalars.own_step(ratio, weight, 1.0, 1.0, scalars.OWN_GAIN / 5)
    assert weight == pytest.approx(1.0)


def test_a_miss_widens_and_hits_narrow_so_that_both_balance_at_the_stated_level() -> None:
    stretch = scalars.stretch_step(1.0, 1, 20, 0.05)
    assert stretch == pytest.approx(1.0)
    assert scalars.stretch_step(1.0, 1, 1, 0.05) > 1.04
    assert 0.99 < scalars.stretch_step(1.0, 0, 1, 0.05) < 1.0
    for _ in range(10_000):
        stretch = scalars.stretch_step(stretch, 1, 1, 0.05)
    assert stretch == pytest.approx(scalars.WIDEST)


def test_the_oracles_confidence_says_roughly_how_volatile_an_unknown_share_is() -> None:
    low, high = scalars.implied_volatility(0.0003), scalars.implied_volatility(0.0015)
    assert 0.15 < low < 0.35 < high < 0.9
    assert scalars.implied_volatility(0.0) > 0.1
    assert scalars.implied_volatility(9.0) < 1.5


def test_two_estimates_are_one_more_certain_one_between_them() -> None:
    mean, variance = scalars.fused(1.0, 4.0, 2.0, 4.0)
    assert mean == 1.5
    assert variance == 2.0


def test_a_deep_venue_is_heard_more_than_a_thin_one_and_a_wide_one_less() -> None:
    deep = scalars.peer_variance(1e-6, 1e6, 0.0)
    unknown = scalars.peer_variance(1e-6, 0.0, 0.0)
    thin = scalars.peer_variance(1e-6, 500.0, 0.0)
    assert deep < unknown < thin
    assert scalars.peer_variance(1e-6, 1e6, 0.01) > deep


def test_knowing_nothing_of_the_factor_leaves_the_shares_own_variance() -> None:
    rate, factor_rate, years = 0.36, 0.0324, 0.002
    move, variance = scalars.moved_with(1.9, 0.0, factor_rate * years, rate, factor_rate, years)
    assert move == 0.0
    assert variance == pytest.approx(rate * years)
    move, known = scalars.moved_with(1.9, 0.01, 0.0, rate, factor_rate, years)
    assert move == pytest.approx(0.019)
    assert known == pytest.approx((rate - 1.9**2 * factor_rate) * years)
