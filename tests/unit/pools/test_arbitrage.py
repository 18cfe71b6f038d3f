"""The best size of a round trip, beside every size there is."""

from __future__ import annotations

from itertools import accumulate
from math import isqrt, log
from random import Random

import pytest

from bot.pools import ConstantProduct, PoolState, UniswapV3State
from bot.pools.arbitrage import best_size
from bot.pools.legs import Leg, PoolLeg, StepLeg, at_price, from_asks, into_bids

E18 = 10**18


def outcome(legs: list[Leg], size: int) -> int | None:
    """What comes out at the end."""
    amount: int = size
    for leg in legs:
        given = leg.give(amount)
        if given is None:
            return None
        amount = given[0]
    return amount


def by_trying_all(legs: list[Leg], most: int, cost: int = 0) -> int:
    """The highest profit of any size, 0 if none earns anything."""
    tried = ((outcome(legs, size), size) for size in range(1, most))
    return max(0, *(out - size - cost for out, size in tried if out is not None))


def small(rng: Random) -> ConstantProduct:
    fee = rng.choice([0, 500, 3000, 10_000])
    return ConstantProduct(rng.randint(50, 3000), rng.randint(50, 3000), fee)


@pytest.mark.parametrize("seed", range(40))
def test_two_pools_no_size_earns_more(seed: int) -> None:
    rng = Random(seed)
    legs: list[Leg] = [PoolLeg(small(rng), False), PoolLeg(small(rng), True)]
    found = best_size(legs)
    assert (found.profit if found else 0) == by_trying_all(legs, 5000)


@pytest.mark.parametrize("seed", range(20))
def test_a_route_of_three_pools_no_size_earns_more(seed: int) -> None:
    rng = Random(100 + seed)
    legs: list[Leg] = [PoolLeg(small(rng), rng.random() < 0.5) for _ in range(3)]
    found = best_size(legs)
    assert (found.profit if found else 0) == by_trying_all(legs, 5000)


@pytest.mark.parametrize("seed", range(40))
def test_a_pool_against_a_book_no_size_earns_more(seed: int) -> None:
    rng = Random(200 + seed)
    pool = PoolLeg(small(rng), True)
    price = pool.give(0)[0] or 1  # type: ignore[index]
    rates = sorted((rng.uniform(0.3, 3.0) for _ in range(6)), reverse=True)
    steps = [
        (amount, max(int(amount * rate * price), 1)) for rate in rates if (amount := rng.randint(5, 120))
    ]
    steps.sort(key=lambda step: -step[1] / step[0])
    legs: list[Leg] = [StepLeg(steps), pool]
    found = best_size(legs)
    assert (found.profit if found else 0) == by_trying_all(legs, sum(step[0] for step in steps) + 2)


@pytest.mark.parametrize("seed", range(20))
def test_a_pool_against_a_price_stops_where_the_price_is(seed: int) -> None:
    """Tokens bought outside for 223 dollars and sold into a pool that pays more."""
    rng = Random(300 + seed)
    dollars = int(10 ** rng.uniform(2, 7)) * E18
    pool = ConstantProduct(dollars // int(223 * rng.uniform(1.02, 100)), dollars, 3000)
    found = best_size([at_price(1, 223, 10**40), PoolLeg(pool, True)])
    if pool.price() * 0.997 <= 223:
        assert found is None
        return
    assert found is not None
    tokens = found.amounts[1]
    # A pool that pays 0.3 % less than its price pays just the 223 for the last token, but for what the fee
    # has added to the reserves meanwhile.
    ideal = (
        (isqrt(pool.token_reserve * pool.quote_reserve * 997 // 223_000) - pool.token_reserve) * 1000 // 997
    )
    assert tokens == pytest.approx(ideal, rel=1e-6)
    for other in (found.amounts[0] * 99 // 100, found.amounts[0] * 101 // 100):
        less = outcome([at_price(1, 223, 10**40), PoolLeg(pool, True)], other)
        assert less is not None
        assert less - other < found.profit


def test_a_price_is_exact_to_the_unit_however_little_may_be_had_at_it() -> None:
    for maximum in (3, 1000, 10**6 + 1):
        leg = at_price(2265, 3001, maximum)
        for amount in {0, 1, 2, 3, maximum // 2, maximum - 1, maximum}:
            found = leg.give(amount)
            assert found is not None
            assert found[0] == amount * 2265 // 3001
            least = leg.need(found[0])
            assert least is not None
            assert least * 2265 // 3001 == found[0]
            assert least == 0 or (least - 1) * 2265 // 3001 < found[0]
        assert leg.give(maximum + 1) is None


def test_the_print_of_july_2025_was_worth_a_few_hundred_dollars() -> None:
    """$500 had been swapped into a pool with $54: selling into it at the share's price takes those back."""
    before = ConstantProduct(54 * E18 * 100 // 22_351, 54 * E18, 0)
    after = before.after(500 * E18, False)
    assert after is not None
    assert after.price() / before.price() == pytest.approx(105.2, abs=0.1)
    found = best_size([at_price(100, 22_351, 10**30), PoolLeg(after, True)])
    assert found is not None
    assert found.profit / E18 == pytest.approx(451.3, abs=0.5)


def test_the_proof_comes_with_the_answer() -> None:
    cheap, dear = ConstantProduct(10**22, 300 * 10**22, 3000), ConstantProduct(10**23, 306 * 10**23, 500)
    legs: list[Leg] = [PoolLeg(cheap, False), PoolLeg(dear, True)]
    found = best_size(legs)
    assert found is not None
    for size, profit in zip((found.amounts[0] - 1, found.amounts[0] + 1), found.neighbours, strict=True):
        out = outcome(legs, size)
        assert out is not None
        assert profit == out - size <= found.profit
    assert found.marginal_rate == pytest.approx(1.0, abs=1e-3)
    assert list(found.amounts) == list(
        accumulate(legs, lambda amount, leg: leg.give(amount)[0], initial=found.amounts[0])
    )


def test_gas_is_paid_once_and_may_leave_nothing() -> None:
    cheap, dear = ConstantProduct(10**9, 300 * 10**9, 3000), ConstantProduct(10**9, 306 * 10**9, 500)
    legs: list[Leg] = [PoolLeg(cheap, False), PoolLeg(dear, True)]
    free = best_size(legs)
    assert free is not None
    dear_gas = best_size(legs, cost=free.profit - 1)
    assert dear_gas is not None
    assert (dear_gas.amounts, dear_gas.profit) == (free.amounts, 1)
    assert best_size(legs, cost=free.profit) is None


def test_bounds_of_the_size_are_kept() -> None:
    cheap, dear = ConstantProduct(10**9, 300 * 10**9, 3000), ConstantProduct(10**9, 306 * 10**9, 500)
    legs: list[Leg] = [PoolLeg(cheap, False), PoolLeg(dear, True)]
    free = best_size(legs)
    assert free is not None
    half = best_size(legs, maximum=free.amounts[0] // 2)
    assert half is not None
    assert half.amounts[0] == pytest.approx(free.amounts[0] // 2, rel=1e-6)
    assert half.neighbours[1] is None or half.neighbours[1] <= half.profit
    more = best_size(legs, minimum=free.amounts[0] * 5 // 4)
    assert more is not None
    assert more.amounts[0] == free.amounts[0] * 5 // 4
    assert best_size(legs, minimum=10**13) is None, "more than the trip earns anything for"


def test_in_line_is_nothing_to_do() -> None:
    here, there = ConstantProduct(10**9, 300 * 10**9, 3000), ConstantProduct(10**9, 301 * 10**9, 500)
    assert best_size([PoolLeg(here, False), PoolLeg(there, True)]) is None
    assert best_size([PoolLeg(there, False), PoolLeg(here, True)]) is None


def test_a_book_is_taken_level_by_level_while_it_pays() -> None:
    """Asks of a book, fee on top; the pool pays 230 at first: the level at 229 is left alone."""
    pool = ConstantProduct(10**6 * E18, 230 * 10**6 * E18, 0)
    asks = [(220.0, 10.0), (225.0, 4.0), (229.0, 50.0)]
    found = best_size([from_asks(asks, 0.01, 1 / E18, 1 / E18), PoolLeg(pool, True)])
    assert found is not None
    assert found.amounts[1] / E18 == pytest.approx(14.0, rel=1e-9)
    assert found.amounts[0] / E18 == pytest.approx((2200 + 900) * 1.01, rel=1e-9)


def test_a_pool_is_emptied_into_bids() -> None:
    pool = ConstantProduct(10**3 * E18, 200 * 10**3 * E18, 0)
    bids = [(230.0, 10.0), (210.0, 4.0), (190.0, 50.0)]
    found = best_size([PoolLeg(pool, False), into_bids(bids, 0.001, 1 / E18, 1 / E18)])
    assert found is not None
    assert found.amounts[1] / E18 == pytest.approx(14.0, rel=1e-9)


def many_ranges(rng: Random, price: float) -> PoolState:
    """A Uniswap v3 pool of eighteen-decimal tokens, token0 ours, with random positions around its price."""
    tick = int(log(price) / log(1.0001))
    nets: dict[int, int] = {}
    active = 0
    for _ in range(20):
        lower = (tick + rng.randint(-3000, -60)) // 60 * 60
        upper = (tick + rng.randint(120, 3000)) // 60 * 60
        liquidity = rng.randint(10**20, 10**22)
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
        active += liquidity if lower <= tick < upper else 0
    return UniswapV3State(
        token_index=0, decimals=(18, 18), fee=500, tick_spacing=60, sqrt_price_x96=int(price**0.5 * 2**96),
        liquidity=active, tick=tick, ticks=sorted((at, net) for at, net in nets.items() if net),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_pools_of_many_ranges_the_best_of_a_fine_grid_is_not_better(seed: int) -> None:
    rng = Random(400 + seed)
    cheap, dear = many_ranges(rng, 300.0).pool(), many_ranges(rng, 300.0 * rng.uniform(1.005, 1.1)).pool()
    legs: list[Leg] = [PoolLeg(cheap, False), PoolLeg(dear, True)]
    found = best_size(legs)
    assert found is not None
    size = found.amounts[0]
    grid = [size * part // 1000 for part in range(500, 1500, 7)]
    for other in grid + [size + sign * (1 << bit) for bit in range(60) for sign in (-1, 1)]:
        out = outcome(legs, other)
        assert out is None or out - other <= found.profit + 1000, "a thousand units of 1e-18 are rounding"
