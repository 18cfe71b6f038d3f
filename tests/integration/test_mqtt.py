"""Messages for machines, through a real mosquitto."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.alerts import MqttPublisher
from bot.alerts.mqtt import STATUS_TOPIC, topic_of
from bot.config import MqttSection
from bot.types import FeedStatus
from tests.fixtures.messages import T, basis, fill, incident, plan
from tests.fixtures.mosquitto import Mosquitto, mosquitto
from tests.fixtures.prometheus import until


@asynccontextmanager
async def publishing(broker: Mosquitto, **changes: object) -> AsyncIterator[MqttPublisher]:
    settings = MqttSection.model_validate({"enabled": True, "port": broker.port, **changes})
    publisher = MqttPublisher(settings, lambda: T, backoff_seconds=(0.01, 0.05))
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def connected(publisher: MqttPublisher) -> None:
    async def yes() -> bool:
        return publisher.connected

    await until(yes, "a connection")


async def collected(got: list[tuple[str, bytes, bool]], count: int) -> None:
    async def enough() -> bool:
        return len(got) >= count

    await until(enough, f"{count} messages, there are {len(got)}")


async def test_each_kind_goes_to_its_topic_as_the_same_json(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publishing(broker) as publisher:
        await connected(publisher)
        async with broker.heard("pegbot/v1/+/AMZN/#") as got:
            for message in (basis(), incident(), plan(), fill()):
                publisher.offer(message)
            await collected(got, 4)
        topics = [topic for topic, _, _ in got]
        assert topics == [
            f"pegbot/v1/{kind}/AMZN/AMZNx@raydium" for kind in ("basis", "incident", "plan", "fill")
        ]
        told = json.loads(got[1][1])
        assert (told["id"], told["opened"]) == ("i1", "2025-07-05T17:30:00.000000000Z")


async def test_status_is_retained_and_the_last_will_speaks_when_the_bot_dies(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        async with publishing(broker) as publisher:
            await connected(publisher)
            publisher.offer(FeedStatus("demo", "up", T, 0.1, 5, 0))

            async def published() -> bool:
                return publisher.published_total >= 1

            await until(published, "the status")
            async with broker.heard("pegbot/v1/status/#") as late:
                await collected(late, 2)
                assert all(retained for _, _, retained in late)
                assert {json.loads(body)["state"] for _, body, _ in late} == {"up", "online"}
        async with broker.heard(STATUS_TOPIC) as after:
            await collected(after, 1)
            assert json.loads(after[0][1])["state"] == "offline"


async def test_a_broker_away_for_the_whole_incident_gets_every_message_once_in_order(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publishing(broker, topics=["incident"]) as publisher:
        await connected(publisher)
        async with broker.heard("pegbot/v1/incident/#", session="desk"):
            pass  # from now on the broker keeps messages for the desk
        await broker.stop()

        async def away() -> bool:
            return not publisher.connected

        await until(away, "the loss of the broker")
        for phase in ("open", "escalate", "resolve"):
            publisher.offer(incident(phase=phase))
        await broker.start()
        publisher.offer(incident(id="i2"))
        await until_published(publisher, 4)
        async with broker.heard("pegbot/v1/incident/#", session="desk") as got:
            await collected(got, 4)
        told = [json.loads(body) for _, body, _ in got]
        assert [(one["id"], one["phase"]) for one in told] == [
            ("i1", "open"), ("i1", "escalate"), ("i1", "resolve"), ("i2", "open"),
        ]  # fmt: skip
        assert publisher.dropped_total == 0


async def until_published(publisher: MqttPublisher, count: int) -> None:
    async def enough() -> bool:
        return publisher.published_total >= count

    await until(enough, f"{count} published")


async def test_a_full_buffer_lets_bases_go_before_incidents_and_counts_them(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, started=False) as broker, publishing(broker, buffer=3) as publisher:
        publisher.offer(incident(id="a"))
        publisher.offer(basis())
        publisher.offer(basis())
        publisher.offer(incident(id="b"))
        publisher.offer(incident(id="c"))
        assert publisher.dropped_total == 2
        publisher.offer(incident(id="d"))
        assert publisher.dropped_total == 3
        await broker.start()
        await until_published(publisher, 3)


def test_a_name_cannot_break_out_of_its_topic() -> None:
    assert topic_of("basis", "BRK/B", "BRKx@a+b#c") == "pegbot/v1/basis/BRK_B/BRKx@a_b_c"
