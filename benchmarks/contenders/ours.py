"""pegbot: the whole engine, plans and paper trades included, with the shipped configuration."""

from __future__ import annotations

from collections.abc import Iterable

from bot.config import Config
from bot.driver import Driver
from bot.registry import Registry
from bot.score import Claim
from bot.types import Clock, Incident, Message, Tick


class Ours:
    """See :class:`benchmarks.contenders.Contender`; ``incidents`` as they stood at last."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self._driver = Driver(config, registry)
        self.incidents: dict[str, Incident] = {}

    def judge(self, ticks: Iterable[Tick]) -> list[Claim]:
        feed = self._driver.feed
        for tick in ticks:
            messages = feed(tick)
            if messages:
                self._keep(messages)
        return []

    def finish(self) -> list[Claim]:
        """All incidents: one that resolved may still go on within the hour."""
        detector = self._driver.engine.detector
        while detector.next_due is not None:
            self._keep(self._driver.feed(Clock(detector.next_due)))
        return [_claim(one) for one in self.incidents.values()]

    def _keep(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, Incident):
                self.incidents[message.id] = message


def _claim(one: Incident) -> Claim:
    """As ``bot.score.read_claims`` reads it of the line that ``pegbot replay`` writes."""
    return Claim(
        frozenset([one.instrument, *one.venues]), one.opened, one.resolved or one.last_seen, one.cause
    )
