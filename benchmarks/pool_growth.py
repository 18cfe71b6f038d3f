"""What a pool costs as it gets more ticks, as its liquidity changes, and as there are more pools."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from random import Random

from benchmarks.figure import Figure, cpu_micros_each
from benchmarks.memory import STATM, megabytes
from benchmarks.v3 import FEE, dense, sale_over
from bot.pools import Ladder, UniswapV3
from bot.pools.tick_math import Q96, sqrt_at_tick, tick_at_sqrt

TICKS = (20, 100, 400, 2000)
POOLS = (1_000, 3_000, 10_000)
SIZE = 10**15
EDGE = 887_220


def run() -> Iterator[Figure]:
    """By ticks: a quote over most of them, a swap and positions applied; by pools: memory."""
    for ticks in TICKS:
        yield from _by_ticks(ticks)
    if not STATM.exists():
        yield Figure("resident memory of pools", 0.0, "MiB", beside="skipped: no /proc on this system")
        return
    yield from _by_pools()


def _by_ticks(ticks: int) -> Iterator[Figure]:
    pool = dense(ticks, full_range=True)
    far = sale_over(pool, ticks // 2 - 1)
    for zero_for_one in (True, False):
        assert pool.swap_in(far, zero_for_one) is not None  # every run has been summed once
    there, back = pool.swap_in(SIZE, True), pool.swap_in(SIZE, False)
    assert there is not None
    assert back is not None
    swaps = cycle((there, back))

    def swapped() -> None:
        moved = pool.moved(next(swaps))
        moved.swap_in(SIZE, True)
        moved.swap_in(SIZE, False)

    near = partial(pool.with_position, -600, 660, 10**18)
    wide = partial(pool.with_position, -EDGE, EDGE, 10**18)
    spacing = pool.ladder.spacing

    def made() -> UniswapV3:
        return UniswapV3(
            pool.sqrt_price, pool.tick, pool.liquidity, Ladder(pool.ladder.ticks, 0, spacing, FEE), 0
        )

    what = f"{ticks} ticks: "
    yield Figure(
        f"{what}a quote over half of them",
        cpu_micros_each(partial(pool.swap_in, far, True)),
        "µs",
        budget=3.0,
    )
    yield Figure(f"{what}a swap applied, quoted both ways", cpu_micros_each(swapped), "µs", budget=10.0)
    yield Figure(
        f"{what}a position near the price, quoted both ways",
        _best(lambda: _quoted(near())),
        "µs",
        budget=100.0,
    )
    yield Figure(f"{what}a position over all prices, quoted both ways", _best(lambda: _quoted(wide())), "µs")
    yield Figure(f"{what}that, and a quote over half of them", _best(lambda: wide().swap_in(far, True)), "µs")
    yield Figure(f"{what}from scratch, quoted both ways", _best(lambda: _quoted(made())), "µs")


def _quoted(pool: UniswapV3) -> None:
    pool.swap_in(SIZE, True)
    pool.swap_in(SIZE, False)


def _best(work: Callable[[], object]) -> float:
    return cpu_micros_each(work, 10, 50)


def _by_pools() -> Iterator[Figure]:
    rng = Random(1)
    pools: list[UniswapV3] = []
    gc.collect()
    before = megabytes()
    for number in POOLS:
        while len(pools) < number:
            pools.append(_real(rng))
        gc.collect()
        used = (megabytes() - before) * 1e6 / 2**20
        budget = 1024.0 if number == POOLS[-1] else None
        yield Figure(f"{number:,} pools of 40 to 100 ticks, quoted both ways", used, "MiB", budget=budget)


def _real(rng: Random) -> UniswapV3:
    """A pool somewhere, its liquidity around its price and some over all prices; quoted to ±20 %."""
    spacing, fee = rng.choice(((1, 100), (10, 500), (60, 3000), (200, 10_000)))
    centre = rng.randint(-300_000, 300_000) // spacing
    reach = max(20_000 // spacing, 60)
    nets: dict[int, int] = {}
    edge = 887_272 // spacing
    ranges = [(-edge, edge)]
    for _ in range(rng.randint(20, 50)):
        half = int(rng.uniform(1, reach) ** rng.uniform(0.5, 1)) + 1
        middle = centre + int(rng.gauss(0, reach / 20))
        ranges.append((middle - half, middle + half))
    for low, high in ranges:
        liquidity = rng.randint(10**17, 10**21)
        nets[low * spacing] = nets.get(low * spacing, 0) + liquidity
        nets[high * spacing] = nets.get(high * spacing, 0) - liquidity
    price = sqrt_at_tick(centre * spacing) * Q96 // (Q96 - rng.randint(0, Q96 >> 16))
    tick = tick_at_sqrt(price)
    active = sum(net for at, net in nets.items() if at <= tick)
    pool = UniswapV3(price, tick, active, Ladder(tuple(sorted(nets.items())), 0, spacing, fee), 0)
    for percent in (98, 80, 102, 120):
        target = price * percent // 100
        swap = pool.swap_to(target, percent < 100)
        assert swap is not None
        pool.swap_in(max(swap.amount_in, 1), percent < 100)
    return pool
