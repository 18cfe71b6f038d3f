"""Orca's own quote (``whirlpools-core``, Rust compiled to wasm) of a whirlpool shaped like one of our pools,
timed inside Node.js. What it takes to hand the tick arrays from JavaScript to wasm is part of each call."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from bot.pools import UniswapV3
from tests.fixtures.node import FIXTURES, oracle

ABSENT = "Orca's core: skipped, no Node.js or packages (make servers)"


def timed(pool: UniswapV3, amounts: Sequence[int]) -> list[tuple[int, float]] | None:
    """Amount out, and microseconds, of each amount of token0 in; ``None`` where it is not installed. The
    amounts out are near ours, not equal: a whirlpool's prices are Q64.64."""
    if shutil.which("node") is None or not (FIXTURES / "solana" / "node_modules").is_dir():
        return None
    question = {
        "fee": pool.fee, "spacing": pool.ladder.spacing, "price": str(pool.sqrt_price >> 32),
        "tick": pool.tick, "liquidity": str(pool.liquidity),
        "ticks": [(tick, str(net)) for tick, net in pool.ladder.ticks],
        "amounts": [str(amount) for amount in amounts],
    }  # fmt: skip
    with oracle("solana", "orca_bench.mjs") as ask:
        answer = ask(question)
    assert isinstance(answer, list), answer
    return [(int(found["amount_out"]), float(found["micros"])) for found in answer]
