"""What a store promises, on any database: run by test_store.py (SQLite) and tests/integration (Postgres)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, text, update

from bot.errors import LedgerError, ServiceUnreachable
from bot.ledger import db
from bot.ledger import tables as t
from bot.ledger.db import open_database, transaction
from bot.ledger.store import Recorded, Store
from bot.types import FeedStatus, Order, Quarantined
from tests.unit.ledger.fills import POOL, D, T, fill, incident, pair, plan


@asynccontextmanager
async def opened(url: str, **options) -> AsyncIterator[Store]:
    engine = await open_database(url)
    try:
        yield Store(engine, **options)
    finally:
        await engine.dispose()


async def count(store: Store, table) -> int:
    async with store.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


class StoreSuite:
    """Subclasses give the fixture ``url``: an empty database."""

    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[Store]:
        async with opened(url) as store:
            yield store

    async def test_everything_comes_back_as_it_was_after_a_restart(self, url):
        asked, settled = pair(3, "mint", "0.123456789012345678", "23781.2200000001")
        async with opened(url) as store:
            await store.open_books(T, 250_000.0, {"AMZNx": 3})
            messages = [incident(), plan(), fill(), asked, settled]
            assert await store.record(messages, b"state") == Recorded(1, 1, 3, 0, 3)
        async with opened(url) as store:
            assert await store.incidents() == [incident()]
            assert await store.incident("i1") == incident()
            assert await store.plans() == [plan()]
            assert (await store.plan("p1"), await store.plan("p9"), await store.incident("i9")) == (
                plan(),
                None,
                None,
            )
            assert await store.fills() == [settled, asked, fill()]
            assert await store.load_snapshot() == b"state"
            assert await store.verify() == 4
            assert (await store.balances())["assets:tokens:AMZNx@wallet"] == {
                "AMZNx": D("5.123456789012345678")
            }

    async def test_what_is_recorded_twice_is_there_once(self, store):
        batch = [incident(), plan(), fill(), *pair(2, "redeem")]
        first = await store.record(batch)
        before = await store.balances()
        again = await store.record(batch)
        assert await store.balances() == before
        assert (first.fills, first.duplicates) == (3, 0)
        assert (again.fills, again.duplicates, again.entries, again.plans) == (0, 3, 0, 0)
        assert await store.record([fill(), fill(), fill(7), fill(7)]) == Recorded(0, 0, 1, 3, 1)
        assert (await store.balances())["assets:tokens:AMZNx@wallet"]["AMZNx"] == 2
        assert await store.verify() == 4

    async def test_messages_that_are_not_kept_write_nothing(self, store):
        status = FeedStatus("tape", "up", T, 0.1, 10, 0)
        assert await store.record([status, Quarantined(T, POOL, "bad_price", "-1")]) == Recorded()
        assert await store.record([]) == Recorded()

    async def test_opening_balances_are_booked_once(self, store):
        assert await store.open_books(T, 1000.0, {"AMZNx": 1.5})
        assert not await store.open_books(T + 5, 2000.0)
        assert await store.balances() == {
            "assets:cash:usd": {"USD": 1000},
            "assets:tokens:AMZNx@wallet": {"AMZNx": D("1.5")},
            "equity:opening": {"USD": -1000, "AMZNx": D("-1.5")},
        }

    async def test_an_incident_is_its_latest_state_and_remembers_how_it_got_there(self, store):
        worse = incident(phase="escalate", last_seen=T + 5, basis=5.0)
        seen = incident(phase="update", last_seen=T + 7, acknowledged_by="ada")
        await store.record([incident(), worse])
        await store.record([seen])
        await store.record([incident(phase="update", last_seen=T + 1)])  # late: must not take us back
        assert await store.incidents(open_only=True) == [seen]
        over = incident(phase="resolve", last_seen=T + 9, resolved=T + 9)
        await store.record([over, over])
        assert await store.incidents(open_only=True) == []
        assert await store.incidents() == [over]
        assert await store.history("i1") == [incident(), worse, over]

    async def test_the_newest_incidents_and_plans_come_first(self, store):
        await store.record([incident(id=f"i{n}", opened=T + n) for n in range(5)])
        await store.record([plan(id=f"p{n}", created=T + n, incident_id=f"i{n % 2}") for n in range(5)])
        await store.record([plan(id="no", created=T + 9, decision="no_trade")])
        assert [i.id for i in await store.incidents(limit=2)] == ["i4", "i3"]
        assert [p.id for p in await store.plans(limit=2)] == ["no", "p4"]
        assert [p.id for p in await store.plans(incident_id="i0")] == ["p4", "p2", "p0"]
        assert [p.id for p in await store.plans(decision="trade", limit=1)] == ["p4"]

    async def test_a_body_of_another_version_is_left_out_and_counted(self, store):
        await store.record([incident(), incident(id="old"), plan()])
        async with transaction(store.engine) as connection:
            await connection.execute(update(t.incidents).where(t.incidents.c.id == "old").values(body="{}"))
        assert await store.incidents() == [incident()]
        assert (await store.incident("old"), store.unreadable) == (None, 2)

    @pytest.mark.parametrize("body", ["", "rubbish", "[]"])
    async def test_a_body_that_is_none_is_named(self, store, body):
        await store.record([plan(), incident()])
        async with transaction(store.engine) as connection:
            await connection.execute(update(t.plans).values(body=body))
        assert (await store.plans(), await store.incidents()) == ([], [incident()])
        assert str(store.first_unreadable).startswith("ledger: table plans, row p1: body cannot be read: ")

    async def test_a_fill_brings_its_order_and_an_order_may_come_first(self, store):
        order = Order("p1-L1", "p1", 1, T, "buy", POOL, D(2), None, T + 60)
        await store.record([order])
        await store.record([fill(1), fill(2), order])
        assert await count(store, t.orders) == 2

    async def test_settlements_that_are_due_are_found_again(self, store):
        later, later_settled = pair(1, "mint")
        sooner, sooner_settled = pair(2, "redeem")
        sooner, sooner_settled = replace(sooner, settles=T + 5), replace(sooner_settled, settles=T + 5)
        await store.record([later, sooner])
        assert await store.pending_settlements() == [sooner, later]
        await store.record([sooner_settled])
        assert await store.pending_settlements() == [later]
        await store.record([later_settled])
        assert await store.pending_settlements() == []

    async def test_only_the_last_snapshots_are_kept(self, url):
        async with opened(url, keep_snapshots=2) as store:
            assert await store.load_snapshot() is None
            for number in range(5):
                await store.record([], bytes([number]))
            assert await store.load_snapshot() == b"\x04"
            assert await count(store, t.snapshots) == 2

    async def test_another_part_writes_in_the_same_transaction_or_nobody_does(self, store):
        async def write(connection):
            await connection.execute(t.snapshots.insert().values(seq=99, body=b"x"))

        async def fail(connection):
            await write(connection)
            raise RuntimeError("the outbox refuses")

        with pytest.raises(RuntimeError, match="the outbox refuses"):
            await store.record([fill(), incident()], extra=fail)
        assert (await store.fills(), await store.incidents(), await store.load_snapshot()) == ([], [], None)
        await store.record([fill()], extra=write)
        assert (len(await store.fills()), await store.load_snapshot()) == (1, b"x")
        await store.record([], extra=lambda connection: connection.execute(text("DELETE FROM snapshots")))
        assert await store.load_snapshot() is None

    async def test_a_batch_with_nonsense_in_it_writes_nothing_at_all(self, store):
        with pytest.raises(LedgerError, match="p1-L2-F"):
            await store.record([incident(), fill(), fill(2, quantity_tokens=D("NaN"))], b"state")
        assert (await store.fills(), await store.incidents(), await store.load_snapshot()) == ([], [], None)

    async def test_books_read_between_batches_add_up_to_the_same(self, store):
        for number in range(1, 8):
            await store.record(
                [fill(number, "buy" if number % 3 else "sell", str(number), str(100 + number))]
            )
            if number % 2:
                await store.positions()
        async with opened(store.engine.url.render_as_string(hide_password=False)) as fresh:
            assert await fresh.positions() == await store.positions()
            marks = {"AMZNx": D(101)}
            assert await fresh.profit_and_loss(marks) == await store.profit_and_loss(marks)

    async def test_a_plan_shows_its_own_result(self, store):
        await store.record([fill(1, "buy", "1", "100"), fill(2, "sell", "1", "90")])
        await store.record([fill(3, "buy", "1", "50", plan_id="p2", id="other")])
        assert (await store.plan_result("p1")).net_usd == D("-12.7")
        assert (await store.plan_result("p2", {"AMZNx": D(60)})).net_usd == D("8.65")
        assert [fill.id for fill in await store.fills(plan_id="p2")] == ["other"]
        assert [entry.fill_id for entry in await store.entries(plan_id="p1")] == ["p1-L2-F", "p1-L1-F"]

    async def test_a_big_batch_is_one_transaction_too(self, store):
        assert (
            await store.record([fill(n, id=f"f{n}", order_id=f"o{n}") for n in range(1200)])
        ).fills == 1200
        assert await store.verify() == 1200
        assert len(await store.entries(limit=1100)) == 1100

    async def test_many_writers_in_one_process_lose_and_double_nothing(self, store):
        batches = [[fill(n, id=f"f{n}", order_id=f"o{n}") for n in range(k, k + 6)] for k in range(0, 30, 3)]
        await asyncio.gather(*(store.record(batch) for batch in batches))
        assert await store.verify() == 33

    async def test_two_processes_may_write_the_same_database(self, url):
        async with opened(url) as one, opened(url) as two:
            for number in range(10):
                both = [fill(number, id=f"f{number}", order_id=f"o{number}")]
                await asyncio.gather(one.record(both), two.record(both))
            assert await one.verify() == 10
            assert await one.positions() == await two.positions()

    async def test_an_old_incident_and_plan_can_be_pruned_but_never_the_books(self, store):
        await store.record([incident(phase="resolve", resolved=T + 5), incident(id="open"), fill()])
        await store.record([plan(), plan(id="idle", decision="no_trade"), plan(id="new", created=T + 99)])
        assert await store.prune(T + 10) == 3
        assert [i.id for i in await store.incidents()] == ["open"]
        assert [p.id for p in await store.plans()] == ["new", "p1"]
        assert await store.history("i1") == []
        assert await store.verify() == 1

    async def test_cancelling_a_writer_leaves_all_of_its_batch_or_nothing(self, store, monkeypatch):
        monkeypatch.setattr(db, "GRACE_SECONDS", 0.01)
        reached = asyncio.Event()

        async def hang(_connection):
            reached.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(store.record([fill()], extra=hang))
        async with asyncio.timeout(10):
            await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.fills() == []
        assert (await store.record([fill()])).fills == 1
        assert await store.verify() == 1

    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            (
                update(t.postings).where(t.postings.c.seq == 2, t.postings.c.line == 0).values(amount=D(3)),
                "entry p1-L2-F#0 does not balance: 1 AMZNx over",
            ),
            (
                update(t.fills).where(t.fills.c.id == "p1-L2-F").values(price=D(3)),
                "entry p1-L2-F#0 is not what fill p1-L2-F calls for",
            ),
            (
                t.postings.delete().where(t.postings.c.seq == 3),
                "entry p1-L3-F#0 is not what fill p1-L3-F calls for",
            ),
            (
                t.fills.delete().where(t.fills.c.id == "p1-L1-F"),
                "entry p1-L1-F#0 belongs to fill p1-L1-F, which is missing",
            ),
            (
                update(t.entries).where(t.entries.c.id == "p1-L1-F#0").values(fill_id=""),
                "entry p1-L1-F#0 is missing",
            ),
            (
                t.fills.delete().where(t.fills.c.status == "pending"),
                "belongs to fill p1-L4-F",
            ),
            (
                update(t.fills).where(t.fills.c.status == "pending").values(order_id="p1-L1"),
                "entry p1-L4-S#0 settles something that was never asked for",
            ),
        ],
    )
    async def test_verify_names_the_entry_that_is_wrong(self, store, statement, says):
        await store.record([fill(1), fill(2), fill(3), *pair(4, "mint")])
        assert await store.verify() == 5
        async with transaction(store.engine) as connection:
            await connection.execute(statement)
        with pytest.raises(LedgerError) as wrong:
            await store.verify()
        assert says in str(wrong.value)

    async def test_an_entry_that_was_taken_out_is_missed(self, store):
        await store.record([fill(n) for n in range(1, 5)])
        async with transaction(store.engine) as connection:
            await connection.execute(t.postings.delete().where(t.postings.c.seq == 2))
            await connection.execute(t.entries.delete().where(t.entries.c.seq == 2))
        with pytest.raises(LedgerError, match="entry p1-L3-F#0 has number 3 where 2 was due"):
            await store.verify()

    async def test_a_schema_of_another_version_is_refused(self, url):
        from bot.errors import ConfigError

        async with opened(url) as store, transaction(store.engine) as connection:
            await connection.execute(text("UPDATE schema_version SET version = 99"))
        with pytest.raises(ConfigError, match="schema version 99, this pegbot needs 1"):
            await open_database(url)


async def refuses_then_accepts(store: Store, mend) -> None:
    """The database fails in the middle of a batch, is mended, and the same batch is given again."""
    batch = [incident(), plan(), *(fill(n, id=f"f{n}", order_id=f"o{n}") for n in range(300))]
    with pytest.raises(ServiceUnreachable):
        await store.record(batch, b"x" * 100_000)
    await mend()
    assert (await store.fills(), await store.load_snapshot()) == ([], None)
    assert (await store.record(batch, b"x")).fills == 300
    assert await store.verify() == 300
