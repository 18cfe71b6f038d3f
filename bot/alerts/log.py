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


def _cents(usd: float) -> float:
    return round(usd, 2) or 0.0  # never −0.0


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
                    "plan", instrument=message.instrument, route=message.route,
                    size_usd=_cents(message.size_usd), profit_usd=_cents(message.expected_profit_usd),
                    worst_case_usd=_cents(message.worst_case_usd), event_time=iso(message.created),
                    plan_id=message.id, incident_id=message.incident_id,
                )  # fmt: skip
            case Fill():
                known: dict[str, str] = {"price": str(message.price)} if message.status != "rejected" else {}
                if message.reason:
                    known["reason"] = message.reason
                self._log.info(
                    "fill", instrument=message.instrument, action=message.action,
                    tokens=f"{message.quantity_tokens:.9f}", status=message.status, **known,
                    plan_id=message.plan_id,
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
            word, instrument=incident.instrument,
            premium=None if incident.basis is None else premium(incident.basis),
            cause=incident.cause, severity=incident.severity, event_time=iso(incident.last_seen),
            incident_id=incident.id,
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
