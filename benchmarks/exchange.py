"""Kraken's book updates from a socket on loopback: how many a core decodes and verifies, how soon a tick.

Beside ccxt's own path for the same frames, which verifies nothing (its checksum fails on every book), and
cryptofeed's for the same changes, in the version of the protocol that it speaks, with checksums.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks import cryptofeed_peer
from benchmarks.exchange_flood import DEPTH, MARKETS, Prepared, flooding, prepare
from benchmarks.figure import Figure
from bot.collectors.exchange_client import close, make
from bot.collectors.kraken import KrakenCollector
from bot.config import ExchangeSource
from bot.registry import Registry, load

REGISTRY = Path(__file__).parent.parent / "config" / "registry"
UPDATES = 60_000
RUNS = 3
PACE = 2_000.0
PACED = 8_000
BUDGET = 20_000.0
SETTLED = 100
"""Frames after which the clock starts."""


def run() -> Iterator[Figure]:
    """Updates a second of processor time, which other work on the machine does not change; and latency."""
    registry = load(sorted(REGISTRY.glob("*.toml")))
    prepared = prepare(UPDATES)
    ours = max(asyncio.run(_ours(prepared, registry)) for _ in range(RUNS))
    every = max(asyncio.run(_ours(prepared, registry, quote_seconds=0.0)) for _ in range(RUNS))
    ccxts = max(asyncio.run(_ccxt(prepared)) for _ in range(2))
    other = cryptofeed_peer.rate(prepared, RUNS)
    beside = "cryptofeed 2.4.1, v1 frames" if other is not None else cryptofeed_peer.ABSENT
    yield Figure("updates decoded and verified, one core", ours, "/s", beside, other, BUDGET, "higher")
    yield Figure(
        "… while told as quotes as fast as they are asked for", every, "/s", budget=BUDGET, better="higher"
    )
    yield Figure("ccxt's own path for the same frames", ccxts, "/s", "ours, verified", ours)
    p50, p99 = asyncio.run(_latency(prepare(PACED), registry))
    yield Figure("frame sent to tick, median", p50 * 1e6, "µs")
    yield Figure("frame sent to tick, 99 %", p99 * 1e6, "µs")


def _source(urls: tuple[str, str], **settings: float) -> ExchangeSource:
    return ExchangeSource(
        markets=MARKETS, depth=DEPTH, rest_url=urls[0], websocket_url=urls[1], trades=False,
        requests_per_second=1000.0, **settings,
    )  # fmt: skip


async def _ours(prepared: Prepared, registry: Registry, **settings: float) -> float:
    """Updates per second of this process's processor time."""
    with flooding(prepared) as urls:
        collector = KrakenCollector(_source(urls, **settings), registry)
        told = asyncio.create_task(_drain(collector))
        await _until(lambda: collector.frames >= SETTLED)
        first, began = collector.frames, time.process_time()
        await _until(lambda: collector.frames >= UPDATES)
        rate = (collector.frames - first) / (time.process_time() - began)
        told.cancel()
        with suppress(asyncio.CancelledError):
            await told
        assert collector.gaps == 0, "a checksum was wrong"
        return rate


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # an event at every frame would be measured too
        await asyncio.sleep(0.001)


async def _drain(collector: KrakenCollector) -> None:
    async for _ in collector.ticks():
        pass


async def _ccxt(prepared: Prepared) -> float:
    with flooding(prepared) as urls:
        exchange = make(_source(urls), lambda _: None)
        handled = 0
        handle = exchange.handle_order_book

        def counted(client: object, message: object) -> None:
            nonlocal handled
            handled += 1
            handle(client, message)

        exchange.handle_order_book = counted
        await exchange.load_markets()
        symbols = list(MARKETS.values())

        async def watch() -> None:
            while True:
                await exchange.watch_order_book_for_symbols(symbols, DEPTH)

        watching = asyncio.create_task(watch())
        await _until(lambda: handled >= SETTLED)
        first, began = handled, time.process_time()
        await _until(lambda: handled >= UPDATES)
        rate = (handled - first) / (time.process_time() - began)
        watching.cancel()
        await asyncio.wait({watching})
        await close(exchange)
        return rate


async def _latency(prepared: Prepared, registry: Registry) -> tuple[float, float]:
    """Seconds from the server's clock at sending to a tick in hand: median and 99 %."""
    taken: list[float] = []
    with flooding(prepared, PACE) as urls:
        collector = KrakenCollector(_source(urls, quote_seconds=0.0), registry)
        ticks = collector.ticks()
        async for tick in ticks:
            now = time.time_ns()
            if tick.kind == "quote" and now - tick.ts < 10**9:
                taken.append((now - tick.ts) / 1e9)
            if collector.frames >= PACED:
                break
        await ticks.aclose()
    taken = sorted(taken[200:])
    return taken[len(taken) // 2], taken[len(taken) * 99 // 100]
