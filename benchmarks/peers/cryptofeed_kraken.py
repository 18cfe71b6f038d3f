"""Run by ``benchmarks/cryptofeed_peer.py`` in the peers' environment: Kraken's books by cryptofeed's own
connection and handler, checksums verified, to a callback that only counts. Reads a question from stdin,
answers with updates per second of processor time."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from cryptofeed.connection import WSAsyncConn
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges.kraken import Kraken
from cryptofeed.symbols import Symbols


async def run(url: str, symbols: list[str], updates: int) -> float:
    """From the hundredth update to the last."""
    names = {symbol.replace("/", "-"): symbol for symbol in symbols}
    Symbols.set(Kraken.id, names, {"instrument_type": dict.fromkeys(names, "spot")})
    seen = 0

    async def count(*_: Any) -> None:
        nonlocal seen
        seen += 1

    feed = Kraken(symbols=list(names), channels=[L2_BOOK], callbacks={L2_BOOK: count}, max_depth=10,
                  checksum_validation=True)  # fmt: skip
    connection = WSAsyncConn("wss://unused", feed.id, subscription={"book": symbols})
    connection.address = url  # it insists on wss://, and takes any other once it is made
    first = began = 0.0
    async with connection.connect() as opened:
        await feed.subscribe(opened)
        async for message in opened.read():
            await feed.message_handler(message, opened, time.time())
            if not first and seen >= 100:
                first, began = seen, time.process_time()
            if seen >= updates:
                break
        return (seen - first) / (time.process_time() - began)


question = json.loads(sys.stdin.read())
print(asyncio.run(run(**question)))
