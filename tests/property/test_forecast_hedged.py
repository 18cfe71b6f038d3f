"""Mints that a perp or options hedge bring what was said of them: carried out on paper over many seeds."""

from __future__ import annotations

from math import sqrt

import pytest

from tests.fixtures.carried_hedged import hedged_trial
from tests.fixtures.carried_out import Trial
from tests.property.test_forecast import beyond, record


def run(seeds: range, offered: str) -> list[Trial]:
    found = (hedged_trial(seed, offered) for seed in seeds)
    return [each for each in found if each is not None and each.filled]


def test_hedged_with_a_perp_they_are_near_what_was_said():
    plans = run(range(1_200), "perp")
    found = record(plans)
    assert found.plans > 20
    assert abs(found.bias) < 3 * found.se
    most = 0.07 * found.plans
    assert sum(map(beyond, plans)) <= most + 3 * sqrt(most)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hedged_with_a_perp_they_are_beyond_their_shortfall_in_3_to_7_of_100_plans():
    found = record(run(range(47_000), "perp"))
    assert found.plans > 1_000  # so the standard error of five of 100 is two thirds of one
    assert abs(found.bias) < 3 * found.se
    assert 0.03 <= found.beyond_95 <= 0.07
    assert found.losses == pytest.approx(found.losses_said, abs=0.04)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hedged_with_options_they_seldom_lose_more_than_the_premium_paid():
    """Whole contracts protect more shares than there are tokens: what is lost in one of 20 cases is nearly
    the most that can be, and more is lost less often."""
    found = record(run(range(4_000), "options"))
    assert found.plans > 80
    assert abs(found.bias) < 3 * found.se
    assert found.beyond_95 <= 0.07
