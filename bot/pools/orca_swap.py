"""Where one swap in a Whirlpool ends: the whole steps its path has summed, and the last, partial one.

Source: ``compute_swap`` in ``math/swap_math.rs`` of the Whirlpool program. Amounts are u64 there: what does
not fit is refused.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from bot.pools.orca_adaptive_fee import AdaptiveFee
from bot.pools.orca_math import U64, part_in, part_out, tick_at_sqrt, whole
from bot.pools.orca_path import Path


class End(NamedTuple):
    """Where a swap ends: after so many whole steps, or ``within`` the next one."""

    sqrt_price: int
    paid: int
    got: int
    steps: int
    within: bool


class OrcaSwap(Struct, frozen=True):
    """A swap's raw amounts (fee in ``amount_in``) and the state it leaves."""

    amount_in: int
    amount_out: int
    sqrt_price: int
    tick: int
    liquidity: int
    adaptive_fee: AdaptiveFee | None = None


def end_in(path: Path, amount: int) -> End | None:
    """Of a swap of exactly ``amount`` in; ``None`` if the pool does not take all of it."""
    if not 0 < amount <= U64:
        return None
    steps, paid, got = path.for_input(amount)
    start = path.standing(steps)
    if paid == amount:
        return _whole(path, steps, paid, got)
    if start.end is None:
        return None
    part = part_in(start.sqrt_price, start.liquidity, start.fee, path.a_to_b, amount - paid)
    return None if part is None else _fitting(End(part[0], amount, got + part[1], steps, True))


def end_out(path: Path, amount: int) -> End | None:
    """Of a swap for exactly ``amount`` out; ``None`` if the pool does not give it."""
    if not 0 < amount <= U64:
        return None
    steps, paid, got = path.for_output(amount)
    start = path.standing(steps)
    if got == amount:
        return _whole(path, steps, paid, got)
    if start.end is None:
        return None
    part = part_out(start.sqrt_price, start.liquidity, start.fee, path.a_to_b, amount - got)
    if part is None:
        return None
    price, takes = part
    if price == start.end:  # by rounding, with less than all of the step
        return _whole(path, steps + 1, paid + takes, amount)
    return _fitting(End(price, paid + takes, amount, steps, True))


def end_at(path: Path, target: int) -> End | None:
    """Of a swap until the price ``target``, or as near as can be; ``None`` if its amounts do not fit."""
    steps, paid, got = path.towards(target)
    start = path.standing(steps)
    if start.end is None or start.sqrt_price == target:
        return _fitting(End(start.sqrt_price, paid, got, steps, False))
    takes, gives = whole(start.sqrt_price, target, start.liquidity, start.fee, path.a_to_b)
    return _fitting(End(target, paid + takes, got + gives, steps, True))


def _whole(path: Path, steps: int, paid: int, got: int) -> End | None:
    """An end on a whole step's, unless that is where knowledge ends: there we cannot tell."""
    end = path.standing(steps)
    known = path.closed or end.end is not None
    return _fitting(End(end.sqrt_price, paid, got, steps, False)) if known else None


def _fitting(end: End) -> End | None:
    return end if end.paid <= U64 and end.got <= U64 else None


def left_by(path: Path, end: End | None) -> OrcaSwap | None:
    """The swap with the state it leaves; one that ends with a whole step has crossed the tick there."""
    if end is None:
        return None
    at = path.standing(end.steps)
    tick = at.tick if end.sqrt_price == at.sqrt_price else tick_at_sqrt(end.sqrt_price)
    fee = path.left(end.steps, end.sqrt_price, within=end.within)
    return OrcaSwap(end.paid, end.got, end.sqrt_price, tick, at.liquidity, fee)
