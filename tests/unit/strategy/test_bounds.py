"""What is to be sold later is counted on in part only, where a book may not take it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fixtures.market import CLOCK, KRAKEN, MONDAY, World, incident, pool_at, registry

FAIR, GATE, POOL = 400.0, "TSLAx@gate", "TSLAx@raydium"


def plan_of(name, depth, route):
    of = registry(conversions=[KRAKEN] if route == "mint_and_sell" else [])
    of.venues["gate"] = replace(of.venues["gate"], withdraw_days=180 / 86_400)
    made = World(MONDAY, FAIR, session=CLOCK.session(MONDAY), of=of, capital_usd=1e6)
    if isinstance(depth, list):
        made.book(name, depth, [[460.0, 50.0]])
    else:
        made.venue(name, depth)
    if route == "cross_venue":
        made.venue(POOL, pool_at(FAIR, 1e7))
    plans = made.plans(incident(name, 0.095, cause="broad_premium", venues=[name, "TSLAx@elsewhere"]))
    return next(plan for plan in plans if plan.route == route)


@pytest.mark.parametrize(("route", "first"), [("mint_and_sell", "mint"), ("cross_venue", "buy")])
def test_of_a_book_to_which_tokens_must_come_four_fifths_are_counted_on(route, first):
    plan = plan_of(GATE, [[440.0, 30.0], [439.0, 20.0]], route)
    assert [leg.action for leg in plan.legs] == [first, "transfer", "sell"]
    assert plan.quantity_tokens == pytest.approx(40.0)
    assert any(reason.startswith("depth.later: this limit holds the size") for reason in plan.reasons)


def test_a_pool_takes_any_number():
    plan = plan_of(POOL, pool_at(440.0, 1e5), "mint_and_sell")
    assert [leg.action for leg in plan.legs] == ["mint", "transfer", "sell"]
    assert not [reason for reason in plan.reasons if "depth.later" in reason]
