"""Greeks of everything held, by underlying."""

from __future__ import annotations

import pytest

from bot.strategy.book import book_greeks
from bot.strategy.options import Held, european, shares
from tests.fixtures.market import MONDAY, World, pool_at

PUT = european.greeks("put", 395.4, 390.0, 0.02, 0.6)


def test_tokens_wherever_they_lie_count_with_what_is_held_beside_them():
    world = World(MONDAY, 395.4, inventory_tokens={"TSLAx": 100.0, "TSLAx@kraken": 50.0})
    world.venue("TSLAx@raydium", pool_at(395.4, 1e6)).token_state.multiplier = 1.01
    beside = [
        Held("TSLA", "TSLA 390 put", 100.0, PUT),
        shares("TSLA", -40.0, 395.4),
        shares("AMZN", 3.0, 220.0),
    ]
    total, unknown = book_greeks(world.strategy.desk, world.market, world.registry, MONDAY, beside)
    assert unknown == []
    assert total["TSLA"].delta == pytest.approx(150 * 1.01 - 40 + 100 * PUT.delta)
    assert total["TSLA"].gamma == pytest.approx(100 * PUT.gamma)
    assert total["TSLA"].value == pytest.approx(150 * 395.4 - 40 * 395.4 + 100 * PUT.value)
    assert total["AMZN"].delta == 3.0


def test_what_nobody_prices_is_named_and_not_counted():
    world = World(MONDAY, 395.4, inventory_tokens={"TSLAx": 100.0, "GONEx": 5.0})
    total, unknown = book_greeks(world.strategy.desk, world.market, world.registry, MONDAY)
    assert total == {}
    assert unknown == ["GONEx@wallet", "TSLAx@wallet"]
