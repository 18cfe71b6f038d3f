"""Perpetual options: the published examples, the integral they are, greeks, identities, margin in coins."""

from __future__ import annotations

from itertools import product
from math import inf

import pytest

from bot.errors import DataError
from bot.strategy.options import Perpetual, inverse, perpetual
from bot.strategy.options.european import intrinsic
from tests.unit.strategy.options.reference import everlasting

DAY = 86_400.0
BTC = Perpetual("call", 50_000.0, 7.0)
GRID = list(
    product(
        ("call", "put"), (30_000.0, 45_000.0, 50_000.0, 50_001.0, 60_000.0, 90_000.0), (0.3, 1.0, 1.5),
        ((0.0, 0.0), (0.05, 0.0), (0.04, 0.02), (-0.01, 0.03)),
    )
)  # fmt: skip


def test_the_published_examples():
    assert perpetual.root_u(1.0, 7.0) == pytest.approx(20.4485, abs=5e-5)
    assert perpetual.price(BTC, 40_000.0, 1.0) == pytest.approx(223.3667, abs=5e-5)
    assert perpetual.price(BTC, 50_000.0, 1.0) == pytest.approx(2_445.1621, abs=5e-5)
    assert perpetual.funding_usd(BTC, 40_000.0, 1.0, DAY) == pytest.approx(31.9095, abs=5e-5)


def test_the_published_form_without_a_rate():
    u = perpetual.root_u(0.8, 5.0)
    for kind, spot in product(("call", "put"), (30_000.0, 49_000.0, 51_000.0, 80_000.0)):
        value = 50_000 / u * (spot / 50_000) ** ((1 + u * (1 if spot < 50_000 else -1)) / 2)
        option = Perpetual(kind, 50_000.0, 5.0)
        assert perpetual.price(option, spot, 0.8) == pytest.approx(value + intrinsic(kind, spot, 50_000.0))


def test_it_is_the_integral_of_black_scholes_over_expiries():
    for kind, spot, volatility, (rate, yield_) in GRID:
        ours = perpetual.price(Perpetual(kind, 50_000.0, 7.0), spot, volatility, rate, yield_)
        theirs = everlasting(kind, spot, 50_000.0, 7 / 365, volatility, rate, yield_)
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-6)


def test_greeks_are_the_differences_of_prices():
    for kind, spot, volatility, (rate, yield_) in GRID:
        option = Perpetual(kind, 50_000.0, 7.0)

        def at(s, v=volatility, r=rate, option=option, yield_=yield_):
            return perpetual.price(option, s, v, r, yield_)

        greeks = perpetual.greeks(option, spot, volatility, rate, yield_)
        h, e = spot * 1e-5, 1e-5
        assert greeks.value == at(spot)
        assert greeks.delta == pytest.approx((at(spot + h) - at(spot - h)) / (2 * h), abs=1e-6)
        vega = (at(spot, volatility + e) - at(spot, volatility - e)) / (2 * e)
        assert greeks.vega == pytest.approx(vega, rel=1e-5, abs=1e-4)
        rho = (at(spot, r=rate + e) - at(spot, r=rate - e)) / (2 * e)
        assert greeks.rho == pytest.approx(rho, rel=1e-5, abs=1e-3)
        if abs(spot - 50_000) > 2 * h:
            h = spot * 1e-4
            gamma = (at(spot + h) - 2 * at(spot) + at(spot - h)) / h**2
            assert greeks.gamma == pytest.approx(gamma, rel=1e-3, abs=1e-9)


def test_put_call_identity():
    for _, spot, volatility, (rate, yield_) in GRID:
        call, put = (
            perpetual.price(Perpetual(kind, 50_000.0, 7.0), spot, volatility, rate, yield_)
            for kind in ("call", "put")
        )
        pace = 365 / 7
        forward = spot * pace / (pace + yield_) - 50_000 * pace / (pace + rate)
        assert call - put == pytest.approx(forward, abs=1e-7)
        if rate == yield_ == 0:
            assert call - put == pytest.approx(spot - 50_000, abs=1e-7)


def test_what_a_day_costs_is_the_time_value_over_the_period():
    greeks = perpetual.greeks(BTC, 52_000.0, 0.7)
    assert -greeks.theta_day == pytest.approx(perpetual.funding_usd(BTC, 52_000.0, 0.7, DAY))
    assert -greeks.theta_day * 7 == pytest.approx(greeks.value - 2_000.0)


def test_terms_without_a_price_are_refused():
    with pytest.raises(DataError, match="more than nothing"):
        perpetual.price(BTC, 50_000.0, 0.0)
    with pytest.raises(DataError, match="has no perpetual price"):
        perpetual.price(BTC, 50_000.0, 0.5, rate=-60.0)


# -- In coins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spot", [20_000.0, 50_000.0, 50_001.0, 200_000.0])
def test_an_inverse_call_is_a_put_on_the_inverse_price(spot):
    strike = 50_000.0
    call, put = (inverse.payoff_coins(kind, spot, strike) for kind in ("call", "put"))
    assert call == pytest.approx(strike * max(0.0, 1 / strike - 1 / spot))
    assert put == pytest.approx(strike * max(0.0, 1 / spot - 1 / strike))
    assert call - put == pytest.approx(1 - strike / spot)
    assert call < 1.0
    assert call * spot == intrinsic("call", spot, strike)


def test_paid_in_shares_it_is_worth_the_same_dollars():
    shares = inverse.payoff_coins("call", 60_000.0, 50_000.0, coin_usd=400.0)
    assert shares == 25.0
    assert inverse.payoff_coins("call", 60_000.0, 50_000.0, coin_usd=200.0) * 200.0 == shares * 400.0


def test_greeks_in_its_own_coin_are_the_differences_of_the_price_in_it():
    spot, h = 56_000.0, 5.0

    def at(s):
        return perpetual.price(BTC, s, 0.8) / s

    coins = inverse.in_coins(perpetual.greeks(BTC, spot, 0.8), spot)
    assert coins.value == pytest.approx(at(spot))
    assert coins.delta == pytest.approx((at(spot + h) - at(spot - h)) / (2 * h), rel=1e-6)
    assert coins.gamma == pytest.approx((at(spot + h) - 2 * at(spot) + at(spot - h)) / h**2, rel=1e-4)
    assert inverse.in_coins(perpetual.greeks(BTC, spot, 0.8), spot, 400.0).delta == pytest.approx(
        perpetual.greeks(BTC, spot, 0.8).delta / 400.0
    )


def test_the_margin_pays_the_funding_and_nothing_more_can_be_lost():
    held = inverse.Margined(BTC, units=0.1, margin_coins=2.0)
    day = held.funding_day(40_000.0, 1.0, coin_usd=400.0)
    assert day == pytest.approx(0.1 * 31.9095 / 400, rel=1e-5)
    assert held.days_left(40_000.0, 1.0, 400.0) == pytest.approx(2.0 / day)
    assert held.after(10 * DAY, 40_000.0, 1.0, 400.0).margin_coins == pytest.approx(2.0 - 10 * day)
    assert held.after(1e9, 40_000.0, 1.0, 400.0).margin_coins == 0.0
    assert held.payoff(40_000.0, 400.0) == 0.0
    assert held.payoff(58_000.0, 400.0) == pytest.approx(2.0)
    assert inverse.Margined(BTC, 0.0, 2.0).days_left(40_000.0, 1.0, 400.0) == inf


def test_where_the_cover_of_a_sold_option_ends():
    ends = inverse.spot_where_cover_ends
    for kind, coins, coin_usd in [
        ("call", 0.2, None),
        ("put", 0.2, None),
        ("call", 25.0, 400.0),
        ("put", 25.0, 400.0),
    ]:
        spot = ends(kind, 50_000.0, coins, coin_usd)
        assert inverse.payoff_coins(kind, spot, 50_000.0, coin_usd) == pytest.approx(coins)
    assert ends("call", 50_000.0, 1.0) == inf
    assert ends("put", 50_000.0, 200.0, 400.0) == 0.0
