"""Options of any terms: bounds and identities; a hedge chosen never breaks the rule it was chosen by."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.strategy.hedge_choice import Hedger, total
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.hedge_ways import Wait
from bot.strategy.hedges import ShortStock
from bot.strategy.moves import student
from bot.strategy.options import KRAKEN_FUTURES, Perpetual, american, european, inverse, perpetual, perps
from tests.fixtures.market import MONDAY
from tests.fixtures.options import chain, perp
from tests.fixtures.options import perpetual as perpetual_quote

kinds = st.sampled_from(["call", "put"])
spots = st.floats(20.0, 500.0)
moneyness = st.floats(-0.7, 0.7)
years = st.floats(1 / 365, 3.0)
volatilities = st.floats(0.05, 2.0)
rates = st.floats(0.0, 0.12)


@given(kinds, spots, moneyness, years, volatilities, rates, rates)
def test_european_prices_lie_within_arbitrage_bounds_and_rise_with_volatility(
    kind, spot, away, t, vol, rate, yield_
):
    strike = spot * exp(away)
    worth = european.price(kind, spot, strike, t, vol, rate, yield_)
    now, then = spot * exp(-yield_ * t), strike * exp(-rate * t)
    assert worth >= max(0.0, now - then if kind == "call" else then - now) - 1e-9 * spot
    assert worth <= (now if kind == "call" else then) * (1 + 1e-12)
    assert european.price(kind, spot, strike, t, vol * 1.1, rate, yield_) >= worth - 1e-9 * spot


@given(kinds, spots, moneyness, years, volatilities, rates, rates)
def test_the_volatility_put_in_comes_out_where_the_price_holds_it(kind, spot, away, t, vol, rate, yield_):
    strike = spot * exp(away)
    worth = european.price(kind, spot, strike, t, vol, rate, yield_)
    found = european.implied_volatility(kind, worth, spot, strike, t, rate, yield_)
    if found is not None:
        again = european.price(kind, spot, strike, t, found, rate, yield_)
        assert again == pytest.approx(worth, rel=1e-9, abs=1e-9 * spot)


@settings(max_examples=60, deadline=None)  # the first loads QuantLib
@given(kinds, spots, moneyness, st.floats(1 / 365, 2.0), st.floats(0.1, 1.2), rates)
def test_american_is_worth_exercise_and_the_european_at_least(kind, spot, away, t, vol, rate):
    strike = spot * exp(away)
    worth = american.price(kind, spot, strike, t, vol, rate)
    assert worth >= european.intrinsic(kind, spot, strike) - 1e-6 * spot
    assert worth >= european.price(kind, spot, strike, t, vol, rate) - 1e-6 * spot


@given(kinds, spots, moneyness, st.floats(0.5, 60.0), volatilities, rates, rates)
def test_perpetual_prices(kind, spot, away, period, vol, rate, yield_):
    strike = spot * exp(away)
    option = Perpetual(kind, strike, period)
    worth = perpetual.price(option, spot, vol, rate, yield_)
    other = perpetual.price(
        Perpetual("put" if kind == "call" else "call", strike, period), spot, vol, rate, yield_
    )
    pace = 365 / period
    forward = spot * pace / (pace + yield_) - strike * pace / (pace + rate)
    assert worth - other == pytest.approx(forward if kind == "call" else -forward, rel=1e-9, abs=1e-9 * spot)
    assert worth >= -1e-12
    if rate == yield_ == 0:
        assert worth >= european.intrinsic(kind, spot, strike)
    greeks = perpetual.greeks(option, spot, vol, rate, yield_)
    assert greeks.gamma >= 0
    assert (greeks.delta >= 0) == (kind == "call") or abs(greeks.delta) < 1e-12


@given(spots, moneyness)
def test_inverse_payoffs(spot, away):
    strike = spot * exp(away)
    call, put = (inverse.payoff_coins(kind, spot, strike) for kind in ("call", "put"))
    assert call - put == pytest.approx(1 - strike / spot)
    assert call == pytest.approx(strike * max(0.0, 1 / strike - 1 / spot), abs=1e-12)
    assert 0 <= call < 1


@given(spots, st.floats(-500, 500).filter(lambda n: abs(n) > 0.01), st.floats(0.02, 0.6))
def test_margin_for_a_price_lasts_to_it(entry, held, move):
    until = entry * exp(move if held < 0 else -move)
    margin = perps.margin_for(entry, held, KRAKEN_FUTURES, until)
    closed = perps.liquidation_price(entry, held, margin, KRAKEN_FUTURES.maintenance_ratio)
    assert (closed >= until * (1 - 1e-9)) if held < 0 else (closed <= until * (1 + 1e-9))


@given(st.floats(0.001, 0.3), st.lists(st.floats(-1e6, 1e6), min_size=23, max_size=23))
def test_a_higher_level_loses_no_less(sd, values):
    at_90, at_95, at_99 = student(sd).shortfalls(values, (0.9, 0.95, 0.99))
    assert at_90 <= at_95 <= at_99 <= -min(values) + 1e-6


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1.0, 2_000.0), st.floats(0.005, 0.12), st.floats(0.5, 6.0), st.floats(0.01, 0.2),
    st.floats(-2e-4, 2e-4), st.booleans(), st.floats(1e3, 1e7),
)  # fmt: skip
def test_the_hedge_chosen_keeps_the_shortfall_and_is_the_cheapest(
    shares, sd, days, ratio, funding, broker, capital
):
    spot = 395.4
    quotes = HedgeQuotes(
        chain(spot, MONDAY), (perp(spot, MONDAY, funding_hour=funding),), (perpetual_quote(spot, MONDAY),)
    )
    short = ShortStock("TSLA@ibkr", 395.35, 395.45, 1.0, 0.005) if broker else "closed"
    wait = Wait("TSLA", spot, MONDAY, days * 86_400, sd, shortfall_ratio=ratio)
    choice = Hedger(wait, quotes, short).choose(shares, capital)
    assert choice.limit_usd == pytest.approx(ratio * shares * spot)
    for other in choice.others:
        assert other.reason.startswith("hedge.")
    if choice.chosen is None:
        assert not any(other.reason.startswith("hedge.dearer") for other in choice.others)
        return
    chosen = choice.chosen
    assert chosen.shortfall_99_usd <= choice.limit_usd
    assert chosen.way.capital_usd <= capital
    assert chosen.cost_usd >= chosen.way.least_usd - 1e-9
    for other in choice.others:
        if other.reason.startswith("hedge.dearer") and other.cost_usd is not None:
            assert other.cost_usd >= total(chosen) - 1e-6
    if chosen.way.kind == "listed_option":
        assert chosen.way.contracts >= 1
        assert chosen.way.shares < shares + 100
    assert log(chosen.way.capital_usd + 1) >= 0


@given(kinds, st.lists(st.floats(0.5, 500.0), min_size=1, max_size=9), moneyness, st.floats(-0.1, 3.0),
       st.sampled_from([0.0, 0.4]), rates, st.lists(st.tuples(st.floats(-0.1, 3.0), st.floats(0.0, 2.0)),
                                                   max_size=3))  # fmt: skip
def test_prices_of_many_spots_are_the_prices_of_each(
    kind: european.OptionKind, many: list[float], far: float, left: float, volatility: float, rate: float,
    dividends: list[tuple[float, float]],
) -> None:  # fmt: skip
    strike = many[0] * exp(far)
    paid_out = sum(usd * exp(-rate * when) for when, usd in dividends if 0 < when <= left)
    found = european.prices(kind, many, strike, left, volatility, rate, 0.0, dividends)
    for spot, worth in zip(many, found, strict=True):
        if spot > paid_out or left <= 0:
            one = european.price(kind, spot, strike, left, volatility, rate, 0.0, dividends)
        else:
            one = european.intrinsic(kind, spot, strike)
        assert worth == pytest.approx(one, rel=1e-12, abs=1e-10 * strike)
