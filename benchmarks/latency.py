"""From a frame's sending to what the engine made of it: Kraken's books, and a pool on Solana.

The way is the daemon's: socket, collector, supervisor, queue, engine with valuation, detector and paper
broker. The servers are processes of their own and stamp what they send; the clock is the machine's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmarks.exchange_flood import DEPTH, MARKETS, flooding, prepare
from benchmarks.figure import Figure
from benchmarks.latency_node import DOLLARS, MINUTE, micros, moving, pool
from bot.collectors.base import Collector
from bot.collectors.kraken import KrakenCollector
from bot.collectors.queue import TickQueue
from bot.collectors.solana import SolanaCollector
from bot.collectors.supervisor import Supervisor
from bot.config import ExchangeSource, SolanaSource, parse
from bot.driver import Driver
from bot.registry import Registry, load
from bot.types import Tick

REGISTRY = Path(__file__).parent.parent / "config" / "registry"
KRAKEN_PACE, KRAKEN_FRAMES = 2_000.0, 10_000
POOL_PACE, POOL_TICKS = 50.0, 1_500
FIRST = 500
"""Ticks left out: of what piled up in the half second in which a source begins, and code is warmed."""


def run() -> Iterator[Figure]:
    """Median and 99 % of each."""
    registry = load(sorted(REGISTRY.glob("*.toml")))
    yield from _figures(f"Kraken, {KRAKEN_PACE:,.0f} frames/s", asyncio.run(_kraken(registry)))
    yield from _figures(f"Solana pool, {POOL_PACE:,.0f} changes/s", asyncio.run(_solana(registry)))


def _figures(what: str, taken: list[float]) -> Iterator[Figure]:
    found = sorted(taken[FIRST:])
    yield Figure(f"{what}: frame to engine, median", found[len(found) // 2] * 1e6, "µs")
    yield Figure(f"{what}: frame to engine, 99 %", found[len(found) * 99 // 100] * 1e6, "µs")


async def _kraken(registry: Registry) -> list[float]:
    with flooding(prepare(KRAKEN_FRAMES), KRAKEN_PACE) as (rest, socket):
        source = ExchangeSource(
            markets=MARKETS, depth=DEPTH, rest_url=rest, websocket_url=socket, trades=False,
            requests_per_second=1000.0, quote_seconds=0.0,
        )  # fmt: skip
        collector = KrakenCollector(source, registry)
        return await _taken(
            collector, registry, _since_ts, lambda _: collector.frames >= 0.98 * KRAKEN_FRAMES
        )


def _since_ts(tick: Tick) -> float | None:
    late = (time.time_ns() - tick.ts) / 1e9
    return late if tick.kind == "quote" and late < 1.0 else None


async def _solana(registry: Registry) -> list[float]:
    here = pool()
    pools = {**registry.pools, here.instrument: here.entry()}
    registry = replace(registry, pools=pools)
    with moving(POOL_PACE) as (url, socket):
        source = SolanaSource(
            urls=[url], websocket_urls=[socket], pools=[here.instrument], requests_per_second=1000.0
        )
        collector = SolanaCollector(source, registry)
        return await _taken(collector, registry, _since_change, lambda many: many >= POOL_TICKS)


def _since_change(tick: Tick) -> float | None:
    if tick.kind != "pool":
        return None
    dollars = int(msgspec.json.decode(tick.data or "{}")["reserves"][1]) - DOLLARS
    return (micros() - dollars) % MINUTE / 1e6 if dollars else None


async def _taken(
    collector: Collector, registry: Registry, since: Callable[[Tick], float | None],
    enough: Callable[[int], bool],
) -> list[float]:  # fmt: skip
    """Seconds from sending until the engine has taken it in, in order."""
    queue, driver = TickQueue(65_536), Driver(parse({}, source="bench", base=Path()), registry)
    supervisor = Supervisor(collector, queue, on_status=lambda _status: None)
    feeding = asyncio.create_task(supervisor.run())
    taken: list[float] = []
    while not enough(len(taken)):
        for _, tick in await queue.get_batch(512):
            driver.feed(tick)
            late = since(tick)
            if late is not None:
                taken.append(late)
    feeding.cancel()
    await asyncio.wait({feeding})
    return taken
