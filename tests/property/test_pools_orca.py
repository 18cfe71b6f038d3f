"""What holds of every Whirlpool, whatever its positions and fees: more for more, nothing for nothing."""

from __future__ import annotations

import random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pools import OrcaWhirlpool, decode_state, encode
from bot.pools.orca_math import Q64
from tests.fixtures.orca_pools import random_state


class Case(NamedTuple):
    """A pool, and two amounts to swap one way."""

    pool: OrcaWhirlpool
    a_to_b: bool
    first: int
    second: int


AMOUNT = st.integers(0, 48).flatmap(lambda bits: st.integers(1 << bits, (2 << bits) - 1))


@st.composite
def cases(draw: st.DrawFn, adaptive: bool | None = None) -> Case:
    state = random_state(random.Random(draw(st.integers(0, 1 << 32))), adaptive)
    return Case(state.pool(), draw(st.booleans()), draw(AMOUNT), draw(AMOUNT))


@given(cases())
def test_more_in_gives_no_less_and_moves_the_price_no_less(case: Case) -> None:
    pool, a_to_b, amount, more = case
    small, large = pool.swap_in(amount, a_to_b), pool.swap_in(amount + more, a_to_b)
    if large is None:
        return
    assert small is not None
    assert small.amount_out <= large.amount_out
    moves = (pool.sqrt_price, small.sqrt_price, large.sqrt_price)
    assert list(moves) == sorted(moves, reverse=a_to_b)


@given(cases())
def test_more_out_costs_no_less(case: Case) -> None:
    pool, a_to_b, amount, more = case
    small, large = pool.swap_out(amount, a_to_b), pool.swap_out(amount + more, a_to_b)
    if large is not None:
        assert small is not None
        assert small.amount_in <= large.amount_in


@given(cases())
def test_what_exact_out_costs_buys_as_much(case: Case) -> None:
    pool, a_to_b, amount, _ = case
    asked = pool.swap_out(amount, a_to_b)
    given = None if asked is None else pool.swap_in(asked.amount_in, a_to_b)
    if asked is not None and given is not None:
        assert given.amount_out >= amount


@given(cases(adaptive=False))
def test_each_further_unit_gives_no_more(case: Case) -> None:
    pool, a_to_b, start, step = case
    outs = [pool.swap_in(start + at * step, a_to_b) for at in range(3)]
    first, second, third = (None if swap is None else swap.amount_out for swap in outs)
    if first is not None and second is not None and third is not None:
        # Each step may round away a unit of either token.
        price = (pool.sqrt_price / Q64) ** 2
        unit = 1 + int(price if a_to_b else 1 / price) + 1
        assert third - second <= second - first + (len(pool.ladder.ticks) + 2) * unit


@given(cases())
def test_no_round_trip_pays(case: Case) -> None:
    pool, a_to_b, amount, _ = case
    there = pool.swap_in(amount, a_to_b)
    if there is None or there.amount_out == 0:
        return
    back = pool.moved(there).swap_in(there.amount_out, not a_to_b)
    if back is not None:
        assert back.amount_out <= amount


@given(cases())
def test_two_swaps_give_no_more_than_one(case: Case) -> None:
    pool, a_to_b, first, second = case
    once, begun = pool.swap_in(first + second, a_to_b), pool.swap_in(first, a_to_b)
    if once is None or begun is None:
        return
    ended = pool.moved(begun).swap_in(second, a_to_b)
    if ended is not None:
        assert begun.amount_out + ended.amount_out <= once.amount_out
        assert (ended.sqrt_price >= once.sqrt_price) if a_to_b else (ended.sqrt_price <= once.sqrt_price)


@given(cases())
def test_a_quote_and_the_pool_after_it_agree(case: Case) -> None:
    pool, a_to_b, amount, _ = case
    sell = a_to_b == (pool.token_index == 0)
    quoted, after = pool.exact_in(amount, sell), pool.after(amount, sell)
    assert (quoted is None) == (after is None)
    if quoted is not None and after is not None:
        assert after.price() == quoted.price_after
        assert after.ladder is pool.ladder


@given(cases(), st.floats(0.7, 1.4))
def test_a_swap_to_a_price_ends_there_or_where_nothing_is_left(case: Case, ratio: float) -> None:
    pool, a_to_b, _, more = case
    target = int(pool.sqrt_price * ratio)
    swap = pool.swap_to(target, a_to_b)
    if swap is None:
        return
    assert min(target, pool.sqrt_price) <= swap.sqrt_price <= max(target, pool.sqrt_price)
    beyond = pool.swap_in(swap.amount_in + more, a_to_b) if swap.sqrt_price != target else None
    assert beyond is None


@settings(max_examples=50)
@given(st.integers(0, 1 << 32))
def test_a_state_survives_its_json(seed: int) -> None:
    state = random_state(random.Random(seed))
    again = decode_state(encode(state))
    assert again == state
    assert state.pool().price() == again.pool().price() > 0


@given(cases())
def test_asking_again_answers_the_same(case: Case) -> None:
    pool, a_to_b, first, second = case
    fresh = OrcaWhirlpool(
        pool.sqrt_price, pool.tick, pool.liquidity, pool.ladder, pool.token_index, pool.adaptive_fee
    )
    pool.swap_out(second, a_to_b)
    pool.swap_to(pool.sqrt_price // 2 if a_to_b else pool.sqrt_price * 2 % (Q64 << 31), a_to_b)
    assert pool.swap_in(first, a_to_b) == fresh.swap_in(first, a_to_b)
    assert pool.swap_out(first, a_to_b) == fresh.swap_out(first, a_to_b)
