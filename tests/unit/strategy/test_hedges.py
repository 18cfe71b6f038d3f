"""Which hedge is chosen for a wait, at what cost and shortfall, and why the others are not."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from statistics import NormalDist

import pytest
from msgspec.structs import replace

from bot.strategy.hedge_choice import Hedger, total
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.hedge_ways import PERP_RESIDUAL, Wait
from bot.strategy.hedges import ShortStock
from bot.strategy.moves import quantile, student
from bot.strategy.options import HYPERLIQUID, Chain
from bot.strategy.risk import HEDGE_RESIDUAL, SIGMAS_99
from tests.fixtures.market import MONDAY
from tests.fixtures.options import chain, everything, perp, perpetual

SPOT = 395.4
DAYS = 86_400.0
SHORT = ShortStock("TSLA@ibkr", 395.35, 395.45, 1.0, 0.005)
NONE = "the share does not trade at a broker now (weekend)"


def wait(**changes):
    values = {"underlying": "TSLA", "spot": SPOT, "ts": MONDAY, "seconds": 3 * DAYS, "sd": 0.03}
    return Wait(**(values | changes))


def choose(shares=250.0, quotes=None, short=SHORT, capital=1e9, **changes):
    offered = quotes if quotes is not None else everything(SPOT, MONDAY)
    return Hedger(wait(**changes), offered, short).choose(shares, capital)


def reasons(choice):
    return {other.description.partition(" (")[0]: other.reason for other in choice.others}


def rules(choice):
    return {other.reason.partition(":")[0] for other in choice.others}


# -- The moves -----------------------------------------------------------------------------------------


def test_the_law_has_fat_tails_and_expects_the_price_to_stay():
    moves = student(0.03)
    assert sum(moves.weights) == pytest.approx(1.0)
    assert moves.mean([exp(move) for move in moves.logs]) == pytest.approx(1.0)
    assert moves.shortfall(list(moves.logs), 0.99) / 0.03 == pytest.approx(SIGMAS_99, rel=0.02)
    assert moves.shortfall(list(moves.logs), 0.95) / 0.03 == pytest.approx(1.71, rel=0.02)


@pytest.mark.parametrize(
    ("p", "t"), [(0.5, 0.0), (0.95, 2.1318), (0.99, 3.7469), (0.01, -3.7469), (0.999, 7.1732)]
)
def test_students_quantiles_are_the_tables(p, t):
    assert quantile(p) == pytest.approx(t, abs=5e-5)


def test_a_shortfall_is_the_loss_exceeded_in_so_many_cases():
    moves = student(NormalDist().stdev)
    gains = [100 * move for move in moves.logs]
    at = {level: moves.shortfall(gains, level) for level in (0.9, 0.95, 0.99)}
    for level, loss in at.items():
        over = sum(w for gain, w in zip(gains, moves.weights, strict=True) if -gain > loss)
        assert over == pytest.approx(1 - level, abs=0.021)  # the cells are coarse away from 1 % and 5 %
    assert all(a < b for a, b in pairwise(at.values()))


# -- The choice ----------------------------------------------------------------------------------------


def test_the_cheapest_that_keeps_the_shortfall_is_chosen():
    choice = choose()
    assert choice.chosen is not None
    assert choice.chosen.shortfall_99_usd <= choice.limit_usd == pytest.approx(0.02 * 250 * SPOT)
    for other in choice.others:
        if other.reason.startswith("hedge.dearer"):
            assert other.cost_usd is not None
    assert {other.kind for other in choice.others} | {choice.chosen.way.kind} == {
        "none", "short_stock", "perp", "listed_option", "perpetual_option",
    }  # fmt: skip


def test_every_way_not_chosen_says_which_rule_and_what_it_would_do():
    choice = choose()
    assert rules(choice) <= {"hedge.dearer", "hedge.shortfall", "hedge.unavailable", "hedge.capital"}
    nothing = next(other for other in choice.others if other.kind == "none")
    # 3 sd of 3 % of 250 shares: about 9 % of them is lost at 99 %.
    assert nothing.shortfall_usd == pytest.approx(250 * SPOT * (1 - exp(-0.09)), rel=0.03)
    assert nothing.reason.startswith("hedge.shortfall: $")


def test_short_stock_costs_what_the_broker_takes_and_leaves_a_tenth():
    choice = choose(quotes=HedgeQuotes(), shortfall_ratio=0.02)
    assert choice.chosen is not None
    assert choice.chosen.way.kind == "short_stock"
    assert choice.chosen.cost_usd == pytest.approx(SHORT.cost_usd(250, 3 * DAYS), rel=1e-6)
    left = 250 * SPOT * HEDGE_RESIDUAL * SIGMAS_99 * 0.03
    assert choice.chosen.shortfall_99_usd == pytest.approx(left + choice.chosen.cost_usd, rel=0.1)
    assert choice.greeks.delta == pytest.approx(0.0)
    assert choice.greeks.value == pytest.approx(250 * SPOT)


def test_where_the_share_cannot_be_sold_short_the_reason_is_told():
    choice = choose(short=NONE, quotes=HedgeQuotes(None, (perp(SPOT, MONDAY),)))
    assert choice.chosen is not None
    assert choice.chosen.way.kind == "perp"
    assert reasons(choice)["short stock"] == f"hedge.unavailable: {NONE}"


def test_a_perp_is_as_dear_as_its_funding():
    free, dear = (
        choose(
            short=NONE,
            quotes=HedgeQuotes(None, (perp(SPOT, MONDAY, funding_hour=rate),)),
            shortfall_ratio=0.05,
        )
        for rate in (0.0, -1e-4)
    )
    assert free.chosen is not None
    assert dear.chosen is not None
    assert dear.chosen.cost_usd - free.chosen.cost_usd == pytest.approx(250 * SPOT * 1e-4 * 72)


def test_a_perp_posts_margin_to_three_standard_deviations_and_says_where_it_is_liquidated():
    choice = choose(short=NONE, quotes=HedgeQuotes(None, (perp(SPOT, MONDAY),)))
    assert choice.chosen is not None
    way = choice.chosen.way
    assert way.liquidation_price == pytest.approx(SPOT * exp(0.09), rel=1e-4)
    assert way.liquidation_probability == pytest.approx(2 * NormalDist().cdf(-3), rel=0.01)
    assert f"liquidated at ${way.liquidation_price:,.2f}" in way.description
    assert way.gains[-1] == -way.capital_usd  # beyond, the margin is gone
    left = 250 * SPOT * PERP_RESIDUAL * SIGMAS_99 * 0.03
    assert choice.chosen.shortfall_99_usd == pytest.approx(left, rel=0.15)


def test_of_two_perps_the_cheaper():
    offered = (
        perp(SPOT, MONDAY, funding_hour=-1e-4),
        perp(SPOT, MONDAY, funding_hour=1e-5, terms=HYPERLIQUID),
    )
    choice = choose(short=NONE, quotes=HedgeQuotes(None, offered), shortfall_ratio=0.05)
    assert choice.chosen is not None
    assert choice.chosen.way.venue == "hyperliquid"
    assert "hedge.dearer" in rules(choice)


def test_options_come_in_whole_contracts():
    choice = choose(250.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=0.04)
    assert choice.chosen is not None
    assert choice.chosen.way.kind == "listed_option"
    assert choice.chosen.way.contracts in (2, 3)
    assert choice.chosen.way.description.startswith(f"{choice.chosen.way.contracts} TSLA 2025-07-")


def test_fewer_shares_than_a_contract_can_be_protected_but_nothing_is_sold_against_them():
    choice = choose(45.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=0.05)
    assert choice.chosen is not None
    assert choice.chosen.way.name == "protective put"
    assert choice.chosen.way.contracts == 1
    assert reasons(choice)["collar"] == "hedge.unavailable: one contract is for 100 shares"


def test_an_option_must_outlive_the_wait_and_be_fresh_and_offered_in_size():
    late = choose(quotes=HedgeQuotes(chain(SPOT, MONDAY, days=(2.9,))), short=NONE)
    assert reasons(late)["listed options"].startswith("hedge.unavailable: no fresh option that outlives 3 d")
    old = choose(quotes=HedgeQuotes(chain(SPOT, MONDAY - 301 * 10**9)), short=NONE)
    assert reasons(old)["listed options"].startswith("hedge.unavailable: no fresh option")
    few = choose(quotes=HedgeQuotes(chain(SPOT, MONDAY, size=1)), short=NONE)
    assert reasons(few)["protective put"].startswith("hedge.unavailable: 1 contracts at the ask")
    for choice in (late, old, few):
        assert choice.chosen is None


def test_protection_cuts_the_loss_at_its_strike():
    hedger = Hedger(wait(), HedgeQuotes(chain(SPOT, MONDAY, days=(4.25,))), NONE)
    puts = [way for way in hedger.ways.of(200.0) if way.name == "protective put" and way.contracts == 2]
    assert puts
    for way in puts:
        strike = float(way.description.split()[3])
        worst = 200 * SPOT * (exp(hedger.moves.logs[0]) - 1) + way.gains[0]
        covered = 200 * (SPOT - min(strike, SPOT * 1.05))
        slip = 200 * SPOT * (1 - exp(HEDGE_RESIDUAL * hedger.moves.logs[0]))
        assert -worst < covered + way.outlay_usd + slip + 30


def test_a_put_is_expected_to_cost_its_spread_and_time_value():
    """Bought at the fair volatility of the moves themselves it costs the spread and the fees, about."""
    sd = 0.6 * (3 / 365) ** 0.5
    hedger = Hedger(wait(sd=sd), HedgeQuotes(chain(SPOT, MONDAY, rate=0.0, days=(39.25,))), NONE)
    puts = [way for way in hedger.ways.of(200.0) if way.name == "protective put"]
    assert puts
    for way in puts:
        assert way.least_usd == pytest.approx(200 * 0.1 + 4 * 0.65)
        # The tails are fatter, and the middle thinner, than of the law that the option is priced by.
        assert -hedger.moves.mean(way.gains) == pytest.approx(way.least_usd, abs=30)


def test_what_a_hedge_might_earn_is_no_saving():
    calm = Hedger(wait(sd=0.01), HedgeQuotes(chain(SPOT, MONDAY)), NONE)  # options are dear for such a share
    collars = [way for way in calm.ways.of(200.0) if way.name == "collar"]
    assert any(calm.moves.mean(way.gains) > 0 for way in collars)
    choice = calm.choose(200.0)
    assert choice.chosen is not None
    assert choice.chosen.cost_usd >= choice.chosen.way.least_usd >= 0


def test_a_stricter_shortfall_is_never_cheaper():
    costs = []
    for ratio in (0.2, 0.05, 0.03, 0.02):
        choice = choose(300.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=ratio)
        if choice.chosen is not None:
            costs.append(total(choice.chosen))
    assert len(costs) >= 3
    assert costs == sorted(costs)
    assert costs[0] == 0.0  # so much may be lost that nothing is needed


def test_the_level_may_be_another():
    strict = choose(300.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=0.06, level=0.99)
    lax = choose(300.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=0.06, level=0.95)
    assert strict.chosen is not None
    assert lax.chosen is not None
    assert lax.chosen.way.kind == "none"
    assert lax.chosen.shortfall_95_usd <= lax.limit_usd < lax.chosen.shortfall_99_usd
    assert strict.chosen.way.kind == "listed_option"


def test_capital_that_is_not_there_is_not_locked():
    choice = choose(capital=1_000.0, quotes=HedgeQuotes())
    assert choice.chosen is None
    assert rules(choice) >= {"hedge.capital", "hedge.shortfall"}


def test_shares_owed_are_hedged_the_other_way():
    quotes = HedgeQuotes(chain(SPOT, MONDAY), (perp(SPOT, MONDAY),), (perpetual(SPOT, MONDAY, kind="call"),))
    choice = choose(-250.0, quotes)
    assert choice.chosen is not None
    names = {other.description for other in choice.others} | {choice.chosen.way.description}
    assert any("call bought" in name for name in names)
    assert choice.chosen.shortfall_99_usd <= choice.limit_usd
    assert choice.greeks.delta == pytest.approx(-250 + choice.chosen.way.greeks.delta)
    assert choice.chosen.way.greeks.delta > 0


def test_a_perpetual_put_costs_funding_for_as_long_as_it_is_held():
    short, long = (
        next(
            way for way in Hedger(wait(seconds=days * DAYS), everything(SPOT, MONDAY), NONE).ways.of(100.0)
            if way.kind == "perpetual_option"
        )
        for days in (1, 3)
    )  # fmt: skip
    # In the highest of all cases nothing is paid out: what is lost is funding and fees alone.
    fees = 2 * 100 * SPOT * 0.0005
    assert long.gains[-1] + fees == pytest.approx(3 * (short.gains[-1] + fees))
    assert log(-long.gains[-1]) > 0


def test_greeks_of_position_and_hedge_together():
    choice = choose(200.0, HedgeQuotes(chain(SPOT, MONDAY)), short=NONE, shortfall_ratio=0.05)
    assert choice.chosen is not None
    assert 0 < choice.greeks.delta < 200
    assert choice.greeks.delta == pytest.approx(200 + choice.chosen.way.greeks.delta)


def test_a_perp_on_a_token_is_ordered_in_tokens():
    each = 1.25
    quote = perp(SPOT, MONDAY)
    on_token = replace(quote, shares_each=each)
    hedger = Hedger(wait(), HedgeQuotes(perps=(on_token,)), NONE)
    (way,) = [way for way in hedger.ways.of(200.0) if way.kind == "perp"]
    (leg,) = way.legs
    assert (leg.side, leg.quantity) == ("sell", pytest.approx(160.0))
    assert leg.price == pytest.approx(quote.bid * each)
    assert leg.quantity * leg.price == pytest.approx(way.notional_usd)
    assert leg.margin_usd == pytest.approx(way.capital_usd)


def test_funding_that_is_received_is_no_saving_and_what_is_paid_is_a_cost():
    def cost(rate):
        hedger = Hedger(wait(), HedgeQuotes(perps=(perp(SPOT, MONDAY, funding_hour=rate),)), NONE)
        return next(offer.cost_usd for offer in hedger.ways.offers(200.0) if offer.name.startswith("perp"))

    assert cost(2e-4) == pytest.approx(cost(0.0))
    assert cost(-2e-4) == pytest.approx(cost(0.0) + 200 * SPOT * 2e-4 * 72, rel=0.01)


def test_a_perp_off_the_shares_price_is_liquidated_as_far_from_its_own():
    near, dear = perp(SPOT, MONDAY), perp(1.13 * SPOT, MONDAY)
    ways = [
        next(w for w in Hedger(wait(), HedgeQuotes(perps=(one,)), NONE).ways.of(200.0) if w.kind == "perp")
        for one in (near, dear)
    ]
    assert ways[1].liquidation_price == pytest.approx(1.13 * ways[0].liquidation_price, rel=1e-6)
    assert ways[1].capital_usd == pytest.approx(1.13 * ways[0].capital_usd, rel=1e-6)
    assert ways[1].liquidation_probability == pytest.approx(ways[0].liquidation_probability, rel=1e-6)


def test_options_name_their_orders_what_protects_first():
    quotes = [replace(q, instrument=f"{n}@there") for n, q in enumerate(_all(chain(SPOT, MONDAY)))]
    listed = Chain("TSLA", SPOT, MONDAY, quotes, rate=0.04, venue="there")
    hedger = Hedger(wait(), HedgeQuotes(listed), NONE)
    ways = [way for way in hedger.ways.of(250.0) if way.name == "synthetic short"]
    assert ways
    for way in ways:
        bought, sold = way.legs
        assert (bought.side, sold.side) == ("buy", "sell")
        assert bought.quantity == sold.quantity == way.contracts == 2
        assert bought.margin_usd == 0 < sold.margin_usd
        assert way.outlay_usd == pytest.approx(2 * (bought.price - sold.price))
        assert bought.close_price < bought.price
        assert sold.close_price > sold.price


def test_margin_in_a_coin_of_which_too_little_is_in_hand_is_no_way():
    offer = replace(perpetual(SPOT, MONDAY), coin="TSLAx", coins_usd=100.0)
    choice = Hedger(wait(), HedgeQuotes(perpetuals=(offer,)), NONE).choose(200.0)
    assert reasons(choice)["perpetual put"].endswith("of TSLAx as margin, $100.00 in hand")
    rich = replace(offer, coins_usd=1e6)
    assert "perpetual put" in {
        way.name for way in Hedger(wait(), HedgeQuotes(perpetuals=(rich,)), NONE).ways.of(200.0)
    }


def _all(of):
    return [quote for expiry in of.expiries(0) for kind in ("call", "put") for quote in of.of(expiry, kind)]
