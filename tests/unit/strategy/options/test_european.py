"""Black, Scholes and Merton: against QuantLib, by differences, by parity; the volatility in a price."""

from __future__ import annotations

from itertools import product
from math import exp

import pytest

from bot.errors import DataError
from bot.strategy.options import european
from tests.unit.strategy.options.reference import Reference

GRID = list(
    product(
        ("call", "put"), (70.0, 95.0, 100.0, 105.0, 140.0), (1 / 365, 0.1, 1.0, 3.0), (0.1, 0.4, 1.2),
        ((0.0, 0.0), (0.05, 0.0), (0.03, 0.06), (-0.01, 0.02)),
    )
)  # fmt: skip
DIVIDENDS = ((0.02, 0.6), (0.4, 1.1), (5.0, 9.0))


@pytest.mark.parametrize("dividends", [(), DIVIDENDS], ids=["without", "with dividends"])
def test_prices_are_quantlibs(dividends):
    for kind, strike, years, volatility, (rate, yield_) in GRID:
        ours = european.price(kind, 100.0, strike, years, volatility, rate, yield_, dividends)
        due = [(t, usd) for t, usd in dividends if t <= years]
        theirs = Reference(kind, 100.0, strike, years, volatility, rate, yield_, due).european()
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-11) or dividends
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-7)  # their dividends go ex on whole days


@pytest.mark.parametrize("dividends", [(), DIVIDENDS], ids=["without", "with dividends"])
def test_greeks_are_the_differences_of_prices(dividends):
    for kind, strike, years, volatility, (rate, yield_) in GRID:
        if years < 0.1:
            continue

        def at(spot=100.0, vol=volatility, r=rate, later=0.0, terms=(kind, strike, years, yield_)):
            kind, strike, years, yield_ = terms
            due = [(t - later, usd) for t, usd in dividends]
            return european.price(kind, spot, strike, years - later, vol, r, yield_, due)

        greeks = european.greeks(kind, 100.0, strike, years, volatility, rate, yield_, dividends)
        h, e = 1e-2, 1e-5
        assert greeks.value == pytest.approx(at(), rel=1e-12, abs=1e-12)
        assert greeks.delta == pytest.approx((at(100 + h) - at(100 - h)) / (2 * h), abs=1e-6)
        assert greeks.gamma == pytest.approx((at(100 + h) - 2 * at() + at(100 - h)) / h**2, abs=1e-5)
        assert greeks.vega == pytest.approx(
            (at(vol=volatility + e) - at(vol=volatility - e)) / (2 * e), abs=1e-4
        )
        assert greeks.rho == pytest.approx((at(r=rate + e) - at(r=rate - e)) / (2 * e), abs=1e-4)
        assert greeks.theta_day * 365 == pytest.approx((at(later=e) - at(later=-e)) / (2 * e), abs=1e-4)


def test_the_volatility_put_in_comes_out():
    for kind, strike, years, volatility, (rate, yield_) in GRID:
        terms = (100.0, strike, years, rate, yield_)
        paid = european.price(kind, 100.0, strike, years, volatility, rate, yield_)
        time_value = paid - max(0.0, european.price(kind, 100.0, strike, years, 1e-9, rate, yield_))
        if time_value < 1e-7:
            continue  # nothing of the volatility is left in the digits of such a price
        assert european.implied_volatility(kind, paid, *terms) == pytest.approx(volatility, rel=1e-6)


def test_no_volatility_is_in_an_impossible_price():
    assert european.implied_volatility("call", 4.99, 105.0, 100.0, 0.5) is None
    assert european.implied_volatility("call", 105.0, 105.0, 100.0, 0.5) is None
    assert european.implied_volatility("put", 0.0, 105.0, 100.0, 0.5) is None
    assert european.implied_volatility("put", 1.0, 105.0, 100.0, 0.0) is None


def test_parity():
    for _, strike, years, volatility, (rate, yield_) in GRID:
        call, put = (
            european.price(kind, 100.0, strike, years, volatility, rate, yield_, DIVIDENDS)
            for kind in ("call", "put")
        )
        base = european.escrowed(100.0, years, rate - yield_, DIVIDENDS)
        forward = base * exp(-yield_ * years) - strike * exp(-rate * years)
        assert call - put == pytest.approx(forward, abs=1e-9)


def test_at_expiry_it_pays_what_exercise_does():
    assert european.price("put", 90.0, 100.0, 0.0, 0.5) == 10.0


def test_dividends_of_more_than_the_share_are_refused():
    with pytest.raises(DataError, match="dividends of more than the spot"):
        european.price("call", 1.0, 1.0, 1.0, 0.5, dividends=[(0.5, 2.0)])
