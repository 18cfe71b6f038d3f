"""A Uniswap v3 pool to measure with: forty positions, the wider the fewer, around its price."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

from bot.pools import UniswapV3State
from bot.pools.tick_math import Q96, tick_at_sqrt

SPACING, FEE = 60, 3000
POSITIONS = 40
LIQUIDITY = 10**17
TOKEN, QUOTE = 18, 6


def v3_state(price: float, added: int = 0) -> UniswapV3State:
    """The pool at ``price`` USD per token; token0 is ours, token1 a dollar. Near prices share their ticks;
    ``added`` is liquidity that somebody put on top of the narrowest position."""
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
