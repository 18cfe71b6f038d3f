"""Perps on shares: funding, margin, liquidation; and greeks of a book by underlying."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from bot.strategy.options import HYPERLIQUID, KRAKEN_FUTURES, Greeks, Held, Perp, aggregate, perps, shares
from bot.strategy.options.european import greeks

PERP = Perp("PF_TSLAXUSD@krakenfutures", "TSLA", KRAKEN_FUTURES, 395.2, 395.6, 500, 500, 395.4, 1e-5, 0)


def test_longs_pay_shorts_where_the_rate_is_positive():
    assert PERP.funding_usd(-100, 3600) == pytest.approx(100 * 395.4 * 1e-5)
    assert PERP.funding_usd(100, 3600) == pytest.approx(-100 * 395.4 * 1e-5)


def test_the_venues_cap_binds():
    wild = Perp(PERP.instrument, "TSLA", KRAKEN_FUTURES, 395.2, 395.6, 500, 500, 395.4, -0.01, 0)
    assert wild.rate_hour() == -0.0025
    assert wild.funding_usd(-1, 3600) == pytest.approx(-395.4 * 0.0025)


def test_cost_is_spread_and_fees_less_funding_received():
    by_hand = 100 * 0.4 + 100 * 395.4 * 2 * 0.0005 - 100 * 395.4 * 1e-5 * 24
    assert PERP.cost_usd(-100, 86_400) == pytest.approx(by_hand)


@pytest.mark.parametrize("held", [-30.0, 30.0])
def test_at_the_liquidation_price_equity_is_the_maintenance_margin(held):
    price = perps.liquidation_price(395.0, held, 2_000.0, 0.025)
    assert 2_000.0 + held * (price - 395.0) == pytest.approx(0.025 * price * abs(held))


@pytest.mark.parametrize("side", [1, -1])
def test_the_same_by_hyperliquids_published_formula(side):
    entry, size, margin, part = 395.0, 12.0, 900.0, HYPERLIQUID.maintenance_ratio
    available = margin - part * entry * size
    theirs = entry - side * available / size / (1 - part * side)
    assert perps.liquidation_price(entry, side * size, margin, part) == pytest.approx(theirs)


def test_enough_margin_for_a_price_is_liquidated_there():
    margin = perps.margin_for(395.0, -30.0, KRAKEN_FUTURES, 450.0)
    assert perps.liquidation_price(395.0, -30.0, margin, KRAKEN_FUTURES.maintenance_ratio) == pytest.approx(
        450.0
    )
    assert perps.margin_for(395.0, -30.0, KRAKEN_FUTURES, 395.0) == 30 * 395.0 / 20
    assert perps.liquidation_price(395.0, 0.0, 1.0, 0.025) == inf
    assert perps.liquidation_price(395.0, 1.0, 1_000.0, 0.025) == 0.0


def test_the_chance_of_liquidation_is_that_of_touching_the_price():
    random, touched, steps = Random(7), 0, 400
    for _ in range(2_000):
        path = top = 0.0
        for _ in range(steps):
            path += random.gauss(0.0, 0.1 / steps**0.5)
            top = max(top, path)
        touched += top >= 0.1
    found = perps.liquidation_probability(100.0, 100.0 * 2.718281828**0.1, 0.1)
    assert found == pytest.approx(0.3173, abs=1e-4)
    assert touched / 2_000 == pytest.approx(found, abs=0.04)  # seen only at its steps, it touches less
    assert perps.liquidation_probability(100.0, inf, 0.1) == 0.0


def test_a_book_adds_up_by_underlying():
    put = greeks("put", 395.0, 390.0, 0.1, 0.6, 0.05)
    book = [
        shares("TSLA", 250.0, 395.0), Held("TSLA", "TSLA 390 put", 200.0, put),
        shares("TSLA", -50.0, 395.0, "PF"), shares("NVDA", 10.0, 130.0),
    ]  # fmt: skip
    total = aggregate(book)
    assert set(total) == {"TSLA", "NVDA"}
    assert total["TSLA"].delta == pytest.approx(200.0 + 200 * put.delta)
    assert total["TSLA"].vega == pytest.approx(200 * put.vega)
    assert total["TSLA"].value == pytest.approx(200 * 395.0 + 200 * put.value)
    assert total["NVDA"] == Greeks(1_300.0, 10.0)
    assert aggregate([]) == {}


def test_greeks_foresee_a_small_move():
    put = greeks("put", 395.0, 390.0, 0.1, 0.6, 0.05)
    assert put.after(4.0) == pytest.approx(greeks("put", 399.0, 390.0, 0.1, 0.6, 0.05).value, abs=0.01)
