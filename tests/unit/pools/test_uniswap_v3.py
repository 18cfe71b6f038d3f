"""A Uniswap v3 pool as a value: quotes, what it becomes, what it holds, and states that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import PoolError
from bot.pools import PancakeV3State, SlipstreamState, UniswapV3, UniswapV3State, decode, decode_state, encode
from bot.pools.ladder import LIMITS
from bot.pools.tick_math import MAX_SQRT, sqrt_at_tick

UNIT = 10**18


def state(kind: type[UniswapV3State] = UniswapV3State, **changes: Any) -> UniswapV3State:
    """A gap without liquidity between two positions, the price in the lower one."""
    told: dict[str, Any] = {
        "decimals": (18, 18), "fee": 3000, "tick_spacing": 60, "sqrt_price_x96": sqrt_at_tick(10) + 5,
        "liquidity": 1000 * UNIT, "tick": 10,
        "ticks": [(-600, 1000 * UNIT), (600, -1000 * UNIT), (1200, UNIT), (1800, -UNIT)],
    }  # fmt: skip
    return kind(**(told | changes))


def pool(**changes: Any) -> UniswapV3:
    made = state(**changes).pool()
    assert isinstance(made, UniswapV3)
    return made


def test_many_sizes_at_once_are_what_each_alone_would_get() -> None:
    sizes = [0, 1, UNIT, 5 * UNIT, 29 * UNIT, 10**6 * UNIT, -4]
    for zero_for_one in (True, False):
        assert pool().quotes(sizes, zero_for_one) == [pool().swap_in(size, zero_for_one) for size in sizes]


def test_many_sizes_into_a_pool_without_liquidity_that_way_get_nothing() -> None:
    below = pool(sqrt_price_x96=sqrt_at_tick(-700), tick=-700, liquidity=0)
    assert below.quotes([1, UNIT], True) == [None, None]


def test_a_swap_moves_the_pool_and_not_its_ladder() -> None:
    before = pool()
    swap = before.swap_in(UNIT, True)
    assert swap is not None
    after = before.moved(swap)
    assert after.ladder is before.ladder
    assert (after.sqrt_price, after.tick, after.liquidity) == (swap.sqrt_price, swap.tick, swap.liquidity)
    assert before == pool()


def test_a_gap_without_liquidity_is_crossed_for_nothing() -> None:
    to_gap = pool().swap_to(sqrt_at_tick(600), False)
    across = pool().swap_to(sqrt_at_tick(1200), False)
    assert to_gap is not None
    assert across is not None
    assert (across.amount_in, across.amount_out) == (to_gap.amount_in, to_gap.amount_out)
    assert (to_gap.liquidity, across.liquidity) == (0, UNIT)
    # The contract stops where nothing is left to pay: before the gap.
    stopped = pool().swap_in(to_gap.amount_in, False)
    assert stopped is not None
    assert stopped.tick == 600


def test_from_outside_all_liquidity_the_first_position_is_reached_for_nothing() -> None:
    outside = pool(sqrt_price_x96=sqrt_at_tick(2000), tick=2000, liquidity=0)
    edge = outside.swap_to(sqrt_at_tick(1800), True)
    assert edge is not None
    assert (edge.amount_in, edge.tick, edge.liquidity) == (0, 1799, UNIT)
    short = outside.swap_to(sqrt_at_tick(1900), True)
    assert short is not None
    assert (short.amount_in, short.tick, short.liquidity) == (0, 1900, 0)


def test_a_target_beyond_all_prices_ends_where_liquidity_does() -> None:
    for target in (MAX_SQRT, 1 << 200):
        assert pool().swap_to(target, False) == pool().swap_to(LIMITS[1], False)


def test_a_target_on_the_wrong_side_is_no_swap() -> None:
    assert pool().swap_to(sqrt_at_tick(20), True) is None
    assert pool().swap_to(pool().sqrt_price, False) is None


def test_more_than_the_pool_takes_or_holds_is_refused() -> None:
    assert pool().swap_in(10**9 * UNIT, True) is None
    assert pool().swap_out(10**9 * UNIT, True) is None
    assert pool().swap_in(0, True) is None
    assert pool().swap_out(-1, False) is None


def test_ranges_tell_each_stretch_of_liquidity_and_what_it_holds() -> None:
    around, above = pool().ranges()
    assert (around.low, around.high, around.liquidity) == (-600, 600, 1000 * UNIT)
    assert (above.low, above.high, above.liquidity) == (1200, 1800, UNIT)
    assert above.amount1 == 0
    assert above.amount0 == UNIT * (sqrt_at_tick(1800) - sqrt_at_tick(1200)) * 2**96 // (
        sqrt_at_tick(1800) * sqrt_at_tick(1200)
    )
    # All of token1 can be bought out of the range around the price, to a unit a step.
    emptied = pool().swap_to(LIMITS[0], True)
    assert emptied is not None
    assert around.amount1 - 3 <= emptied.amount_out <= around.amount1


def test_adding_a_position_around_the_price_adds_to_the_liquidity_in_force() -> None:
    assert pool().with_position(-60, 60, 7).liquidity == 1000 * UNIT + 7
    assert pool().with_position(60, 120, 7).liquidity == 1000 * UNIT
    grown = pool().with_position(-60, 60, 7)
    assert grown.with_position(-60, 60, -7) == pool()


@pytest.mark.parametrize("token_index", [0, 1])
def test_selling_the_token_lowers_its_price_whichever_of_the_two_it_is(token_index: int) -> None:
    made = pool(token_index=token_index)
    sold, bought = made.exact_in(UNIT, sell=True), made.exact_in(UNIT, sell=False)
    assert sold is not None
    assert bought is not None
    assert sold.price_after < made.price() < bought.price_after


@pytest.mark.parametrize("kind", [PancakeV3State, SlipstreamState])
def test_forks_are_kinds_of_their_own_that_swap_alike(kind: type[UniswapV3State]) -> None:
    text = encode(state(kind))
    assert type(decode_state(text)) is kind
    assert decode(text).pool == pool()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fee": 1_000_000}, "fee 1000000 is not in millionths"),
        ({"tick_spacing": 0}, "tick_spacing 0"),
        ({"sqrt_price_x96": 5}, "sqrt_price_x96 5"),
        ({"tick": 11}, "is not at tick 11"),
        ({"tick": 9}, "is not at tick 9"),
        ({"liquidity": -1}, "liquidity -1"),
        ({"liquidity": 1}, "liquidity is not what the ticks add up to"),
        ({"ticks": [(-600, 1000 * UNIT), (600, -UNIT)]}, "does not add up to nothing"),
        ({"ticks": [(600, -1000 * UNIT), (-600, 1000 * UNIT)]}, "ticks are not rising"),
        ({"ticks": [(-900_000, 1000 * UNIT), (600, -1000 * UNIT)]}, "a tick is out of range"),
    ],
)
def test_a_state_that_cannot_be_is_refused_with_what_is_wrong(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PoolError, match=reason):
        pool(**changes)


def test_a_price_that_fell_to_a_tick_stands_for_the_tick_below() -> None:
    fallen = pool(sqrt_price_x96=sqrt_at_tick(-600), tick=-601, liquidity=0)
    assert fallen.swap_in(UNIT, True) is None
    back = fallen.swap_in(UNIT, False)
    assert back is not None
    assert back.liquidity == 1000 * UNIT


@pytest.mark.parametrize("index", [0, 1])
def test_the_swap_to_a_price_is_exact_however_small_the_price_is_and_ends_with_the_liquidity(
    index: int,
) -> None:
    edge = 887_220
    for tick in (-600_000, -250_000, 0, 250_000, 600_000):
        state = UniswapV3State(
            token_index=index, decimals=(18, 18), fee=3000, tick_spacing=60, liquidity=10**30, tick=tick,
            sqrt_price_x96=sqrt_at_tick(tick), ticks=[(-edge, 10**30), (edge, -(10**30))],
        )  # fmt: skip
        pool = state.pool()
        for factor, sell in ((0.98, True), (1.02, False)):
            done = pool.to_price(pool.price() * factor, sell)
            assert done is not None
            assert done.price_after == pytest.approx(pool.price() * factor, rel=1e-12)
        assert pool.to_price(0.0, True) is not None, "all the way down"
