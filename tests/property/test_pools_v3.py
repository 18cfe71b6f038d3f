"""Uniswap v3's mathematics beside the contract's own loop of steps: any pool, any swap, to the last unit."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.pools import UniswapV3, V3Swap
from bot.pools.ladder import LIMITS, Ladder
from bot.pools.steps import Steps
from bot.pools.tick_math import MAX_TICK, MIN_TICK, sqrt_at_tick, tick_at_sqrt
from tests.fixtures import v3_steps

Position = tuple[int, int, int]


class Case(NamedTuple):
    """Positions at multiples of the spacing, and the price and tick."""

    spacing: int
    fee: int
    positions: list[Position]
    price: int
    tick: int


@st.composite
def cases(draw: st.DrawFn, most: int = 8) -> Case:
    spacing = draw(st.sampled_from((1, 2, 10, 50, 60, 100, 200, 2000, 16_000)))
    fee = draw(st.sampled_from((0, 100, 500, 3000, 10_000, 999_999)) | st.integers(0, 999_999))
    outermost = MAX_TICK // spacing
    middle = draw(st.integers(-outermost, outermost - 1) | st.integers(-600 // spacing, 600 // spacing))
    positions = draw(st.lists(_positions(spacing, middle, outermost), min_size=1, max_size=most))
    price, tick = draw(
        _prices([edge for lower, upper, _ in positions for edge in (lower, upper)], middle * spacing)
    )
    return Case(spacing, fee, positions, price, tick)


@st.composite
def _positions(draw: st.DrawFn, spacing: int, middle: int, outermost: int) -> Position:
    reach = draw(st.sampled_from((3, 40, 600, min(outermost, 20_000))))
    one, other = (
        min(max(middle + draw(st.integers(-reach, reach)), -outermost), outermost) for _ in range(2)
    )
    if one == other:
        other = one + 1 if one < outermost else one - 1
    liquidity = draw(
        st.integers(1, 1000) | st.integers(0, 110).flatmap(lambda n: st.integers(1 << n, 2 << n))
    )
    return min(one, other) * spacing, max(one, other) * spacing, liquidity


@st.composite
def _prices(draw: st.DrawFn, edges: list[int], middle: int) -> tuple[int, int]:
    """At an edge, come from either side, beside it, or anywhere near."""
    tick = draw(st.sampled_from(edges) | st.integers(middle - 2000, middle + 2000))
    tick = min(max(tick, MIN_TICK), MAX_TICK - 1)
    low, high = sqrt_at_tick(tick), sqrt_at_tick(tick + 1)
    price = draw(st.sampled_from((low, low, low + 1, high - 1)) | st.integers(low, high - 1))
    fallen = price == low and tick > MIN_TICK and draw(st.booleans())
    return min(max(price, LIMITS[0]), LIMITS[1]), tick - fallen


def pool_of(case: Case) -> UniswapV3:
    ticks = nets(case.positions)
    active = sum(net for tick, net in ticks if tick <= case.tick)
    made = Ladder(ticks, 0, case.spacing, case.fee)
    return UniswapV3(case.price, case.tick, active, made, 0)


def nets(positions: list[Position]) -> tuple[tuple[int, int], ...]:
    found: dict[int, int] = {}
    for lower, upper, liquidity in positions:
        found[lower] = found.get(lower, 0) + liquidity
        found[upper] = found.get(upper, 0) - liquidity
    return tuple(sorted(found.items()))


def contract(pool: UniswapV3, amount: int, zero_for_one: bool, exact_in: bool) -> V3Swap | None:
    """By the loop; ``None`` if it cannot be filled."""
    *told, _ = v3_steps.swap(
        dict(pool.ladder.ticks), pool.sqrt_price, pool.tick, pool.liquidity, pool.ladder.spacing, pool.fee,
        amount if exact_in else -amount, zero_for_one,
    )  # fmt: skip
    swap = V3Swap(*told)
    return swap if (swap.amount_in if exact_in else swap.amount_out) == amount else None


def ours(pool: UniswapV3, amount: int, zero_for_one: bool, exact_in: bool) -> V3Swap | None:
    return (pool.swap_in if exact_in else pool.swap_out)(amount, zero_for_one)


@st.composite
def amounts(draw: st.DrawFn, pool: UniswapV3, zero_for_one: bool, exact_in: bool) -> int:
    """Of any size up to past what the pool takes, and such as end on an edge or a unit beside it."""
    edges = pool.ladder.steps(zero_for_one).edges
    target = draw(st.sampled_from(edges) | st.sampled_from(edges[:3] + edges[-3:]))
    whole = pool.swap_to(target, zero_for_one)
    size = 0 if whole is None else whole.amount_in if exact_in else whole.amount_out
    beside = draw(st.sampled_from((-1, 0, 1)))
    free = draw(st.integers(0, max(size, 1).bit_length()).flatmap(lambda n: st.integers(1, 2 << n)))
    return max(draw(st.sampled_from((size + beside, free))), 1)


quick = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
long = settings(quick, max_examples=15_000)


def check_swaps(case: Case, data: st.DataObject) -> None:
    pool = pool_of(case)
    for _ in range(2):
        zero_for_one, exact_in = data.draw(st.booleans()), data.draw(st.booleans())
        amount = data.draw(amounts(pool, zero_for_one, exact_in))
        swap = ours(pool, amount, zero_for_one, exact_in)
        assert swap == contract(pool, amount, zero_for_one, exact_in)
        if swap is not None:
            pool = pool.moved(swap)


@quick
@given(cases(), st.data())
def test_swaps_one_after_another_are_the_contracts(case: Case, data: st.DataObject) -> None:
    check_swaps(case, data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@long
@given(cases(), st.data())
def test_thirty_thousand_swaps_are_the_contracts(case: Case, data: st.DataObject) -> None:
    check_swaps(case, data)


def check_positions(case: Case, changes: list[tuple[Position, bool]]) -> None:
    """Positions come, and some go again; quotes before each, so that there is something to share."""
    pool, held = pool_of(case), [*case.positions]
    for (lower, upper, liquidity), goes in changes:
        lower, upper = (
            min(max(edge // case.spacing, -(MAX_TICK // case.spacing)), MAX_TICK // case.spacing)
            * case.spacing
            for edge in (lower, upper)
        )
        if lower == upper:
            continue
        if goes and len(held) > 1:
            gone = held.pop(0)
            left = {edge for position in held for edge in position[:2]}
            pool = pool.with_position(gone[0], gone[1], -gone[2], kept=left)
        held.append((lower, upper, liquidity))
        pool = pool.with_position(lower, upper, liquidity)
        fresh = pool_of(case._replace(positions=held))
        assert pool == fresh
        for zero_for_one in (True, False):
            assert flat(pool.ladder.steps(zero_for_one)) == flat(fresh.ladder.steps(zero_for_one))
            for target in fresh.ladder.steps(zero_for_one).edges[::7]:
                assert pool.swap_to(target, zero_for_one) == fresh.swap_to(target, zero_for_one)


def flat(steps: Steps) -> list[tuple[int, int, int, int, int]]:
    """Every step, in whatever runs it lies: where it begins, its price, liquidity, cost and yield."""
    runs = [steps.run(index) for index in range(len(steps.runs))]
    assert [run.keys[0] for run in runs] + [runs[-1].keys[-1]] == steps.starts
    assert [run.liquidity[0] for run in runs] == steps.liquidity
    return [
        (run.keys[at], run.edges[at], depth, run.paid[at + 1] - run.paid[at], run.got[at + 1] - run.got[at])
        for run in runs
        for at, depth in enumerate(run.liquidity)
    ]


changes = st.integers(-3000, 3000).flatmap(
    lambda middle: st.lists(st.tuples(_positions(1, middle, MAX_TICK), st.booleans()), min_size=1, max_size=6)
)


@settings(quick, max_examples=30)
@given(cases(most=30), changes)
def test_a_position_added_or_taken_leaves_the_ladder_that_is_made_from_scratch(
    case: Case, changes: list[tuple[Position, bool]]
) -> None:
    check_positions(case, changes)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(long, max_examples=3_000)
@given(cases(most=30), changes)
def test_thousands_of_ladders_changed_are_those_made_from_scratch(
    case: Case, changes: list[tuple[Position, bool]]
) -> None:
    check_positions(case, changes)


@quick
@given(cases(), st.booleans(), st.data())
def test_more_in_gives_no_less_and_moves_the_price_no_less(
    case: Case, zero_for_one: bool, data: st.DataObject
) -> None:
    pool = pool_of(case)
    sizes = sorted(data.draw(amounts(pool, zero_for_one, True)) for _ in range(4))
    swaps = pool.quotes(sizes, zero_for_one)
    assert swaps == [pool.swap_in(size, zero_for_one) for size in sizes]
    filled = [swap for swap in swaps if swap is not None]
    assert swaps[: len(filled)] == filled  # what is too much stays too much
    outs = [swap.amount_out for swap in filled]
    prices = [swap.sqrt_price for swap in filled]
    assert outs == sorted(outs)
    assert prices == sorted(prices, reverse=zero_for_one)


@quick
@given(cases(), st.booleans(), st.data())
def test_there_and_back_again_never_gains(case: Case, zero_for_one: bool, data: st.DataObject) -> None:
    pool = pool_of(case)
    there = pool.swap_in(data.draw(amounts(pool, zero_for_one, True)), zero_for_one)
    if there is None or there.amount_out == 0:
        return
    back = pool.moved(there).swap_in(there.amount_out, not zero_for_one)
    assert back is None or back.amount_out <= there.amount_in


@quick
@given(cases(), st.booleans(), st.data())
def test_a_swap_to_a_price_is_the_contracts_with_that_limit(
    case: Case, zero_for_one: bool, data: st.DataObject
) -> None:
    pool = pool_of(case)
    edges = pool.ladder.steps(zero_for_one).edges
    low, high = sorted((pool.sqrt_price, edges[-1]))
    target = data.draw(st.sampled_from(edges) | st.integers(low, high))
    swap = pool.swap_to(target, zero_for_one)
    if (target >= pool.sqrt_price) if zero_for_one else (target <= pool.sqrt_price):
        assert swap is None
        return
    *told, _ = v3_steps.swap(
        dict(pool.ladder.ticks), pool.sqrt_price, pool.tick, pool.liquidity, case.spacing, case.fee,
        1 << 255, zero_for_one, target,
    )  # fmt: skip
    assert swap == V3Swap(*told)


beside_ticks = st.tuples(st.integers(MIN_TICK, MAX_TICK - 1), st.integers(-2, 2)).map(
    lambda drawn: min(max(sqrt_at_tick(drawn[0]) + drawn[1], LIMITS[0]), LIMITS[1])
)


@given(st.integers(*LIMITS) | beside_ticks)
def test_the_tick_at_a_price_is_the_last_not_above_it(price: int) -> None:
    tick = tick_at_sqrt(price)
    assert sqrt_at_tick(tick) <= price < sqrt_at_tick(tick + 1)
