"""The store on a real Postgres: the same suite as SQLite, and a server that crashes or says no."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ConfigError, ServiceUnreachable
from bot.ledger.db import open_database
from tests.fixtures.postgres import Postgres, postgres, postgres_url
from tests.unit.ledger.fills import fill
from tests.unit.ledger.suite import StoreSuite, opened

__all__ = ["postgres", "postgres_url"]


class TestPostgres(StoreSuite):
    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url


async def test_a_crash_of_the_server_in_the_middle_of_a_batch_writes_nothing(postgres: Postgres):
    async with opened(postgres.create()) as store:
        await store.record([fill(1)])

        async def crash(_connection):
            await asyncio.to_thread(postgres.stop, "immediate")

        try:
            with pytest.raises(ServiceUnreachable):
                await store.record([fill(2)], extra=crash)
            with pytest.raises(ServiceUnreachable, match="is the server up and reachable"):
                await store.record([fill(2)])
        finally:
            await asyncio.to_thread(postgres.start)
        assert [one.id for one in await store.fills()] == [fill(1).id]
        assert (await store.record([fill(1), fill(2)])).fills == 1
        assert await store.verify() == 2


async def test_a_database_that_does_not_exist_says_how_to_make_it(postgres: Postgres):
    with pytest.raises(ConfigError, match="create it with: createdb nothere"):
        await open_database(postgres.url("nothere"))


async def test_a_user_the_server_does_not_know_is_said(postgres: Postgres):
    with pytest.raises(ConfigError, match="correct user or password"):
        await open_database(postgres.url("postgres").replace("pegbot@", "stranger@"))
