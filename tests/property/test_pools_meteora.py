"""Meteora pools of any kind: sizes, costs, round trips, and what a swap leaves."""

from __future__ import annotations

from math import isqrt

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.pools import MeteoraDammV2State, MeteoraDlmmState, RawPool, Swap, decode_state, encode
from bot.pools.meteora_damm_v2_fee import BaseFee, DynamicFee, PriceSchedule, RateLimiter, TimeSchedule

NOW = 1_800_000_000
amounts = st.integers(0, 40).flatmap(lambda bits: st.integers(1, 1 << bits))
sides = st.booleans()


@st.composite
def dlmm_states(draw: st.DrawFn) -> MeteoraDlmmState:
    active = draw(st.integers(-200, 200))
    bins, orders = [], []
    for at in range(active - 12, active + 13):
        if draw(st.booleans()):
            y = draw(amounts) if at <= active else 0
            bins.append((at, draw(amounts) if at >= active else 0, y))
        if at != active and draw(st.integers(0, 4)) == 0:
            orders.append((at, at > active, draw(amounts), draw(amounts)))
    return MeteoraDlmmState(
        decimals=(8, 6),
        token_index=draw(st.sampled_from((0, 1))),
        bin_step=draw(st.sampled_from((1, 10, 100))),
        active_id=active,
        base_factor=draw(st.integers(0, 20_000)),
        filter_period=draw(st.sampled_from((0, 30))),
        decay_period=600,
        reduction_factor=5000,
        variable_fee_control=draw(st.sampled_from((0, 40_000))),
        max_volatility_accumulator=150_000,
        volatility_accumulator=draw(st.integers(0, 150_000)),
        volatility_reference=draw(st.integers(0, 100_000)),
        index_reference=active + draw(st.integers(-5, 5)),
        last_update_timestamp=NOW - draw(st.sampled_from((0, 10, 100, 1000))),
        timestamp=NOW,
        collect_fee_mode=draw(st.sampled_from((0, 1))),
        bins=bins,
        orders=orders,
    )


def base_fees(only_b: bool) -> st.SearchStrategy[BaseFee]:
    cliffs = st.integers(100_000, 300_000_000)
    schedules = st.builds(
        TimeSchedule, cliffs, st.integers(1, 100), st.integers(1, 600), st.just(50), st.booleans()
    )
    prices = st.builds(
        PriceSchedule,
        cliffs,
        st.just(50),
        st.just(100),
        st.just(10**6),
        st.just(20),
        st.booleans(),
        st.just(1 << 63),
    )
    limits = st.builds(RateLimiter, cliffs, st.integers(1, 500), st.just(10**5), st.just(9000), amounts)
    return st.one_of(schedules, prices, limits) if only_b else st.one_of(schedules, prices)


@st.composite
def damm_states(draw: st.DrawFn, limited: bool = True) -> MeteoraDammV2State:
    mode = draw(st.sampled_from((0, 1, 2)))
    price = isqrt(draw(st.integers(1 << 20, 1 << 44)) << 96)
    dynamic = DynamicFee(
        1, 1_844_674_407_370_955, 900, 14_000_000, 10, 120, 5000, NOW - 30, price, 4_000_000, 100_000
    )
    return MeteoraDammV2State(
        decimals=(8, 6),
        token_index=draw(st.sampled_from((0, 1))),
        collect_fee_mode=mode,
        fee_version=1,
        base_fee=draw(base_fees(limited and mode != 0)),
        dynamic_fee=draw(st.sampled_from((None, dynamic))),
        activation_point=NOW - 10_000,
        point=NOW,
        timestamp=NOW,
        sqrt_price=price,
        sqrt_min_price=price // draw(st.integers(2, 100)),
        sqrt_max_price=price * draw(st.integers(2, 100)),
        liquidity=draw(st.integers(1 << 84, 1 << 110)),
        token_a_amount=draw(st.integers(10**6, 10**15)),
        token_b_amount=draw(st.integers(10**6, 10**15)),
        protocol_fee_percent=20,
        compounding_fee_bps=5000 if mode == 2 else 0,
    )


states = st.one_of(dlmm_states(), damm_states())


def swapped(pool: RawPool, amount: int, sell: bool) -> Swap:
    swap = pool.exact_in(amount, sell)
    assume(swap is not None)
    assert swap is not None
    return swap


@given(states)
def test_a_state_survives_json(state: MeteoraDlmmState | MeteoraDammV2State) -> None:
    assert decode_state(encode(state)) == state


@given(states, amounts, amounts, sides)
def test_more_in_gives_no_less(
    state: MeteoraDlmmState | MeteoraDammV2State, amount: int, more: int, sell: bool
) -> None:
    pool = state.pool()
    larger = swapped(pool, amount + more, sell)
    smaller = pool.exact_in(amount, sell)
    # A limiter's rate is rounded up to a billionth of the whole.
    slack = 2 + (amount + more) // 10**8
    if smaller is not None:
        assert smaller.amount_out <= larger.amount_out + slack
        assert (
            larger.price_after <= smaller.price_after if sell else larger.price_after >= smaller.price_after
        )


@given(states, amounts, amounts, sides)
def test_each_further_unit_costs_no_less(
    state: MeteoraDlmmState | MeteoraDammV2State, amount: int, more: int, sell: bool
) -> None:
    """Twice as much out costs at least twice as much in, but for rounding in each bin."""
    pool = state.pool()
    half, whole = pool.exact_out(amount, sell), pool.exact_out(2 * amount + more, sell)
    if half is not None and whole is not None:
        slack = 4 * 40 * (1 + whole.amount_in // max(whole.amount_out, 1)) + whole.amount_in // 10**8
        assert whole.amount_in + slack >= 2 * half.amount_in


@given(dlmm_states(), amounts, sides)
def test_no_round_trip_through_bins_is_free(state: MeteoraDlmmState, amount: int, sell: bool) -> None:
    pool = state.pool()
    there = swapped(pool, amount, sell)
    after = pool.after(amount, sell)
    assert after is not None
    back = after.exact_in(there.amount_out, not sell)
    assert back is None or back.amount_out <= amount


@given(damm_states(), amounts, sides)
def test_no_round_trip_through_a_range_is_free(state: MeteoraDammV2State, amount: int, sell: bool) -> None:
    pool = state.pool()
    there = swapped(pool, amount, sell)
    after = pool.after(amount, sell)
    assert after is not None
    back = after.exact_in(there.amount_out, not sell) if there.amount_out else None
    assert back is None or back.amount_out <= amount


LEAST_REFERENCE = 10**6
"""The program turns a rate limiter's fee around step by step, each rounded: where a step is a few base units,
which no pool's is, the way back misses by more than a rounding."""


@given(states, amounts, sides)
def test_what_a_size_gives_is_what_that_much_asks_for(
    state: MeteoraDlmmState | MeteoraDammV2State, amount: int, sell: bool
) -> None:
    pool = state.pool()
    swap = swapped(pool, amount, sell)
    if swap.amount_out == 0:
        return
    fee = state.base_fee if isinstance(state, MeteoraDammV2State) else None
    assume(not isinstance(fee, RateLimiter) or int(fee.reference) >= LEAST_REFERENCE)
    asked = pool.exact_out(swap.amount_out, sell)
    assert asked is not None
    assert asked.amount_in <= amount + 4 + amount // 10**8
    enough = pool.exact_in(asked.amount_in, sell)
    assert enough is not None
    # A unit that goes in may be worth thousands that come out, and the program rounds units on both sides.
    unit = swap.amount_out // swap.amount_in + 1
    assert enough.amount_out + 2 + 2 * unit + enough.amount_out // 10**8 >= swap.amount_out


@given(states, amounts, sides)
def test_the_pool_after_is_where_the_quote_said(
    state: MeteoraDlmmState | MeteoraDammV2State, amount: int, sell: bool
) -> None:
    pool = state.pool()
    after = pool.after(amount, sell)
    swap = pool.exact_in(amount, sell)
    assert (after is None) == (swap is None)
    if after is not None and swap is not None:
        assert after.price() == swap.price_after


@given(dlmm_states(), amounts, amounts, sides)
def test_two_swaps_in_bins_are_worth_no_more_than_one(
    state: MeteoraDlmmState, first: int, second: int, sell: bool
) -> None:
    pool = state.pool()
    together = swapped(pool, first + second, sell)
    between = pool.after(first, sell)
    if between is None or state.filter_period == 0:
        return
    later = between.exact_in(second, sell)
    one = swapped(pool, first, sell)
    apart = one.amount_out + (0 if later is None else later.amount_out)
    assert apart <= together.amount_out + 2


@given(states, st.floats(0.3, 3), sides)
def test_a_price_is_approached_and_not_passed(
    state: MeteoraDlmmState | MeteoraDammV2State, ratio: float, sell: bool
) -> None:
    pool = state.pool()
    target = pool.price() * ratio
    swap = pool.to_price(target, sell)
    if swap is None:
        return
    assert swap.price_after >= target if sell else swap.price_after <= target
    assert pool.exact_in(swap.amount_in, sell) == swap
    if isinstance(state, MeteoraDammV2State):
        further = pool.exact_in(swap.amount_in + 1, sell)
        assert further is None or (further.price_after < target if sell else further.price_after > target)
