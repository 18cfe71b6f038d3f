"""What is bound: on its way, held, and as margin, of each plan and of all."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest import Backtest, report
from bot.backtest.capital import Meter, Use, use_of
from bot.ledger.accounts import entries_for
from bot.ledger.books import Books
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.messages import fill

D = Decimal


def used(*fills: Any, place: str = "wallet") -> Use:
    """What a plan with these fills has in use."""
    books = Books()
    for number, one in enumerate(fills):
        for entry in entries_for(fill(id=f"f{number}", fee_usd=D(0), gas_usd=D(0), **one), place):
            books.apply(entry)
    return use_of(books)


def leg(action: str, quantity: int, price: int, status: str = "filled",
        instrument: str = "AMZNx@xstocks") -> dict[str, Any]:  # fmt: skip
    return {"action": action, "quantity_tokens": D(quantity), "price": D(price), "status": status,
            "instrument": instrument}  # fmt: skip


MINT = leg("mint", 10, 200, "pending")
MINTED = leg("mint", 10, 200, "settled")
SHORT = leg("hedge", 10, 200, instrument="AMZN@yahoo")


def test_what_was_minted_is_on_its_way_and_then_held_at_cost() -> None:
    assert used(MINT) == Use(transit=2_000.0)
    assert used(MINT, MINTED) == Use(held=2_000.0)
    assert used(MINT, MINTED, leg("sell", 4, 300)) == Use(held=1_200.0)
    assert used(MINT, MINTED, leg("sell", 10, 300)) == Use()


def test_what_was_redeemed_is_on_its_way_until_it_is_paid() -> None:
    redeem = [leg("redeem", 10, 220, status) for status in ("pending", "settled")]
    assert used(leg("buy", 10, 200), redeem[0]) == Use(transit=2_200.0)
    assert used(leg("buy", 10, 200), *redeem) == Use()


def test_what_was_in_hand_and_is_sold_needs_no_capital() -> None:
    assert used(leg("sell", 10, 300)) == Use()


def test_a_short_sale_needs_half_of_what_the_shares_were_sold_for() -> None:
    assert used(SHORT) == Use(short=1_000.0)
    assert used(MINT, SHORT) == Use(transit=2_000.0, short=1_000.0)
    assert used(SHORT, leg("unhedge", 10, 250, instrument="AMZN@yahoo")) == Use()


def test_of_a_perp_the_margin_counts_and_not_what_it_was_sold_for() -> None:
    sold = leg("hedge", 10, 200, instrument="AMZN@krakenfutures")
    margin = leg("margin_in", 300, 1, instrument="USD@krakenfutures")
    assert used(margin, sold, place="margin:krakenfutures") == Use(margin=300.0)


def test_of_an_option_that_was_bought_the_premium_counts() -> None:
    put = "TSLA260619P00380000@alpaca"
    assert used(leg("hedge_buy", 2, 416, instrument=put), place="alpaca") == Use(held=832.0)
    assert used(leg("hedge", 2, 416, instrument=put), place="alpaca") == Use()


SETTINGS = {"hedge_shortfall": 0.04, "max_underlying_usd": 50_000.0, "ineligible_issuers": ["kraken"]}
PART = {"options": "held_usd", "perp": "margin_usd", "offer": "margin_usd", "stock": "short_margin_usd"}


@pytest.mark.parametrize("kind", PART)
def test_a_plan_binds_what_it_said_it_would_whatever_its_hedge(kind: str) -> None:
    test = Backtest(config(strategy=SETTINGS), shipped_registry())
    offered = () if kind == "stock" else (kind,)
    test.run(world.tape(broker=kind == "stock", hedges=offered))
    result = report(test)
    assert result["trades"]
    for row in result["trades"]:
        # A plan's capital has the fees in it, which are spent, not bound.
        assert 0.99 * row["capital_usd"] < row["capital_most_usd"] <= row["capital_usd"] + 1.0
    assert max(row[PART[kind]] for row in result["equity"]) > 0
    assert result["turnover_by_kind"]["hedge"] > 0
    assert test.meter.now == Use()


def test_plans_add_up_and_end() -> None:
    meter = Meter()
    meter.start(0)
    meter.put(0, "a", Use(transit=10.0))
    meter.put(5, "b", Use(short=30.0))
    assert meter.now == Use(transit=10.0, short=30.0)
    meter.put(6, "a", Use())
    meter.stop(10)
    meter.put(12, "b", Use())
    assert meter.now == Use()
    assert meter.most == 40.0
    assert meter.most_by_plan == {"a": 10.0, "b": 30.0}
    assert meter.mean == pytest.approx((5 * 10 + 1 * 40 + 4 * 30) / 10)


def test_no_time_has_no_mean() -> None:
    meter = Meter()
    meter.start(3)
    meter.stop(3)
    assert meter.mean is None


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.floats(0, 1e6)), min_size=1))
def test_the_mean_is_the_area_below_the_steps(steps: list[tuple[int, str, float]]) -> None:
    steps.sort(key=lambda step: step[0])
    meter, by_plan, area = Meter(), {}, 0.0
    meter.start(0)
    for (ts, plan, usd), (after, _, _) in pairwise([*steps, (60, "", 0.0)]):
        meter.put(ts, plan, Use(held=usd))
        by_plan[plan] = usd
        area += sum(by_plan.values()) * (after - ts)
    meter.stop(60)
    assert meter.mean == pytest.approx(area / 60, abs=1e-6)
