"""Small duties of the shell that take too long to wait for in a running daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot import kill
from bot.config import load
from bot.daemon import BATCH, Daemon
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Clock, Command, FeedStatus
from tests.fixtures.engine import CONFIG, quote, shipped_registry
from tests.fixtures.messages import T, incident

TAPE = f'[[collectors.tape]]\npath = "{CONFIG}/demo/tape.parquet"\n'
KRAKEN = '[[collectors.exchange]]\nname = "kraken"\nmarkets = { TSLAx = "TSLAx/USD" }\n'


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


async def test_incidents_that_a_lost_memory_left_open_are_closed_and_say_why(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/pegbot.db")
    store = Store(database)
    await store.record([incident(id="lost"), incident(id="over", phase="resolve", resolved=T + 1)])
    daemon = Daemon(load(CONFIG / "pegbot.toml"), shipped_registry())
    [closed] = await daemon._forgotten(store)
    assert (closed.id, closed.phase, closed.resolved) == ("lost", "resolve", closed.last_seen)
    assert "restart" in closed.explanation
    await store.record([closed])
    assert not await daemon._forgotten(store)
    await database.dispose()


def test_every_source_but_a_tape_is_live(tmp_path: Path) -> None:
    """Live, the engine is told the time when nothing comes, and lag is measured."""
    path = tmp_path / "pegbot.toml"
    for source, live in ((TAPE, False), (KRAKEN, True)):
        path.write_text(f'registry = ["{CONFIG}/registry/*.toml"]\n{source}')
        daemon = Daemon(load(path), shipped_registry())
        daemon._collectors()
        assert daemon._live is live


async def test_a_source_is_as_good_as_what_it_feeds(tmp_path: Path) -> None:
    path = tmp_path / "pegbot.toml"
    path.write_text(f'registry = ["{CONFIG}/registry/*.toml"]\n{KRAKEN}{TAPE}')
    daemon = Daemon(load(path), shipped_registry())
    daemon._collectors()
    now = T + 3600 * NS
    for n in range(60):
        ts = now + n * NS
        daemon.driver.feed(replace(quote(ts, "TSLAx@kraken", 300.0), received=ts + 30 * NS))
        daemon.driver.feed(replace(quote(ts, "TSLAx@bybit", 300.0), received=ts))
    await daemon._show_quality()
    for name in ("kraken", "tape", "other"):
        daemon.feed_status(FeedStatus(name, "up", now, 0.1, 60, 0))
    told = {name: feed.quality for name, feed in daemon.replica.feeds.items()}
    assert told["kraken"] == pytest.approx(0.5, abs=0.01)  # half a minute late
    assert (
        told["tape"] == told["other"] == pytest.approx(0.75, abs=0.01)
    )  # which do not say what they feed: all
    text = daemon.metrics.render().decode()
    assert 'pegbot_feed_quality_ratio{source="kraken"} 0.5' in text
    assert 'pegbot_source_quality_ratio{instrument="TSLAx@bybit",underlying="TSLA"} 1.0' in text


def test_a_kill_switch_for_which_there_is_no_room_is_thrown_in_a_later_turn(tmp_path: Path) -> None:
    path = tmp_path / "pegbot.toml"
    path.write_text(f'registry = ["{CONFIG}/registry/*.toml"]\n{KRAKEN}')
    daemon = Daemon(load(path), shipped_registry())
    for _ in range(BATCH):
        daemon.command(Command(T, "release", ""))
    kill.throw(daemon.config, "maintenance")
    daemon._look_at_switch()
    daemon._commands.clear()
    daemon._look_at_switch()
    [command] = daemon._commands
    assert (command.verb, command.target, command.by) == ("kill", "maintenance", kill.BY)
