"""Uniswap v4 pools beside the contracts themselves: V4Quoter and real swaps, to the last unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from bot.errors import PoolError
from bot.pools import UniswapV4, UniswapV4State, V3Swap, decode, encode
from bot.pools.ladder import LIMITS
from bot.pools.tick_math import MAX_TICK, PIPS, amount0, amount1, sqrt_at_tick, tick_at_sqrt
from bot.pools.uniswap_v4 import (
    AFTER_SWAP,
    AFTER_SWAP_DELTA,
    BEFORE_SWAP,
    DYNAMIC_FEE,
    MAX_SPACING,
    NO_HOOKS,
)
from tests.fixtures.anvil import running_anvil
from tests.fixtures.anvil_v4 import FREE_HOOK, PoolV4, swapped
from tests.fixtures.anvil_v4 import UniswapV4 as Contracts

GAS = 80_000_000  # a swap over all prices with a spacing of 1 reads thousands of words of the bitmap
LIQUIDITY_HOOKS = 0b11_1111_0011_0000
"""All flags of a hook that cannot touch a swap and gives no deltas."""


class Order(NamedTuple):
    """A question to both: ``amount`` in if ``exact_in``, else out."""

    zero_for_one: bool
    exact_in: bool
    amount: int


@asynccontextmanager
async def contracts() -> AsyncIterator[Contracts]:
    async with running_anvil() as node:
        yield await Contracts.deploy(node)


async def made(uniswap: Contracts, rng: Random) -> PoolV4:
    """A pool of any fee, spacing and price, with positions of all sizes."""
    spacing = rng.choice((1, 10, 60, 200, MAX_SPACING, rng.randint(2, MAX_SPACING)))
    fee = rng.choice((0, 1, 100, 500, 3000, 10_000, rng.randint(0, PIPS), DYNAMIC_FEE))
    protocol = (0, 0) if rng.random() < 0.3 else (rng.randint(0, 1000), rng.choice((0, 1, 500, 1000)))
    edge = MAX_TICK // spacing
    centre = rng.choice((0, rng.randint(-9, 9), rng.randint(-edge, edge - 1)))
    price = rng.randint(
        sqrt_at_tick(centre * spacing), sqrt_at_tick(min((centre + 1) * spacing, MAX_TICK)) - 1
    )
    hooks = FREE_HOOK if fee == DYNAMIC_FEE else NO_HOOKS
    pool = await uniswap.create_pool(fee, spacing, price, hooks, protocol)
    if fee == DYNAMIC_FEE:
        await uniswap.set_lp_fee(pool, rng.choice((0, 3000, rng.randint(0, PIPS - 1))))
    await uniswap.provide([position(pool, centre, rng) for _ in range(rng.randint(1, 12))])
    return pool


def position(pool: PoolV4, centre: int, rng: Random) -> tuple[PoolV4, int, int, int]:
    """Near the price or far, over few ticks or all of them, of a few units to some 2**100."""
    edge = MAX_TICK // pool.spacing
    near, far = (int(10 ** rng.uniform(0, 3)) for _ in range(2))
    middle = centre + rng.randint(-200, 200)
    lower, upper = max(middle - near, -edge), min(middle + far, edge)
    if lower >= upper or rng.random() < 0.1:
        lower, upper = -edge, edge
    low, high = sqrt_at_tick(lower * pool.spacing), sqrt_at_tick(upper * pool.spacing)
    one = 1 << 64
    dearest = max(amount0(low, high, one, True), amount1(low, high, one, True))
    most = min((one << 100) // dearest, (1 << 128) // (2 * edge + 1) // 20)
    return pool.position(
        lower * pool.spacing, upper * pool.spacing, rng.randint(1, 1 << rng.randint(1, most.bit_length() - 1))
    )


async def read(uniswap: Contracts, pool: PoolV4) -> UniswapV4:
    """The pool as every reader makes it: of the JSON of its state on chain."""
    return model_of(await uniswap.state(pool))


def model_of(state: UniswapV4State) -> UniswapV4:
    model = decode(encode(state)).pool
    assert isinstance(model, UniswapV4)
    return model


def orders(model: UniswapV4, rng: Random, count: int) -> Iterator[Order]:
    """Amounts of all magnitudes, past what the pool holds, and such as end at a tick or a unit beside it."""
    for _ in range(count):
        yield one_order(model, rng)


def one_order(model: UniswapV4, rng: Random) -> Order:
    zero_for_one, exact_in = rng.random() < 0.5, rng.random() < 0.5
    most = model.swap_to(LIMITS[0 if zero_for_one else 1], zero_for_one)
    reach = 1 if most is None else amount_of(most, exact_in)
    amount = int(rng.uniform(1, 2) * 10 ** rng.uniform(0, len(str(reach)) - 0.5))
    if rng.random() < 0.4:
        tick = rng.choice(model.v3.ladder.ticks)[0]
        to_edge = model.swap_to(min(max(sqrt_at_tick(tick), LIMITS[0]), LIMITS[1]), zero_for_one)
        if to_edge is not None:
            amount = amount_of(to_edge, exact_in) + rng.choice((-1, 0, 1))
    return Order(zero_for_one, exact_in, max(amount, 1))


def amount_of(swap: V3Swap, exact_in: bool) -> int:
    return swap.amount_in if exact_in else swap.amount_out


def computed(model: UniswapV4, order: Order) -> V3Swap | None:
    return (model.swap_in if order.exact_in else model.swap_out)(order.amount, order.zero_for_one)


async def agree(uniswap: Contracts, pool: PoolV4, rng: Random, count: int) -> int:
    """Compare ``count`` quotes; how many of them the pool could fill."""
    state = await uniswap.state(pool)
    model = model_of(state)
    asked = list(orders(model, rng, count))
    answers = await uniswap.node.calls([uniswap.quote(pool, *order) for order in asked])
    filled = 0
    for order, answer in zip(asked, answers, strict=True):
        swap = computed(model, order)
        if swap is None and answer is not None and all_fee(model, order):
            assert (order.exact_in, answer[0]) == (True, 0)
            continue
        want = None if answer is None else answer[0]
        assert (None if swap is None else amount_of(swap, not order.exact_in)) == want, (order, state)
        filled += swap is not None
    return filled


def all_fee(model: UniswapV4, order: Order) -> bool:
    return model.v3.ladder.fees[0 if order.zero_for_one else 1] == PIPS


async def trade(uniswap: Contracts, pool: PoolV4, rng: Random, count: int) -> int:
    """Real swaps, one after another, each of which must leave the computed state; how many there were.

    What a pool cannot fill goes on to the end of all prices, where it stands until a swap the other way.
    """
    model = await read(uniswap, pool)
    sent, expected = [], []
    for order in (one_order(model, rng) for _ in range(count)):
        swap = computed(model, order) or to_the_end(model, order.zero_for_one)
        if not all_fee(model, order):
            sent.append(
                uniswap.swap(pool, order.zero_for_one, -order.amount if order.exact_in else order.amount)
            )
            expected.append((order, swap))
            model = model if swap is None else model.moved(swap)
    receipts = [
        receipt
        for start in range(0, len(sent), 10)
        for receipt in await uniswap.node.one_block(sent[start : start + 10], gas=GAS)
    ]
    for (order, swap), receipt in zip(expected, receipts, strict=True):
        assert swapped(receipt) == swap, (order, pool)
    assert await read(uniswap, pool) == model
    return sum(swap is not None for _, swap in expected)


def to_the_end(model: UniswapV4, zero_for_one: bool) -> V3Swap | None:
    """What an order that is too large does: all that is there, and the price goes on over empty ranges."""
    limit = LIMITS[0 if zero_for_one else 1]
    if model.v3.sqrt_price == limit:
        return None
    swap = model.swap_to(limit, zero_for_one)
    if swap is not None and swap.sqrt_price == limit:
        return swap
    amounts = (0, 0) if swap is None else (swap.amount_in, swap.amount_out)
    return V3Swap(*amounts, limit, tick_at_sqrt(limit), 0)


async def compare_all(seed: int, pools: int, quotes: int, swaps: int) -> tuple[int, int]:
    """Random pools, quotes and swaps in turn; how many quotes could be filled, how many swaps made."""
    rng = Random(seed)
    filled = done = 0
    async with contracts() as uniswap:
        for _ in range(pools):
            bare = await uniswap.node.snapshot()  # there can be only one pool of a fee and a spacing
            pool = await made(uniswap, rng)
            for _ in range(2):
                filled += await agree(uniswap, pool, rng, quotes)
                done += await trade(uniswap, pool, rng, swaps)
            await uniswap.node.revert(bare)
    return filled, done


async def test_a_few_hundred_quotes_and_swaps_are_what_the_contracts_say() -> None:
    filled, done = await compare_all(seed=1, pools=12, quotes=12, swaps=10)
    assert filled > 150
    assert done > 100


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_four_thousand_quotes_and_swaps_are_what_the_contracts_say() -> None:
    filled, done = await compare_all(seed=2, pools=80, quotes=25, swaps=20)
    print(f"v4: {filled} quotes and {done} real swaps equal")
    assert filled + done > 4000


async def test_a_swap_to_a_price_is_the_contracts_swap_with_that_limit() -> None:
    rng = Random(3)
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(3000, 60, 1 << 96, protocol=(1000, 300))
        await uniswap.provide([position(pool, 0, rng) for _ in range(12)])
        model = await read(uniswap, pool)
        sent, expected = [], []
        for _ in range(24):
            target = sqrt_at_tick(rng.choice(model.v3.ladder.ticks[1:-1])[0]) + rng.choice((-1, 0, 1))
            zero_for_one = target < model.v3.sqrt_price
            swap = model.swap_to(target, zero_for_one)
            if swap is not None:
                sent.append(uniswap.swap(pool, zero_for_one, -(1 << 126), target))
                expected.append(swap)
                model = model.moved(swap)
        receipts = await uniswap.node.one_block(sent, gas=GAS // 2)
        assert [swapped(receipt) for receipt in receipts] == expected
        assert len(expected) > 15


async def test_a_position_taken_away_again_is_told_from_the_change_alone() -> None:
    rng = Random(4)
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(500, 10, 1 << 96)
        await uniswap.provide([pool.position(-1000, 1000, 10**20)])
        model = await read(uniswap, pool)
        for lower, upper, liquidity in ((-70, 300, 10**21), (20, 90, 10**19), (-70, 300, -(10**21))):
            await uniswap.provide([pool.position(lower, upper, liquidity)])
            model = model.with_position(lower, upper, liquidity)
            assert await read(uniswap, pool) == model
            assert await agree(uniswap, pool, rng, 20) > 5


async def test_a_dynamic_fee_is_the_one_in_force() -> None:
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(DYNAMIC_FEE, 60, 1 << 96, FREE_HOOK, (100, 200))
        await uniswap.provide([pool.position(-600, 600, 10**20)])
        got = []
        for fee in (0, 3000, 250_000):
            await uniswap.set_lp_fee(pool, fee)
            assert (await uniswap.state(pool)).lp_fee == fee
            assert await agree(uniswap, pool, Random(fee), 20) > 5
            sale = (await read(uniswap, pool)).exact_in(10**15, sell=True)
            assert sale is not None
            got.append(sale.amount_out)
        assert got == sorted(got, reverse=True)


async def test_where_all_is_fee_nothing_can_be_had() -> None:
    async with contracts() as uniswap:
        # 99.9999 % to the providers and 0.1 % to the protocol are all of token0 in, yet not of token1 in.
        pool = await uniswap.create_pool(PIPS - 1, 60, 1 << 96, protocol=(1000, 0))
        await uniswap.provide([pool.position(-600, 600, 10**20)])
        model = await read(uniswap, pool)
        assert model.fee_ratio(sell=True) == 1.0
        for exact_in in (True, False):
            order = Order(True, exact_in, 10**15)
            (answer,) = await uniswap.node.calls([uniswap.quote(pool, *order)])
            assert answer is None or answer[0] == 0
            assert computed(model, order) is None
            order = Order(False, exact_in, 10**15)
            (answer,) = await uniswap.node.calls([uniswap.quote(pool, *order)])
            swap = computed(model, order)
            assert answer is not None
            assert swap is not None
            assert answer[0] == amount_of(swap, not exact_in) > 0


async def test_hooks_that_cannot_touch_a_swap_change_no_quote() -> None:
    async with contracts() as uniswap:
        hook = await uniswap.place_hook("MockHooks", LIQUIDITY_HOOKS)
        pool = await uniswap.create_pool(3000, 60, 1 << 96, hook.address)
        await uniswap.provide([pool.position(-600, 600, 10**20), pool.position(-60, 120, 10**21)])
        assert await agree(uniswap, pool, Random(5), 30) > 10
        assert await trade(uniswap, pool, Random(6), 10) > 5


async def quoted(uniswap: Contracts, pool: PoolV4) -> tuple[int, int]:
    """What really comes out for a sale, and what would if the hook were not there."""
    (answer,) = await uniswap.node.calls([uniswap.quote(pool, True, True, 10**15)])
    state = await uniswap.state(pool)
    swap = model_of(replace(state, hooks=NO_HOOKS, fee=state.lp_fee)).swap_in(10**15, True)
    assert answer is not None
    assert swap is not None
    return answer[0], swap.amount_out


async def refusal(uniswap: Contracts, pool: PoolV4) -> str:
    """Why the program does not quote the pool."""
    with pytest.raises(PoolError) as refused:
        decode(encode(await uniswap.state(pool)))
    assert refused.value.reason == "not_quotable"
    return refused.value.detail


async def test_a_hook_that_takes_a_part_of_each_swap_makes_the_pool_not_quotable() -> None:
    async with contracts() as uniswap:
        flags = AFTER_SWAP | AFTER_SWAP_DELTA
        hook = await uniswap.place_hook("FeeTakingHook", flags, uniswap.manager.address)
        pool = await uniswap.create_pool(3000, 60, 1 << 96, hook.address)
        await uniswap.provide([pool.position(-600, 600, 10**20)])
        real, without = await quoted(uniswap, pool)
        assert real == without - without * 123 // 10_000  # the hook keeps 1.23 %
        assert await refusal(uniswap, pool) == (
            f"the hook {hook.address} may act after a swap, take or give a part of what the swap leaves"
        )


async def test_a_hook_that_sets_the_fee_of_each_swap_makes_the_pool_not_quotable() -> None:
    async with contracts() as uniswap:
        hook = await uniswap.place_hook("DynamicReturnFeeTestHook", BEFORE_SWAP)
        pool = await uniswap.create_pool(DYNAMIC_FEE, 60, 1 << 96, hook.address)
        await uniswap.provide([pool.position(-600, 600, 10**20)])
        await uniswap.node.send(hook.functions.setFee(100_000))
        assert (await uniswap.state(pool)).lp_fee == 0
        real, without = await quoted(uniswap, pool)
        assert real == pytest.approx(without * 0.9, rel=1e-4)
        assert await refusal(uniswap, pool) == (
            f"the hook {hook.address} may act before a swap, set the fee of each swap"
        )
