"""What must not be lost, on its way to the database: incidents, plans and fills, with their alerts
and the engine's memory, in one transaction each.

The daemon offers messages as they come; every ``FLUSH_SECONDS`` those that have come are written together
with a snapshot taken in the same breath. If the write fails (disk full, server away) it is tried
again with back-off and nothing is given up but what later states replace; the engine goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from bot.errors import LedgerError, ServiceUnreachable
from bot.ledger.db import whole
from bot.types import Fill, Incident, Message, Plan

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.ledger.store import Store

FLUSH_SECONDS = 0.25
SNAPSHOT_SECONDS = 5.0
RETRY_SECONDS = (0.5, 30.0)
KEPT = (Incident, Plan, Fill)

Alerting = Callable[["list[Message]"], "Callable[[AsyncConnection], Awaitable[None]] | None"]


class Journal:
    """Writes batches to the store. ``failing`` is the last write's error, or empty."""

    def __init__(
        self,
        store: Store,
        snapshot: Callable[[], bytes],
        alerting: Alerting,
        *,
        wrote: Callable[[float], None] = lambda _seconds: None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._alerting = alerting
        self._wrote = wrote
        self._failed = failed
        self._pending: list[Message] = []
        self._saved = 0.0
        self.failing = ""

    def offer(self, message: Message) -> None:
        """Take a message that must be kept; others are ignored.

        While nothing can be written, mere updates and plans not to trade are let go, so that what waits
        stays small for as long as an outage lasts.
        """
        if isinstance(message, KEPT) and not (self.failing and _passing(message)):
            self._pending.append(message)

    async def run(self) -> None:
        """Write what comes, until cancelled; :meth:`flush` once more after that."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            delay = RETRY_SECONDS[0]
            while not await self.flush():
                await asyncio.sleep(delay)
                delay = min(2 * delay, RETRY_SECONDS[1])

    @whole
    async def flush(self, *, final: bool = False) -> bool:
        """Write what is pending; False if it could not be, and is kept for the next try."""
        due = time.monotonic() - self._saved >= SNAPSHOT_SECONDS
        if not (self._pending or due or final):
            return True
        batch, self._pending = self._pending, []
        snapshot = self._snapshot()
        started = time.perf_counter()
        try:
            await self._store.record(batch, snapshot, extra=self._alerting(batch))
        except ServiceUnreachable as error:
            self._pending = batch + self._pending
            if not self.failing:
                structlog.get_logger("journal").error("cannot write; kept in memory", error=str(error))
            self.failing = str(error)
            self._failed()
            return False
        except LedgerError:
            structlog.get_logger("journal").critical("the books would not balance; stopping")
            raise
        if self.failing:
            structlog.get_logger("journal").info("writing again", messages=len(batch))
        self.failing = ""
        self._saved = time.monotonic()
        self._wrote(time.perf_counter() - started)
        return True


def _passing(message: Message) -> bool:
    if isinstance(message, Incident):
        return message.phase == "update"
    return isinstance(message, Plan) and message.decision == "no_trade"
