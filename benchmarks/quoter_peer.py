"""QuoterV2 asked by ``eth_call`` on a local anvil, about a pool like :func:`benchmarks.v3.dense`."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx

from bot.pools import UniswapV3, decode, encode
from tests.fixtures.anvil import FOREVER, MODULES, SPACING, UNIT, Node, Pool, Uniswap, running_anvil

FEE = 3000
MINTS_PER_BLOCK = 10
ABSENT = "QuoterV2: skipped, no anvil (make servers)"


class Asked(NamedTuple):
    """The pool as its contract has it, and per amount what the quoter said and the microseconds it took."""

    pool: UniswapV3
    amounts: list[int]
    amounts_out: list[int]
    micros: list[float]


def asked(ticks: int, sizes: Callable[[UniswapV3], Sequence[int]]) -> Asked | None:
    """Ask for the ``sizes`` of token0 that are chosen once the pool is there; ``None`` without anvil."""
    if shutil.which("node") is None or not list(MODULES.glob("@foundry-rs/anvil-*/bin/anvil")):
        return None
    return asyncio.run(_asked(ticks, sizes))


async def _asked(ticks: int, sizes: Callable[[UniswapV3], Sequence[int]]) -> Asked:
    async with running_anvil() as node:
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.create_pool(FEE, 1.0015)
        await _provide(node, uniswap, pool, ticks)
        found = decode(encode(await uniswap.state(pool))).pool
        assert isinstance(found, UniswapV3)
        amounts = list(sizes(found))
        outs, micros = [], []
        async with httpx.AsyncClient(verify=False) as client:
            for amount in amounts:
                out, taken = await _quoted(client, node, uniswap, pool, amount)
                outs.append(out)
                micros.append(taken)
        return Asked(found, amounts, outs, micros)


async def _provide(node: Node, uniswap: Uniswap, pool: Pool, ticks: int) -> None:
    spacing, to, most = SPACING[FEE], node.accounts[0], 10**6 * UNIT
    mint = uniswap.positions
    orders = [
        (*pool.tokens, FEE, -number * spacing, number * spacing, most, most, 0, 0, to, FOREVER)
        for number in range(1, ticks // 2 + 1)
    ]
    calls = [(mint.address, mint.encode_abi("mint", args=[order])) for order in orders]
    for start in range(0, len(calls), MINTS_PER_BLOCK):
        receipts = await node.one_block(calls[start : start + MINTS_PER_BLOCK])
        assert all(int(receipt["status"], 16) == 1 for receipt in receipts), "a mint was reverted"


async def _quoted(
    client: httpx.AsyncClient, node: Node, uniswap: Uniswap, pool: Pool, amount: int
) -> tuple[int, float]:
    """One call after another over one connection; the quickest of them."""
    order = (*pool.tokens, amount, FEE, 0)
    call = {
        "to": uniswap.quoter.address,
        "data": uniswap.quoter.encode_abi("quoteExactInputSingle", args=[order]),
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    best, out = float("inf"), 0
    for _ in range(20):
        started = time.perf_counter()
        answer = (await client.post(node.http_url, json=body)).json()
        best = min(best, time.perf_counter() - started)
        out = int(answer["result"][2:66], 16)
    return out, best * 1e6
