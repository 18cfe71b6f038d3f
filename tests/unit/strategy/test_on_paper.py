"""A plan carried out on paper, at once, earns what it said."""

from __future__ import annotations

import msgspec
import pytest

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.timefmt import NS
from tests.fixtures import worked
from tests.fixtures.market import MONDAY, World, incident, pool_at


def due(world, broker):
    """What is due next, with brokers that still quote what they did."""
    for _, reference in world.market.references.values():
        reference.ts = broker.next_due
    return broker.due(broker.next_due, world.market)


def carry_out(world, plan):
    """Fills of the plan to the end, told to the strategy as the driver does."""
    broker = PaperBroker(world.registry, ExecutionSection())
    fills = broker.execute(plan, world.market, world.ts)
    while broker.next_due is not None:
        fills += due(world, broker)
    for fill in fills:
        world.strategy.on_fill(fill)
    return fills


def cash_of(fills):
    """USD gained by what was traded: proceeds less outlay, fees and gas."""
    sign = {"sell": 1, "redeem": 1, "buy": -1, "mint": -1}
    total = 0.0
    for fill in fills:
        if fill.status in ("filled", "pending"):
            total += sign.get(fill.action, 0) * float(fill.quantity_tokens * fill.price)
            total -= float(fill.fee_usd + fill.gas_usd)
    return total


def as_planned(plan):
    """What the plan says it earns if nothing is refused and nothing has moved."""
    return next(one.usd for one in plan.outcomes if one.name == "as planned")


def test_selling_the_spike():
    world = worked.amzn_weekend(inventory_tokens={"AMZNx": 1.0})
    plan = world.plans(incident(cause="thin_liquidity", basis=4.66))[0]
    fills = carry_out(world, plan)
    assert [fill.status for fill in fills] == ["filled"]
    earned = cash_of(fills) - float(fills[0].quantity_tokens) * worked.CLOSE - plan.costs_usd["refill"]
    assert earned == pytest.approx(plan.expected_profit_usd, rel=1e-6)
    assert world.strategy.desk.reservations == {}
    assert world.strategy.desk.tokens["AMZNx@wallet"] == pytest.approx(1 - plan.quantity_tokens)


@pytest.mark.parametrize(("price", "basis"), [(451.07, 0.1317), (379.58, -0.0408)])
def test_mint_and_sell_and_buy_and_redeem(price, basis):
    world = worked.tsla(price, inventory_tokens={"TSLAx": 500.0})
    plan = world.plans(incident("TSLAx@raydium", basis))[0]
    fills = carry_out(world, plan)
    assert {fill.status for fill in fills} == {"filled", "pending", "settled"}
    assert cash_of(fills) - plan.costs_usd["financing"] == pytest.approx(as_planned(plan), rel=1e-6)
    assert world.strategy.desk.reservations == {}
    assert world.strategy.desk.tokens["TSLAx@wallet"] == pytest.approx(500.0)


def test_mint_hedge_wait_sell_and_cover():
    world = worked.tsla(451.07)
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    assert plan.legs[1].action == "hedge"
    fills = carry_out(world, plan)
    assert [fill.action for fill in fills if fill.status != "settled"] == ["mint", "hedge", "sell", "unhedge"]
    assert world.strategy.desk.reservations == {}
    assert world.strategy.desk.tokens == {}


def test_venue_against_venue():
    world = worked.tsla(407.26)
    world.venue("TSLAx@orca", pool_at(395.40, 3e5))
    plan = world.plans(incident("TSLAx@raydium", 0.0296, cause="thin_liquidity"))[0]
    fills = carry_out(world, plan)
    assert cash_of(fills) == pytest.approx(as_planned(plan), rel=1e-5)


def test_a_venue_that_moved_away_is_refused_and_nothing_stays_reserved():
    world = worked.tsla(451.07, inventory_tokens={"TSLAx": 500.0})
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    world.venue("TSLAx@raydium", pool_at(400.0, 1.1e6))
    fills = carry_out(world, plan)
    assert [fill.status for fill in fills] == ["rejected"]
    assert world.strategy.desk.reservations == {}


def test_an_expired_plan_is_not_carried_out():
    world = World(MONDAY, 395.4, inventory_tokens={"TSLAx": 50.0})
    world.venue("TSLAx@raydium", pool_at(451.07, 1e6))
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    world.ts = plan.expires + NS
    assert [fill.status for fill in carry_out(world, plan)] == ["rejected"]


def test_a_held_discount_is_sold_and_its_hedge_closed_when_the_time_has_come():
    world = worked.tsla(379.58, ineligible_issuers=["xstocks"])
    (plan,) = world.plans(incident("TSLAx@raydium", -0.0408))
    assert plan.route == "hedge_and_hold"
    broker = PaperBroker(world.registry, ExecutionSection())
    fills = broker.execute(plan, world.market, world.ts)
    assert [fill.action for fill in fills] == ["buy", "hedge"]
    end = plan.created + round(plan.duration_seconds * NS)
    assert broker.next_due == end
    world.venue("TSLAx@raydium", pool_at(395.4, 1.1e6))
    fills += due(world, broker)
    assert [fill.action for fill in fills] == ["buy", "hedge", "sell", "unhedge"]
    for fill in fills:
        world.strategy.on_fill(fill)
    assert world.strategy.desk.reservations == {}
    assert world.strategy.desk.tokens == {}
    assert world.strategy.desk.hedges == {}


def minted(world, plan, at_arrival):
    """The plan handed over; when its tokens arrive, the market is what ``at_arrival`` makes of it."""
    broker = PaperBroker(world.registry, ExecutionSection())
    fills = broker.execute(plan, world.market, world.ts)
    at_arrival()
    while broker.next_due is not None:
        fills += due(world, broker)
    for fill in fills:
        world.strategy.on_fill(fill)
    return broker, fills


def told(fills):
    return [(fill.action, fill.status) for fill in fills if fill.status != "settled"]


def test_tokens_whose_premium_has_gone_are_redeemed_and_the_hedge_is_closed():
    world = worked.tsla(451.07)
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    broker, fills = minted(world, plan, lambda: world.venue("TSLAx@raydium", pool_at(395.4, 1.1e6)))
    assert told(fills) == [
        ("mint", "pending"), ("hedge", "filled"), ("sell", "rejected"), ("redeem", "pending"),
        ("unhedge", "filled"),
    ]  # fmt: skip
    assert next(fill.reason for fill in fills if fill.status == "rejected").startswith("plan.otherwise: ")
    assert broker.state_of(plan.id) == "done"
    assert world.strategy.desk.reservations == {}
    assert world.strategy.desk.tokens == {}
    # What the plan said of that case, but for the financing and the borrow, which paper does not book.
    gone = next(one.usd for one in plan.outcomes if one.name.startswith("the premium has gone"))
    hedge = sum(
        (1 if fill.action == "hedge" else -1) * float(fill.quantity_tokens * fill.price) for fill in fills
        if fill.action in ("hedge", "unhedge")
    )  # fmt: skip
    assert cash_of(fills) + hedge - plan.costs_usd["financing"] == pytest.approx(gone, abs=5.0)


def test_while_tokens_that_are_to_be_redeemed_wait_their_capital_stays_reserved():
    world = worked.tsla(451.07)
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    broker = PaperBroker(world.registry, ExecutionSection())
    fills = broker.execute(plan, world.market, world.ts)
    world.venue("TSLAx@raydium", pool_at(395.4, 1.1e6))
    fills += due(world, broker)
    for fill in fills:
        world.strategy.on_fill(fill)
    assert plan.id in world.strategy.desk.reservations
    assert world.strategy.desk.capital_room().usd < world.settings.capital_usd


def test_a_premium_that_lasts_is_sold_although_the_share_has_fallen():
    world = worked.tsla(451.07)
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]

    def fallen():
        world.fair = msgspec.structs.replace(world.fair, value_usd=0.95 * 395.4)
        world.venue("TSLAx@raydium", pool_at(0.95 * 451.07, 1.1e6))
        world.broker("TSLA@ibkr", 0.95 * 395.35, 0.95 * 395.45)

    _, fills = minted(world, plan, fallen)
    assert told(fills) == [
        ("mint", "pending"), ("hedge", "filled"), ("sell", "filled"), ("unhedge", "filled"),
    ]  # fmt: skip


def test_a_hedge_that_is_refused_leaves_nothing_to_close():
    world = worked.tsla(451.07)
    plan = world.plans(incident("TSLAx@raydium", 0.1317))[0]
    legs = [plan.legs[0], msgspec.structs.replace(plan.legs[1], limit_price=1e9), *plan.legs[2:]]
    broker, fills = minted(world, msgspec.structs.replace(plan, legs=legs), lambda: None)
    assert told(fills) == [
        ("mint", "pending"), ("hedge", "rejected"), ("redeem", "pending"), ("unhedge", "filled"),
    ]  # fmt: skip
    assert fills[-2].quantity_tokens == 0, "nothing to close, and that is said"
    assert broker.state_of(plan.id) == "done"
    assert world.strategy.desk.reservations == {}
