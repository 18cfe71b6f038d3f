"""Uniswap v3's TickMath and SqrtPriceMath in Python integers, bit for bit.

Source: ``@uniswap/v3-core`` contracts/libraries/TickMath.sol, SqrtPriceMath.sol, SwapMath.sol. Prices are
square roots of token1 per token0 in Q64.96.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

MIN_TICK, MAX_TICK = -887272, 887272
MIN_SQRT, MAX_SQRT = 4295128739, 1461446703485210103287273052203988822378723970342
Q96 = 1 << 96
UINT256 = 1 << 256
PIPS = 1_000_000
_PER_LOG = 2 / log(1.0001)
_AT_ONE = log(Q96) * _PER_LOG
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


@lru_cache(maxsize=1 << 16)
def sqrt_at_tick(tick: int) -> int:
    """``getSqrtRatioAtTick``: √1.0001^tick as Q64.96, rounded up."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is out of range")
    distance = abs(tick)
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if distance >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio >> 32)


def tick_at_sqrt(sqrt_price: int) -> int:
    """``getTickAtSqrtRatio``: the greatest tick whose price is not above ``sqrt_price``."""
    near = log(sqrt_price) * _PER_LOG - _AT_ONE
    below = near // 1.0
    # sqrt_at_tick is off by up to 2^-32 of itself, 5e-6 ticks, at the lowest prices; the logarithm by 1e-9.
    if 1e-4 < near - below < 1 - 1e-4 and -887272.0 < near < 887272.0:
        return int(below)
    if not MIN_SQRT <= sqrt_price < MAX_SQRT:
        raise ValueError(f"price {sqrt_price} is out of range")
    tick = min(max(int(below), MIN_TICK), MAX_TICK - 1)
    while sqrt_at_tick(tick) > sqrt_price:
        tick -= 1
    while sqrt_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def amount0(low: int, high: int, liquidity: int, round_up: bool) -> int:
    """``getAmount0Delta`` between two prices, ``low <= high``."""
    numerator = (liquidity << 96) * (high - low)
    if round_up:
        return _up(_up(numerator, high), low)
    return numerator // high // low


def amount1(low: int, high: int, liquidity: int, round_up: bool) -> int:
    """``getAmount1Delta`` between two prices, ``low <= high``."""
    product = liquidity * (high - low)
    return -(-product >> 96) if round_up else product >> 96


def _up(numerator: int, denominator: int) -> int:
    """Division rounded up."""
    return -(-numerator // denominator)


def next_from_input(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """``getNextSqrtPriceFromInput``."""
    if zero_for_one:
        # Rounded up. The contract's two branches differ only where the product would not fit in 256 bits.
        numerator = liquidity << 96
        product = amount * price
        if product >> 256 or (numerator + product) >> 256:
            return -(-numerator // (numerator // price + amount))
        return -(-numerator * price // (numerator + product))
    return price + (amount << 96) // liquidity


def next_from_output(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int | None:
    """``getNextSqrtPriceFromOutput``; ``None`` where the contract reverts."""
    if zero_for_one:
        after = price - -(-(amount << 96) // liquidity)
        return after if after > 0 else None
    numerator = liquidity << 96
    product = amount * price
    if product >> 256 or product >= numerator:
        return None
    return -(-numerator * price // (numerator - product))
