"""Raydium's pools beside its own SDK: swaps to the last unit, accounts to the last field.

Where the SDK is not what the program does, the program counts, and the difference is a test of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest

from bot.pools import decode, encode
from bot.pools.raydium_clmm import RaydiumClmm, RaydiumClmmState
from bot.pools.raydium_math import (
    LIMITS,
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    U64,
    sqrt_at_tick,
    tick_at_sqrt,
)
from tests.fixtures.node import Ask, oracle
from tests.fixtures.raydium_pools import Order, as_asked, random_orders, random_state


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with oracle("solana", "raydium.mjs") as ask:
        yield ask


def answers(ask: Ask, questions: Iterable[dict[str, Any]]) -> Iterator[Any]:
    waiting = iter(questions)
    while batch := list(islice(waiting, 100)):
        yield from ask({"batch": batch})


def clmm(state: RaydiumClmmState) -> RaydiumClmm:
    """The pool made of the state the way every reader makes it: by its JSON."""
    pool = decode(encode(state)).pool
    assert isinstance(pool, RaydiumClmm)
    return pool


@pytest.mark.parametrize("kind", ["liquidity", "limit orders", "dynamic fee", "both"])
@pytest.mark.parametrize("pools", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_clmm_swaps_are_those_of_the_sdk(ask: Ask, kind: str, pools: int) -> None:
    rng = Random(f"{kind} {pools}")
    filled = partly = 0
    for _ in range(pools):
        state = random_state(
            rng, dynamic=kind in ("dynamic fee", "both"), orders=kind in ("limit orders", "both")
        )
        pool, ticks = clmm(state), {tick: int(net) for tick, net in state.ticks}
        orders = list(random_orders(rng, pool, 12))
        for order, told in zip(
            orders, answers(ask, (as_asked(pool, ticks, one) for one in orders)), strict=True
        ):
            swap = pool.swap(order.amount, order.zero_for_one, order.exact_in)
            if (where := known_difference(pool, order, told)) is not None:
                assert (swap is None) == (where == "limit"), (order, told)
                continue
            if "error" in told or not told["all"] or not 0 < int(told["other"]) <= U64:
                assert swap is None, (state, order, told, swap)
                continue
            assert swap is not None, (state, order, told)
            specified, other = swap.amount_in, swap.amount_out
            if not order.exact_in:
                specified, other = other, specified
            after = pool.moved(swap, order.zero_for_one)
            assert (specified, other, swap.sqrt_price, swap.tick, swap.liquidity) == (
                order.amount, int(told["other"]), int(told["price"]), told["tick"], int(told["liquidity"]),
            ), (state, order)  # fmt: skip
            assert [(tick, str(left)) for tick, left in after.ladder.orders] == [
                (tick, left) for tick, left in told["orders"]
            ]
            if fee := after.dynamic_fee:
                assert [fee.reference_index, fee.reference, fee.accumulator, fee.updated] == told["dynamic"]
            filled += 1
            partly += swap.left is not None
    assert filled > pools * 3
    assert partly or "orders" not in kind


def known_difference(pool: RaydiumClmm, order: Order, told: Any) -> str | None:
    """``limit``: the SDK says that all was traded when it has come to the end of all prices, whatever remains;
    ``endless``: it never ends where all that remains is fee at a limit order."""
    if told.get("error") == "endless":
        assert order.exact_in and pool.ladder.orders
        return "endless"
    return "limit" if int(told.get("price", 0)) in LIMITS else None


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_clmm_ticks_and_prices_are_those_of_the_sdk(ask: Ask, count: int) -> None:
    rng = Random(count)
    ticks = [MIN_TICK, -1, 0, 1, MAX_TICK, *(rng.randint(MIN_TICK, MAX_TICK) for _ in range(count))]
    told = answers(ask, ({"call": "sqrt", "tick": tick} for tick in ticks))
    assert [str(sqrt_at_tick(tick)) for tick in ticks] == list(told)
    prices = [MIN_SQRT, MAX_SQRT - 1]
    for tick in ticks[1:-1]:
        near = sqrt_at_tick(tick) + rng.choice((-1, 0, 1, rng.randint(0, 1 << 40)))
        prices.append(min(max(near, MIN_SQRT), MAX_SQRT - 1))
    assert [tick_at_sqrt(price) for price in prices] == list(
        answers(ask, ({"call": "tick", "price": str(price)} for price in prices))
    )
