"""Raydium's pools, whatever their numbers: no free round trip, quotes that come true, more for more."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.pools import RawPool, RaydiumClmm, RaydiumClmmState, RaydiumProduct, decode, encode
from bot.pools.raydium_ladder import Steps
from bot.pools.raydium_math import U64
from bot.pools.raydium_product import ProductFees
from tests.fixtures.raydium_pools import random_orders, random_state

randoms = st.integers(0, 1 << 48).map(Random)


@st.composite
def clmms(draw: st.DrawFn) -> RaydiumClmm:
    state = random_state(draw(randoms), dynamic=draw(st.booleans()), orders=draw(st.booleans()))
    pool = state.pool()
    return replace(pool, token_index=draw(st.integers(0, 1)))


@st.composite
def products(draw: st.DrawFn) -> RaydiumProduct:
    amount = st.integers(1, 10**12) | st.integers(1, U64)
    fees = ProductFees(
        trade=draw(st.integers(1, 500_000)),
        unit=1_000_000,
        creator=draw(st.integers(0, 400_000)),
        creator_on=draw(st.integers(0, 2)),
        protocol=draw(st.integers(0, 500_000)),
        fund=draw(st.integers(0, 500_000)),
    )
    return RaydiumProduct((draw(amount), draw(amount)), fees, draw(st.integers(0, 1)))


pools = clmms() | products()
amounts = st.integers(1, 10**6) | st.integers(1, 10**13) | st.integers(1, U64)


@given(pools, amounts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_there_and_back_is_never_a_gain(pool: RawPool, amount: int, sell: bool) -> None:
    there = pool.exact_in(amount, sell)
    after = pool.after(amount, sell)
    assert (there is None) == (after is None)
    if there is None or after is None:
        return
    back = after.exact_in(there.amount_out, not sell)
    assert back is None or back.amount_out <= amount


@given(pools, amounts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_pool_after_a_swap_stands_at_the_price_that_was_quoted(
    pool: RawPool, amount: int, sell: bool
) -> None:
    quoted, after = pool.exact_in(amount, sell), pool.after(amount, sell)
    if quoted is not None and after is not None:
        assert after.price() == quoted.price_after
        assert (quoted.price_after <= pool.price()) if sell else (quoted.price_after >= pool.price())


@given(pools, amounts, st.integers(1, 10**12), st.booleans())
@settings(max_examples=100, deadline=None)
def test_more_in_is_never_less_out_and_more_out_never_less_in(
    pool: RawPool, amount: int, more: int, sell: bool
) -> None:
    for ask in (pool.exact_in, pool.exact_out):
        less, greater = ask(amount, sell), ask(amount + more, sell)
        if less is not None and greater is not None:
            assert greater.amount_in >= less.amount_in
            assert greater.amount_out >= less.amount_out


@given(pools, amounts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_exact_out_asks_for_brings_at_least_that(pool: RawPool, amount: int, sell: bool) -> None:
    wanted = pool.exact_out(amount, sell)
    if wanted is None:
        return
    got = pool.exact_in(wanted.amount_in, sell)
    dynamic = isinstance(pool, RaydiumClmm) and pool.dynamic_fee is not None
    # A dynamic fee is another one for the part of an exact-in swap that pays the fee itself.
    assert dynamic or got is None or got.amount_out >= amount


@given(pools, amounts, st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_cost_is_convex_but_for_rounding(pool: RawPool, amount: int, sell: bool) -> None:
    """The second half of an amount buys no more than the first, and what rounding leaves of either: a unit of
    what comes out, and what a unit that goes in brings, for each step there is. A dynamic fee may fall as the
    price comes back to where it was."""
    if isinstance(pool, RaydiumClmm) and pool.dynamic_fee is not None:
        pool = replace(pool, dynamic_fee=None)
    half, whole = pool.exact_in(amount, sell), pool.exact_in(2 * amount, sell)
    if half is not None and whole is not None:
        steps = 2 if isinstance(pool, RaydiumProduct) else len(edges(pool)) + 3
        unit = max(pool.price(), half.price_after) if sell else max(1 / pool.price(), 1 / half.price_after)
        assert whole.amount_out - 2 * half.amount_out <= steps * (2 + 2 * unit) + 1e-15 * whole.amount_out


def edges(pool: RawPool) -> list[int]:
    assert isinstance(pool, RaydiumClmm)
    return pool.ladder.steps(True).edges


@given(pools, st.floats(0.01, 100), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_swap_to_a_price_does_not_pass_it(pool: RawPool, ratio: float, sell: bool) -> None:
    target = pool.price() * (min(ratio, 1 / ratio) if sell else max(ratio, 1 / ratio))
    swap = pool.to_price(target, sell)
    if swap is None:
        return
    tiny = 1e-14 if isinstance(pool, RaydiumClmm) else 0
    assert swap.price_after >= target * (1 - tiny) if sell else swap.price_after <= target * (1 + tiny)
    if swap.amount_in < U64:
        again = pool.exact_in(swap.amount_in, sell)
        assert again is not None
        assert again.amount_out >= swap.amount_out


@given(products(), st.floats(0.01, 100), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_unit_more_than_to_a_price_passes_it(pool: RaydiumProduct, ratio: float, sell: bool) -> None:
    target = pool.price() * (min(ratio, 1 / ratio) if sell else max(ratio, 1 / ratio))
    swap = pool.to_price(target, sell)
    beyond = None if swap is None else pool.exact_in(swap.amount_in + 1, sell)
    if beyond is not None:
        assert (
            beyond.price_after < target * (1 + 1e-15) if sell else beyond.price_after > target * (1 - 1e-15)
        )


@given(clmms(), randoms)
@settings(max_examples=100, deadline=None)
def test_skipping_whole_steps_is_going_through_them(pool: RaydiumClmm, rng: Random) -> None:
    orders = list(random_orders(rng, pool, 6))
    skipped = [pool.swap(order.amount, order.zero_for_one, order.exact_in) for order in orders]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steps, "skip", lambda _steps, at, _remaining, _exact_in: at)
        walked = [pool.swap(order.amount, order.zero_for_one, order.exact_in) for order in orders]
    assert skipped == walked


@given(randoms, st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_state_survives_its_json(rng: Random, dynamic: bool, orders: bool) -> None:
    state = random_state(rng, dynamic=dynamic, orders=orders)
    pool = decode(encode(state)).pool
    assert isinstance(state, RaydiumClmmState)
    assert isinstance(pool, RaydiumClmm)
    assert replace(pool, ladder=None) == replace(state.pool(), ladder=None)
    assert pool.ladder is state.pool().ladder
