"""Plans where more than short stock is on offer: the hedge chosen, the others told, limits kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.strategy import explain
from bot.strategy.hedge_quotes import HedgeQuotes
from tests.fixtures.market import MONDAY, incident
from tests.fixtures.options import chain, everything, perp
from tests.fixtures.worked import CHEAP, DEAR, TSLA, tsla

CHAIN = HedgeQuotes(chain(TSLA, MONDAY))
PERP = HedgeQuotes(perps=(perp(TSLA, MONDAY),))
NO_BROKER = "TSLA@ibkr"


def plans(price, quotes, *, broker=True, basis=-0.0408, **changes):
    world = tsla(price, **changes)
    if not broker:
        world.market.underlyings["TSLA"].references.clear()
    return world.strategy.plan(incident("TSLAx@raydium", basis), world.market, world.ts, quotes)


def plan(route, *args, **changes):
    return next(plan for plan in plans(*args, **changes) if plan.route == route)


def test_without_quotes_nothing_changes():
    with_none, as_before = (plans(CHEAP, quotes, ineligible_issuers=["xstocks"]) for quotes in (None, None))
    assert with_none == as_before
    assert with_none[0].hedge.kind == "short_stock"
    assert with_none[0].hedge.others == []


def test_short_stock_is_kept_where_it_is_the_cheapest_and_the_others_are_told():
    before = plan("hedge_and_hold", CHEAP, None, ineligible_issuers=["xstocks"])
    held = plan("hedge_and_hold", CHEAP, everything(TSLA, MONDAY), ineligible_issuers=["xstocks"])
    assert held.hedge.kind == "short_stock"
    assert (held.legs, held.expected_profit_usd) == (before.legs, before.expected_profit_usd)
    assert {other.kind for other in held.hedge.others} == {
        "none",
        "perp",
        "listed_option",
        "perpetual_option",
    }
    assert all(other.reason.startswith("hedge.") for other in held.hedge.others)


def test_where_the_share_cannot_be_sold_short_a_perp_carries_it():
    none = plans(CHEAP, None, broker=False, ineligible_issuers=["xstocks"])
    assert [p.decision for p in none] == ["no_trade"]
    held = plan(
        "hedge_and_hold", CHEAP, PERP, broker=False, ineligible_issuers=["xstocks"], hedge_shortfall=0.04
    )
    assert held.hedge.kind == "perp"
    assert [leg.action for leg in held.legs] == ["buy", "hedge", "sell", "unhedge"]
    assert held.legs[2].after_seconds == held.duration_seconds > 0
    perp_leg = held.legs[1]
    assert (perp_leg.instrument, perp_leg.side) == ("PF_TSLAXUSD@krakenfutures", "sell")
    assert perp_leg.margin_usd > 0
    assert not any(reason.startswith("hedge.by_hand") for reason in held.reasons)
    assert held.capital_usd > held.size_usd
    assert "liquidated at" in explain(held)


def test_or_options_in_whole_contracts():
    held = plan("hedge_and_hold", CHEAP, CHAIN, broker=False, ineligible_issuers=["xstocks"],
                hedge_shortfall=0.08, max_plan_usd=50_000.0)  # fmt: skip
    assert held.hedge.kind == "listed_option"
    assert held.hedge.description.split()[0].isdigit()
    assert held.hedge.cost_usd == pytest.approx(held.costs_usd["hedge"])
    assert held.expected_profit_usd > 0
    # The fixture's chain does not say where it is traded: a person has to.
    assert [leg.action for leg in held.legs] == ["buy"]
    assert any(reason.startswith("hedge.by_hand") for reason in held.reasons)


def test_nothing_that_keeps_the_shortfall_is_no_such_plan_and_says_so():
    (none,) = plans(CHEAP, CHAIN, broker=False, ineligible_issuers=["xstocks"], hedge_shortfall=0.001)
    assert none.decision == "no_trade"
    assert any(reason.startswith("hedge.shortfall: ") for reason in none.reasons)


def test_tokens_minted_first_are_carried_by_the_choice():
    carried = plan("mint_and_sell", DEAR, PERP, broker=False, basis=0.1317, hedge_shortfall=0.04)
    assert carried.hedge.kind == "perp"
    assert [leg.action for leg in carried.legs] == ["mint", "hedge", "sell", "unhedge"]
    opened, closed = carried.legs[1], carried.legs[3]
    assert (opened.side, closed.side) == ("sell", "buy")
    assert (opened.instrument, opened.quantity_tokens) == (closed.instrument, closed.quantity_tokens)
    bare = plan("mint_and_sell", DEAR, None, broker=False, basis=0.1317)
    assert bare.worst_case_usd < carried.worst_case_usd < 0
    assert carried.costs_usd["hedge"] == pytest.approx(carried.hedge.cost_usd)


def test_a_redemption_that_may_fail_is_told_the_cheapest_carry():
    redeemed = plan("buy_and_redeem", CHEAP, PERP, broker=False, hedge_shortfall=0.04)
    assert redeemed.hedge.kind == "none"
    assert "as a perp on Kraken futures" in redeemed.hedge.description
    assert redeemed.hedge.others


@dataclass(frozen=True)
class Limits:
    capital_usd: float = 30_000.0
    max_plan_usd: float = 20_000.0
    max_venue_usd: float = 12_000.0


@pytest.mark.parametrize(
    "quotes", [PERP, CHAIN, everything(TSLA, MONDAY)], ids=["perp", "chain", "everything"]
)
@pytest.mark.parametrize("price", [CHEAP, DEAR])
def test_no_limit_is_ever_passed(quotes, price):
    limits = Limits()
    found = plans(
        price, quotes, broker=False, basis=0.1317 if price == DEAR else -0.0408, hedge_shortfall=0.2,
        capital_usd=limits.capital_usd, max_plan_usd=limits.max_plan_usd, max_venue_usd=limits.max_venue_usd,
        max_underlying_usd=20_000.0, ineligible_issuers=["xstocks"] if price == CHEAP else [],
    )  # fmt: skip
    for one in found:
        assert one.capital_usd <= limits.capital_usd * 1.001
        assert one.size_usd <= limits.max_venue_usd * 1.001


def test_shares_are_sold_short_whole_and_the_rest_is_carried_bare():
    held = plan("hedge_and_hold", CHEAP, None, ineligible_issuers=["xstocks"])
    short = next(leg for leg in held.legs if leg.action == "hedge")
    back = next(leg for leg in held.legs if leg.action == "unhedge")
    assert short.quantity_tokens == back.quantity_tokens == int(held.quantity_tokens)
    assert 0 < held.quantity_tokens - short.quantity_tokens < 1
    assert short.notional_usd == pytest.approx(short.quantity_tokens * 395.35)


def test_less_than_one_share_cannot_be_sold_short():
    (none,) = plans(CHEAP, None, ineligible_issuers=["xstocks"], max_plan_usd=300.0, min_profit_usd=0.1)
    assert none.decision == "no_trade"
    assert any("less than one share to sell short" in reason for reason in none.reasons)
