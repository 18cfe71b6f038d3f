"""A process that writes batches until it is killed; imported by the test and run in a child."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import event

from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.types import Fill, Incident, Plan
from tests.unit.ledger.fills import D, T, fill, incident, pair, plan


def batch(number: int) -> Sequence[Incident | Plan | Fill]:
    """Batch ``number``: a trade, a mint asked for, and the mint of the batch before, settled."""
    asked, _ = pair(number, "mint", "2", "200", id=f"mint{number}", order_id=f"mint{number}")
    messages: list[Incident | Plan | Fill] = [
        incident(id=f"i{number % 7}", last_seen=T + number),
        plan(id=f"p{number}", created=T + number),
        fill(number, "buy", "3", "200", id=f"buy{number}", order_id=f"buy{number}", plan_id=f"p{number}"),
        asked,
    ]
    if number > 1:
        _, settled = pair(number - 1, "mint", "2", "200", order_id=f"mint{number - 1}")
        messages.append(settled)
    return messages


def expected(batches: int) -> dict[str, dict[str, Any]]:
    """Balances after so many batches, worked out by hand."""
    if not batches:
        return {}
    return {
        "assets:cash:usd": {"USD": batches * D("-1002.7")},
        "assets:receivable:AMZNx@xstocks": {"AMZNx": 2},
        "assets:tokens:AMZNx@wallet": {"AMZNx": 5 * batches - 2},
        "expenses:fees:mint": {"USD": batches * D("1.25")},
        "expenses:fees:trading": {"USD": batches * D("1.25")},
        "expenses:gas": {"USD": batches * D("0.2")},
        "income:trading:AMZNx": {"AMZNx": -5 * batches, "USD": 1000 * batches},
    }


def run(url: str, acknowledged: Connection, seed: int) -> None:
    """Write until killed, by the parent or, with an odd seed, by ourselves at a random statement."""
    asyncio.run(_run(url, acknowledged, seed))


async def _run(url: str, acknowledged: Connection, seed: int) -> None:
    chance = random.Random(seed)
    engine = await open_database(url)
    store = Store(engine)
    left = [chance.randrange(1, 80) if seed % 2 else 1 << 60]

    def die(*_arguments: Any) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine.sync_engine, name, die)
    number = int(await store.load_snapshot() or b"0")
    while True:
        number += 1
        messages = batch(number)
        if chance.random() < 0.3 and number > 1:
            # As after a crash that came before the acknowledgement: some are given a second time.
            messages = [*batch(number - 1), *messages]
        await store.record(messages, str(number).encode())
        die()
        acknowledged.send(number)
