"""Raydium CLMM's tick, price and step mathematics in Python integers, rounded as the program rounds.

Source: ``tick_math``, ``sqrt_price_math``, ``liquidity_math``, ``swap_math`` and ``states/tick_array`` of
raydium-io/raydium-clmm (July 2026: limit orders, fees on either side). Prices are square roots of token1 per
token0 in Q64.64; amounts are 64-bit, and what would not fit is refused with ``None`` as the program fails.
"""

from __future__ import annotations

from functools import lru_cache
from math import log
from typing import NamedTuple

MIN_TICK, MAX_TICK = -443636, 443636
MIN_SQRT, MAX_SQRT = 4295048016, 79226673521066979257578248091
LIMITS = (MIN_SQRT + 1, MAX_SQRT - 1)
"""The last prices that a swap without a limit of its own can reach."""
U64 = (1 << 64) - 1
Q64 = 1 << 64
PIPS = 1_000_000
_FACTORS = (
    0xFFFCB933BD6FB800,
    0xFFF97272373D4000,
    0xFFF2E50F5F657000,
    0xFFE5CACA7E10F000,
    0xFFCB9843D60F7000,
    0xFF973B41FA98E800,
    0xFF2EA16466C9B000,
    0xFE5DEE046A9A3800,
    0xFCBE86C7900BB000,
    0xF987A7253AC65800,
    0xF3392B0822BB6000,
    0xE7159475A2CAF000,
    0xD097F3BDFD2F2000,
    0xA9F746462D9F8000,
    0x70D869A156F31C00,
    0x31BE135F97ED3200,
    0x9AA508B5B85A500,
    0x5D6AF8DEDC582C,
    0x2216E584F5FA,
)


@lru_cache(maxsize=1 << 16)
def sqrt_at_tick(tick: int) -> int:
    """√1.0001^tick as Q64.64. Raises :class:`ValueError` out of range."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is out of range")
    distance = abs(tick)
    ratio = Q64
    for bit, factor in enumerate(_FACTORS):
        if distance >> bit & 1:
            ratio = ratio * factor >> 64
    return ((1 << 128) - 1) // ratio if tick > 0 else ratio


def tick_at_sqrt(sqrt_price: int) -> int:
    """The greatest tick whose price is not above ``sqrt_price``. Raises :class:`ValueError` out of range."""
    if not MIN_SQRT <= sqrt_price < MAX_SQRT:
        raise ValueError(f"price {sqrt_price} is out of range")
    # The logarithm is right to a few ticks at worst; the exact prices decide.
    tick = min(max(int(2 * (log(sqrt_price) - log(Q64)) / log(1.0001)), MIN_TICK), MAX_TICK - 1)
    while sqrt_at_tick(tick) > sqrt_price:
        tick -= 1
    while sqrt_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def ceil_div(numerator: int, denominator: int) -> int:
    """Division rounded up."""
    return -(-numerator // denominator)


class Terms(NamedTuple):
    """What a step is done under. ``fee`` in millionths, taken of what goes in or of what comes out."""

    fee: int
    exact_in: bool
    zero_for_one: bool
    fee_on_input: bool


class Step(NamedTuple):
    """Where a step ends, and what the trader pays (a fee on input within) and gets (one on output off)."""

    sqrt_price: int
    paid: int
    got: int


def amounts(one: int, other: int, liquidity: int, zero_for_one: bool) -> tuple[int, int] | None:
    """What goes in (rounded up) and comes out (down) between two prices, without fee."""
    low, high = (one, other) if one < other else (other, one)
    amount1 = liquidity * (high - low)
    if zero_for_one:
        taken, given = ceil_div(amount1 << 64, low * high), amount1 >> 64
    else:
        taken, given = ceil_div(amount1, Q64), (amount1 << 64) // (low * high)
    return None if taken > U64 or given > U64 else (taken, given)


def whole(start: int, end: int, liquidity: int, terms: Terms) -> tuple[int, int] | None:
    """What is paid and got for all of the way between two prices."""
    between = amounts(start, end, liquidity, terms.zero_for_one)
    return None if between is None else _with_fee(*between, terms)


def step(start: int, target: int, liquidity: int, remaining: int, terms: Terms) -> Step | None:
    """``compute_swap``: towards ``target`` with what remains to be paid (exact in) or got (exact out)."""
    fee, exact_in, zero_for_one, fee_on_input = terms
    driving = remaining
    if exact_in and fee_on_input:
        driving = remaining * (PIPS - fee) // PIPS
    elif not exact_in and not fee_on_input:
        driving = ceil_div(remaining * PIPS, PIPS - fee)
        if driving > U64:
            return None
    between = amounts(start, target, liquidity, zero_for_one)
    if between is not None and driving >= between[0 if exact_in else 1]:
        end = target
    else:
        reached = (_from_input if exact_in else _from_output)(start, liquidity, driving, zero_for_one)
        if reached is None or ((reached < target) if zero_for_one else (reached > target)):
            return None
        end = reached
        between = amounts(start, end, liquidity, zero_for_one)
        if between is None:
            return None
    paid, got = _with_fee(*between, terms)
    if exact_in:
        # Short of the target all that remains is taken, whatever the rounding leaves over.
        return Step(end, paid if end == target else remaining, got)
    return Step(end, paid, min(got, remaining))


def fill(orders: int, sqrt_price: int, remaining: int, terms: Terms) -> tuple[int, int, int] | None:
    """``match_limit_order``: what is paid, got, and left of ``orders`` (of the token that comes out) that
    wait at a price. Orders are filled at the tick's own price, squared and rounded against the trader."""
    fee, exact_in, zero_for_one, fee_on_input = terms
    if not remaining or not orders:
        return 0, 0, orders
    square = sqrt_price * sqrt_price
    price = square >> 64 if zero_for_one else ceil_div(square, Q64)
    if exact_in:
        charge = ceil_div(remaining * fee, PIPS) if fee_on_input else 0
        taken = remaining - charge
        given = taken * price >> 64 if zero_for_one else (taken << 64) // price
        if given <= orders:
            # All that remains is taken, also where it buys nothing.
            return remaining, given if fee_on_input else given - ceil_div(given * fee, PIPS), orders - given
        given = orders
    else:
        given = min(remaining, orders)
        if not fee_on_input:
            given = min(ceil_div(given * PIPS, PIPS - fee), orders)
    taken = ceil_div(given << 64, price) if zero_for_one else ceil_div(given * price, Q64)
    if taken > U64:
        return None
    return *_with_fee(taken, given, terms), orders - given


def least_beyond(orders: int, sqrt_price: int, terms: Terms) -> int:
    """The least that must remain (exact in) for ``orders`` to be filled and something to be left over."""
    square = sqrt_price * sqrt_price
    price = square >> 64 if terms.zero_for_one else ceil_div(square, Q64)
    more = orders + 1
    taken = ceil_div(more << 64, price) if terms.zero_for_one else ceil_div(more * price, Q64)
    return ceil_div(taken * PIPS, PIPS - terms.fee) if terms.fee_on_input else taken


def _with_fee(taken: int, given: int, terms: Terms) -> tuple[int, int]:
    if terms.fee_on_input:
        return taken + ceil_div(taken * terms.fee, PIPS - terms.fee), given
    return taken, given - ceil_div(given * terms.fee, PIPS)


def _from_input(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int | None:
    if not liquidity:
        return None
    if zero_for_one:
        numerator = liquidity << 64
        return ceil_div(numerator * price, numerator + amount * price)
    return price + (amount << 64) // liquidity


def _from_output(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int | None:
    if not liquidity:
        return None
    if zero_for_one:
        after = price - ceil_div(amount << 64, liquidity)
        return after if after > 0 else None
    numerator = liquidity << 64
    denominator = numerator - amount * price
    return ceil_div(numerator * price, denominator) if denominator > 0 else None
