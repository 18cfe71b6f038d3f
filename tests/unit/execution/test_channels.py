"""On paper an issuer's order goes the way its mechanism says: not in a gap, and by the way the desk has."""

from __future__ import annotations

from msgspec.structs import replace

from bot.registry import Channel
from bot.registry.issuer import Broker, Way
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
