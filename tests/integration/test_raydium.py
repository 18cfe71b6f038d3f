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
from bot.pools.raydium_amm_v4 import RaydiumAmmV4State
from bot.pools.raydium_clmm import RaydiumClmm, RaydiumClmmState
from bot.pools.raydium_cpmm import RaydiumCpmmState
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
from bot.pools.raydium_product import RaydiumProduct
from bot.pools.raydium_walk import ClmmSwap
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
            if beyond_the_sdk(pool, order, told, swap):
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


def beyond_the_sdk(pool: RaydiumClmm, order: Order, told: Any, swap: ClmmSwap | None) -> bool:
    """The SDK never ends where all that remains is fee at a limit order, and says that all was traded when it
    has come to the end of all prices, whatever remains. Each is a test of its own below. What does not fit
    in 64 bits with the fee on top the program refuses."""
    if not order.exact_in and order.amount * 10 > U64 * 9:
        return swap is None
    if told.get("error") == "endless":
        return order.exact_in and bool(pool.ladder.orders)
    return swap is None and int(told.get("price", 0)) in LIMITS


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


def test_what_remains_as_fee_at_a_limit_order_is_taken_by_the_program_and_never_ends_in_the_sdk(
    ask: Ask,
) -> None:
    state = RaydiumClmmState(
        decimals=(6, 6), fee=2500, tick_spacing=10, sqrt_price_x64=str(sqrt_at_tick(0)), liquidity="0",
        tick=0, ticks=[], orders=[(-10, "1000"), (10, "1000")],
    )  # fmt: skip
    pool = clmm(state)
    fill = Order(zero_for_one=True, exact_in=True, amount=100)
    [told] = answers(ask, [as_asked(pool, {}, fill)])
    swap = pool.swap(100, zero_for_one=True, exact_in=True)
    assert swap is not None
    assert (str(swap.amount_out), swap.left) == (told["other"], (-10, 1000 - swap.amount_out))
    [told] = answers(ask, [as_asked(pool, {}, fill._replace(amount=1))])
    assert told == {"error": "endless"}
    assert pool.swap(1, zero_for_one=True, exact_in=True) is None  # the program: nothing would come out


def test_a_swap_to_the_end_of_all_prices_is_refused_by_the_program_and_called_whole_by_the_sdk(
    ask: Ask,
) -> None:
    ticks = {MIN_TICK: 10**9, MAX_TICK: -(10**9)}
    state = RaydiumClmmState(
        decimals=(6, 6), fee=2500, tick_spacing=1, sqrt_price_x64=str(sqrt_at_tick(0)), liquidity=str(10**9),
        tick=0, ticks=[(tick, str(net)) for tick, net in ticks.items()],
    )  # fmt: skip
    pool = clmm(state)
    most = pool.swap_to(LIMITS[0], zero_for_one=True)
    assert most is not None
    more = Order(zero_for_one=True, exact_in=True, amount=most.amount_in + 10**15)
    [told] = answers(ask, [as_asked(pool, ticks, more)])
    assert told["all"]
    assert told["other"] == str(most.amount_out)
    assert pool.swap(more.amount, zero_for_one=True, exact_in=True) is None


def product(
    rng: Random, state: type[RaydiumCpmmState] | type[RaydiumAmmV4State], **fees: Any
) -> RaydiumProduct:
    reserves = (int(10 ** rng.uniform(1, 19)), int(10 ** rng.uniform(1, 19)))
    made = state(
        decimals=(6, 9), reserves=(str(reserves[0]), str(reserves[1])), token_index=rng.randint(0, 1), **fees
    )
    pool = decode(encode(made)).pool
    assert isinstance(pool, RaydiumProduct)
    return pool


def product_orders(rng: Random, pool: RaydiumProduct, count: int) -> Iterator[tuple[int, bool, int]]:
    """The side that goes in, exact in or out, and an amount."""
    for _ in range(count):
        side, exact_in = rng.randint(0, 1), rng.random() < 0.5
        most = pool.reserves[side if exact_in else 1 - side]
        yield side, exact_in, min(max(int(most * 10 ** rng.uniform(-12, 0.5 if exact_in else 0)), 1), U64)


@pytest.mark.parametrize("pools", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_cpmm_swaps_are_those_of_the_program_by_the_sdks_own_parts(ask: Ask, pools: int) -> None:
    """The SDK itself differs in one case: exact in with a creator's fee of what goes in."""
    rng = Random(pools)
    compared = unlike = 0
    for _ in range(pools):
        trade, creator = rng.choice((1, 100, 2500, 10_000, 40_000)), rng.choice((0, 1, 500, 3000, 100_000))
        on, protocol, fund = rng.choice((0, 1, 2)), rng.choice((0, 120_000)), rng.choice((0, 40_000))
        pool = product(
            rng, RaydiumCpmmState, trade_fee=trade, creator_fee=creator, creator_fee_on=on,
            protocol_fee=protocol, fund_fee=fund,
        )  # fmt: skip
        orders = list(product_orders(rng, pool, 10))
        asked = (
            {
                "call": "cpmm", "exactIn": exact_in, "amount": str(amount), "onInput": on in (0, side + 1),
                "reserves": [str(pool.reserves[side]), str(pool.reserves[1 - side])],
                "trade": str(trade), "creator": str(creator), "protocol": str(protocol), "fund": str(fund),
            }
            for side, exact_in, amount in orders
        )  # fmt: skip
        for (side, exact_in, amount), told in zip(orders, answers(ask, asked), strict=True):
            moves = pool.moves_in(amount, side) if exact_in else pool.moves_out(amount, side)
            if "error" in told or int(told["out"]) <= 0 or not 0 < int(told["in"]) <= U64:
                assert moves is None, (pool, side, exact_in, amount, told)
                continue
            assert moves is not None, (pool, side, exact_in, amount, told)
            on_input, owed = on in (0, side + 1), int(told["protocol"]) + int(told["fund"])
            assert (str(moves.amount_in), str(moves.amount_out)) == (told["in"], told["out"])
            assert moves.reserve_gain == moves.amount_in - owed - int(told["creator"]) * on_input
            assert moves.reserve_loss == moves.amount_out + int(told["creator"]) * (not on_input)
            compared += 1
            if told["simple"] != told["out"]:
                assert exact_in
                assert creator * on_input
                assert int(told["simple"]) < moves.amount_out
                unlike += 1
    assert compared > pools * 4
    assert unlike


@pytest.mark.parametrize("pools", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_amm_v4_exact_in_is_the_sdk_and_exact_out_the_program(ask: Ask, pools: int) -> None:
    """Exact out the SDK rounds down where the program rounds up: its answer is too little. The program's
    formula is CPMM's with a fee of 2,500 millionths, so that part of the SDK says it."""
    rng = Random(pools)
    short = 0
    for _ in range(pools):
        pool = product(rng, RaydiumAmmV4State)
        orders = list(product_orders(rng, pool, 10))
        asked = [
            {"call": "ammV4", "exactIn": exact_in, "amount": str(amount),
             "reserves": [str(pool.reserves[side]), str(pool.reserves[1 - side])]}
            for side, exact_in, amount in orders
        ]  # fmt: skip
        program = {
            "call": "cpmm",
            "trade": "2500",
            "creator": "0",
            "protocol": "0",
            "fund": "0",
            "onInput": True,
        }
        as_cpmm = [one | program for one in asked]
        both = zip(answers(ask, asked), answers(ask, as_cpmm), strict=True)
        for (side, exact_in, amount), (told, program) in zip(orders, both, strict=True):
            if exact_in:
                moves = pool.moves_in(amount, side)
                assert (str(moves.amount_out) if moves else "0") == told == program["out"]
                continue
            moves = pool.moves_out(amount, side)
            if moves is None:
                assert amount >= pool.reserves[1 - side] or int(program["in"]) > U64
                continue
            assert str(moves.amount_in) == program["in"]
            assert 0 <= moves.amount_in - int(told) <= 2
            back = pool.moves_in(int(told), side) if int(told) else None
            short += back is None or back.amount_out < amount
            back = pool.moves_in(moves.amount_in, side)
            assert back is not None
            assert back.amount_out >= amount
    assert short
