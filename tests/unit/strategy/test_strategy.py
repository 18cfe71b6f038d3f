"""When it plans, when it refuses, what it remembers."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from bot.strategy import Strategy
from bot.timefmt import NS
from bot.types import Command, Fill
from bot.valuation.fair import FairValue
from tests.fixtures.market import CLOCK, MONDAY, World, incident, pool_at, registry

POOL = "TSLAx@raydium"


def world(price=420.0, **changes):
    made = World(MONDAY, 400.0, **changes)
    if price is not None:
        made.venue(POOL, pool_at(price, 1e6))
    return made


def out(**changes):
    return incident(POOL, 0.05, **changes)


def rules(plan):
    return {reason.partition(":")[0] for reason in plan.reasons}


def fill(plan, number, status="filled", **changes):
    leg = plan.legs[number]
    values = {
        "id": f"{plan.id}-L{number}-F", "order_id": f"{plan.id}-L{number}", "plan_id": plan.id, "ts": MONDAY,
        "action": leg.action, "instrument": leg.instrument, "underlying": plan.underlying,
        "quantity_tokens": Decimal(str(leg.quantity_tokens)), "price": Decimal(str(leg.price)),
        "fee_usd": Decimal(0), "gas_usd": Decimal(0), "settles": MONDAY, "status": status,
    }  # fmt: skip
    return Fill(**(values | changes))


def test_a_new_incident_wants_a_plan_and_an_offered_one_holds():
    made = world(inventory_tokens={"TSLAx": 100.0})
    assert made.strategy.wants_plan(out(), MONDAY)
    made.plans(out())
    assert not made.strategy.wants_plan(out(), MONDAY)
    assert not made.strategy.wants_plan(out(), MONDAY + 60 * NS)
    assert made.strategy.wants_plan(out(), MONDAY + 60 * NS + 1)


@pytest.mark.parametrize("changes", [{"severity": "critical"}, {"basis": 0.07}, {"basis": -0.07}])
def test_escalated_or_much_worse_is_planned_again_at_once(changes):
    made = world()
    made.plans(out())
    assert made.strategy.wants_plan(msgspec.structs.replace(out(), **changes), MONDAY)
    assert not made.strategy.wants_plan(msgspec.structs.replace(out(), basis=0.06), MONDAY)


def test_a_plan_under_way_is_not_planned_again_however_long_it_takes():
    made = world(inventory_tokens={"TSLAx": 100.0})
    plan = made.plans(out())[0]
    made.strategy.on_fill(fill(plan, 0))
    assert not made.strategy.wants_plan(out(), MONDAY + 86_400 * NS)
    assert made.strategy.wants_plan(msgspec.structs.replace(out(), basis=0.2), MONDAY + 86_400 * NS)


def test_resolved_incidents_and_feed_faults_want_nothing():
    made = world()
    for changes in ({"resolved": MONDAY}, {"kind": "feed_fault"}):
        assert not made.strategy.wants_plan(out(**changes), MONDAY)
        assert made.plans(out(**changes)) == []


def test_the_same_no_is_said_once_and_asked_for_ever_less_often():
    made = world(None)
    made.venue(POOL, None)
    (plan,) = made.plans(out())
    assert plan.decision == "no_trade"
    at, waits = MONDAY, []
    for _ in range(9):
        start = at
        while not made.strategy.wants_plan(out(), at):
            at += 10 * NS
        waits.append((at - start) / NS)
        assert made.strategy.plan(out(), made.market, at) == []
    assert waits == sorted(waits)
    assert waits[-1] <= 3_610
    made.venue(POOL, pool_at(420.0, 1e6))
    assert made.strategy.plan(out(), made.market, at + 3_601 * NS)[0].decision in ("trade", "no_trade")


@pytest.mark.parametrize(
    ("cause", "rule"),
    [
        ("multiplier_mismatch", "cause.multiplier_mismatch"),
        ("corporate_action", "cause.corporate_action"),
        ("oracle_fault", "cause.oracle_fault"),
        ("stale_reference", "reference.stale"),
    ],
)
def test_a_price_in_doubt_is_not_traded_on(cause, rule):
    (plan,) = world(inventory_tokens={"TSLAx": 100.0}).plans(out(cause=cause))
    assert plan.decision == "no_trade"
    assert rules(plan) == {rule}


def test_an_old_reference_in_regular_hours_is_refused():
    (plan,) = world(age_seconds=901.0, inventory_tokens={"TSLAx": 100.0}).plans(out())
    assert rules(plan) == {"reference.stale"}


def test_while_the_share_is_halted_only_what_is_over_at_once_is_planned():
    made = world(inventory_tokens={"TSLAx": 100.0}, capital_usd=1e6)
    made.venue("TSLAx@orca", pool_at(380.0, 5e5))
    made.book("TSLAx@kraken", [[440.0, 50.0]], [[441.0, 50.0]])
    made.broker("TSLA@ibkr", 399.9, 400.1)
    share = made.market.underlyings["TSLA"].references["ibkr"]
    share.halted, share.word, share.halted_reason = True, "halted", "news pending"
    plans = made.plans(out(venues=[POOL, "TSLAx@kraken"]))
    assert [plan.route for plan in plans] == ["cross_venue"]
    assert not [leg for leg in plans[0].legs if leg.action not in ("buy", "sell")]
    alone = world(inventory_tokens={"TSLAx": 100.0})
    alone.broker("TSLA@ibkr", 399.9, 400.1)
    share = alone.market.underlyings["TSLA"].references["ibkr"]
    share.halted, share.word, share.halted_reason = True, "halted", "news pending"
    (plan,) = alone.plans(out())
    why = "trading in TSLA is halted: news pending; nobody knows at what price it goes on"
    assert f"reference.halted: {why}" in plan.reasons
    # A source that is lost says nothing of the share, nor does an oracle that its owner has paused.
    share.word = "down"
    oracle = alone.market.admit("TSLA@pyth")
    oracle.halted, oracle.word, oracle.halted_reason = True, "halted", "its oracle is paused"
    assert alone.plans(out(severity="critical"))[0].decision == "trade"


def test_no_reference_but_the_venue_itself_is_refused():
    made = world(inventory_tokens={"TSLAx": 100.0})
    for fair in (None, FairValue(400.0, 0.01, None, "regular", False)):
        made.fair = fair
        (plan,) = made.plans(out(id=f"i{fair is None}"))
        assert rules(plan) == {"reference.missing"}


def test_unknown_depth_and_a_halted_venue_are_refused_by_name():
    made = world(None)
    made.venue(POOL, None)
    made.venue("TSLAx@orca", pool_at(430.0, 1e6)).halted = True
    made.book("TSLAx@kraken", [[419.0, 10]], [[420.0, 10]]).ts = MONDAY - 301 * NS
    (plan,) = made.plans(out(venues=[POOL, "TSLAx@orca", "TSLAx@kraken", "TSLAx@gate"]))
    assert rules(plan) == {"depth.unknown", "venue.halted", "venue.stale"}


def test_below_the_least_profit_is_refused_with_the_figure():
    made = world(min_profit_usd=500.0, inventory_tokens={"TSLAx": 50.0})
    (plan,) = made.plans(out())
    assert rules(plan) == {"profit.below_minimum"}
    assert "would earn $" in plan.reasons[0]


def test_a_venue_with_room_for_cents_is_too_thin():
    made = world(None, inventory_tokens={"TSLAx": 50.0})
    made.venue(POOL, pool_at(440.0, 100.0))
    (plan,) = made.plans(out())
    assert "depth.too_thin" in rules(plan)


def test_an_offered_plan_reserves_and_an_expired_one_lets_go():
    made = world(380.0, capital_usd=30_000.0)
    first = made.plans(incident(POOL, -0.05))[0]
    room = made.strategy.desk.capital_room().usd
    assert room == pytest.approx(30_000 - first.capital_usd)
    made.strategy.plan(
        incident(POOL, -0.05, id="b", cause="multiplier_mismatch"), made.market, first.expires + 1
    )
    assert made.strategy.desk.capital_room().usd == 30_000


def test_capital_is_reserved_until_the_last_leg_has_settled():
    made = world(380.0)
    plan = made.plans(incident(POOL, -0.05))[0]
    desk = made.strategy.desk
    made.strategy.on_fill(fill(plan, 0))
    assert desk.tokens["TSLAx@wallet"] == pytest.approx(plan.quantity_tokens)
    made.strategy.on_fill(fill(plan, 1, "pending"))
    assert "TSLAx@wallet" not in desk.tokens
    assert desk.settlement_room().usd < made.settings.max_open_settlement_usd
    made.strategy.plan(incident(POOL, -0.05, id="later"), made.market, plan.expires + 1)
    assert plan.id in desk.reservations
    made.strategy.on_fill(fill(plan, 1, "settled"))
    assert plan.id not in desk.reservations


def test_a_refused_leg_frees_what_was_reserved():
    made = world(380.0)
    plan = made.plans(incident(POOL, -0.05))[0]
    made.strategy.on_fill(fill(plan, 0, "rejected"))
    assert made.strategy.desk.reservations == {}
    assert made.strategy.desk.tokens == {}


def test_inventory_sold_is_gone_for_the_next_incident():
    made = world(None, inventory_tokens={"AMZNx": 0.15})
    made.fair = FairValue(223.4, 0.001, 1.0, "regular", True)
    made.venue("AMZNx@raydium", pool_at(23_000.0, 500.0))
    spike = incident("AMZNx@raydium", 4.6, cause="thin_liquidity")
    plan = made.plans(spike)[0]
    assert made.strategy.desk.free_tokens("AMZNx", "wallet") == pytest.approx(0.0)
    made.strategy.on_fill(fill(plan, 0))
    (none,) = made.plans(incident("AMZNx@raydium", 4.6, cause="thin_liquidity", id="other"))
    assert none.decision == "no_trade"
    assert "inventory.none_in_time" in rules(none)


def test_a_restart_from_json_goes_on_as_if_nothing_had_happened():
    made = world(380.0, inventory_tokens={"TSLAx": 10.0})
    plan = made.plans(incident(POOL, -0.05))[0]
    made.strategy.on_fill(fill(plan, 0))
    made.strategy.on_fill(fill(plan, 1, "pending"))
    saved = msgspec.json.decode(msgspec.json.encode(made.strategy.snapshot()))
    again = Strategy(made.settings, made.registry, CLOCK)
    again.restore(saved)
    assert again.snapshot() == made.strategy.snapshot()
    assert not again.wants_plan(incident(POOL, -0.05), MONDAY + 3600 * NS)
    other = incident(POOL, -0.05, id="b")
    assert again.plan(other, made.market, MONDAY) == made.strategy.plan(other, made.market, MONDAY)


def test_the_same_market_gives_the_same_plans():
    def run():
        made = world(inventory_tokens={"TSLAx": 40.0})
        made.venue("TSLAx@orca", pool_at(401.0, 5e5))
        return msgspec.json.encode(made.plans(out()))

    assert run() == run()


def test_plans_come_best_first_one_a_route():
    made = world(inventory_tokens={"TSLAx": 100.0})
    made.venue("TSLAx@orca", pool_at(400.0, 5e5))
    plans = made.plans(out())
    assert [plan.route for plan in plans] == ["mint_and_sell", "cross_venue"]
    assert len({plan.id for plan in plans}) == 2


def test_what_is_remembered_is_bounded():
    made = world(None)
    made.venue(POOL, None)
    for n in range(5_000):
        made.plans(out(id=f"i{n}"))
    assert len(made.strategy.snapshot()["last"]) == 4_096


def test_with_the_kill_switch_thrown_nothing_is_planned_and_each_refusal_names_it():
    made = world(inventory_tokens={"TSLAx": 100.0})
    made.strategy.switch(Command(MONDAY, "kill", "too wild", by="file"))
    (plan,) = made.plans(out())
    assert plan.decision == "no_trade"
    assert plan.reasons == ["risk.kill_switch: thrown by file: too wild"]
    assert not made.strategy.wants_plan(out(), MONDAY + 30 * NS)
    made.strategy.switch(Command(MONDAY, "release", "", by="somebody else"))
    assert made.strategy.killed
    made.strategy.switch(Command(MONDAY, "release", "", by="file"))
    assert made.strategy.wants_plan(out(), MONDAY)
    assert made.plans(out())[0].decision == "trade"


def test_earnings_within_the_wait_make_a_plan_riskier_and_smaller():
    quiet = world(380.0)
    loud = world(380.0)
    share = loud.registry.underlyings["TSLA"]
    loud.registry.underlyings["TSLA"] = msgspec.structs.replace(share, earnings=["2025-07-07T20:05Z"])
    before, after = (made.plans(incident(POOL, -0.05))[0] for made in (quiet, loud))
    per_token = [plan.worst_case_usd / plan.quantity_tokens for plan in (before, after)]
    assert per_token[1] < 1.5 * per_token[0]
    assert after.quantity_tokens < before.quantity_tokens


def test_what_a_plan_has_had_of_a_venue_is_not_planned_for_again_while_the_incident_lasts():
    made = world(450.0, inventory_tokens={"TSLAx": 1_000.0})
    first = made.plans(out())[0]
    assert first.route == "mint_and_sell"
    for number in range(len(first.legs)):
        made.strategy.on_fill(fill(first, number))
    again = made.plans(out(severity="critical"))[0]
    left = pool_at(450.0, 1e6).after(first.quantity_tokens, True)
    most = left.to_price(400.0).tokens if left.spot() > 400.0 else 0.0
    if again.decision == "trade":
        assert again.quantity_tokens <= most * (1 + 1e-9)
    else:
        assert "depth.taken" in rules(again)
    # Another incident is about other prices: what is there when the pool is observed anew is there.
    made.market.instruments[POOL].ts += 1
    another = made.plans(out(id="i2"))[0]
    assert another.quantity_tokens == pytest.approx(first.quantity_tokens, rel=0.05)


def test_what_was_taken_is_remembered_over_a_restart():
    made = world(450.0, inventory_tokens={"TSLAx": 1_000.0})
    first = made.plans(out())[0]
    made.strategy.on_fill(fill(first, 0))
    saved = msgspec.json.decode(msgspec.json.encode(made.strategy.snapshot()))
    other = Strategy(made.strategy._config, made.registry, CLOCK)
    other.restore(saved)
    assert other.spent.gone(POOL, out().id, MONDAY + 1, "sell").sold == first.quantity_tokens
    assert other.spent.gone(POOL, out().id, MONDAY + 1, "buy") is None


def test_what_was_undone_was_not_taken():
    made = world(380.0)
    plan = made.plans(incident(POOL, -0.05))[0]
    assert [leg.action for leg in plan.legs] == ["buy", "redeem"]
    made.strategy.on_fill(fill(plan, 0))
    made.strategy.on_fill(fill(plan, 1, "rejected"))
    back = {"id": f"{plan.id}-U0-F", "order_id": f"{plan.id}-U0", "action": "sell"}
    made.strategy.on_fill(fill(plan, 0, **back))
    again = made.plans(incident(POOL, -0.05, severity="critical"))[0]
    assert again.quantity_tokens == plan.quantity_tokens


def test_what_was_bought_on_the_cheaper_of_two_dear_venues_is_not_there_to_be_bought_again():
    made = world(452.0)
    made.venue("TSLAx@orca", pool_at(412.0, 1e5))
    dear = out(venues=[POOL, "TSLAx@orca"])
    first = next(one for one in made.plans(dear) if one.route == "cross_venue")
    assert first.legs[0].instrument == "TSLAx@orca"
    for number in range(2):
        made.strategy.on_fill(fill(first, number))
    again = [one for one in made.plans(out(venues=dear.venues, severity="critical"))
             if one.route == "cross_venue"]  # fmt: skip
    left = pool_at(412.0, 1e5).after(first.quantity_tokens, False)
    for plan in again:
        assert plan.legs[0].price >= left.spot()


def test_what_was_sold_to_a_pool_makes_it_no_cheaper_to_buy_there_once_it_is_observed_anew():
    made = world(450.0, inventory_tokens={"TSLAx": 1_000.0}, capital_usd=1e6)
    first = made.plans(out())[0]
    for number in range(len(first.legs)):
        made.strategy.on_fill(fill(first, number))
    made.market.instruments[POOL].ts += 1  # at 450 as before: whoever came since has pushed it back
    made.venue("TSLAx@orca", pool_at(470.0, 5e5))
    plans = made.plans(out(severity="critical", venues=[POOL, "TSLAx@orca"]))
    (across,) = [one for one in plans if one.route == "cross_venue"]
    (bought,) = [leg for leg in across.legs if leg.action == "buy"]
    assert bought.instrument == POOL
    assert bought.price >= 450.0


@pytest.mark.parametrize(("price", "basis"), [(401.0, 0.05), (399.0, -0.05)])
def test_what_we_had_of_a_venue_takes_it_to_no_other_side_of_fair_value(price, basis):
    made = world(price, inventory_tokens={"TSLAx": 1_000.0}, capital_usd=1e6, min_profit_usd=0.01)
    made.broker("TSLA@ibkr", 399.9, 400.1)
    seen = incident(POOL, basis)
    # Behind what we have had before it would seem to be off on the other side.
    made.strategy.spent.take(POOL, seen.id, MONDAY - NS, "sell" if basis > 0 else "buy", 50.0, True)
    (plan,) = made.plans(seen)
    assert plan.decision == "no_trade"
    assert "depth.taken" in rules(plan)


def test_a_book_that_has_not_followed_is_not_planned_with_unless_the_desk_says_so():
    book, found = "TSLAx@kraken", {}
    for cause, held in (("broad_premium", 0.0), ("stale_venue", 0.0), ("stale_venue", 500.0)):
        near = registry()
        near.venues["kraken"] = msgspec.structs.replace(near.venues["kraken"], withdraw_days=180 / 86_400)
        made = world(400.0, inventory_tokens={"TSLAx@kraken": held}, hit_stale_books=True, of=near)
        made.book(book, [[440.0, 50.0]], [[441.0, 50.0]])
        plans = made.plans(incident(book, 0.1, cause=cause))
        found[cause, held] = next(one for one in plans if one.route == "cross_venue")
    steady, stale, in_hand = found.values()
    assert steady.expected_profit_usd > 1.3 * stale.expected_profit_usd
    # With tokens there the book is hit first: if it is gone, nothing has been bought.
    assert in_hand.legs[0].instrument == book
    assert in_hand.outcomes[-1].probability == pytest.approx(0.01)
    careful = world(400.0)
    careful.book(book, [[440.0, 50.0]], [[441.0, 50.0]])
    (refused,) = careful.plans(incident(book, 0.1, cause="stale_venue"))
    assert refused.decision == "no_trade"
    assert "venue.stands_still" in rules(refused)


def test_a_pool_that_nobody_has_traded_in_gives_what_it_says():
    made = world(450.0, inventory_tokens={"TSLAx": 100.0})
    assert made.plans(out(cause="stale_venue"))[0].decision == "trade"
