"""Killed at any moment (SIGKILL, no warning), a writer loses nothing it acknowledged and doubles nothing."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from multiprocessing.connection import Connection

import pytest

from bot.ledger import tables as t
from tests.fixtures.postgres import postgres, postgres_url
from tests.integration import writer
from tests.unit.ledger.suite import count, opened

__all__ = ["postgres", "postgres_url"]

PATIENCE_SECONDS = 60


def kill_one(url: str, seed: int) -> int:
    """Start a writer, let it be killed, and return the last batch it acknowledged (0 for none)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.writer", "aiosqlite", "asyncpg"])
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=writer.run, args=(url, theirs, seed))
    child.start()
    theirs.close()
    chance = random.Random(seed)
    try:
        last = 0
        for _ in range(chance.randrange(1, 12)):
            if (heard := _hear(ours)) is None:
                break
            last = heard
        for _ in range(chance.randrange(200_000)):
            pass  # so that the blow falls anywhere in the next batch
        child.kill()
        child.join(PATIENCE_SECONDS)
        while (heard := _hear(ours)) is not None:
            last = heard
        return last
    finally:
        child.kill()
        child.join(PATIENCE_SECONDS)
        child.close()
        ours.close()


def _hear(pipe: Connection) -> int | None:
    assert pipe.poll(PATIENCE_SECONDS), "the writer neither writes nor dies"
    try:
        heard = pipe.recv()
    except EOFError:
        return None
    assert isinstance(heard, int)
    return heard


async def survive(url: str, kills: int, seed: int) -> int:
    """So many kills, the books checked after each; how many batches got through."""
    done = 0
    for number in range(kills):
        acknowledged = await asyncio.to_thread(kill_one, url, seed + number)
        async with opened(url) as store:
            written = int(await store.load_snapshot() or b"0")
            # The one batch that was in the air may have landed without being acknowledged.
            assert max(acknowledged, done) <= written <= max(acknowledged, done) + 1
            done = written
            assert await store.verify() == max(0, 3 * written - 1)
            assert await store.balances() == writer.expected(written)
            assert await count(store, t.fills) == max(0, 3 * written - 1)
            assert await count(store, t.plans) == written
            assert len(await store.pending_settlements()) == min(written, 1)
    return done


@pytest.mark.timeout(240)
async def test_sqlite_survives_a_writer_killed_at_random_points(tmp_path):
    assert await survive(f"sqlite+aiosqlite:///{tmp_path / 'pegbot.db'}", kills=36, seed=1000) > 50


@pytest.mark.timeout(240)
async def test_postgres_survives_a_writer_killed_at_random_points(postgres_url):
    assert await survive(postgres_url, kills=16, seed=2000) > 20
