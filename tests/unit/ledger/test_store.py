"""The store on SQLite: the common suite, and how SQLite itself fails."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Table, event

from bot.errors import LedgerDamaged, ServiceUnreachable
from bot.ledger import db, tables
from tests.unit.ledger.fills import fill, incident
from tests.unit.ledger.suite import StoreSuite, opened, refuses_then_accepts


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'var' / 'pegbot.db'}"


class TestSqlite(StoreSuite):
    pass


async def test_a_full_disk_writes_nothing_and_the_same_batch_goes_through_later(url):
    async with opened(url) as store:
        limit = {"pages": 60}

        def full(connection, _record, _proxy):
            connection.cursor().execute(f"PRAGMA max_page_count = {limit['pages']}")

        event.listen(store.engine.sync_engine, "checkout", full)

        async def mend():
            limit["pages"] = 1_000_000

        await refuses_then_accepts(store, mend)


async def test_a_locked_database_writes_nothing_and_the_same_batch_goes_through_later(url, monkeypatch):
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 20)
    async with opened(url) as store:
        other = sqlite3.connect(store.engine.url.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ServiceUnreachable, match="database is locked"):
            await store.record([fill()])
        assert await store.fills() == []  # a reader is never locked out
        other.execute("ROLLBACK")
        other.close()
        assert (await store.record([fill()])).fills == 1


async def test_what_was_acknowledged_is_on_disk_and_not_only_in_memory(url):
    async with opened(url) as store, store.engine.connect() as connection:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5000),
        ):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value


async def test_a_reader_sees_no_half_written_batch(url):
    async with opened(url) as store:

        async def look(_connection):
            assert (await store.fills(), await store.incidents()) == ([], [])

        await store.record([fill(), incident()], extra=look)
        assert len(await store.fills()) == 1


@pytest.mark.parametrize("column", ["quantity_tokens", "price", "fee_usd", "gas_usd"])
@pytest.mark.parametrize("value", ["x", "NaN", "-Infinity", ""])
async def test_a_fill_that_is_no_number_is_named(url, column, value):
    async with opened(url) as store:
        await store.record([fill()])
        async with db.transaction(store.engine) as connection:
            await connection.exec_driver_sql(f"UPDATE fills SET {column} = '{value}'")
        named = f"ledger: table fills, row {fill().id}: {column} is not a number; stop, and restore"
        with pytest.raises(LedgerDamaged, match=named):
            await store.fills()
        with pytest.raises(LedgerDamaged, match=named):
            await store.verify()


def test_the_tables_made_together_are_those_of_the_ledger():
    made = {table.name for table in vars(tables).values() if isinstance(table, Table)}
    assert made == db.TOGETHER
