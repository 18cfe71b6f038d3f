"""How far a Whirlpool's quote goes, what its fee is, and states that no program could have written."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.errors import PoolError
from bot.pools import OrcaWhirlpool, OrcaWhirlpoolState, decode, encode
from bot.pools.orca_adaptive_fee import AdaptiveFee, FeeConstants, FeeVariables
from bot.pools.orca_ladder import reach
from bot.pools.orca_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, Q64, U64, sqrt_at_tick

SPACING = 8
LENGTH = 88 * SPACING
NOW = 1_770_000_000
FEE = AdaptiveFee(FeeConstants(30, 600, 500, 4_000, 350_000, SPACING, 64), FeeVariables(), NOW)
WIDE = OrcaWhirlpoolState(
    decimals=(8, 6),
    sqrt_price=str(sqrt_at_tick(4) + 12_345),
    liquidity="5000000000000",
    tick_current_index=4,
    tick_spacing=SPACING,
    fee_rate=3_000,
    ticks=[(-160, "2000000000000"), (160, "-2000000000000")],
    known=(-2 * LENGTH, 4 * LENGTH),
)
"""Liquidity over all prices and twice as much within 160 ticks, as the six arrays around it tell."""


def pool(**changes: Any) -> OrcaWhirlpool:
    return replace(WIDE, **changes).pool()


@pytest.mark.parametrize(
    ("tick", "falls_to", "rises_to"),
    [
        (0, -2 * LENGTH, 3 * LENGTH - 1),
        (LENGTH - 1 - SPACING, -2 * LENGTH, 3 * LENGTH - 1),
        (LENGTH - SPACING, -2 * LENGTH, 4 * LENGTH - 1),
        (-1, -3 * LENGTH, 3 * LENGTH - 1),
        (MIN_TICK + 5, MIN_TICK, -443_520 + 2 * LENGTH - 1),
        (MAX_TICK - 5, 443_520 - 2 * LENGTH, MAX_TICK),
    ],
)
def test_a_swap_goes_through_three_arrays_and_no_further(tick: int, falls_to: int, rises_to: int) -> None:
    assert reach(tick, SPACING, True) == falls_to
    assert reach(tick, SPACING, False) == rises_to


def test_a_full_range_pool_has_two_arrays() -> None:
    assert reach(5, 32_896, True) == MIN_TICK
    assert reach(-5, 32_896, False) == MAX_TICK


@pytest.mark.parametrize("a_to_b", [True, False])
def test_beyond_the_third_array_nothing_is_quoted(a_to_b: bool) -> None:
    end = WIDE.pool().swap_to(MIN_SQRT if a_to_b else MAX_SQRT, a_to_b)
    assert end is not None
    assert end.sqrt_price == sqrt_at_tick(-2 * LENGTH if a_to_b else 3 * LENGTH - 1)
    assert WIDE.pool().swap_in(end.amount_in, a_to_b) == end
    assert WIDE.pool().swap_in(end.amount_in + 1, a_to_b) is None
    assert WIDE.pool().swap_out(end.amount_out + 1, a_to_b) is None


@pytest.mark.parametrize("fee", [None, FEE])
def test_beyond_what_was_read_nothing_is_quoted(fee: AdaptiveFee | None) -> None:
    near = pool(known=(0, LENGTH), ticks=[(160, "-2000000000000")], adaptive_fee=fee)
    far = pool(adaptive_fee=fee)
    end = near.swap_to(MAX_SQRT, False)
    assert end is not None
    assert end.sqrt_price == sqrt_at_tick(LENGTH - 1)
    assert near.swap_in(end.amount_in, False) is None
    assert near.swap_in(end.amount_in // 2, False) == far.swap_in(end.amount_in // 2, False)
    assert far.swap_in(end.amount_in, False) is not None


def test_a_swap_in_the_new_place_goes_through_three_arrays_from_there() -> None:
    moved = WIDE.pool()
    end = moved.swap_to(MIN_SQRT, True)
    assert end is not None
    moved = moved.moved(end)
    assert moved.swap_in(1, True) is None  # nothing below is known
    up = moved.swap_to(MAX_SQRT, False)
    assert up is not None
    assert up.tick == LENGTH - 1


def test_towards_a_price_that_no_amount_reaches_goes_the_largest_swap() -> None:
    deep = pool(liquidity=str(10**25), ticks=[])
    down, up = deep.to_price(0.9, sell=True), deep.to_price(1.1, sell=False)
    assert down is not None
    assert up is not None
    assert down.amount_in == up.amount_in == U64
    assert deep.to_price(1.1, sell=True) is None


@pytest.mark.parametrize("amount", [0, -1, U64 + 1])
def test_amounts_that_no_instruction_can_carry(amount: int) -> None:
    assert WIDE.pool().swap_in(amount, True) is None
    assert WIDE.pool().swap_out(amount, True) is None


def test_an_empty_pool_quotes_nothing() -> None:
    empty = pool(liquidity="0", ticks=[])
    assert empty.swap_in(1, True) is None
    assert empty.swap_out(1, False) is None


def test_the_fee_rises_with_the_groups_a_swap_crosses() -> None:
    static, adaptive = pool(), pool(adaptive_fee=FEE)
    assert adaptive.fee_ratio(sell=True) == static.fee_ratio(sell=True) == 0.003
    worse = []
    for amount in (10**6, 10**10, 10**11):
        plain, with_fee = static.swap_in(amount, True), adaptive.swap_in(amount, True)
        assert plain is not None
        assert with_fee is not None
        worse.append(1 - with_fee.amount_out / plain.amount_out)
    assert worse[0] == 0 < worse[1] < worse[2] < 0.05


def test_the_fee_falls_back_with_time() -> None:
    swap = pool(adaptive_fee=FEE).swap_in(2 * 10**10, True)
    assert swap is not None
    left = swap.adaptive_fee
    assert left is not None
    assert left.variables.last_major_swap_timestamp == left.variables.last_reference_update_timestamp == NOW
    crossed = -(swap.tick // SPACING)
    assert left.variables.volatility_accumulator == crossed * 10_000
    ratios = []
    for later in (0, 29, 30, 599, 600, 4_000):
        place = replace(
            WIDE,
            sqrt_price=str(swap.sqrt_price),
            tick_current_index=swap.tick,
            liquidity=str(swap.liquidity),
            adaptive_fee=replace(left, now=NOW + later),
        )
        ratios.append(place.pool().fee_ratio(sell=True))
    assert ratios[0] == ratios[1] > ratios[2] == ratios[3] > ratios[4] == ratios[5] == 0.003


def test_the_fee_of_a_pool_that_starts_on_the_edge_of_a_group_is_that_of_the_next() -> None:
    on_edge = pool(sqrt_price=str(sqrt_at_tick(SPACING)), tick_current_index=SPACING, adaptive_fee=FEE)
    assert on_edge.fee_ratio(sell=True) > on_edge.fee_ratio(sell=False) == 0.003


def test_the_price_is_of_our_token() -> None:
    state = replace(
        WIDE, sqrt_price=str(2 * Q64), tick_current_index=13_863, known=(19 * LENGTH, 20 * LENGTH)
    )
    state = replace(state, ticks=[])
    assert state.pool().price() == 4
    assert replace(state, token_index=1).pool().price() == 0.25
    assert state.curve().spot() == 4 * 10**2


def test_depth_and_targets_in_usd() -> None:
    curve = decode(encode(WIDE))
    down, up = curve.depth(0.02)
    assert down > 0
    assert up > 0
    there = curve.to_price(curve.spot() * 1.02)
    assert there is not None
    assert there.price_after == pytest.approx(curve.spot() * 1.02, rel=1e-12)
    assert there.usd == up


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tick_spacing": 0}, "tick_spacing 0"),
        ({"fee_rate": 60_001}, "fee_rate 60001"),
        ({"sqrt_price": str(MIN_SQRT - 1)}, "sqrt_price"),
        ({"liquidity": "-1"}, "liquidity -1"),
        ({"tick_current_index": 5}, "tick_current_index 5"),
        ({"known": (0, LENGTH + 1)}, "known ticks"),
        ({"known": (LENGTH, 2 * LENGTH)}, "known ticks"),
        ({"ticks": [(4, "1")]}, "spacing"),
        ({"ticks": [(4 * LENGTH, "1")]}, "out of range"),
        ({"ticks": [(160, "1"), (-160, "1")]}, "not rising"),
        ({"ticks": [(160, "-5000000000001")]}, "does not add up"),
        ({"liquidity": str(1 << 160), "ticks": []}, "more liquidity than"),
        ({"adaptive_fee": replace(FEE, now=-1)}, "before the pool's last swap"),
        ({"adaptive_fee": replace(FEE, constants=replace(FEE.constants, tick_group_size=3))}, "group_size 3"),
        ({"adaptive_fee": replace(FEE, constants=replace(FEE.constants, decay_period=30))}, "decay period"),
        ({"adaptive_fee": replace(FEE, variables=FeeVariables(volatility_reference=350_001))}, "350001"),
        ({"adaptive_fee": replace(FEE, variables=FeeVariables(tick_group_index_reference=10**6))}, "1000000"),
    ],
)
def test_a_state_that_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PoolError, match=says):
        pool(**changes)


def test_the_tick_below_is_a_place_too_when_the_price_has_come_down_to_a_tick() -> None:
    price = str(sqrt_at_tick(-160))
    for tick, liquidity in ((-160, "5000000000000"), (-161, "3000000000000")):
        swap = pool(sqrt_price=price, tick_current_index=tick, liquidity=liquidity).swap_in(10**6, True)
        assert swap is not None
        assert (swap.tick, swap.liquidity) == (-161, 3_000_000_000_000)
