"""Orca's tick and token mathematics in Python integers, bit for bit.

Source: ``math/tick_math.rs``, ``token_math.rs`` and ``swap_math.rs`` of the Whirlpool program. Prices are
square roots of token B per token A in Q64.64; amounts are u64. Rounding differs from Uniswap's and Raydium's:
one division per amount, ticks rounded down.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

MIN_TICK, MAX_TICK = -443_636, 443_636
MIN_SQRT, MAX_SQRT = 4_295_048_016, 79_226_673_515_401_279_992_447_579_055
Q64 = 1 << 64
U64 = Q64 - 1
PIPS = 1_000_000
TOP = 192
"""Liquidity times a price (or a difference of two) of more bits is more than the program can multiply."""

_RISING = (
    79232123823359799118286999567,
    79236085330515764027303304731,
    79244008939048815603706035061,
    79259858533276714757314932305,
    79291567232598584799939703904,
    79355022692464371645785046466,
    79482085999252804386437311141,
    79736823300114093921829183326,
    80248749790819932309965073892,
    81282483887344747381513967011,
    83390072131320151908154831281,
    87770609709833776024991924138,
    97234110755111693312479820773,
    119332217159966728226237229890,
    179736315981702064433883588727,
    407748233172238350107850275304,
    2098478828474011932436660412517,
    55581415166113811149459800483533,
    38992368544603139932233054999993551,
)
_FALLING = (
    18445821805675392311,
    18444899583751176498,
    18443055278223354162,
    18439367220385604838,
    18431993317065449817,
    18417254355718160513,
    18387811781193591352,
    18329067761203520168,
    18212142134806087854,
    17980523815641551639,
    17526086738831147013,
    16651378430235024244,
    15030750278693429944,
    12247334978882834399,
    8131365268884726200,
    3584323654723342297,
    696457651847595233,
    26294789957452057,
    37481735321082,
)


@lru_cache(maxsize=1 << 16)
def sqrt_at_tick(tick: int) -> int:
    """``sqrt_price_from_tick_index``: √1.0001^tick as Q64.64, rounded down."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is out of range")
    factors, bits = (_RISING, 96) if tick >= 0 else (_FALLING, 64)
    ratio, distance = 1 << bits, abs(tick)
    for bit, factor in enumerate(factors):
        if distance >> bit & 1:
            ratio = ratio * factor >> bits
    return ratio >> (bits - 64)


def tick_at_sqrt(sqrt_price: int) -> int:
    """``tick_index_from_sqrt_price``: the greatest tick whose price is not above ``sqrt_price``."""
    if not MIN_SQRT <= sqrt_price <= MAX_SQRT:
        raise ValueError(f"price {sqrt_price} is out of range")
    # The logarithm is right to a tick; the exact prices of the ticks decide.
    tick = min(max(int(2 * log(sqrt_price / Q64) / log(1.0001)), MIN_TICK), MAX_TICK)
    while sqrt_at_tick(tick) > sqrt_price:
        tick -= 1
    while tick < MAX_TICK and sqrt_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def amount_a(low: int, high: int, liquidity: int, round_up: bool) -> int:
    """``get_amount_delta_a`` between two prices, ``low <= high``; unbounded."""
    numerator = liquidity * (high - low) << 64
    return -(-numerator // (low * high)) if round_up else numerator // (low * high)


def amount_b(low: int, high: int, liquidity: int, round_up: bool) -> int:
    """``get_amount_delta_b`` between two prices, ``low <= high``; unbounded."""
    product = liquidity * (high - low)
    return -(-product >> 64) if round_up else product >> 64


def with_fee(amount: int, fee: int) -> int:
    """What must be given so that ``amount`` is left after a fee in millionths."""
    return amount + -(-amount * fee // (PIPS - fee))


def whole(start: int, end: int, liquidity: int, fee: int, a_to_b: bool) -> tuple[int, int]:
    """Cost with fee, and output, of a step that reaches its end."""
    if a_to_b:
        return with_fee(amount_a(end, start, liquidity, True), fee), amount_b(end, start, liquidity, False)
    return with_fee(amount_b(start, end, liquidity, True), fee), amount_a(start, end, liquidity, False)


def part_in(start: int, liquidity: int, fee: int, a_to_b: bool, amount: int) -> tuple[int, int] | None:
    """Price and output of a step that ``amount`` (fee included) does not take to its end.

    ``None`` where the program's multiplication overflows.
    """
    kept = amount * (PIPS - fee) // PIPS
    if a_to_b:
        if kept and liquidity * start >> TOP:
            return None
        after = -(-(liquidity * start << 64) // ((liquidity << 64) + start * kept)) if kept else start
        return after, amount_b(after, start, liquidity, False)
    after = start + (kept << 64) // liquidity
    return after, amount_a(start, after, liquidity, False)


def part_out(start: int, liquidity: int, fee: int, a_to_b: bool, amount: int) -> tuple[int, int] | None:
    """Price and cost with fee of a step that ends before its end (or on it, by rounding) with ``amount`` out.

    ``None`` where the program's multiplication overflows.
    """
    if a_to_b:
        after = start - -(-(amount << 64) // liquidity)
        return after, with_fee(amount_a(after, start, liquidity, True), fee)
    if liquidity * start >> TOP:
        return None
    after = -(-(liquidity * start << 64) // ((liquidity << 64) - start * amount))
    return after, with_fee(amount_b(start, after, liquidity, True), fee)
