"""A Kraken in a process of its own that sends prepared book updates, as fast as they are read or at a pace.

The same changes are prepared twice: as WebSocket v2 frames and as v1 frames, which cryptofeed speaks; the
shapes are those of docs.kraken.com ("Book", "Book checksum", v1 and v2).
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from tests.fixtures.kraken_server import KrakenServer, Pair, stamp

DEPTH = 10
CHUNK = 64 * 1024
NAMES = ("AAPLx", "TSLAx", "NVDAx", "SPYx", "QQQx", "MSTRx", "CRCLx", "HOODx", "GOOGLx", "AMZNx")
MARKETS = {name: f"{name}/USD" for name in NAMES}
AT = "2026-11-24T15:00:00.000000Z"


class Prepared(Struct):
    """Frames of the same changes in both versions, and the snapshots they begin from."""

    snapshots: dict[str, str]
    old_snapshots: dict[str, str]
    updates: list[str]
    old_updates: list[str]


def prepare(count: int, seed: int = 1) -> Prepared:
    """``count`` updates of ten books, of one to three levels each."""
    rng = random.Random(seed)
    pairs = [Pair(symbol, True).fill("250.00", levels=DEPTH + 5) for symbol in MARKETS.values()]
    made = Prepared({}, {}, [], [])
    for pair in pairs:
        best = pair.best(DEPTH)
        made.snapshots[pair.symbol] = pair.frame("snapshot", *best, DEPTH)
        sides = {"as": _old(pair, best[1]), "bs": _old(pair, best[0])}
        made.old_snapshots[pair.symbol] = json.dumps([0, sides, f"book-{DEPTH}", pair.symbol])
    for _ in range(count):
        pair = rng.choice(pairs)
        before = pair.best(DEPTH)
        _move(pair, rng)
        bids, asks = (_changes(was, now) for was, now in zip(before, pair.best(DEPTH), strict=True))
        checksum = pair.checksum(DEPTH)
        made.updates.append(pair.frame("update", bids, asks, DEPTH, checksum, AT))
        told: dict[str, Any] = {"c": str(checksum)}
        told |= {name: _old(pair, side) for name, side in (("a", asks), ("b", bids)) if side}
        made.old_updates.append(json.dumps([0, told, f"book-{DEPTH}", pair.symbol]))
    return made


def _move(pair: Pair, rng: random.Random) -> None:
    side = pair.bids if rng.random() < 0.5 else pair.asks
    best = sorted(side, reverse=side is pair.bids)[:DEPTH]
    level = rng.choice(best)
    if rng.random() < 0.15 and len(side) > DEPTH:
        del side[level]
    elif rng.random() < 0.15:
        step = Decimal("0.01")
        new = best[0] + step if side is pair.bids else best[0] - step
        if max(pair.bids) < new < min(pair.asks):
            side[new] = Decimal(rng.randint(1, 10**9)).scaleb(-8)
    side[rng.choice(list(side))] = Decimal(rng.randint(1, 10**10)).scaleb(-8)


def _changes(was: list[Any], now: list[Any]) -> list[tuple[Decimal, Decimal]]:
    old, new = dict(was), dict(now)
    return [(p, Decimal(0)) for p in old if p not in new] + [(p, q) for p, q in now if old.get(p) != q]


def _old(pair: Pair, levels: list[tuple[Decimal, Decimal]]) -> list[list[str]]:
    return [
        [f"{p:.{pair.price_decimals}f}", f"{q:.{pair.qty_decimals}f}", "1795532400.000000"] for p, q in levels
    ]


class Flood(KrakenServer):
    """Sends the updates after the snapshots; ``per_second`` 0 is as fast as they are read."""

    def __init__(self, prepared: Prepared, per_second: float) -> None:
        super().__init__(*(Pair(symbol, True).fill("250.00") for symbol in MARKETS.values()))
        self._prepared, self._per_second = prepared, per_second
        self._flooding: set[asyncio.Task[None]] = set()

    async def greet(self, socket: web.WebSocketResponse) -> None:
        """Nothing: which version is spoken shows only by what is asked."""

    async def hear(self, socket: web.WebSocketResponse, message: Any) -> None:
        """As Kraken; the books are the prepared ones."""
        if "event" in message:
            if message["event"] == "subscribe":
                for symbol in message["pair"]:
                    await socket.send_str(self._prepared.old_snapshots[symbol])
                self._start(socket, self._prepared.old_updates)
            return
        params = message.get("params", {})
        if params.get("channel") != "book":
            await super().hear(socket, message)
            return
        for symbol in params["symbol"]:
            await socket.send_str(self._answer("subscribe", {"channel": "book", "symbol": symbol}))
            await socket.send_str(self._prepared.snapshots[symbol])
        self.subscribed |= set(params["symbol"])
        if len(self.subscribed) == len(MARKETS):
            self.subscribed.clear()
            self._start(socket, self._prepared.updates)

    def _start(self, socket: web.WebSocketResponse, updates: list[str]) -> None:
        work = self._pace(socket, updates) if self._per_second else self._pour(socket, updates)
        task = asyncio.create_task(work)
        self._flooding.add(task)
        task.add_done_callback(self._flooding.discard)

    async def _pour(self, socket: web.WebSocketResponse, updates: list[str]) -> None:
        blob = b"".join(_framed(text.encode()) for text in updates)
        writer: Any = socket._writer
        with suppress(ConnectionError):  # it has seen enough
            for start in range(0, len(blob), CHUNK):
                writer.transport.write(blob[start : start + CHUNK])
                await writer.protocol._drain_helper()

    async def _pace(self, socket: web.WebSocketResponse, updates: list[str]) -> None:
        """Each stamped with the time at which it is sent."""
        parts = [text.split(AT) for text in updates]
        began = time.perf_counter()
        for number, (head, tail) in enumerate(parts):
            wait = began + number / self._per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            with suppress(ConnectionError):
                await socket.send_str(f"{head}{stamp()}{tail}")


def _framed(payload: bytes) -> bytes:
    size = len(payload)
    return (b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big"))) + payload


async def _serve(prepared: Prepared, per_second: float) -> None:
    """Until its standard input ends."""
    server = Flood(prepared, per_second)
    await server.start()
    sys.stdout.write(json.dumps([server.rest_url, server.websocket_url]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)
    await server.stop()


@contextmanager
def flooding(prepared: Prepared, per_second: float = 0.0) -> Iterator[tuple[str, str]]:
    """Addresses of its REST and its socket."""
    command = [sys.executable, "-m", "benchmarks.exchange_flood", str(per_second)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(prepared) + b"\n")
        process.stdin.flush()
        rest, websocket = json.loads(process.stdout.readline())
        yield rest, websocket
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=Prepared)
    asyncio.run(_serve(told, float(sys.argv[1])))
