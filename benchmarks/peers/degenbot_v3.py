"""Run in degenbot's environment: a pool and amounts as JSON in; its quotes and their processor time out."""

import json
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import degenbot.uniswap.v3_liquidity_pool as module

LIMIT = 4295128739 + 1
NUMBER, REPEAT = 20, 20


def main() -> None:
    asked = json.load(sys.stdin)
    swap = quoter(pool(asked), asked)
    json.dump([answer(swap, amount) for amount in asked["amounts"]], sys.stdout)


def answer(swap: Callable[[int], int], amount: int) -> dict[str, Any]:
    units = count(1)
    return {
        "amount_out": swap(amount),
        "fresh_micros": micros(lambda: swap(amount + next(units))),
        "same_micros": micros(lambda: swap(amount)),
    }


def pool(asked: dict[str, Any]) -> Any:
    """Its constructor asks a node for what we know; the swap itself needs only these."""
    helper: Any = object.__new__(module.UniswapV3Pool)
    helper.fee, helper.tick_spacing, helper.sparse_liquidity_map = asked["fee"], asked["spacing"], False
    return helper


def quoter(helper: Any, asked: dict[str, Any]) -> Callable[[int], int]:
    state = module.UniswapV3PoolState(
        pool="0x" + "00" * 20, liquidity=asked["liquidity"], sqrt_price_x96=asked["price"],
        tick=asked["tick"], tick_bitmap={}, tick_data={
            tick: module.UniswapV3LiquidityAtTick(liquidity_net=net, liquidity_gross=abs(net))
            for tick, net in asked["ticks"]
        },
    )  # fmt: skip

    def swap(amount: int) -> int:
        moved = helper._calculate_swap(
            zero_for_one=True, amount_specified=amount, sqrt_price_limit_x96=LIMIT, override_state=state
        )
        return -int(moved[1])

    return swap


def micros(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(REPEAT):
        started = time.process_time()
        for _ in range(NUMBER):
            work()
        best = min(best, time.process_time() - started)
    return best / NUMBER * 1e6


main()
