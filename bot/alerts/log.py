"""What happens, as lines of the log: the terminal's view of the same messages."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from bot.detector.explain import premium
from bot.timefmt import iso
from bot.types import FeedStatus, Fill, Incident, Message, Plan, Quarantined

LEVELS = {"info": "info", "warning": "warning", "critical": "error"}
QUARANTINE_EVERY = 1000
"""Of data set aside, the first of each reason is logged and then one in so many; all are counted."""


class LogSink:
    """Logs incidents that open, worsen and resolve, plans to trade, fills, and feeds that change."""

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger("pegbot")
        self._feeds: dict[str, str] = {}
        self._aside: dict[str, int] = {}

    def offer(self, message: Message) -> None:
        """Write a line if the message is worth one."""
        match message:
            case Incident() if message.phase != "update":
                self._incident(message)
            case Plan() if message.decision == "trade":
                self._log.info(
                    "plan", plan_id=message.id, incident_id=message.incident_id,
                    route=message.route, instrument=message.instrument,
                    size_usd=round(message.size_usd, 2), profit_usd=round(message.expected_profit_usd, 2),
                    worst_case_usd=round(message.worst_case_usd, 2), event_time=iso(message.created),
                )  # fmt: skip
            case Fill():
                self._log.info(
                    "fill", plan_id=message.plan_id, action=message.action, instrument=message.instrument,
                    tokens=str(message.quantity_tokens), price=str(message.price), status=message.status,
                )  # fmt: skip
            case FeedStatus() if self._feeds.get(message.source) != message.state:
                self._feeds[message.source] = message.state
                self._log.info("feed", source=message.source, state=message.state, detail=message.detail)
            case Quarantined():
                self._quarantined(message)

    def _incident(self, incident: Incident) -> None:
        word = {"open": "depeg", "escalate": "depeg worse", "resolve": "resolved"}[incident.phase]
        if incident.kind == "feed_fault" and incident.phase != "resolve":
            word = "feed fault"
        level = "info" if incident.phase == "resolve" else LEVELS[incident.severity]
        getattr(self._log, level)(
            word, incident_id=incident.id, instrument=incident.instrument, cause=incident.cause,
            premium=None if incident.basis is None else premium(incident.basis),
            severity=incident.severity, event_time=iso(incident.last_seen),
        )  # fmt: skip

    def _quarantined(self, message: Quarantined) -> None:
        count = self._aside.get(message.reason, 0) + 1
        self._aside[message.reason] = count
        if count == 1 or not count % QUARANTINE_EVERY:
            self._log.warning(
                "datum set aside", reason=message.reason, instrument=message.instrument,
                detail=message.detail, so_far=count,
            )  # fmt: skip

    async def run(self) -> None:
        """Nothing to deliver; waits to be cancelled."""
        await asyncio.Event().wait()
