"""What each route does with inventory, places, delays, hedges and limits."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.registry.issuer import Late
from bot.registry.model import Channel
from tests.fixtures.market import (
    CHANNEL,
    INSTANT,
    MONDAY,
    SATURDAY,
    World,
    incident,
    pool_at,
    registry,
)
from tests.unit.strategy.arithmetic import profit_from_legs

FAIR = 400.0
POOL, OTHER, BOOK = "TSLAx@raydium", "TSLAx@orca", "TSLAx@kraken"


def world(price=FAIR, ts=MONDAY, usd=1e6, **changes):
    made = World(ts, FAIR, **changes)
    made.venue(POOL, pool_at(price, usd))
    return made


def near():
    """Kraken takes tokens in within three minutes."""
    found = registry()
    found.venues["kraken"] = replace(found.venues["kraken"], withdraw_days=180 / 86_400)
    return found


def only(plans, route):
    return next((plan for plan in plans if plan.route == route), None)


def rules(plan):
    return {reason.partition(":")[0] for reason in plan.reasons}


def premium(instrument=POOL, **changes):
    return incident(instrument, 0.05, **changes)


def below(instrument=POOL, **changes):
    return incident(instrument, -0.05, **changes)


def test_an_instant_mint_needs_no_inventory_and_locks_nothing():
    plan = only(world(420.0, of=registry(mint=INSTANT)).plans(premium()), "mint_and_sell")
    assert [leg.action for leg in plan.legs] == ["mint", "sell"]
    # But for the hundredth sale that is refused: those tokens are redeemed, and paid for on the next day.
    assert plan.duration_seconds == pytest.approx(0.01 * 23.5 * 3_600)
    assert plan.annualised_return is None
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_a_channel_maximum_holds_the_size():
    channel = replace(CHANNEL, maximum_usd=10_000.0)
    made = world(420.0, of=registry(mint=channel), inventory_tokens={"TSLAx": 500.0})
    plan = only(made.plans(premium()), "mint_and_sell")
    assert plan.legs[1].action == "mint"
    assert plan.legs[1].quantity_tokens * FAIR <= 10_000
    assert "channel.maximum" in rules(plan)


def test_inventory_holds_the_size():
    plan = only(world(440.0, inventory_tokens={"TSLAx": 20.0}).plans(premium()), "mint_and_sell")
    assert plan.quantity_tokens == pytest.approx(20.0)
    assert "inventory.tokens" in rules(plan)


def test_tokens_on_deposit_elsewhere_are_not_in_hand():
    made = world(440.0, SATURDAY, session="weekend", inventory_tokens={"TSLAx@kraken": 50.0})
    (plan,) = made.plans(premium())
    assert plan.decision == "no_trade"
    assert any("50 lie elsewhere" in reason for reason in plan.reasons)


def test_tokens_on_deposit_sell_on_their_exchange():
    made = world(FAIR, SATURDAY, session="weekend", inventory_tokens={"TSLAx@kraken": 50.0})
    made.book(BOOK, [[430.0, 10], [425.0, 10]], [[431.0, 5]])
    plan = only(made.plans(premium(BOOK)), "mint_and_sell")
    assert plan.quantity_tokens == pytest.approx(20.0)
    assert plan.size_usd == pytest.approx(8_550 * 0.999)


def test_a_purchase_on_an_exchange_is_withdrawn_before_it_is_redeemed():
    made = world()
    made.book(BOOK, [[379.0, 100]], [[380.0, 100]])
    plan = only(made.plans(below(BOOK)), "buy_and_redeem")
    assert [leg.action for leg in plan.legs] == ["buy", "transfer", "redeem"]
    assert plan.legs[1].instrument == "TSLAx@xstocks"
    assert plan.legs[1].delay_seconds == pytest.approx(0.05 * 86_400)


def test_a_redemption_over_the_weekend_risks_more_and_costs_more():
    monday = only(world(380.0).plans(below()), "buy_and_redeem")
    friday = only(world(380.0, MONDAY + 4 * 86_400 * 10**9).plans(below()), "buy_and_redeem")
    assert friday.duration_seconds > 3 * monday.duration_seconds
    per_token = [plan.worst_case_usd / plan.quantity_tokens for plan in (monday, friday)]
    assert per_token[1] < per_token[0]


def test_too_small_a_discount_is_below_the_channels_minimum():
    (plan,) = world(380.0, usd=10_000).plans(below())
    assert plan.decision == "no_trade"
    assert "channel.minimum" in rules(plan)


def test_two_pools_of_one_chain_trade_at_once_without_inventory():
    made = world(420.0)
    made.venue(OTHER, pool_at(FAIR, 1e6))
    plan = only(made.plans(premium(cause="thin_liquidity")), "cross_venue")
    assert [(leg.action, leg.instrument) for leg in plan.legs] == [("buy", OTHER), ("sell", POOL)]
    assert plan.duration_seconds == 0
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_with_tokens_at_the_dear_venue_the_thinner_leg_goes_first():
    made = world(420.0, usd=2e5, inventory_tokens={"TSLAx": 100.0})
    made.venue(OTHER, pool_at(FAIR, 5e6))
    plan = only(made.plans(premium(cause="thin_liquidity")), "cross_venue")
    assert [leg.action for leg in plan.legs] == ["sell", "buy"]


def test_the_way_from_a_pool_to_an_exchange_is_time_in_which_the_gap_may_close():
    for cause in ("broad_premium", "issuer_halt", "thin_liquidity"):
        made = world(FAIR, of=near())
        made.book(BOOK, [[420.0, 100]], [[421.0, 100]])
        plan = only(made.plans(premium(BOOK, cause=cause)), "cross_venue")
        assert [leg.action for leg in plan.legs] == ["buy", "transfer", "sell"]
        assert plan.duration_seconds == pytest.approx(180.0)
        assert plan.outcomes[0].probability == pytest.approx(2 ** (-180 / 120) * 0.995)
        assert "settlement.gap_risk" in rules(plan)
        assert plan.costs_usd["premium_gone"] > 0
        made = world(FAIR, SATURDAY, session="weekend")
        made.book(BOOK, [[420.0, 100]], [[421.0, 100]])
        (none,) = made.plans(premium(BOOK, cause=cause))
        assert none.decision == "no_trade"
        assert "inventory.none_in_time" in rules(none)


def test_a_gap_that_closes_on_the_way_closes_to_fair_value():
    dear = world(FAIR, of=near())
    dear.book(BOOK, [[440.0, 30]], [[441.0, 30]])
    lost = only(dear.plans(premium(BOOK)), "cross_venue")
    planned, gone = lost.outcomes
    sold = lost.legs[2].notional_usd
    # The book's middle, 440.5, is 400 then; its fee and width stay.
    assert gone.usd - planned.usd == pytest.approx(sold * (400.0 / 440.5 - 1))
    assert gone.usd < 0 < planned.usd
    cheap = world(360.0, of=near())
    cheap.book(BOOK, [[FAIR, 30]], [[401.0, 30]])
    kept = only(cheap.plans(below(POOL, venues=[POOL, BOOK])), "cross_venue")
    # It is the pool that comes up; the book goes on paying what it does.
    assert kept.outcomes[1].usd == pytest.approx(kept.outcomes[0].usd, rel=0.02)


def test_another_issuers_token_is_not_the_same_token():
    made = world(FAIR, SATURDAY, session="weekend")
    made.venue("TSLAon@raydium", pool_at(420.0, 1e6))
    (plan,) = made.plans(premium("TSLAon@raydium"))
    assert plan.decision == "no_trade"


def test_a_discount_before_the_channel_opens_is_hedged_and_held():
    regular = replace(CHANNEL, hours="regular")
    made = world(370.0, MONDAY - 2 * 3600 * 10**9, session="pre", of=registry(redeem=regular))
    made.broker("TSLA@ibkr", 399.9, 400.1)
    plan = only(made.plans(below()), "hedge_and_hold")
    assert [leg.action for leg in plan.legs] == ["buy", "hedge", "redeem", "unhedge"]
    assert plan.legs[2].after_seconds == pytest.approx(1.5 * 3600)  # when New York opens
    assert plan.hedge.kind == "short_stock"
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))
    assert "hold.exit" in rules(plan)


def test_holding_needs_a_broker_that_quotes_both_sides_now():
    closed = Channel(available=False, hours="none", open_to="nobody outside the app")
    made = world(370.0, of=registry(redeem=closed))
    (plan,) = made.plans(below())
    assert rules(plan) == {"channel.not_available", "hedge.unavailable"}
    made.broker("TSLA@ibkr", 399.9, 400.1)
    assert only(made.plans(below(id="again")), "hedge_and_hold") is not None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"max_plan_usd": 7_000.0}, "limits.plan_usd"),
        ({"capital_usd": 7_000.0}, "limits.capital_usd"),
        ({"max_underlying_usd": 7_000.0}, "limits.underlying_usd"),
        ({"max_venue_usd": 7_000.0}, "limits.venue_usd"),
        ({"max_open_settlement_usd": 7_000.0}, "limits.open_settlement_usd"),
        ({"max_issuer_usd": 7_000.0}, "limits.issuer_usd"),
        ({"max_concentration": 7_000.0 / 250_000}, "limits.concentration"),
    ],
)
def test_each_limit_holds_the_size_and_is_named(changes, rule):
    plan = only(world(370.0, **changes).plans(below()), "buy_and_redeem")
    assert rule in rules(plan)
    assert plan.legs[0].notional_usd <= 7_000.01


def test_what_is_in_hand_of_a_share_counts_towards_its_concentration():
    """100 tokens at $400 are $40,000 of the $45,000 that may be in TSLA, whoever issued them."""
    held = {"inventory_tokens": {"TSLAx@kraken": 60.0, "TSLAon": 40.0}, "max_concentration": 0.18}
    made = world(370.0, **held)
    made.venue("TSLAon@raydium", None)
    plan = only(made.plans(below()), "buy_and_redeem")
    assert "limits.concentration" in rules(plan)
    assert plan.size_usd == pytest.approx(5_000, rel=0.03)


def test_selling_is_never_too_concentrated():
    made = world(440.0, inventory_tokens={"TSLAx": 500.0}, max_concentration=0.01)
    assert only(made.plans(premium()), "mint_and_sell").size_usd > 10_000


@pytest.mark.parametrize(
    "rule", ["capital_usd", "max_underlying_usd", "max_venue_usd", "max_open_settlement_usd"]
)
def test_a_limit_below_the_channels_minimum_refuses(rule):
    (plan,) = world(370.0, **{rule: 2_000.0}).plans(below())
    assert plan.decision == "no_trade"
    assert {f"limits.{rule.removeprefix('max_')}", "channel.minimum"} <= rules(plan)


def test_a_mint_that_may_be_late_is_worth_less_and_risks_more():
    late = replace(CHANNEL, late=[Late(0.3, days=3)])
    sure, doubtful = (
        only(world(460.0, of=registry(mint=channel)).plans(premium()), "mint_and_sell")
        for channel in (CHANNEL, late)
    )
    assert doubtful.outcomes[0].probability < sure.outcomes[0].probability
    assert doubtful.expected_profit_usd / doubtful.size_usd < sure.expected_profit_usd / sure.size_usd
    assert doubtful.shortfall_99_usd / doubtful.size_usd > sure.shortfall_99_usd / sure.size_usd


def test_below_the_minimum_because_of_a_limit_is_not_put_down_to_the_venue():
    (plan,) = world(420.0, max_underlying_usd=1_000.0).plans(premium())
    limit, minimum = (
        next(n for n, reason in enumerate(plan.reasons) if reason.startswith(rule))
        for rule in ("limits.underlying_usd", "channel.minimum")
    )
    assert limit < minimum
    assert "mints from $5,000; what the limit leaves is 2.38" in plan.reasons[minimum]
