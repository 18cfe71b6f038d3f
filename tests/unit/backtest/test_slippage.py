"""Every leg that filled, against its own plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.backtest import Backtest
from bot.backtest.slippage import slippage, slips, way_of
from bot.types import Fill, Leg, Plan
from tests.fixtures.messages import T, fill, plan

POOL, ISSUER, BROKER = "AMZNx@raydium", "AMZNx@xstocks", "AMZN@yahoo"


def leg(action: Any, price: float, instrument: str = POOL, **changes: Any) -> Leg:
    fee, gas = changes.get("fee", 0.0), changes.get("gas", 0.0)
    return Leg(action, instrument, 2.0, 2.0 * price, price, None, fee, gas, 0.0, changes.get("side"))


PLAN = plan(
    legs=[
        leg("mint", 101.0, ISSUER, fee=2.0, gas=3.0), leg("hedge", 100.0, BROKER, fee=0.5),
        leg("transfer", 100.0, fee=0.1, gas=0.2), leg("sell", 110.0, gas=0.5),
        leg("unhedge", 100.0, BROKER, fee=0.5),
    ],
    otherwise=[leg("redeem", 99.0, ISSUER, fee=2.0)],
)  # fmt: skip


def done(number: int, price: float, *, fee: float = 0.0, gas: float = 0.0, kind: str = "L", ts: int = T,
         **changes: Any) -> Fill:  # fmt: skip
    legs = PLAN.legs + PLAN.otherwise
    known = {
        "id": f"{kind}{number}", "order_id": f"p1-{kind}{number}", "ts": ts,
        "action": legs[number].action, "instrument": legs[number].instrument,
        "price": Decimal(str(price)), "fee_usd": Decimal(str(fee)), "gas_usd": Decimal(str(gas)),
    }  # fmt: skip
    return fill(**known | changes)


def cost(one: Fill, of: Plan = PLAN) -> float:
    found = list(slips([one], {"p1": of}))
    assert len(found) == 1
    assert found[0] is not None
    return found[0].cost


def test_a_fill_at_the_plans_price_fee_and_gas_costs_nothing_more() -> None:
    # The fee of a trade or mint is in its leg's price; that of a hedge or transfer is beside it.
    assert cost(done(0, 100.0, fee=2.0, gas=3.0, status="pending")) == pytest.approx(0.0)
    assert cost(done(1, 100.0, fee=0.5)) == pytest.approx(0.0)
    assert cost(done(2, 100.0, fee=0.1, gas=0.2, status="pending")) == pytest.approx(0.0)
    assert cost(done(3, 111.0, fee=2.0, gas=0.5)) == pytest.approx(0.0)


def test_what_is_bought_dearer_or_sold_cheaper_costs_the_difference() -> None:
    assert cost(done(0, 103.0, fee=2.0, gas=3.0)) == pytest.approx(6.0)
    assert cost(done(1, 98.0, fee=0.5)) == pytest.approx(4.0)
    assert cost(done(3, 108.0, gas=0.5)) == pytest.approx(4.0)
    assert cost(done(4, 97.0, fee=0.5)) == pytest.approx(-6.0)
    assert cost(done(5, 100.0, fee=0.0)) == pytest.approx(-2.0)


def test_dearer_fees_and_gas_are_slippage_too() -> None:
    assert cost(done(1, 100.0, fee=1.5)) == pytest.approx(1.0)
    assert cost(done(2, 100.0, fee=0.1, gas=5.2)) == pytest.approx(5.0)


def test_of_a_part_that_filled_the_part_of_the_fee_was_meant() -> None:
    half = done(1, 100.0, fee=0.25, quantity_tokens=Decimal(1), status="partial")
    assert cost(half) == pytest.approx(0.0)


def test_to_undo_a_leg_costs_what_the_way_back_costs() -> None:
    undone = done(3, 112.0, kind="U", action="buy", gas=0.5)
    assert cost(undone) == pytest.approx(4.0)


def test_a_bought_hedge_costs_more_where_its_price_is_higher() -> None:
    option = plan(legs=[leg("hedge", 400.0, "TSLA260619P00380000@alpaca", side="buy")])
    name = option.legs[0].instrument
    assert cost(done(0, 410.0, action="hedge_buy", instrument=name), option) == pytest.approx(20.0)


def test_what_fills_in_two_steps_counts_once_and_what_no_leg_asked_for_not_at_all() -> None:
    settled = done(0, 100.0, status="settled")
    refused = done(3, 0.0, status="rejected")
    funding = done(1, 1.0, action="funding_paid", order_id="p1-L1-H2")
    nothing = done(4, 0.0, quantity_tokens=Decimal(0))
    stranger = done(1, 1.0, plan_id="p9")
    assert list(slips([settled, refused, funding, nothing, stranger], {"p1": PLAN})) == []


def test_shares_that_an_option_had_turned_into_cannot_be_compared_and_are_counted() -> None:
    found = slippage([done(4, 97.0, instrument="AMZN@alpaca")], {"p1": PLAN})
    assert found["not_compared"] == 1
    assert found["fills"] == 0
    assert found["cost_bp"] is None


def test_each_route_action_and_way_has_its_own_line() -> None:
    fills = [done(0, 103.0, fee=2.0, gas=3.0, status="pending"), done(5, 100.0, ts=T + 1)]
    found = slippage(fills, {"p1": PLAN})
    assert found["by_leg"] == [
        {"route": "mint_and_sell", "action": "mint", "way": "planned", "fills": 1, "notional_usd": 202.0,
         "cost_usd": pytest.approx(6.0), "cost_bp": pytest.approx(6 / 202 * 1e4),
         "worst_bp": pytest.approx(6 / 202 * 1e4)},
        {"route": "mint_and_sell", "action": "redeem", "way": "otherwise", "fills": 1, "notional_usd": 198.0,
         "cost_usd": pytest.approx(-2.0), "cost_bp": pytest.approx(-2 / 198 * 1e4),
         "worst_bp": pytest.approx(-2 / 198 * 1e4)},
    ]  # fmt: skip
    assert (found["fills"], found["cost_usd"]) == (2, pytest.approx(4.0))
    assert (found["at_once"]["fills"], found["at_once"]["cost_usd"]) == (1, pytest.approx(6.0))
    assert (found["later"]["fills"], found["later"]["cost_usd"]) == (1, pytest.approx(-2.0))


def test_a_plan_went_as_its_fills_say() -> None:
    mint, sold = done(0, 100.0), done(3, 110.0)
    assert way_of(PLAN, [mint, sold]) == "planned"
    assert way_of(PLAN, [mint, done(3, 0.0, status="rejected"), done(5, 99.0)]) == "otherwise"
    assert way_of(PLAN, [mint, done(1, 100.0, kind="U")]) == "unwound"
    assert way_of(PLAN, [done(0, 0.0, status="rejected")]) == way_of(PLAN, []) == "refused"


def test_every_filled_leg_of_the_demo_is_counted(demo: Backtest, result: dict[str, Any]) -> None:
    legs = [one for one in demo.fills if one.status in ("filled", "partial", "pending")]
    told = result["slippage"]
    assert told["fills"] + told["not_compared"] == len(legs) >= 11
    assert sum(row["fills"] for row in told["by_leg"]) == told["fills"]
    assert {row["way"] for row in told["by_leg"]} == {"planned", "otherwise"}
    assert sum(row["cost_usd"] for row in told["by_leg"]) == pytest.approx(told["cost_usd"])
    assert told["at_once"]["cost_usd"] + told["later"]["cost_usd"] == pytest.approx(told["cost_usd"])
    assert sum(row["slippage_usd"] for row in result["trades"]) == pytest.approx(told["cost_usd"])


def test_paper_fills_at_the_plans_own_moment_are_the_plans_own(result: dict[str, Any]) -> None:
    assert abs(result["slippage"]["at_once"]["cost_bp"]) < 1e-3
