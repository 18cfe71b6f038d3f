"""What is left of an incentivised pool's yield."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from bot.errors import DataError
from bot.strategy.carry.mirror import Incentives, expected_loss, gains, kept, net_yield

POOL = Incentives(
    1e6, 2e5, 0.003, 0.6, rewards_day=500.0, emission_day=5_000.0, reward_usd=4.0, reward_supply=1e6
)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 1.5, 4.0])
def test_impermanent_loss_is_that_of_a_constant_product(ratio):
    tokens, dollars = 10.0, 1_000.0
    later = sqrt(tokens * dollars * 100 * ratio) + sqrt(tokens * dollars / (100 * ratio)) * 100 * ratio
    assert kept(ratio) == pytest.approx(later / (tokens * 100 * ratio + dollars))
    assert kept(1.0) == 1.0


def test_its_expectation_is_the_simulated_one():
    sd = 0.6 * sqrt(90 / 365)
    ratio = np.exp(sd * np.random.default_rng(3).standard_normal(400_000) - sd * sd / 2)
    both = (1 + ratio) / 2
    assert expected_loss(0.6, 90.0) == pytest.approx(1 - np.mean(np.sqrt(ratio)) / np.mean(both), abs=2e-4)


def test_parts_add_up_to_what_is_left():
    found = net_yield(POOL, 10_000.0, 90.0)
    parts = found.fees + found.rewards - found.inflation - found.selling - found.impermanent_loss
    assert found.net == pytest.approx(parts)
    assert found.net_year == pytest.approx(found.net * 365 / 90)
    assert found.net_year < found.headline_year == pytest.approx((2_000 + 600) * 365 / 1e6)


def test_rewards_sold_daily_into_a_growing_supply():
    share, sold = 10_000 / 1_010_000, 0.0
    for day in range(90):
        price = 4.0 * 1e6 / (1e6 + 5_000 * (day + 0.5))
        sold += share * 500 * price
    found = net_yield(POOL, 10_000.0, 90.0)
    assert (found.rewards - found.inflation) * 10_000 == pytest.approx(sold, rel=1e-4)


def test_one_alone_dilutes_itself():
    assert net_yield(POOL, 1e6, 90.0).rewards == pytest.approx(
        net_yield(POOL, 1.0, 90.0).rewards / 2, rel=1e-5
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(DataError, match="more than nothing"):
        net_yield(POOL, 0.0, 90.0)


def test_a_case_by_case_gain_has_the_expected_one_as_its_mean():
    sd = 0.6 * sqrt(90 / 365)
    ratio = np.exp(sd * np.random.default_rng(3).standard_normal(400_000) - sd * sd / 2)
    found = net_yield(POOL, 10_000.0, 90.0)
    assert gains(POOL, 10_000.0, 90.0, ratio).mean() == pytest.approx(found.net, abs=2e-4)
    still = gains(POOL, 10_000.0, 90.0, np.ones(1))[0]
    assert still == pytest.approx(found.net + found.impermanent_loss)
    assert gains(POOL, 10_000.0, 90.0, np.array([4.0]))[0] == pytest.approx(still + (kept(4.0) - 1) * 2.5)
