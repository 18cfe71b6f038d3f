"""A Solana node in a process of its own, one pool of which changes at a pace and says when it did.

The microseconds of the minute at which a change was sent are in the pool's dollars, beyond :data:`DOLLARS`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fixtures.solana_node import SolanaNode, serving
from tests.fixtures.solana_pools import Cpmm, xstock

MINUTE = 60 * 10**6
DOLLARS = 3_000_000 * 10**6


def pool() -> Cpmm:
    """The one."""
    made = Cpmm("TSLAx", 10_000 * 10**8, DOLLARS)
    made.mint = xstock(multiplier=(1.0, 1.0, 0))
    return made


def micros() -> int:
    """Of the present minute."""
    return time.time_ns() // 1000 % MINUTE


async def _serve(per_second: float) -> None:
    """Until its standard input ends."""
    here = pool()
    node = SolanaNode(here.accounts())
    async with serving(node):
        sys.stdout.write(json.dumps([node.url, node.websocket_url]) + "\n")
        sys.stdout.flush()
        moving = asyncio.create_task(_move(node, here, per_second))
        await asyncio.to_thread(sys.stdin.buffer.read)
        moving.cancel()


async def _move(node: SolanaNode, here: Cpmm, per_second: float) -> None:
    while True:
        await asyncio.sleep(1 / per_second)
        node.unix = int(time.time())
        await node.move(here.reserves(here.tokens, DOLLARS + micros()))
        await node.move()  # a slot is whole when the next one has begun
        node.requests.clear()


@contextmanager
def moving(per_second: float) -> Iterator[tuple[str, str]]:
    """Its addresses over HTTP and WebSocket."""
    command = [sys.executable, "-m", "benchmarks.latency_node", str(per_second)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url, socket = json.loads(process.stdout.readline())
        yield url, socket
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
