"""The liquidity distribution of a concentrated pool: what each price range holds."""

from __future__ import annotations

from itertools import accumulate, pairwise

from msgspec import Struct

from bot.pools.ladder import Ladder


class Range(Struct, frozen=True):
    """From tick ``low`` to tick ``high`` there is the same ``liquidity``; ``amount0`` and ``amount1`` are the
    raw amounts that its owners could take out, rounded down, fees not counted."""

    low: int
    high: int
    liquidity: int
    amount0: int
    amount1: int


def ranges(ladder: Ladder, sqrt_price: int) -> list[Range]:
    """Every range between neighbouring initialised ticks that has liquidity, rising.

    Token0 lies above the price, token1 below; the range around the price holds both.
    """
    price, (down, up) = ladder.rules.price, (ladder.rules.falling, ladder.rules.rising)
    depths = accumulate((net for _, net in ladder.ticks), initial=ladder.base)
    next(depths)
    found = []
    for ((low, _), (high, _)), liquidity in zip(pairwise(ladder.ticks), depths, strict=False):
        if liquidity:
            begin, end = price(low), price(high)
            middle = min(max(sqrt_price, begin), end)
            _, amount0 = up(middle, end, liquidity, 0)
            _, amount1 = down(middle, begin, liquidity, 0)
            found.append(Range(low, high, liquidity, amount0, amount1))
    return found
