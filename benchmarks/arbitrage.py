"""What the best size of a round trip costs, beside a search that knows nothing of pools.

The peer is a golden-section search in Python over the same quotes, to the same number of bits: it must not
find more, or the benchmark stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.figure import Figure, cpu_micros_each
from benchmarks.v3 import dense
from bot.pools import ConstantProduct, UniswapV3
from bot.pools.arbitrage import Arbitrage, best_size
from bot.pools.legs import Leg, PoolLeg, StepLeg, at_price, from_asks

TICKS = 450
BUDGET = 50.0
GOLDEN = (5**0.5 - 1) / 2
LEVELS = 20


def run() -> Iterator[Figure]:
    """A Uniswap v3 pool against a price, a book and another pool; three pools in a row."""
    pool = dense(TICKS)
    price = pool.price()
    moved = _moved(pool, 25)
    routes: list[tuple[str, list[Leg]]] = [
        ("a price 2 % off", [_bought(price * 0.98), PoolLeg(pool, True)]),
        ("a book of 20 levels", [_book(price * 0.97), PoolLeg(pool, True)]),
        ("a pool 25 ticks away", [PoolLeg(moved, False), PoolLeg(pool, True)]),
    ]
    for name, legs in routes:
        found = best_size(legs)
        assert found is not None, name
        tried = _golden(legs, found)
        assert tried <= found.profit, f"{name}: a search finds {tried}, more than {found.profit}"
        yield Figure(
            f"best size against {name}", cpu_micros_each(partial(best_size, legs)), "µs", "golden section",
            cpu_micros_each(partial(_golden, legs, found), 10, 20), BUDGET,
        )  # fmt: skip
    three = _three(pool)
    assert best_size(three) is not None
    yield Figure("best size of a route over three pools", cpu_micros_each(partial(best_size, three)), "µs")


def _moved(pool: UniswapV3, ticks: int) -> UniswapV3:
    """The pool after somebody has sold until its price was so many ticks of spacing lower."""
    target = int(pool.sqrt_price * 1.0001 ** (-ticks * pool.ladder.spacing / 2))
    swap = pool.swap_to(target, True)
    assert swap is not None
    return pool.moved(swap)


def _bought(price: float) -> StepLeg:
    """Tokens at a price outside, quote units per token unit."""
    return at_price(10**18, int(price * 10**18), 10**40)


def _book(price: float) -> StepLeg:
    asks = [(price * (1 + 0.001 * level), 5e18) for level in range(LEVELS)]
    return from_asks(asks, 0.001, 1.0, 1.0)


def _three(pool: UniswapV3) -> list[Leg]:
    """Out of the pool, through a constant product pool of the token with another, and back for the quote."""
    price = pool.price()
    reserve = 10**24
    there = ConstantProduct(reserve, reserve, 3000)
    back = ConstantProduct(reserve, int(reserve * price * 1.05), 3000)
    return [PoolLeg(pool, False), PoolLeg(there, True), PoolLeg(back, True)]


def _golden(legs: Sequence[Leg], found: Arbitrage) -> int:
    low, high, best = 1, 4 * found.amounts[0], -(10**60)
    while high - low > max(found.amounts[0] >> 30, 1):
        left, right = high - int((high - low) * GOLDEN), low + int((high - low) * GOLDEN)
        profits = _profit(legs, left), _profit(legs, right)
        best = max(best, *profits)
        if profits[0] < profits[1]:
            low = left
        else:
            high = right
    return best


def _profit(legs: Sequence[Leg], size: int) -> int:
    amount = size
    for leg in legs:
        given = leg.give(amount)
        if given is None:
            return -size
        amount = given[0]
    return amount - size
