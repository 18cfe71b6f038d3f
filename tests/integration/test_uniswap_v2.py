"""Constant product pools beside Uniswap v2's own contracts: quotes and real swaps, to the last unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import pytest

from bot.pools import ConstantProduct, ConstantProductState, Swap, TransferFee, decode, encode
from bot.pools.constant_product import MOST
from tests.fixtures.anvil import ERC20, running_anvil
from tests.fixtures.anvil_v2 import DEFLATING, Pair, Traded, UniswapV2, traded

FEE = 3000
GAS = 400_000


class Order(NamedTuple):
    """``sell`` puts token0 in; ``amount`` goes in if ``exact_in``, else it must come out."""

    sell: bool
    exact_in: bool
    amount: int


@asynccontextmanager
async def contracts() -> AsyncIterator[UniswapV2]:
    async with running_anvil() as node:
        yield await UniswapV2.deploy(node)


def drawn(rng: Random) -> ConstantProduct:
    """Reserves of any magnitude, some at the very limits, as every reader gets them: by JSON."""
    first, second = (
        rng.choice((1, 2, MOST - 1, MOST)) if rng.random() < 0.1 else magnitude(rng, MOST) for _ in range(2)
    )
    state = ConstantProductState(
        token_reserve=str(first), quote_reserve=str(second), decimals=(18, 6), fee_pips=FEE
    )
    pool = decode(encode(state)).pool
    assert isinstance(pool, ConstantProduct)
    return pool


def magnitude(rng: Random, most: int) -> int:
    """At most ``most``, all numbers of bits alike."""
    return min(rng.getrandbits(rng.randint(1, most.bit_length())) + 1, most)


def orders(pool: ConstantProduct, rng: Random) -> Iterator[Order]:
    """Any size, such as the pool can fill, and such as lie a unit beside what it can."""
    while True:
        sell, exact_in = rng.random() < 0.5, rng.random() < 0.5
        reserve_in, reserve_out = (
            (pool.token_reserve, pool.quote_reserve) if sell else (pool.quote_reserve, pool.token_reserve)
        )
        edge = MOST - reserve_in if exact_in else reserve_out
        usual = reserve_in if exact_in else reserve_out
        draw = rng.random()
        if draw < 0.1:
            amount = edge + rng.choice((-1, 0, 1))
        elif draw < 0.3:
            amount = magnitude(rng, MOST)
        else:
            amount = int(usual * 10 ** rng.uniform(-9, 0.5))
        yield Order(sell, exact_in, max(amount, 1))


def computed(pool: ConstantProduct, order: Order) -> Swap | None:
    return (pool.exact_in if order.exact_in else pool.exact_out)(order.amount, order.sell)


async def compare_formulas(seed: int, count: int) -> int:
    """``getAmountOut`` and ``getAmountIn`` of random reserves; how many gave an amount."""
    rng = Random(seed)
    async with contracts() as uniswap:
        asked = []
        for _ in range(count):
            pool = drawn(rng)
            asked.append((pool, next(orders(pool, rng))))
        answers = await uniswap.node.calls([formula(uniswap, pool, order) for pool, order in asked])
    filled = 0
    for (pool, order), answer in zip(asked, answers, strict=True):
        swap = computed(pool, order)
        if swap is None:
            assert answer is None or refused(pool, order, answer[0]), (pool, order, answer)
        else:
            assert answer == [swap.amount_out if order.exact_in else swap.amount_in], (pool, order)
            filled += 1
    return filled


def formula(uniswap: UniswapV2, pool: ConstantProduct, order: Order) -> tuple[str, str]:
    reserves = (pool.token_reserve, pool.quote_reserve)
    name = "getAmountOut" if order.exact_in else "getAmountIn"
    return uniswap.formula(name, order.amount, *(reserves if order.sell else reserves[::-1]))


def refused(pool: ConstantProduct, order: Order, answer: int) -> bool:
    """Whether the pair would revert what the formula, which knows no limits, answers."""
    taken, given = (order.amount, answer) if order.exact_in else (answer, order.amount)
    return given == 0 or taken + (pool.token_reserve if order.sell else pool.quote_reserve) > MOST


async def test_a_few_hundred_quotes_are_what_the_router_says() -> None:
    assert await compare_formulas(seed=1, count=400) > 250


async def compare_swaps(seed: int, pairs: int, rounds: int, swaps: int) -> tuple[int, int]:
    """Real swaps through the router, one after another from random reserves; how many were done, and how many
    were refused by both."""
    rng = Random(seed)
    done = refusals = 0
    async with contracts() as uniswap:
        made = [await uniswap.pair() for _ in range(pairs)]
        for _ in range(rounds):
            begun = []
            for pair in made:
                pool = drawn(rng)
                await uniswap.set_reserves(pair, pool.token_reserve, pool.quote_reserve)
                begun.append((pair, pool))
            planned = [step for pair, pool in begun for step in plan(pair, pool, rng, swaps)]
            receipts = await uniswap.node.one_block(
                [sent(uniswap, pair, order) for pair, order, _ in planned], gas=GAS
            )
            for (pair, order, expected), receipt in zip(planned, receipts, strict=True):
                assert traded(receipt) == expected, (seed, pair.address, order)
                done, refusals = done + (expected is not None), refusals + (expected is None)
    return done, refusals


def plan(
    pair: Pair, pool: ConstantProduct, rng: Random, count: int
) -> Iterator[tuple[Pair, Order, Traded | None]]:
    """Orders on one pool, each with what should come of it."""
    for _ in range(count):
        order = next(orders(pool, rng))
        swap = computed(pool, order)
        if swap is None:
            yield pair, order, None
            continue
        after = moved(pool, swap, order.sell)
        assert not order.exact_in or pool.after(order.amount, order.sell) == after
        pool = after
        yield pair, order, Traded(swap.amount_in, swap.amount_out, (pool.token_reserve, pool.quote_reserve))


def moved(pool: ConstantProduct, swap: Swap, sell: bool) -> ConstantProduct:
    token, quote = (swap.amount_in, -swap.amount_out) if sell else (-swap.amount_out, swap.amount_in)
    return ConstantProduct(pool.token_reserve + token, pool.quote_reserve + quote, pool.fee_pips)


def sent(uniswap: UniswapV2, pair: Pair, order: Order) -> tuple[str, str]:
    call = uniswap.exact_in if order.exact_in else uniswap.exact_out
    return call(pair, 0 if order.sell else 1, order.amount)


async def test_real_swaps_leave_the_reserves_that_were_computed() -> None:
    done, refusals = await compare_swaps(seed=2, pairs=4, rounds=3, swaps=15)
    assert done > 100
    assert refusals > 10


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_three_thousand_real_swaps_leave_the_reserves_that_were_computed() -> None:
    done, refusals = await compare_swaps(seed=3, pairs=25, rounds=20, swaps=9)
    print(f"v2: {done} real swaps equal, {refusals} refused by both")
    assert done > 3000


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_three_thousand_quotes_are_what_the_router_says() -> None:
    filled = await compare_formulas(seed=4, count=5000)
    print(f"v2: {filled} quotes equal")
    assert filled > 3000


async def test_the_routers_quote_for_a_pair_is_the_same_as_ours_for_its_reserves() -> None:
    rng = Random(5)
    async with contracts() as uniswap:
        pair = await uniswap.pair()
        pool = ConstantProduct(10**24, 223 * 10**12, FEE)
        await uniswap.set_reserves(pair, pool.token_reserve, pool.quote_reserve)
        asked = [order for order, _ in zip(orders(pool, rng), range(40), strict=False)]
        answers = await uniswap.node.calls(
            [
                (uniswap.amounts_out if order.exact_in else uniswap.amounts_in)(
                    pair, 0 if order.sell else 1, order.amount
                )
                for order in asked
            ]
        )
    for order, answer in zip(asked, answers, strict=True):
        swap = computed(pool, order)
        if swap is not None:
            assert answer is not None
            assert answer[-2:] == [swap.amount_in, swap.amount_out]


async def test_a_balance_above_the_reserve_changes_no_quote_and_can_be_taken_by_anybody() -> None:
    async with contracts() as uniswap:
        pair = await uniswap.pair()
        pool = ConstantProduct(10**20, 10**20, FEE)
        await uniswap.set_reserves(pair, pool.token_reserve, pool.quote_reserve)
        await uniswap.set_balance(pair.tokens[0], pair.address, pool.token_reserve + 10**18)
        (answer,) = await uniswap.node.calls([uniswap.amounts_out(pair, 1, 10**18)])
        swap = pool.exact_in(10**18, sell=False)
        assert answer is not None
        assert swap is not None
        assert answer[-1] == swap.amount_out
        await uniswap.node.send(pair.contract.functions.skim(uniswap.node.accounts[5]))
        (receipt,) = await uniswap.node.one_block([uniswap.exact_in(pair, 1, 10**18)], gas=GAS)
        after = pool.after(10**18, sell=False)
        assert after is not None
        left = (after.token_reserve, after.quote_reserve)
        assert traded(receipt) == Traded(10**18, swap.amount_out, left)


async def test_a_balance_below_the_reserve_stops_swaps_until_sync_and_then_the_balance_counts() -> None:
    async with contracts() as uniswap:
        pair = await uniswap.pair()
        await uniswap.set_reserves(pair, 10**20, 10**20)
        shrunk = 99 * 10**18
        await uniswap.set_balance(pair.tokens[0], pair.address, shrunk)
        order = uniswap.exact_in(pair, 0, 10**17)
        (receipt,) = await uniswap.node.one_block([order], gas=GAS)
        assert traded(receipt) is None
        await uniswap.node.send(pair.contract.functions.sync())
        assert await uniswap.reserves(pair) == (shrunk, 10**20)
        pool = ConstantProduct(shrunk, 10**20, FEE)
        swap, after = pool.exact_in(10**17, sell=True), pool.after(10**17, sell=True)
        assert swap is not None
        assert after is not None
        (receipt,) = await uniswap.node.one_block([order], gas=GAS)
        left = (after.token_reserve, after.quote_reserve)
        assert traded(receipt) == Traded(10**17, swap.amount_out, left)


async def test_a_token_that_burns_of_each_transfer_is_quoted_by_what_arrives() -> None:
    rng = Random(6)
    async with contracts() as uniswap:
        node, trader = uniswap.node, uniswap.node.accounts[0]
        token = await node.create(DEFLATING, 10**30)
        quote = await node.create(ERC20, "B", "B", 10**30, trader)
        pair = await uniswap.pair_of(token, quote)
        for each in (token, quote):
            await node.send(each.functions.transfer(pair.address, 10**21))
        await node.send(pair.contract.functions.sync())
        index = pair.tokens.index(token.address)
        for _ in range(30):
            reserves = await uniswap.reserves(pair)
            pool = ConstantProductState(
                token_reserve=str(reserves[index]), quote_reserve=str(reserves[1 - index]), decimals=(18, 18),
                fee_pips=FEE, transfer_fees=(TransferFee(100, rounded_down=True), None),
            ).curve().pool  # fmt: skip
            sell, amount = rng.random() < 0.5, int(10 ** rng.uniform(3, 20))
            swap = pool.exact_in(amount, sell)
            out = quote if sell else token
            before = await out.functions.balanceOf(trader).call()
            order = uniswap.exact_in_taxed(pair, index if sell else 1 - index, amount)
            (receipt,) = await node.one_block([order])
            got = await out.functions.balanceOf(trader).call() - before
            assert traded(receipt) is not None
            assert swap is not None
            assert swap.amount_out == got
