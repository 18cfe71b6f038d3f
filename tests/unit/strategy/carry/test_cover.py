"""Cover sold and bought with a stock token: against closed forms, and a pool replayed coin by coin."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pytest

from bot.strategy.carry import paths, sides
from bot.strategy.carry.cover import fair_markup, simulate
from bot.strategy.carry.model import Backing, Demand, Holder, Jump, Pair, Terms
from bot.strategy.carry.pools import Pools, Sharing
from bot.strategy.options import Perpetual, perpetual
from bot.strategy.options.european import price
from tests.unit.strategy.options.reference import integral

CALM = Pair("TSLAx", "BTC", 400.0, 1e-4, 100_000.0, 0.5, 0.0)
LIVELY = Pair("TSLAx", "BTC", 400.0, 0.6, 100_000.0, 0.5, 0.4)
BARE = Terms(quoted_volatility=0.5, markup=1.0, opening_fee=0.0, reserve_part=0.0, protocol_part=0.0)
NOTHING = Backing(0.0, 0.0, 1e9)
ONCE = Demand(utilisation=0.1, call_part=0.5, hold_days=1e9)


def expected_time_value(days: float, volatility: float = 0.5) -> float:
    """``E[V]`` after so long of one unit at one dollar, by quadrature over the log-normal law."""
    sd, option = volatility * (days / 365) ** 0.5, Perpetual("call", 1.0, 7.0)

    def part(z: float) -> float:
        spot = float(np.exp(sd * z - sd * sd / 2))
        worth = perpetual.price(option, spot, 0.5) - max(0.0, spot - 1)
        return worth * float(np.exp(-z * z / 2) / np.sqrt(2 * np.pi))

    return integral(part, [-9, -4, -2, -1, -0.5, 0, sd / 2, 0.5, 1, 2, 4, 9])


@pytest.mark.parametrize("pair", [CALM, LIVELY], ids=["calm token", "correlated token"])
def test_cover_sold_without_a_markup_loses_the_time_value_it_gives_away(pair):
    days = 5.0
    found = simulate(pair, BARE, ONCE, Holder(100.0, days, 1.0), NOTHING, paths=20_000, steps_day=12)
    units = 0.1 * 100 / (0.5 * 100_000 / 400)
    given = perpetual.price(Perpetual("call", 1.0, 7.0), 1.0, 0.5) - expected_time_value(days)
    if pair is CALM:
        assert found.expected_usd == pytest.approx(-units * 100_000 * given, rel=0.06)
    assert found.expected_usd < 0


def test_bought_and_sold_are_two_sides():
    days, pair = 5.0, CALM
    sold = simulate(pair, BARE, Demand(0.1, 1.0, 1e9), Holder(100.0, days, 1.0), NOTHING, seed=3)
    bought = simulate(pair, BARE, ONCE, Holder(100.0, days, 0.0, "call", 1e4), NOTHING, seed=3)
    day = 1e5 * (perpetual.price(Perpetual("call", 1.0, 7.0), 1.0, 0.5)) / 7
    units_sold, units_bought = 0.1 * 100 / (0.5 * 1e5 / 400), 100 * 400 / (day * 1e4)
    assert bought.lapsed == 0
    assert bought.expected_usd / units_bought == pytest.approx(-sold.expected_usd / units_sold, rel=1e-3)


def test_at_the_fair_markup_nobody_earns():
    days = 5.0
    markup = fair_markup(0.5, days, BARE)
    funding = integral(lambda t: expected_time_value(t) / 7, [0.001, 0.1, 0.5, 1.5, 3, 5.0])
    assert markup == pytest.approx(price("call", 1.0, 1.0, days / 365, 0.5) / funding, rel=2e-3)
    terms = Terms(7.0, 0.5, markup, 0.0, 0.0, 0.0)
    found = simulate(CALM, terms, ONCE, Holder(100.0, days, 1.0), NOTHING, paths=20_000, steps_day=12)
    bare = simulate(CALM, BARE, ONCE, Holder(100.0, days, 1.0), NOTHING, paths=20_000, steps_day=12)
    assert abs(found.expected_usd) < 0.12 * abs(bare.expected_usd)
    assert fair_markup(0.5, 30.0, BARE) < markup < fair_markup(0.5, 1.0, BARE)
    assert fair_markup(0.5, days, terms, kept=0.8) == pytest.approx(markup / 0.8)


@pytest.mark.parametrize("annual_volatility", [1e-4, 0.5, 10.0])
@pytest.mark.parametrize("quoted_ratio", [1e-2, 1.0, 10.0])
def test_a_fair_markup_is_a_number_for_whatever_the_registry_may_hold(annual_volatility, quoted_ratio):
    terms = Terms(1.0, annual_volatility * quoted_ratio, 1.0, 0.0)
    found = [fair_markup(annual_volatility, hold_days, terms) for hold_days in (1e-2, 5.0, 1e4)]
    assert all(isfinite(one) and one > 0 for one in found)


def test_a_path_is_settled_as_the_pools_settle_it_coin_by_coin():
    terms, demand = Terms(markup=2.0, lock_ratio=0.1), Demand(0.8, 1.0, 2.0)
    tokens = 20.0
    token, coin = paths.prices(LIVELY, 200, 40, 0.5, seed=11)
    sold = sides.Sold(terms, demand, (4.0, 7.0), tokens, token[0], coin[0])
    venues = []
    for path in range(200):
        venue = Pools({"ours": tokens}, 4.0, 7.0, Sharing(0.1, 0.1, 0.1))
        venues.append(venue)
        replay(venue, terms, demand, token[:, path], coin[:, path])
    for n in range(1, 41):
        sold.step(sides.Step(token[n], coin[n], token[n - 1], coin[n - 1], 0.5, n % 4 == 0))
    sold.close(token[-1], coin[-1])
    assert [venue.private["ours"] for venue in venues] == pytest.approx(sold.pool.tolist(), abs=1e-9)
    assert [venue.reserve for venue in venues] == pytest.approx(sold.reserve.tolist(), abs=1e-9)
    assert [venue.public for venue in venues] == pytest.approx(sold.public.tolist(), abs=1e-9)
    assert 0 < sold.emptied.mean() < 1  # some of these pools did not hold


def replay(venue: Pools, terms: Terms, demand: Demand, token, coin) -> None:
    """One path, order by order, by the rules of the pools."""
    strike, units, number = coin[0], 0.0, 0

    def renew(n: int) -> None:
        nonlocal strike, units, number
        number, strike = n, coin[n]
        units = demand.utilisation * venue.private["ours"] / (terms.lock_ratio * coin[n] / token[n])
        if units > 0:
            assert venue.open(str(n), units * coin[n] / token[n], 0) == "ours"
            venue.fund(str(n), units * coin[n] * terms.opening_fee / token[n])

    def owed(n: int) -> float:
        return units * max(0.0, coin[n] - strike) / token[n]

    renew(0)
    for n in range(1, len(coin)):
        if units > 0:
            u = perpetual.root_u(terms.quoted_volatility, terms.period_days)
            ratio = coin[n - 1] / strike
            value = strike / u * ratio ** ((1 - u) / 2 if ratio >= 1 else (1 + u) / 2)
            venue.fund(str(number), units * terms.markup * value * 0.5 / terms.period_days / token[n - 1])
            if venue.exposed([(str(number), owed(n))]):
                venue.close(str(number), owed(n))
                units = 0.0
        if n % 4 == 0:
            if units > 0:
                venue.close(str(number), owed(n))
            renew(n)
    if units > 0:
        venue.close(str(number), owed(len(coin) - 1))


def test_a_thin_lock_is_where_pools_default():
    safe, thin = (
        simulate(
            LIVELY, Terms(lock_ratio=lock), Demand(0.9, 0.0, 5.0), Holder(100.0, 14.0, 1.0), Backing(1, 1, 0)
        )
        for lock in (1.0, 0.05)  # of puts, which pay their strike at most
    )
    assert safe.emptied == safe.unpaid == 0
    assert thin.emptied > 0.03
    assert 0 < thin.unpaid <= thin.emptied
    assert thin.shortfall_99_usd > safe.shortfall_99_usd


def test_a_buyer_loses_at_most_the_margin_and_lapses_when_it_is_gone():
    found = simulate(CALM, Terms(), ONCE, Holder(100.0, 14.0, 0.0, "put", 5.0), NOTHING)
    assert found.quantiles[0] >= -100 * 400.0 * 1.001
    assert found.lapsed > 0.2
    assert found.emptied == 0
    unpaid = simulate(CALM, Terms(), ONCE, Holder(100.0, 14.0, 0.0, "put", 5.0), Backing(0.0, 0.0, 1.0))
    assert unpaid.unpaid > 0.2


def test_a_buyer_wins_no_more_than_the_pool_and_what_is_behind_it():
    held = Holder(100.0, 14.0, 0.0, "put", 45.0)
    whole, thin = (simulate(CALM, BARE, ONCE, held, backing) for backing in (NOTHING, Backing(0.0, 0.0, 5.0)))
    assert (whole.unpaid, whole.emptied) == (0, 0)
    assert thin.unpaid > 0.2
    assert thin.expected_usd < whole.expected_usd
    assert thin.quantiles[-1] < whole.quantiles[-1]


def test_split_it_is_between_both():
    sold, split, bought = (
        simulate(LIVELY, Terms(), Demand(), Holder(100.0, 14.0, part), Backing(50, 200, 500), seed=2)
        for part in (1.0, 0.5, 0.0)
    )
    assert split.expected_usd == pytest.approx((sold.expected_usd + bought.expected_usd) / 2, rel=1e-9)
    assert max(sold.shortfall_99_usd, split.shortfall_99_usd) < bought.shortfall_99_usd
    assert split.shortfall_99_usd < (sold.shortfall_99_usd + bought.shortfall_99_usd) / 2


def test_the_same_seed_gives_the_same_answer():
    one, two, other = (
        simulate(LIVELY, Terms(), Demand(), Holder(10.0, 5.0, 0.5), NOTHING, paths=500, seed=s)
        for s in (1, 1, 2)
    )
    assert one == two != other


@pytest.mark.parametrize("side", [-1.0, 1.0], ids=["falls", "rises"])
def test_the_larger_a_jump_the_more_of_what_stands_behind_a_thin_pool_is_drawn_on(side):
    thin, lent = Terms(quoted_volatility=0.55, lock_ratio=0.08), Demand(utilisation=0.9)
    found = [
        simulate(LIVELY, thin, lent, Holder(100.0, 10.0, 1.0), Backing(50.0, 200.0, 500.0, 900.0),
                 paths=1_000, jump=Jump(4.0, side * sigmas))
        for sigmas in (0.0, 5.0, 6.5, 8.0)
    ]  # fmt: skip
    for name in ("emptied", "reserve_used", "public_hit", "unpaid"):
        chances = [getattr(one, name) for one in found]
        assert chances == sorted(chances)
        assert chances[-1] > 2 * chances[0] + 0.01
    for one in found:
        assert one.emptied == one.reserve_used > one.public_hit > one.unpaid
        assert one.tokens_quantiles[0] >= -1


def test_who_is_owed_at_the_same_time_is_paid_the_same_part():
    one = np.ones(1)
    terms, demand = Terms(7.0, 0.6, 2.5, 0.0, 0.0, 0.0, 0.1), Demand(0.9, 0.0, 5.0)
    backing = Backing(2.0, 3.0, 50.0)
    held = sides.Bought(terms, demand, Holder(20.0, 5.0, 0.0, "put", 10.0), backing, one, one)
    crowd, own = held.seller.units[0] * 0.4, held.units[0] * 0.4
    held.close(one, 0.6 * one)
    assert crowd + own > held.seller.paid_out[0] == pytest.approx(55.0 + held.seller.paid_in[0])
    assert held.won[0] / own == pytest.approx(held.seller.paid_out[0] / (crowd + own))
    assert held.unpaid[0]
