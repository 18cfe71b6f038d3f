"""One engine with its paper broker: what both the daemon and ``replay`` drive, event by event."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.config import Config
from bot.engine import Engine
from bot.errors import DataError
from bot.execution.paper import PaperBroker
from bot.registry.model import Registry
from bot.types import Event, Fill, Message, Ns, Plan, Tick


class Driver:
    """Feeds events to the engine, trades its plans on paper and tells it what was filled; ``shown`` as of
    :class:`~bot.engine.Engine`."""

    def __init__(self, config: Config, registry: Registry, *, shown: bool = True) -> None:
        self._config, self._registry, self._shown = config, registry, shown
        self._begin()

    @property
    def now(self) -> Ns:
        """Event time, nanoseconds."""
        return self.engine.now

    def feed(self, event: Event) -> list[Message]:
        """What follows from one event, fills included, in order."""
        broker = self.broker
        if broker is None:
            return self.engine.step(event)
        due = broker.next_due
        settled = self._settle(event, due, broker) if due is not None and event.ts >= due else None
        messages = self.engine.step(event)
        watched = broker.watched
        if watched and type(event) is Tick and event.instrument in watched:
            messages = self._report(broker.heard(event.instrument, self.engine.now)) + messages
        if messages:
            messages = self._trade(messages, broker)
        return settled + messages if settled else messages

    def _settle(self, event: Event, due: Ns, broker: PaperBroker) -> list[Message]:
        """What happens by itself until the event; what the engine refuses of it, or takes for earlier, must
        not make anything happen."""
        now = self.engine.accepts(event)
        return [] if now is None or now < due else self._report(broker.due(now, self.engine.market))

    def _begin(self) -> None:
        """Engine and broker as new; hedges are priced by what the engine has heard of them."""
        config, registry = self._config, self._registry
        self.engine = Engine(config, registry, shown=self._shown)
        self.broker = PaperBroker(registry, config.execution) if config.execution.mode == "paper" else None
        if self.broker is not None:
            self.broker.attach(self.engine.hedges, self.engine.market)

    def _trade(self, messages: list[Message], broker: PaperBroker) -> list[Message]:
        out: list[Message] = []
        for message in messages:
            out.append(message)
            if type(message) is Plan and message.decision == "trade":
                out += self._report(broker.execute(message, self.engine.market, self.engine.now))
        return out

    def _report(self, fills: list[Fill]) -> list[Message]:
        for fill in fills:
            self.engine.step(fill)
        return list(fills)

    def snapshot(self) -> bytes:
        """Engine and broker as JSON."""
        parts: dict[str, Any] = {"engine": msgspec.Raw(self.engine.snapshot())}
        if self.broker is not None:
            parts["broker"] = self.broker.snapshot()
        return msgspec.json.encode(parts)

    def restore(self, data: bytes) -> bool:
        """Go on from :meth:`snapshot`; False if it cannot be understood, and then all is as new."""
        try:
            parts = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            self.engine.restore(bytes(parts["engine"]))
            if self.broker is not None and "broker" in parts:
                self.broker.restore(msgspec.json.decode(parts["broker"]))
        except (msgspec.DecodeError, DataError, LookupError, TypeError, ValueError, AttributeError):
            self._begin()  # half of it may have been restored
            return False
        return True
