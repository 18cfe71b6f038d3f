"""Drive the engine from tapes: the same code, and so the same incidents and plans, as live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import IO

import msgspec

from bot.config import Config
from bot.driver import Driver
from bot.errors import TapeError
from bot.registry.model import Registry
from bot.types import Basis, Clock, Fill, Incident, Plan, Quarantined, Tick, to_builtins


class Replay:
    """One pass over a tape. ``incidents`` and ``plans`` are their last state, in order of opening."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self.driver = Driver(config, registry, shown=False)
        self.incidents: dict[str, Incident] = {}
        self.plans: list[Plan] = []
        self.fills: list[Fill] = []
        self.quarantined: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.ticks = 0

    def bad_row(self, error: TapeError) -> None:
        """Count a row of the tape that cannot be read, and remember the first of its kind."""
        self._quarantine(error.reason, error.detail)

    def run(self, ticks: Iterable[Tick], progress: Callable[[int, int], None] | None = None) -> None:
        """Feed all ticks, then let the timers set in the last minutes fire.

        ``progress`` is told the number of ticks and the event time every 100,000 ticks.
        """
        feed = self.driver.feed
        for tick in ticks:
            self.ticks += 1
            messages = feed(tick)
            if messages:
                self.keep(messages)
            if progress is not None and self.ticks % 100_000 == 0:
                progress(self.ticks, self.driver.now)
        due = self.driver.engine.detector.next_due
        while due is not None:
            self.keep(feed(Clock(due)))
            due = self.driver.engine.detector.next_due

    def write(self, incidents: IO[bytes] | None, plans: IO[bytes] | None) -> None:
        """Write JSON Lines: incidents by opening, plans as they were made."""
        if incidents is not None:
            for incident in sorted(self.incidents.values(), key=lambda one: (one.opened, one.id)):
                incidents.write(msgspec.json.encode(to_builtins(incident)) + b"\n")
        if plans is not None:
            for plan in self.plans:
                plans.write(msgspec.json.encode(to_builtins(plan)) + b"\n")

    def keep(self, messages: Iterable[object]) -> None:
        """Remember what followed from an event."""
        for message in messages:
            if type(message) is Basis:
                continue
            if isinstance(message, Incident):
                self.incidents[message.id] = message
            elif isinstance(message, Plan):
                self.plans.append(message)
            elif isinstance(message, Fill):
                self.fills.append(message)
            elif isinstance(message, Quarantined):
                self._quarantine(message.reason, f"{message.instrument}: {message.detail}")

    def _quarantine(self, reason: str, detail: str) -> None:
        self.quarantined[reason] += 1
        self.examples.setdefault(reason, detail)
