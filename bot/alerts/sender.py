"""From the outbox to people: per channel in order, at least once, retried for ever, never in a hurry.

Nothing here is waited for by the engine. What is written is in the database before it is sent, in the
same transaction as the incident it tells of (:meth:`AlertSender.enqueue`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from bot.alerts import outbox
from bot.alerts.channel import AppriseChannel, Channel
from bot.alerts.compose import Note, of_incident, of_silence
from bot.alerts.outbox import Waiting
from bot.alerts.policy import QuietHours, RateLimit
from bot.config import AlertsSection
from bot.errors import ServiceUnreachable
from bot.timefmt import NS, duration, short
from bot.types import Incident, Message, Ns, Plan, Severity

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

POLL_SECONDS = 5.0
"""How often the outbox is read where nothing says that there is news."""
RETRY_SECONDS = 1.0
LATE_SECONDS = 60.0
"""A message that waited longer says so."""
LAST_SEND_SECONDS = 10.0
KEPT_DAYS = 90


class AlertSender:
    """Writes notes for every channel and sends them. ``channels`` stands in for services in tests."""

    def __init__(
        self,
        database: AsyncEngine,
        settings: AlertsSection,
        clock: Callable[[], Ns] = time.time_ns,
        *,
        channels: Sequence[Channel] | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._channels = [AppriseChannel(one) for one in settings.channels] if channels is None else channels
        limits = {one.name: one for one in settings.channels}
        self._least: dict[str, Severity] = {
            one.name: limits[one.name].min_severity if one.name in limits else "warning"
            for one in self._channels
        }
        self._rates = {
            one.name: RateLimit(limits[one.name].per_minute if one.name in limits else 20)
            for one in self._channels
        }
        self._quiet = QuietHours(settings.quiet_hours, settings.timezone)
        self._news = {one.name: asyncio.Event() for one in self._channels}
        self._pending: dict[str, list[Waiting]] = {one.name: [] for one in self._channels}
        self._sent = dict.fromkeys(self._least, 0)
        self._failed = dict.fromkeys(self._least, 0)
        self._last_heard: Ns = clock()
        self._silent_since: Ns | None = None
        self._log = structlog.get_logger("pegbot.alerts")

    # -- writing ---------------------------------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """A sink's: messages come by :meth:`enqueue`, with the batch they belong to."""

    def enqueue(self, batch: list[Message]) -> Callable[[AsyncConnection], Awaitable[None]] | None:
        """The write that puts the batch's notes into the outbox, or ``None`` if it has none."""
        plans = {message.incident_id: message for message in batch if isinstance(message, Plan)}
        notes = [
            note
            for message in batch
            if isinstance(message, Incident)
            and (note := of_incident(message, plans.get(message.id), self._settings.page_url)) is not None
        ]
        if not (notes and self._channels):
            return None

        async def write(connection: AsyncConnection) -> None:
            await outbox.add(connection, notes, self._least, self._clock())

        return write

    def wake(self) -> None:
        """Something has been written: look into the outbox now."""
        for event in self._news.values():
            event.set()

    def heard(self) -> None:
        """A tick has come; the dead man starts counting anew."""
        self._last_heard = self._clock()

    # -- sending ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what the outbox holds, and what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in self._channels:
                group.create_task(self._keep(channel), name=f"alerts {channel.name}")
            group.create_task(self._watch_silence(), name="dead man")
            group.create_task(self._tidy(), name="outbox tidy")

    async def _keep(self, channel: Channel) -> None:
        delay = self._retry_seconds
        while True:
            self._news[channel.name].clear()
            try:
                done = await self._send_waiting(channel)
            except ServiceUnreachable as error:
                self._log.warning("outbox cannot be read", channel=channel.name, error=str(error))
                done = False
            if done:
                delay = self._retry_seconds
                await self._until_news(channel, POLL_SECONDS)
            else:
                await asyncio.sleep(delay)
                delay = min(2 * delay, self._settings.retry_max_seconds)

    async def _until_news(self, channel: Channel, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news[channel.name].wait()
        except TimeoutError:
            return

    async def _send_waiting(self, channel: Channel) -> bool:
        """Send what may go now, in order; False if the service failed and has to be tried again."""
        rows = self._pending[channel.name] = await outbox.waiting(self._database, channel.name)
        released = {row.thread for row in rows if row.severity == "critical"}
        quiet = self._quiet.at(self._clock())
        for row in list(rows):
            if quiet and row.thread not in released:
                continue
            await self._until_allowed(channel)
            sending = asyncio.ensure_future(self._send(channel, row, rows))
            try:
                taken = await asyncio.shield(sending)
            except asyncio.CancelledError:
                # Stopping: what is on its way is waited for, or it would be sent again after the start.
                await asyncio.wait([sending], timeout=LAST_SEND_SECONDS)
                raise
            if not taken:
                return False
            rows.remove(row)
        return True

    async def _until_allowed(self, channel: Channel) -> None:
        rate = self._rates[channel.name]
        await asyncio.sleep(rate.wait_seconds(time.monotonic()))
        rate.take(time.monotonic())

    async def _send(self, channel: Channel, row: Waiting, rows: Sequence[Waiting]) -> bool:
        body = self._late(row, rows) + row.body
        if not await channel.send(row.title, body, row.severity, row.identity, row.thread):
            if not self._failed[channel.name]:
                self._log.warning("a message service did not take a message; trying on", channel=channel.name)
            self._failed[channel.name] += 1
            return False
        self._sent[channel.name] += 1
        await outbox.mark_sent(self._database, row.seq, self._clock())
        return True

    def _late(self, row: Waiting, rows: Sequence[Waiting]) -> str:
        """What a message that had to wait says first; empty if it did not wait."""
        waited = (self._clock() - row.written) / NS
        if waited < LATE_SECONDS:
            return ""
        over = any(other.thread == row.thread and other.phase == "resolve" for other in rows)
        ended = over and row.phase != "resolve"
        return f"Sent {duration(waited)} late; this was at {short(row.ts)} UTC." + (
            " It has been resolved since.\n" if ended else "\n"
        )

    # -- the dead man, and house-keeping ----------------------------------------------------------------

    async def _watch_silence(self) -> None:
        limit = self._settings.heartbeat_seconds
        while limit > 0:
            await asyncio.sleep(min(limit / 4, POLL_SECONDS))
            note = self._silence(limit)
            if note is not None:
                try:
                    await outbox.write(self._database, [note], self._least, self._clock())
                except ServiceUnreachable as error:
                    self._log.warning("outbox cannot be written", error=str(error))
                    continue
                self._silent_since = None if note.phase == "heard" else self._last_heard
                self.wake()

    def _silence(self, limit: float) -> Note | None:
        seconds = (self._clock() - self._last_heard) / NS
        page = self._settings.page_url
        if self._silent_since is None:
            return of_silence(self._last_heard, seconds, page) if seconds >= limit else None
        return of_silence(self._silent_since, seconds, page, heard=True) if seconds < limit else None

    async def _tidy(self) -> None:
        while True:
            try:
                await outbox.forget(self._database, self._clock() - KEPT_DAYS * 86_400 * NS)
            except ServiceUnreachable as error:
                self._log.warning("outbox cannot be tidied", error=str(error))
            await asyncio.sleep(86_400)

    def figures(self) -> dict[str, dict[str, float]]:
        """Per channel: what waits, how long the oldest has, what was sent, what was refused."""
        now = self._clock()
        return {
            name: {
                "pending": len(rows),
                "oldest_seconds": max(0.0, (now - rows[0].written) / NS) if rows else 0.0,
                "sent_total": self._sent[name],
                "failed_total": self._failed[name],
            }
            for name, rows in self._pending.items()
        }
