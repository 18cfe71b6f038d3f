"""The cases everybody asks about, checked by hand. The same worlds are the examples of docs/strategies.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.strategy import explain
from tests.fixtures import worked
from tests.fixtures.market import MONDAY, World, incident, pool
from tests.unit.strategy.arithmetic import profit_from_legs

DOCS = Path(__file__).resolve().parents[3] / "docs" / "strategies.md"


def rules(plan):
    return {reason.partition(":")[0] for reason in plan.reasons}


def test_the_pool_of_july_2025_is_the_published_one():
    bought = pool(worked.SPIKE_TOKENS, worked.SPIKE_USD, 0.0).buy(500.0)
    assert bought.price_after == pytest.approx(23_678, abs=110)  # published: $23,781.22
    assert bought.tokens == pytest.approx(0.217, abs=0.001)
    assert worked.spiked_pool().spot() > 23_000


def test_amznx_with_a_token_in_hand_takes_what_is_there_and_no_more():
    plan = worked.spike_with_inventory()
    assert (plan.decision, plan.route) == ("trade", "mint_and_sell")
    assert plan.size_usd < 500.0  # all that the last order put in
    assert plan.quantity_tokens < worked.SPIKE_TOKENS
    # By hand, without fee: x·y = 12.96; back to $223.41 leaves y = √(12.96 · 223.41) = $53.81 of $554.
    assert plan.size_usd == pytest.approx(554 - 53.81, rel=0.01)
    assert plan.expected_profit_usd == pytest.approx(500.2 - 0.2175 * 223.41, rel=0.01)
    assert [leg.action for leg in plan.legs] == ["sell"]
    assert "channel.closed" in rules(plan)
    assert plan.worst_case_usd == pytest.approx(-0.01)


def test_amznx_with_the_depth_of_before_earns_tens_of_dollars():
    plan = worked.shallow_spike()
    assert 20 < plan.expected_profit_usd < 54
    assert plan.size_usd < 54
    assert "channel.minimum" in rules(plan)
    # What is replaced is a part of a mint of $5,000, and so is its gas.
    worth = plan.quantity_tokens * worked.CLOSE * 1.0005 * 1.0025
    refill = worth - plan.quantity_tokens * worked.CLOSE + 2 * worth / 5_000
    assert plan.costs_usd["refill"] == pytest.approx(refill)


def test_amznx_without_a_token_in_time_is_no_trade():
    plan = worked.spike_without()
    assert plan.decision == "no_trade"
    assert rules(plan) == {"inventory.none_in_time", "channel.closed"}
    assert plan.legs == []
    assert plan.size_usd == 0


def test_amznx_on_monday_is_still_no_trade_without_a_token():
    world = World(MONDAY, worked.CLOSE)
    world.venue("AMZNx@raydium", worked.spiked_pool())
    (plan,) = world.plans(incident(cause="thin_liquidity", basis=4.66))
    assert plan.decision == "no_trade"
    assert rules(plan) == {"inventory.none_in_time", "channel.minimum"}


@pytest.mark.parametrize("capital", [1e5, 1e7, 1e9])
@pytest.mark.parametrize("held", [0.1, 1.0, 1e6])
def test_nobody_is_told_to_sell_a_million_into_a_pool_of_54_dollars(capital, held):
    world = World(
        MONDAY, worked.CLOSE, inventory_tokens={"AMZNx": held}, capital_usd=capital, max_plan_usd=capital,
        max_underlying_usd=capital, max_venue_usd=capital, max_open_settlement_usd=capital,
    )  # fmt: skip
    world.venue("AMZNx@raydium", pool(54 / 23_781.22, 54.0))
    for plan in world.plans(incident(cause="thin_liquidity", basis=4.66)):
        assert plan.size_usd < 54
        assert plan.expected_profit_usd < 54


def test_monday_premium_with_tokens_in_hand_sells_now_and_mints_them_back():
    plan = worked.monday_with_inventory()
    assert [leg.action for leg in plan.legs] == ["sell", "mint"]
    assert plan.size_usd == pytest.approx(50_000)  # limits.plan_usd
    # By hand: 1.1e6 − 50,000 leaves the pool; q = 50,000 · x / (y − 50,000) / 0.9975, x = 1.1e6 / 451.07.
    tokens = 50_000 * (1.1e6 / 451.07) / 1.05e6 / 0.9975
    assert plan.quantity_tokens == pytest.approx(tokens, rel=1e-4)
    mint = tokens * 395.40 * 1.0005 * 1.0025
    financing = mint * 0.06 * (23.5 / 24) / 365
    earned = 50_000 - mint - financing - 2.01
    # In one case of a hundred the mint is refused, and the tokens are bought back: the pool's fee twice.
    refused = 50_000 - 50_000 / 0.9975**2 - 0.02
    assert [one.usd for one in plan.outcomes] == pytest.approx([earned, refused], rel=1e-4)
    assert plan.expected_profit_usd == pytest.approx(0.99 * earned + 0.01 * refused, rel=1e-4)
    assert plan.probability_of_loss == pytest.approx(0.01)
    # The mint costs what the share truly costs, and that is known to ten basis points.
    assert plan.shortfall_95_usd == pytest.approx(-earned + 1.71 * 0.001 * mint, rel=0.005)
    assert plan.duration_seconds == 23.5 * 3600  # 10:00 to the next day's opening
    assert plan.costs_usd["mint_fee"] == pytest.approx(tokens * 395.40 * 1.0005 * 0.0025, rel=1e-4)


def test_monday_premium_without_tokens_is_minted_hedged_and_earns_less_for_sure():
    plan, ready = worked.monday_without(), worked.monday_with_inventory()
    assert [leg.action for leg in plan.legs] == ["mint", "hedge", "sell", "unhedge"]
    assert plan.hedge.kind == "short_stock"
    assert 0 < plan.expected_profit_usd < ready.expected_profit_usd
    assert plan.worst_case_usd < 0
    assert "settlement.gap_risk" in rules(plan)
    # A broad premium halves in a day: after 23 h 30 min it is there in 2^(-23.5/24) = 50.7 % of cases.
    stays = 2 ** (-23.5 / 24)
    mint = plan.legs[0].notional_usd
    gone = plan.quantity_tokens * 395.40 * 0.9995 * 0.9975
    # The short sale is refused once in 200, the sale in the pool once in a hundred: then all is redeemed.
    sold = stays * 0.99 * 0.995
    # Redeeming costs the issuer's gas, and spares the pool's.
    expected = sold * plan.size_usd + (1 - sold) * (gone - 2 + 0.01) - mint
    # What is redeemed on Tuesday is paid on Wednesday: so often the money is locked for a day more.
    financing = mint * 0.06 * (23.5 + (1 - sold) * 24) / 24 / 365
    hedge = plan.costs_usd["hedge"]
    assert plan.costs_usd["financing"] == pytest.approx(financing)
    assert plan.duration_seconds == pytest.approx((23.5 + (1 - sold) * 24) * 3_600)
    # Whole shares, at $0.10 between bid and ask, two commissions, and half a per cent a year to borrow them.
    assert plan.legs[1].quantity_tokens == 116
    assert hedge == pytest.approx(116 * (0.10 + 395.35 * 0.005 * 23.5 / 24 / 365) + 2 * 116 * 0.0035)
    expected -= financing + 0.995 * hedge + plan.costs_usd["gas"]
    assert plan.expected_profit_usd == pytest.approx(expected, rel=1e-9)
    assert 0.4 < plan.probability_of_loss < 0.55  # gone, and the issuer's fee twice is lost
    assert 0 < plan.shortfall_95_usd < plan.shortfall_99_usd < -plan.worst_case_usd


def test_weekend_premium_sells_from_inventory_and_does_not_ask_a_closed_issuer():
    plan = worked.weekend_premium()
    assert [leg.action for leg in plan.legs] == ["sell"]
    assert "channel.closed" in rules(plan)
    # Spread and fee on all of them, and the gas of one mint.
    refill = plan.quantity_tokens * 395.4 * (1.0005 * 1.0025 - 1) + 2
    assert plan.costs_usd["refill"] == pytest.approx(refill)
    assert any("until 2025-07-08 13:30:00 UTC and not beyond" in reason for reason in plan.reasons)
    # It is short of tokens until the issuer opens and delivers: worse than on a Monday.
    assert plan.worst_case_usd < worked.monday_with_inventory().worst_case_usd


def test_weekend_premium_without_tokens_is_no_trade():
    world = worked.tsla(451.07, worked.SATURDAY, session="weekend")
    (plan,) = world.plans(incident("TSLAx@raydium", 0.1317))
    assert plan.decision == "no_trade"
    assert rules(plan) == {"channel.closed", "inventory.none_in_time"}


def test_discount_is_bought_and_redeemed():
    plan = worked.discount()
    assert [leg.action for leg in plan.legs] == ["buy", "redeem"]
    assert plan.legs[1].instrument == "TSLAx@xstocks"
    bought, redeemed = plan.legs
    assert redeemed.notional_usd == pytest.approx(plan.quantity_tokens * 395.40 * 0.9995 * 0.9975)
    carry = plan.costs_usd["financing"] + plan.costs_usd["gas"]
    earned = redeemed.notional_usd - bought.notional_usd - carry
    # One redemption of a hundred is refused, and the tokens are sold again.
    # The pool then holds what was paid, fee and all, and so many tokens less.
    tokens, paid = plan.quantity_tokens, bought.notional_usd
    quote, left = 1.1e6 + paid, 1.1e6 / worked.CHEAP - tokens
    back = quote * tokens * 0.9975 / (left + tokens * 0.9975)
    undone = back - paid - 0.02
    assert plan.expected_profit_usd == pytest.approx(0.99 * earned + 0.01 * undone)


def test_discount_while_the_issuer_has_halted_is_no_trade_and_says_so():
    plan = worked.discount_while_halted()
    assert plan.decision == "no_trade"
    assert plan.reasons == ["channel.halted: xStocks has halted: redemptions are paused"]


@pytest.mark.parametrize("name", [n for n in worked.CASES if "without" not in n or n == "monday_without"])
def test_expected_profit_is_proceeds_less_outlay_less_costs(name):
    plan = worked.CASES[name]()
    fair = worked.CLOSE if plan.underlying == "AMZN" else 395.40
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, fair), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", worked.CASES)
def test_the_page_shows_exactly_this_plan(name):
    assert f"```text\n{explain(worked.CASES[name]())}\n```" in DOCS.read_text(encoding="utf-8"), (
        "docs/strategies.md is out of date: python -m tests.fixtures.worked prints what it must show"
    )
