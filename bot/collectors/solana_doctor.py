"""One look at a Solana endpoint and the pools configured for it, for ``pegbot doctor``."""

from __future__ import annotations

import time

import msgspec

from bot.collectors.endpoint import spelt_out
from bot.collectors.solana import SolanaCollector, websocket_url
from bot.collectors.solana_rpc import Rpc
from bot.collectors.solana_session import Session
from bot.collectors.solana_stream import opened
from bot.config import SolanaSource
from bot.pools.layouts.base import CLOCK
from bot.registry.model import Registry
from bot.timefmt import NS, duration


async def look(source: SolanaSource, number: int, registry: Registry) -> tuple[str, list[str]]:
    """What endpoint ``number`` is like, and each pool that is not as it should be, with why.

    Raises :class:`SourceError` where it cannot be used, :class:`ConfigError` where it must not be and is the
    only one.
    """
    collector = SolanaCollector(source, registry)
    book = collector.book
    async with Rpc(spelt_out(source.urls[number]), source.commitment, source.requests_per_second) as rpc:
        await collector.check_cluster(rpc)
        async with opened(websocket_url(source, number), source.commitment, source.silence_seconds) as stream:
            await stream.subscribe_slots()
            await stream.subscribe([CLOCK])
            await stream.next()
            await Session(source, book, rpc, None, time.time_ns).gather(list(book.pools))
    now = time.time_ns()
    wrong = []
    for name in book.pools:
        for tick in book.show(name, now):
            if tick.kind == "status" and tick.data is not None:
                wrong.append(f"{name}: {msgspec.json.decode(tick.data)['reason']}")
    clock = book.clock
    age = duration(max(0.0, now / NS - clock.unix_timestamp))
    return f"slot {clock.slot}, {age} old; pools as in the registry: {len(book.pools) - len(wrong)}", wrong
