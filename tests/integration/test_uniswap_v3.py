"""The pool mathematics beside the contracts themselves: QuoterV2 and real swaps, to the last unit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

import pytest
from web3.logs import DISCARD

from bot.pools import PoolCurve, UniswapV3, UniswapV3State, V3Swap, decode, encode
from bot.pools.ladder import LIMITS
from bot.pools.tick_math import MAX_TICK, sqrt_at_tick
from tests.fixtures.anvil import FOREVER, SPACING, UNIT, Pool, Quote, Uniswap, running_anvil


class Market(NamedTuple):
    """A pool to make. ``wide`` says whether a position over all prices lies under the others."""

    fee: int
    price: float
    token_decimals: int
    quote_decimals: int
    positions: int
    wide: bool


MARKETS = (
    Market(100, 1.0003, 18, 18, 12, True),
    Market(500, 223.0, 18, 6, 20, True),
    Market(3000, 316.5, 18, 18, 12, False),
    Market(3000, 0.0045, 6, 18, 8, True),
    Market(10_000, 223.0, 18, 6, 10, False),
)


class Order(NamedTuple):
    """A question to both: ``amount`` in if ``exact_in``, else out."""

    zero_for_one: bool
    exact_in: bool
    amount: int


@asynccontextmanager
async def contracts() -> AsyncIterator[Uniswap]:
    async with running_anvil() as node:
        yield await Uniswap.deploy(node)


async def made(uniswap: Uniswap, market: Market, rng: Random) -> Pool:
    """The pool with overlapping positions of $50 to $1 million, drawn anew."""
    token = await uniswap.token("AMZNx", market.token_decimals)
    quote = await uniswap.token("USDC", market.quote_decimals)
    pool = await uniswap.create_pool(market.fee, market.price, token=token, quote=quote)
    spacing = SPACING[market.fee]
    centre = (await uniswap.state(pool)).tick // spacing
    edge = MAX_TICK // spacing
    if market.wide:
        await provide(uniswap, pool, market, -edge, edge, 1000.0)
    for _ in range(market.positions):
        near, far = (int(10 ** rng.uniform(0, 3)) for _ in range(2))
        middle = centre + rng.randint(-200, 200)
        lower, upper = max(middle - near, -edge), min(middle + far, edge)
        await provide(uniswap, pool, market, lower, upper, 10 ** rng.uniform(1.7, 6))
    return pool


async def provide(uniswap: Uniswap, pool: Pool, market: Market, lower: int, upper: int, usd: float) -> None:
    """A position of at most ``usd`` on each side; its edges in multiples of the spacing."""
    amounts = [int(usd / market.price * 10**market.token_decimals), int(usd * 10**market.quote_decimals)]
    if pool.index == 1:
        amounts.reverse()
    spacing = SPACING[pool.fee]
    await uniswap.provide(pool, lower * spacing, upper * spacing, *amounts)


async def read(uniswap: Uniswap, pool: Pool) -> tuple[UniswapV3State, UniswapV3]:
    """The state on chain, and the pool made of it the way every reader makes it: by its JSON."""
    state = await uniswap.state(pool)
    return state, raw(decode(encode(state)))


def raw(curve: PoolCurve) -> UniswapV3:
    assert isinstance(curve.pool, UniswapV3)
    return curve.pool


def orders(pool: UniswapV3, rng: Random, count: int) -> Iterator[Order]:
    """Amounts of all magnitudes, past what the pool holds, and such as end at a tick or a unit beside it."""
    for _ in range(count):
        zero_for_one, exact_in = rng.random() < 0.5, rng.random() < 0.5
        edges = pool.ladder.steps(zero_for_one).edges
        most = pool.swap_to(edges[-1], zero_for_one)
        reach = 1 if most is None else amount_of(most, exact_in)
        amount = int(rng.uniform(1, 2) * 10 ** rng.uniform(0, len(str(reach))))
        if rng.random() < 0.4:
            initialised = [sqrt_at_tick(tick) for tick, _ in pool.ladder.ticks]
            to_edge = pool.swap_to(rng.choice(rng.choice((edges, initialised))), zero_for_one)
            if to_edge is not None:
                amount = amount_of(to_edge, exact_in) + rng.choice((-1, 0, 1))
        yield Order(zero_for_one, exact_in, max(amount, 1))


def amount_of(swap: V3Swap, exact_in: bool) -> int:
    return swap.amount_in if exact_in else swap.amount_out


async def told(uniswap: Uniswap, pool: Pool, order: Order) -> Quote | None:
    """By QuoterV2, ``None`` where the pool cannot fill the order."""
    token_in = pool.tokens[0 if order.zero_for_one else 1]
    ask = uniswap.quote_exact_in if order.exact_in else uniswap.quote_exact_out
    quote = await ask(pool, token_in, order.amount)
    if quote is None or not order.exact_in or quote.sqrt_price_after not in LIMITS:
        return quote
    most = await uniswap.quote_exact_out(pool, token_in, 2**127, limit=quote.sqrt_price_after)
    return quote if most is not None and order.amount <= most.amount else None


def computed(state: UniswapV3State, pool: UniswapV3, order: Order) -> Quote | None:
    """By the program."""
    swap = (pool.swap_in if order.exact_in else pool.swap_out)(order.amount, order.zero_for_one)
    if swap is None:
        return None
    assert amount_of(swap, order.exact_in) == order.amount
    return Quote(amount_of(swap, not order.exact_in), swap.sqrt_price, crossed(state, swap.tick))


def crossed(state: UniswapV3State, after: int) -> int:
    """Ticks between, as ``PoolTicksCounter`` of ``@uniswap/v3-periphery`` counts them: division is towards
    nothing there, so it also counts a tick just short of where the price is."""
    initialised = {tick for tick, _ in state.ticks}
    first, last = sorted(int(tick / state.tick_spacing) for tick in (state.tick, after))
    count = sum(first <= tick // state.tick_spacing <= last for tick in initialised)
    lower = min(state.tick, after)
    return count - (state.tick != after and lower in initialised)


async def agree(uniswap: Uniswap, pool: Pool, rng: Random, count: int) -> int:
    """Compare ``count`` quotes; how many of them the pool could fill."""
    state, model = await read(uniswap, pool)
    asked = list(orders(model, rng, count))
    gate = asyncio.Semaphore(16)

    async def answer(order: Order) -> Quote | None:
        async with gate:
            return await told(uniswap, pool, order)

    # Compared when all are there: web3 does not survive that a request is cancelled.
    answers = await asyncio.gather(*(answer(order) for order in asked))
    for order, want in zip(asked, answers, strict=True):
        assert computed(state, model, order) == want, (order, state)
    return sum(want is not None for want in answers)


async def move(uniswap: Uniswap, pool: Pool, rng: Random) -> None:
    """Trade to another price: one between ticks, exactly that of a tick, or one outside all positions."""
    state, model = await read(uniswap, pool)
    ticks, spacing = [tick for tick, _ in state.ticks], state.tick_spacing
    aim = rng.random()
    if aim < 0.5:
        tick = min(max(state.tick + rng.randint(-60, 60) * spacing + 1, ticks[0] + 1), ticks[-1] - 1)
    elif aim < 0.8 or ticks[-1] > MAX_TICK - 10 * spacing:
        tick = min(ticks[1:-1], key=lambda edge: abs(edge - state.tick - rng.randint(-99, 99) * spacing))
    else:
        tick = rng.choice((ticks[0] - 7 * spacing, ticks[-1] + 7 * spacing))
    if sqrt_at_tick(tick) != model.sqrt_price:
        await uniswap.swap_to_sqrt(pool, sqrt_at_tick(tick))


async def compare_all(seed: int, states: int, quotes: int) -> int:
    """Every market in several states; how many quotes could be filled."""
    rng = Random(seed)
    filled = 0
    async with contracts() as uniswap:
        for market in MARKETS:
            pool = await made(uniswap, market, rng)
            for _ in range(states):
                filled += await agree(uniswap, pool, rng, quotes)
                await move(uniswap, pool, rng)
    return filled


async def test_a_few_hundred_quotes_are_what_the_quoter_says() -> None:
    assert await compare_all(seed=1, states=4, quotes=20) > 250


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_quotes_are_what_the_quoter_says() -> None:
    assert await compare_all(seed=2, states=20, quotes=150) > 10_000


async def swap_all(seed: int, swaps: int) -> int:
    """Real swaps in every market, one after another; how many of them could be made."""
    rng = Random(seed)
    count = 0
    async with contracts() as uniswap:
        for market in MARKETS:
            pool = await made(uniswap, market, rng)
            _, model = await read(uniswap, pool)
            for _ in range(swaps):
                (order,) = orders(model, rng, 1)
                before, model = model, await traded(uniswap, pool, model, order)
                count += model is not before
            assert (await read(uniswap, pool))[1] == model
    return count


async def test_real_swaps_one_after_another_leave_the_states_that_were_computed() -> None:
    assert await swap_all(seed=3, swaps=8) > 20


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_thousand_real_swaps_leave_the_states_that_were_computed() -> None:
    assert await swap_all(seed=6, swaps=300) > 1_000


async def traded(uniswap: Uniswap, pool: Pool, model: UniswapV3, order: Order) -> UniswapV3:
    """The pool after the order, if it can be filled and paid: on chain, and computed."""
    swap = (model.swap_in if order.exact_in else model.swap_out)(order.amount, order.zero_for_one)
    token_in = pool.tokens[0 if order.zero_for_one else 1]
    if swap is None or swap.amount_in > await uniswap.balance(token_in):
        return model
    trade = uniswap.swap if order.exact_in else uniswap.swap_exact_out
    assert done(pool, await trade(pool, token_in, order.amount)) == swap, order
    return model.moved(swap)


def done(pool: Pool, receipt: Any) -> V3Swap:
    """The swap as the pool's own event tells it."""
    (event,) = pool.contract.events.Swap().process_receipt(receipt, errors=DISCARD)
    told = event.args
    paid, got = max(told.amount0, told.amount1), -min(told.amount0, told.amount1)
    return V3Swap(paid, got, told.sqrtPriceX96, told.tick, told.liquidity)


async def test_a_swap_to_a_price_is_the_contracts_swap_with_that_limit() -> None:
    rng = Random(4)
    async with contracts() as uniswap:
        for market in MARKETS:
            pool = await made(uniswap, market, rng)
            state, model = await read(uniswap, pool)
            edges = [sqrt_at_tick(tick) for tick, _ in state.ticks[1:-1]]
            for _ in range(6):
                target = rng.choice(edges) + rng.choice((-1, 0, 0, 1))
                swap = model.swap_to(target, target < model.sqrt_price)
                if swap is not None:
                    assert done(pool, await uniswap.swap_to_sqrt(pool, target)) == swap
                    model = model.moved(swap)


async def test_at_the_ends_of_all_prices_a_swap_stops_short_of_the_tick() -> None:
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(100, 1.0)
        await uniswap.provide(pool, -MAX_TICK, MAX_TICK, UNIT, UNIT)
        state, model = await read(uniswap, pool)
        for zero_for_one, limit in zip((True, False), LIMITS, strict=True):
            last = model.swap_to(limit, zero_for_one)
            assert last is not None
            assert last.liquidity == state.liquidity
            for exact_in in (True, False):
                for beside in (-1, 0, 1):
                    order = Order(zero_for_one, exact_in, amount_of(last, exact_in) + beside)
                    assert computed(state, model, order) == await told(uniswap, pool, order), order


async def test_an_exact_out_that_rounding_takes_to_a_tick_has_crossed_it() -> None:
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(3000, 1.0)
        for lower, upper in ((-600, 600), (-60, 60)):
            await uniswap.provide(pool, lower, upper, 10**12 * UNIT, 10**12 * UNIT)
        _, model = await read(uniswap, pool)
        whole = model.swap_to(sqrt_at_tick(-60), True)
        assert whole is not None
        after = await traded(uniswap, pool, model, Order(True, False, whole.amount_out - 1))
        assert (after.sqrt_price, after.tick) == (sqrt_at_tick(-60), -61)


async def test_a_pool_bought_empty_still_takes_sales() -> None:
    market = Market(3000, 223.0, 18, 18, 0, False)
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(market.fee, market.price)
        centre = (await uniswap.state(pool)).tick // SPACING[pool.fee]
        await provide(uniswap, pool, market, centre - 5, centre + 5, 54.0)
        await uniswap.swap(pool, pool.quote, 500 * UNIT)
        state, model = await read(uniswap, pool)
        assert state.liquidity == 0
        assert model.exact_in(1, sell=False) is None
        for exact_in in (True, False):
            for amount in (1, 1000, UNIT // 100, 50 * UNIT, 5000 * UNIT):
                order = Order(pool.index == 0, exact_in, amount)
                assert computed(state, model, order) == await told(uniswap, pool, order)
        sale = decode(encode(state)).sell(5.0)
        assert sale is not None
        assert 223 < sale.price < 230


async def test_a_tick_where_as_much_liquidity_begins_as_ends_is_still_a_stop() -> None:
    rng = Random(5)
    async with contracts() as uniswap:
        pool = await uniswap.create_pool(3000, 1.0)
        below = minted(uniswap, await uniswap.provide(pool, -600, 60, UNIT, UNIT))
        above = minted(uniswap, await uniswap.provide(pool, 60, 600, 100 * UNIT, 100 * UNIT))
        excess = (above.tokenId, above.liquidity - below.liquidity, 0, 0, FOREVER)
        await uniswap.send(uniswap.positions.functions.decreaseLiquidity(excess))
        state, _ = await read(uniswap, pool)
        assert (60, 0) in state.ticks
        assert await agree(uniswap, pool, rng, 100) > 50


def minted(uniswap: Uniswap, receipt: Any) -> Any:
    """What the position manager says of a new position: ``tokenId`` and ``liquidity``."""
    (event,) = uniswap.positions.events.IncreaseLiquidity().process_receipt(receipt, errors=DISCARD)
    return event.args


async def test_five_hundred_dollars_push_a_thin_pool_past_a_hundred_shares() -> None:
    async with contracts() as uniswap:
        pool = await uniswap.thin_pool(price=223.0, usd=54.0)
        curve = decode(encode(await uniswap.state(pool)))
        before = await uniswap.balance(pool.token)
        bought = curve.buy(500.0)
        assert bought is not None
        assert done(pool, await uniswap.swap(pool, pool.quote, 500 * UNIT)) == raw(curve).swap_in(
            500 * UNIT, pool.index == 1
        )
        assert bought.tokens * UNIT == pytest.approx(await uniswap.balance(pool.token) - before, rel=1e-15)
        after = decode(encode(await uniswap.state(pool))).spot()
        assert after == pytest.approx(bought.price_after, rel=1e-15)
        assert after > 23_000
