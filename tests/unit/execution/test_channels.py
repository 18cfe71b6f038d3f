"""On paper an issuer's order goes the way its mechanism says: not in a gap, and by the way the desk has."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.registry import Channel
from bot.registry.issuer import Broker, Conversion, Transfer, Way
from tests.unit.execution.desk import CHANNEL, ISSUER, Desk, T, leg, plan, registry

ATOMIC = Channel(hours="24/5", spread_ratio=0.0001, settlement_days=0)
WAY = Way("atomic", "access", mint=ATOMIC, redeem=ATOMIC)


def test_in_a_gap_nothing_is_taken():
    gaps = ["09:59-10:01"]  # in New York, where it is 10:00
    desk = Desk(registry(mint=replace(CHANNEL, gaps=gaps)))
    (fill,) = desk.broker.execute(plan(leg("mint", ISSUER)), desk.market, T)
    assert fill.reason == "mint.closed: xStocks takes no orders for some minutes"
    (fill,) = desk.broker.execute(plan(leg("redeem", ISSUER, price=219), id="p2"), desk.market, T)
    assert fill.status == "pending"


def by_way(enabled: bool) -> Desk:
    of = registry()
    issuer = replace(
        of.issuers["xstocks"],
        mechanism="xstocks",
        brokers=[Broker("one", 1.0)],
        ways=[replace(WAY, enabled=enabled)],
    )
    return Desk(replace(of, issuers={"xstocks": issuer}))


def test_a_way_that_the_desk_has_is_cheaper_and_has_no_minimum():
    small = plan(leg("mint", ISSUER, tokens=0.1, price=221.0))
    flow, atomic = by_way(False), by_way(True)
    (refused,) = flow.broker.execute(small, flow.market, T)
    assert refused.reason.startswith("mint.minimum")
    (filled,) = atomic.broker.execute(small, atomic.market, T)
    assert (float(filled.price), filled.fee_usd) == (220.0 * 1.0001, 0)


CONVERT = "AMZNx@kraken:convert"
CONVERSION = Conversion(
    "kraken", "kraken", "xstocks", "Kraken's conversion", Transfer(0.05), Transfer(0.05, 1.0),
    mint=Channel(hours="24/5", spread_ratio=0.003, minimum_usd=1, maximum_usd=50_000, settlement_days=0),
    redeem=Channel(hours="24/5", spread_ratio=0.002, minimum_usd=1, settlement_days=0),
)  # fmt: skip


def converting(**changes) -> Desk:
    return Desk(replace(registry(), conversions={"kraken": replace(CONVERSION, **changes)}))


def test_a_conversion_is_done_at_once_at_fair_value_and_its_spread():
    desk = converting()
    (bought,) = desk.broker.execute(plan(leg("mint", CONVERT, price=221.0)), desk.market, T)
    (sold,) = desk.broker.execute(plan(leg("redeem", CONVERT, price=219.0), id="p2"), desk.market, T)
    assert (bought.status, bought.price) == ("filled", Decimal("220.66"))
    assert (sold.status, sold.price) == ("filled", Decimal("219.56"))
    assert not bought.fee_usd + bought.gas_usd + sold.fee_usd + sold.gas_usd
    assert desk.broker.next_due is None


@pytest.mark.parametrize(
    ("tokens", "session", "rule"),
    [
        (0.001, "regular", "mint.minimum: 0.22 USD is below kraken's 1 USD"),
        (300.0, "regular", "mint.maximum: 66198.00 USD is above kraken's 50000 USD"),
        (10.0, "weekend", "mint.closed: kraken is open 24/5, and it is weekend"),
    ],
)
def test_a_conversion_is_refused_out_of_hours_and_out_of_bounds(tokens, session, rule):
    desk = converting()
    desk.fair = replace(desk.fair, session=session)
    (fill,) = desk.broker.execute(plan(leg("mint", CONVERT, tokens=tokens, price=230.0)), desk.market, T)
    assert fill.reason == rule


def test_a_conversion_halts_with_the_exchanges_market_and_with_the_issuer():
    desk = converting()
    desk.book.halted, desk.book.halted_reason = True, "maintenance"
    (fill,) = desk.broker.execute(plan(leg("mint", CONVERT, price=230.0)), desk.market, T)
    assert fill.reason == "mint.halted: Kraken's conversion has halted AMZNx: maintenance"
    desk.book.halted = False
    desk.market.token_state(desk.registry.tokens["AMZNx"]).channel({"state": "halted", "reason": "a split"})
    (fill,) = desk.broker.execute(plan(leg("mint", CONVERT, price=230.0), id="p2"), desk.market, T)
    assert fill.reason == "mint.halted: xStocks has halted AMZNx: a split"


def test_a_conversion_that_the_registry_does_not_have_is_refused():
    desk = Desk()
    (fill,) = desk.broker.execute(plan(leg("mint", CONVERT, price=230.0)), desk.market, T)
    assert fill.reason == "mint.unknown: the registry has no conversion of AMZNx at kraken:convert"
    gone = converting(redeem=Channel(available=False))
    (fill,) = gone.broker.execute(plan(leg("redeem", CONVERT, price=1.0)), gone.market, T)
    assert fill.reason.startswith("redeem.unavailable")
