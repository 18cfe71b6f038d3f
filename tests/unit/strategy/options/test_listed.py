"""American options: within 0.01 % of QuantLib's fine grids; greeks; volatilities; what is refused."""

from __future__ import annotations

import sys
from itertools import product

import pytest

from bot.errors import DataError, UsageError
from bot.strategy.options import Contract, Terms, american, european, listed
from tests.unit.strategy.options.reference import Reference, call_over_one_dividend

WITHIN = 1e-4
CENT = 0.01
SPOT = 100.0


def off(ours: float, theirs: float) -> float:
    """Relative error; prices below a cent count as a cent."""
    return abs(ours - theirs) / max(theirs, CENT)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_without_dividends_within_a_hundredth_of_a_percent_of_the_fine_grid(kind):
    worst = 0.0
    for strike, years, volatility, (rate, yield_) in product(
        (80.0, 100.0, 120.0), (7 / 365, 1.0), (0.2, 0.7), ((0.05, 0.0), (0.02, 0.06))
    ):
        ours = american.price(kind, SPOT, strike, years, volatility, rate, yield_)
        reference = Reference(kind, SPOT, strike, years, volatility, rate, yield_)
        assert off(ours, reference.boundary()) < 2e-6
        worst = max(worst, off(ours, reference.american(400, 800)))
    assert worst < WITHIN


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("dividends", [((0.4, 1.0),), ((0.2, 0.5), (0.9, 0.5))], ids=["one", "two"])
def test_with_dividends_within_a_hundredth_of_a_percent_of_the_fine_grid(kind, dividends):
    worst = 0.0
    for strike, years, volatility in [
        (85.0, 1.0, 0.2),
        (100.0, 1.0, 0.6),
        (100.0, 7 / 365, 0.2),
        (115.0, 0.25, 0.6),
    ]:
        due = tuple((part * years, usd) for part, usd in dividends)
        ours = american.price(kind, SPOT, strike, years, volatility, 0.05, 0.0, due)
        worst = max(
            worst, off(ours, Reference(kind, SPOT, strike, years, volatility, 0.05, 0.0, due).american())
        )
    assert worst < WITHIN


def test_a_call_over_a_dividend_is_what_exercise_before_it_is_worth():
    for strike, years, volatility in [(90.0, 0.5, 0.2), (100.0, 0.1, 0.4), (110.0, 1.0, 0.3)]:
        ours = american.price("call", SPOT, strike, years, volatility, 0.05, 0.0, ((0.4 * years, 1.5),))
        exact = call_over_one_dividend(SPOT, strike, years, volatility, 0.05, 0.4 * years, 1.5)
        assert off(ours, exact) < WITHIN


def test_a_call_without_dividends_is_never_exercised_early():
    ours = american.price("call", SPOT, 95.0, 0.5, 0.3, 0.05)
    assert ours == pytest.approx(european.price("call", SPOT, 95.0, 0.5, 0.3, 0.05), rel=1e-9)


def test_a_put_deep_in_the_money_is_exercised_now():
    assert american.price("put", 50.0, 100.0, 1.0, 0.1, 0.08) == pytest.approx(50.0)


def test_minutes_count():
    hours = [american.price("put", SPOT, 100.0, h / 8760, 0.4, 0.05) for h in (1.0, 1.5, 2.0)]
    assert hours == sorted(hours)
    assert hours[0] < hours[1] - 0.01


CONTRACT = Contract("TSLA", "put", 105.0, 0)


@pytest.mark.parametrize("style", ["american", "european"])
def test_greeks_against_differences_of_the_fine_reference(style):
    contract = Contract("TSLA", "put", 105.0, 0, style)
    terms, years = Terms(SPOT, 0.45, 0.04, 0.01), 0.3
    greeks = listed.greeks(contract, terms, years)

    def at(spot=SPOT, volatility=0.45, rate=0.04, time=years):
        reference = Reference("put", spot, 105.0, time, volatility, rate, 0.01)
        return reference.boundary() if style == "american" else reference.european()

    assert greeks.value == pytest.approx(at(), rel=1e-6)
    assert greeks.delta == pytest.approx((at(101) - at(99)) / 2, abs=2e-4)
    assert greeks.gamma == pytest.approx((at(102) - 2 * at() + at(98)) / 4, abs=2e-5)
    assert greeks.vega == pytest.approx((at(volatility=0.46) - at(volatility=0.44)) / 0.02, rel=1e-3)
    assert greeks.rho == pytest.approx((at(rate=0.041) - at(rate=0.039)) / 0.002, rel=1e-3)
    assert greeks.theta_day == pytest.approx(
        (at(time=years - 1e-3) - at(time=years + 1e-3)) / 2e-3 / 365, rel=1e-3
    )


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("strike", [85.0, 100.0, 115.0])
def test_the_volatility_put_in_comes_out(kind, strike):
    contract, terms = Contract("TSLA", kind, strike, 0), Terms(SPOT, 0.5, 0.05)
    paid = listed.price(contract, terms, 0.2)
    found = listed.implied_volatility(contract, paid, Terms(SPOT, 1.0, 0.05), 0.2)
    assert found == pytest.approx(0.5, abs=1e-5)


def test_a_price_of_exercise_or_less_has_no_volatility():
    contract = Contract("TSLA", "put", 120.0, 0)
    assert listed.implied_volatility(contract, 20.0, Terms(SPOT, 1.0, 0.05), 0.2) is None
    assert listed.implied_volatility(contract, 19.0, Terms(SPOT, 1.0, 0.05), 0.2) is None
    assert listed.implied_volatility(contract, 121.0, Terms(SPOT, 1.0, 0.05), 0.2) is None


def test_terms_without_a_price_are_refused():
    for terms in (Terms(0.0, 0.3), Terms(SPOT, 0.0)):
        with pytest.raises(DataError, match="more than nothing"):
            listed.price(CONTRACT, terms, 0.1)


def test_without_quantlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "QuantLib", None)
    monkeypatch.setattr(american, "_desk", american._Desk)
    with pytest.raises(UsageError, match=r"pegbot\[options\]"):
        american.price("put", SPOT, 100.0, 0.5, 0.3)
