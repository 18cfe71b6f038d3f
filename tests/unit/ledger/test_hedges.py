"""Which fills of hedges are read back after a loss of memory."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from bot.config import load
from bot.daemon import Daemon
from bot.execution.adopted import positions_of
from bot.ledger import hedges
from bot.ledger.accounts import custody
from bot.ledger.db import open_database
from bot.ledger.reconcile import differences, hedged
from bot.ledger.store import Store
from bot.types import Fill
from tests.fixtures.engine import CONFIG, shipped_registry
from tests.unit.execution.hedged import CALL, FRIDAY, OFFER, PERP, PUT, HedgedDesk, registry
from tests.unit.execution.test_adopted import forget, hedging


async def store_of(path: Path, fills: list[Fill], known=registry) -> Store:
    database = await open_database(f"sqlite+aiosqlite:///{path}/pegbot.db")
    store = Store(database, place=custody(known()))
    await store.record(fills)
    return store


def test_whatever_ends_a_hedge_is_counted():
    assert set(hedges.ENDS) == {
        "unhedge", "unhedge_sell", "expire_long", "expire_short", "liquidate_long", "liquidate_short",
        "lapse",
    }  # fmt: skip


async def test_open_hedges_come_back_in_the_order_they_were_booked(tmp_path: Path):
    desk = hedging()
    desk.wait(FRIDAY)
    store = await store_of(tmp_path, desk.fills)
    found = await store.hedge_fills()
    booked = [fill for fill in desk.fills if fill.quantity_tokens and fill.action != "mint"]
    assert found == booked
    assert positions_of(found, desk.hedges.kind_of) == positions_of(desk.fills, desk.hedges.kind_of)
    await store.engine.dispose()


async def test_plans_that_hold_nothing_more_are_not_read(tmp_path: Path):
    desk = hedging()
    done = [
        replace(fill, id=f"done-{fill.id}", order_id=f"done-{fill.order_id}", plan_id="done")
        for fill in desk.fills
    ]
    opened = [fill for fill in done if fill.action in hedges.OPENS]
    ends = [
        replace(one, id=f"{one.id}-E", order_id=f"{one.order_id}-E",
                action="unhedge" if one.action == "hedge" else "unhedge_sell")
        for one in opened
    ]  # fmt: skip
    store = await store_of(tmp_path, [*done, *ends])
    assert await store.hedge_fills() == []
    nothing = replace(ends[0], id="zero", order_id="zero", plan_id="p1", quantity_tokens=Decimal(0),
                      fee_usd=Decimal(0))  # fmt: skip
    await store.record([*desk.fills, nothing])
    assert {fill.plan_id for fill in await store.hedge_fills()} == {"p1"}
    await store.engine.dispose()


async def test_a_daemon_whose_memory_is_gone_takes_over_what_the_books_have(tmp_path: Path):
    desk = hedging()
    store = await store_of(tmp_path, desk.fills, shipped_registry)
    await store.record([], b"not a memory")
    daemon = Daemon(load(CONFIG / "pegbot.toml"), shipped_registry())
    await daemon._resume(store)
    broker, strategy = daemon.driver.broker, daemon.driver.engine.strategy
    assert broker is not None
    assert broker.watched == {PERP}
    names = {PERP, PUT, CALL, OFFER}
    assert {name for name in names if daemon.driver.engine.hedges.carried(name)} == names
    assert strategy.killed == {}
    books = hedged((await store.books()).positions())
    assert differences(books, strategy.desk.hedges) == []
    put_in = sum(
        float(fill.quantity_tokens * fill.price) for fill in desk.fills if fill.action == "margin_in"
    )
    room = strategy.desk.capital_room()
    assert room.usd == room.limit_usd - put_in < room.limit_usd
    assert broker.adopt_hedges(await store.hedge_fills()) == []
    await store.engine.dispose()


def test_a_broker_that_lost_its_memory_alone_takes_them_over_too():
    desk = HedgedDesk()
    assert forget(desk, hedging().fills) != []
