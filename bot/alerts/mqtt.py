"""The messages for machines: MQTT, with a retained status and a last will.

Topics are ``pegbot/v1/<kind>/<underlying>/<instrument>``; ``status`` is retained, per source and for the bot
itself (``pegbot/v1/status/_/pegbot``, whose last will says ``offline``). While the broker is away messages
wait in a bounded buffer; when it is full, ticks and bases go first, and what went is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import aiomqtt
import msgspec
import structlog

from bot.collectors.base import Backoff
from bot.config import MqttSection, secret
from bot.types import (
    Basis,
    FeedStatus,
    Fill,
    Incident,
    Message,
    Ns,
    Plan,
    Tick,
    split_instrument,
    to_builtins,
)

ROOT = "pegbot/v1"
STATUS_TOPIC = f"{ROOT}/status/_/pegbot"
BACKOFF_SECONDS = (0.5, 30.0)

Entry = tuple[str, bytes, int, bool]
"""Topic, payload, quality of service, retained."""

_KINDS: dict[type, str] = {
    Tick: "tick", Basis: "basis", Incident: "incident", Plan: "plan", Fill: "fill", FeedStatus: "status",
}  # fmt: skip


def topic_of(kind: str, underlying: str, instrument: str) -> str:
    """The topic, with what MQTT gives a meaning of its own (``/ + #``) made harmless."""
    safe = str.maketrans({"/": "_", "+": "_", "#": "_", "\x00": "_"})
    return f"{ROOT}/{kind}/{underlying.translate(safe) or '_'}/{instrument.translate(safe) or '_'}"


class MqttPublisher:
    """Publishes what it is offered for as long as it runs; reconnects by itself."""

    def __init__(
        self,
        settings: MqttSection,
        clock: Callable[[], Ns] = time.time_ns,
        *,
        backoff_seconds: tuple[float, float] = BACKOFF_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._topics = frozenset(settings.topics)
        self._backoff = Backoff(*backoff_seconds)
        # Two lines, so that a flood of bases never pushes an incident out; numbers keep their order.
        self._kept: deque[tuple[int, Entry]] = deque()
        self._loose: deque[tuple[int, Entry]] = deque()
        self._number = 0
        self._news = asyncio.Event()
        self._password = secret(settings.password).get_secret_value() if settings.password else None
        self.connected = False
        self.published_total = 0
        self.dropped_total = 0
        self._log = structlog.get_logger("pegbot.mqtt")

    @property
    def depth(self) -> int:
        """Messages waiting."""
        return len(self._kept) + len(self._loose)

    def offer(self, message: Message | Tick) -> None:
        """Take a message if its kind is asked for; never waits."""
        kind = _KINDS.get(type(message))
        if kind is None or kind not in self._topics:
            return
        loose = kind in ("tick", "basis")
        line = self._loose if loose else self._kept
        line.append(
            (self._number, (_topic(kind, message), _payload(message), 0 if loose else 1, kind == "status"))
        )
        self._number += 1
        if self.depth > self._settings.buffer:
            (self._loose or self._kept).popleft()
            self.dropped_total += 1
        self._news.set()

    async def run(self) -> None:
        """Connect, publish, reconnect; on cancel what waits is sent and the status says ``offline``."""
        while True:
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                if self.connected or not self.published_total:
                    self._log.warning("broker away", host=self._settings.host, error=str(error))
                self.connected = False
            await asyncio.sleep(self._backoff.next())

    async def _session(self) -> None:
        settings = self._settings
        will = aiomqtt.Will(STATUS_TOPIC, self._state("offline"), qos=1, retain=True)
        context = aiomqtt.TLSParameters() if settings.tls else None
        async with aiomqtt.Client(
            settings.host, settings.port, identifier=settings.client_id, will=will,
            username=settings.username or None, password=self._password, tls_params=context, timeout=10,
        ) as client:  # fmt: skip
            await client.publish(STATUS_TOPIC, self._state("online"), qos=1, retain=True)
            self.connected = True
            self._backoff.reset()
            self._log.info("broker connected", host=settings.host)
            try:
                await self._publish(client)
            except asyncio.CancelledError:
                await self._farewell(client)
                raise
            finally:
                self.connected = False

    async def _publish(self, client: aiomqtt.Client) -> None:
        alive = asyncio.ensure_future(_listen(client))
        try:
            while True:
                self._news.clear()
                await self._drain(client)
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait((news, alive), return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if alive.done():
                    alive.result()
                    raise aiomqtt.MqttError("the broker has gone")
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)

    async def _drain(self, client: aiomqtt.Client) -> None:
        while self._kept or self._loose:
            first = not self._loose or (self._kept and self._kept[0][0] < self._loose[0][0])
            line = self._kept if first else self._loose
            number, (topic, payload, qos, retain) = line[0]
            await client.publish(topic, payload, qos=qos, retain=retain)
            # It may have been dropped meanwhile, to make room.
            if line and line[0][0] == number:
                line.popleft()
            self.published_total += 1

    async def _farewell(self, client: aiomqtt.Client) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self._drain(client)
                await client.publish(STATUS_TOPIC, self._state("offline"), qos=1, retain=True)
        except (aiomqtt.MqttError, TimeoutError):
            self._log.warning("broker away at the end", waiting=self.depth)

    def _state(self, state: str) -> bytes:
        return msgspec.json.encode({"source": "pegbot", "state": state, "ts": self._clock()})


async def _listen(client: aiomqtt.Client) -> None:
    """Ends, with the reason, when the connection does; there is nothing to hear."""
    async for _ in client.messages:
        pass


def _topic(kind: str, message: Message | Tick) -> str:
    if isinstance(message, FeedStatus):
        return topic_of(kind, "_", message.source)
    instrument = str(getattr(message, "instrument", ""))
    underlying = str(getattr(message, "underlying", split_instrument(instrument)[0]))
    return topic_of(kind, underlying, instrument)


def _payload(message: Any) -> bytes:
    return msgspec.json.encode(to_builtins(message))
