"""What a command answers, and the ledger it asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bot.config import load
from bot.driver import Driver
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.types import Message, Tick
from tests.fixtures.engine import TUESDAY, shipped_registry, trade

KRAKEN = "TSLAx@kraken"
BOOK = '{"bids": [[399.5, 10]], "asks": [[400.5, 10]]}'


class Answer(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)


Pegbot = Callable[..., Answer]


def remember(config: Path, *messages: Message, snapshot: bytes | None = None) -> None:
    """Write to the config's ledger what the daemon would have written."""

    async def write() -> None:
        engine = await open_database(load(config).ledger.url)
        try:
            await Store(engine).record(messages, snapshot)
        finally:
            await engine.dispose()

    asyncio.run(write())


def seen(config: Path) -> bytes:
    """A snapshot in which Kraken shows its book and Bybit only a price."""
    driver = Driver(load(config), shipped_registry())
    driver.feed(Tick(TUESDAY, KRAKEN, "quote", bid=399.5, ask=400.5, data=BOOK))
    driver.feed(trade(TUESDAY, "TSLAx@bybit", 400))
    return driver.snapshot()
