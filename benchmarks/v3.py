"""Uniswap v3 pools to measure with."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

from bot.pools import Ladder, UniswapV3, UniswapV3State
from bot.pools.tick_math import Q96, sqrt_at_tick, tick_at_sqrt

SPACING, FEE = 60, 3000
POSITIONS = 40
LIQUIDITY = 10**17
TOKEN, QUOTE = 18, 6


def v3_state(price: float, added: int = 0) -> UniswapV3State:
    """Forty positions, the wider the fewer, around ``price`` USD per token; token0 is ours, token1 a dollar.
    Near prices share their ticks; ``added`` is liquidity put on top of the narrowest position."""
    raw = price * 10.0 ** (QUOTE - TOKEN)
    sqrt_price = int(sqrt(raw) * Q96)
    tick = tick_at_sqrt(sqrt_price)
    nets: Counter[int] = Counter()
    centre = round(log(raw) / log(1.0001) / 2_000) * 2_000 // SPACING * SPACING
    for number in range(1, POSITIONS + 1):
        width = number * 2 * SPACING
        liquidity = LIQUIDITY + (added if number == 1 else 0)
        nets[centre - width] += liquidity
        nets[centre + width] -= liquidity
    ticks = sorted(nets.items())
    return UniswapV3State(
        token_index=0, decimals=(TOKEN, QUOTE), fee=FEE, tick_spacing=SPACING, sqrt_price_x96=str(sqrt_price),
        liquidity=str(sum(net for at, net in ticks if at <= tick)), tick=tick,
        ticks=[(at, str(net)) for at, net in ticks],
    )  # fmt: skip


def dense(ticks: int, liquidity: int = 10**20, spacing: int = SPACING, full_range: bool = False) -> UniswapV3:
    """A pool a little above price 1 in which ``ticks`` neighbouring multiples of the spacing are initialised;
    beside them those of a position over all prices, if asked for."""
    nets: Counter[int] = Counter()
    for number in range(1, ticks // 2 + 1):
        nets[-number * spacing] += liquidity
        nets[number * spacing] -= liquidity
    if full_range:
        nets[-887_272 // spacing * spacing + spacing] += liquidity
        nets[887_272 // spacing * spacing] -= liquidity
    price = (sqrt_at_tick(0) + sqrt_at_tick(spacing)) // 2
    tick = tick_at_sqrt(price)
    active = sum(net for at, net in nets.items() if at <= tick)
    return UniswapV3(price, tick, active, Ladder(tuple(sorted(nets.items())), 0, spacing, FEE), 0)


def sale_over(pool: UniswapV3, crossings: int) -> int:
    """Token0 that takes a :func:`dense` pool's price down over so many initialised ticks, and a bit on."""
    spacing = pool.ladder.spacing
    # The price begins above tick 0, which is not initialised; the first below it is.
    tick = -crossings * spacing - spacing // 2
    swap = pool.swap_to((sqrt_at_tick(tick) + sqrt_at_tick(tick + 1)) // 2, True)
    assert swap is not None
    return swap.amount_in
