"""Messages to people: written first, sent at least once, shown once, in order, through any outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.alerts import AlertSender, sender
from bot.config import AlertsSection, ChannelSection
from bot.errors import ConfigError, ServiceUnreachable
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.timefmt import NS
from bot.types import Incident, Message
from tests.fixtures.http_sink import Sink, http_sink
from tests.fixtures.messages import T, incident, plan
from tests.fixtures.prometheus import until

LIFE = [
    incident(severity="warning"),
    incident(phase="escalate", last_seen=T + 60 * NS),
    incident(phase="resolve", last_seen=T + 90 * NS, resolved=T + 99 * NS),
]
TITLES = ["opened", "worse", "resolved"]


class Desk:
    """A store and a sender on one database; :meth:`restart` is a new process on the same file."""

    def __init__(self, folder: Path, settings: AlertsSection) -> None:
        self.url = f"sqlite+aiosqlite:///{folder}/desk.db"
        self.settings = settings
        self.now = T
        self.clock = lambda: self.now
        self.sender: AlertSender
        self.store: Store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.database = await open_database(self.url)
        self.store = Store(self.database)
        self.sender = AlertSender(self.database, self.settings, self.clock, retry_seconds=0.02)
        self._task = asyncio.create_task(self.sender.run())

    async def tell(self, *messages: Message) -> None:
        await self.store.record(messages, extra=self.sender.enqueue(list(messages)))
        self.sender.wake()

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.database.dispose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()


def settings(sink: Sink, **changes: Any) -> AlertsSection:
    channel = ChannelSection(name="desk", url=sink.url, per_minute=600)
    return AlertsSection(channels=[channel], retry_max_seconds=0.05, **changes)


@asynccontextmanager
async def desk(folder: Path, section: AlertsSection) -> AsyncIterator[Desk]:
    made = Desk(folder, section)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def arrived(sink: Sink, count: int) -> None:
    async def enough() -> bool:
        return len(sink.posts) >= count

    await until(enough, f"{count} messages, there are {sink.titles}")


def phases(sink: Sink) -> list[str]:
    return [title.partition(":")[0] for title in sink.titles]


async def test_the_service_is_down_for_the_whole_incident_then_every_message_arrives_once_in_order(
    tmp_path: Path,
) -> None:
    async with http_sink(well=False) as sink, desk(tmp_path, settings(sink)) as one:
        for message in LIFE:
            await one.tell(message)

        async def tried() -> bool:
            return sink.refused >= 3

        await until(tried, "some attempts")
        assert one.sender.figures()["desk"]["pending"] == 3
        assert one.sender.figures()["desk"]["failed_total"] >= 3
        one.now += 3600 * NS
        sink.well = True
        await arrived(sink, 3)
        await one.restart()  # what was sent stays sent
        await one.tell(incident(id="i2"))
        await arrived(sink, 4)
        assert phases(sink) == [*TITLES, "opened"]
        assert "1 h late" in sink.posts[0]["message"]
        assert "It has been resolved since" in sink.posts[0]["message"]
        assert "resolved since" not in sink.posts[2]["message"]


async def test_an_incidents_messages_carry_one_thread_and_each_its_identity(tmp_path: Path) -> None:
    async with http_sink() as sink, desk(tmp_path, settings(sink)) as one:
        for message in LIFE:
            await one.tell(message)
        await arrived(sink, 3)
        assert {head["x-pegbot-thread"] for head in sink.headers} == {"i1"}
        assert len({head["x-pegbot-identity"] for head in sink.headers}) == 3
        assert len({title.partition(": ")[2] for title in sink.titles}) == 1


async def test_the_plan_of_the_same_batch_is_what_to_do(tmp_path: Path) -> None:
    async with http_sink() as sink, desk(tmp_path, settings(sink)) as one:
        await one.tell(LIFE[1], plan(decision="no_trade", reasons=["minimum_profit: too small"]))
        await arrived(sink, 1)
        assert "What to do: No trade in AMZNx on raydium" in sink.posts[0]["message"]


async def test_a_batch_written_twice_is_told_once(tmp_path: Path) -> None:
    async with http_sink() as sink, desk(tmp_path, settings(sink)) as one:
        await one.tell(LIFE[0])
        await one.tell(LIFE[0])
        await one.restart()
        await one.tell(LIFE[0])
        await one.tell(LIFE[1])
        await arrived(sink, 2)
        assert phases(sink) == TITLES[:2]


async def test_what_waits_is_sent_after_a_restart(tmp_path: Path) -> None:
    async with http_sink(well=False) as sink, desk(tmp_path, settings(sink)) as one:
        await one.tell(*LIFE)
        await one.restart()
        sink.well = True
        await arrived(sink, 3)
        assert phases(sink) == TITLES


async def test_a_write_that_fails_tells_nobody(tmp_path: Path) -> None:
    async with http_sink() as sink, desk(tmp_path, settings(sink)) as one:
        write = one.sender.enqueue([LIFE[0]])
        assert write is not None

        async def fail(connection: Any) -> None:
            await write(connection)
            raise ServiceUnreachable("disk full")

        with pytest.raises(ServiceUnreachable):
            await one.store.record([LIFE[0]], extra=fail)
        one.sender.wake()
        await one.tell(incident(id="i2"))
        await arrived(sink, 1)
        assert "(i2)" in sink.titles[0]


async def test_in_quiet_hours_only_critical_threads_speak_and_the_rest_waits(tmp_path: Path) -> None:
    async with http_sink() as sink:
        quiet = settings(sink, quiet_hours="00:00-23:59")
        calm: list[Incident] = [incident(id="calm", severity="warning")]
        async with desk(tmp_path, quiet) as one:
            await one.tell(*calm, LIFE[0], LIFE[1])
            await arrived(sink, 2)
            assert phases(sink) == TITLES[:2]
            one.now = (T // (86_400 * NS) + 1) * 86_400 * NS - 10 * NS  # 23:59:50
            one.sender.wake()
            await arrived(sink, 3)
            assert "(calm)" in sink.titles[2]


async def test_silence_is_told_and_that_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.01)
    async with http_sink() as sink, desk(tmp_path, settings(sink, heartbeat_seconds=60)) as one:
        one.sender.heard()
        one.now += 61 * NS
        await arrived(sink, 1)
        one.sender.heard()
        await arrived(sink, 2)
        assert sink.titles == ["silent: pegbot hears nothing", "hears again: pegbot"]


async def test_a_url_that_is_none_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    wrong = AlertsSection(channels=[ChannelSection(name="desk", url="nonsense")])
    with pytest.raises(ConfigError, match=r"alerts.channels\[desk\].url"):
        AlertSender(database, wrong)
    await database.dispose()
