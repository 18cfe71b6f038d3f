"""Ways to use a token: room in the pool, stress, a year of the same."""

from __future__ import annotations

import pytest

from bot.strategy.carry.model import Backing, Demand, Holder, Pair, Terms
from bot.strategy.carry.sides import Bought
from bot.strategy.carry.ways import MARGIN_LASTS, USES, Case, lasts_days, stressed_case, ways, year

CASE = Case(
    Pair("TSLAx", "BTC", 1.0, 0.6, 1.0, 0.5, 0.35), Terms(quoted_volatility=0.55), Demand(),
    Backing(50.0, 200.0, 500.0, 900.0),
)  # fmt: skip


def test_margin_lasts_so_long_that_the_order_fits_what_the_pool_has_free() -> None:
    import numpy as np

    one = np.ones(1)
    for margin in (10.0, 1_000.0, 50_000.0):
        days = lasts_days(CASE, margin)
        held = Bought(CASE.terms, CASE.demand, Holder(margin, 9.0, 0.0, "call", days), CASE.backing, one, one)
        if days > 0:
            locked = CASE.terms.lock_ratio * held.units[0]
            assert locked == pytest.approx(500 * (1 - CASE.demand.utilisation))
    assert lasts_days(CASE, 1.0) == 0.0
    full = CASE._replace(demand=Demand(utilisation=1.0))
    assert lasts_days(full, 1.0) > 1e6, "no room at all"


def test_a_year_is_the_same_again_and_again() -> None:
    assert year(0.01, 36.5) == pytest.approx(1.01**10 - 1)
    assert year(-0.5, 365.0) == -0.5
    assert year(-1.0, 30.0) == -1.0
    assert year(1e9, 1.0) is None


def test_stress_only_ever_makes_pools_thinner_and_fuller() -> None:
    thin = CASE._replace(terms=Terms(lock_ratio=0.01), demand=Demand(utilisation=0.95))
    stressed, _ = stressed_case(thin, 30.0)
    assert (stressed.terms.lock_ratio, stressed.demand.utilisation) == (0.01, 0.95)


def test_each_way_is_told_as_it_is_done() -> None:
    told: list[tuple[int, int]] = []
    found = ways(CASE, 10.0, 5.0, seed=1, stress=True, tell=lambda done, of: told.append((done, of)))
    assert told == [(n, 2 * len(USES)) for n in range(1, 2 * len(USES) + 1)]
    assert len(found) == 1 + len(told)
    assert MARGIN_LASTS > 1
