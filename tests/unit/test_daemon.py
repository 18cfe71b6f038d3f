"""Small duties of the shell that take too long to wait for in a running daemon."""

from __future__ import annotations

from pathlib import Path

from bot.config import load
from bot.daemon import Daemon
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Clock
from tests.fixtures.engine import CONFIG, shipped_registry
from tests.fixtures.messages import T, incident


async def test_incidents_resolved_long_ago_are_dropped_and_open_ones_kept(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/pegbot.db")
    store = Store(database)
    old, still_open = incident(id="old", phase="resolve", resolved=T + 1), incident(id="open")
    await store.record([old, still_open])
    daemon = Daemon(load(CONFIG / "pegbot.toml"), shipped_registry())
    daemon.driver.feed(Clock(T + 399 * DAY_SECONDS * NS))
    await daemon._prune(store)
    assert {one.id for one in await store.incidents()} == {"old", "open"}
    daemon.driver.feed(Clock(T + 401 * DAY_SECONDS * NS))
    await daemon._prune(store)
    assert {one.id for one in await store.incidents()} == {"open"}
    await database.dispose()
