"""How long one fill takes to be committed to the ledger on SQLite, synced to disk."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from benchmarks.figure import Figure
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.timefmt import NS
from bot.types import Fill

FILLS = 500
BUDGET_MS = 50.0
"""At the 99th percentile: a fill is rare, and nothing waits for it."""
T = 1_781_600_000 * NS
PEER = "sqlite3, one bare row"


def run() -> Iterator[Figure]:
    """Median and 99th percentile, each beside a bare insert and commit with the same pragmas."""
    ours, theirs = asyncio.run(_measure())
    for name, percent, budget in (("p50", 50, None), ("p99", 99, BUDGET_MS)):
        yield Figure(
            f"one committed fill, {name}", _percentile(ours, percent), "ms", PEER,
            _percentile(theirs, percent), budget,
        )  # fmt: skip


async def _measure() -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        engine = await open_database(f"sqlite+aiosqlite:///{folder}/ledger.db")
        try:
            store = Store(engine)
            await store.open_books(T, 1_000_000)
            ours = await _times(lambda number: store.record([_fill(number)]))
        finally:
            await engine.dispose()
        return ours, _bare(Path(folder, "bare.db"))


async def _times(write: Callable[[int], Awaitable[object]]) -> list[float]:
    seconds = []
    for number in range(FILLS):
        started = time.perf_counter()
        await write(number)
        seconds.append(time.perf_counter() - started)
    return seconds


def _bare(path: Path) -> list[float]:
    seconds = []
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table fills (id text primary key, body text)")
    for number in range(FILLS):
        started = time.perf_counter()
        connection.execute("insert into fills values (?, ?)", (str(number), repr(_fill(number))))
        connection.commit()
        seconds.append(time.perf_counter() - started)
    connection.close()
    return seconds


def _percentile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100)[percent - 1] * 1e3


def _fill(number: int) -> Fill:
    return Fill(
        id=f"p{number}-L1-F", order_id=f"p{number}-L1", plan_id=f"p{number}", ts=T + number, action="buy",
        instrument="AMZNx@kraken", underlying="AMZN", quantity_tokens=Decimal(2), price=Decimal(200),
        fee_usd=Decimal("1.25"), gas_usd=Decimal("0.1"), settles=T + number,
    )  # fmt: skip
