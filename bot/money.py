"""Decimal arithmetic that does not depend on the process's context: exact to 80 digits."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

ZERO = Decimal(0)
USD_QUANTUM = Decimal("0.00000001")
"""Dollars are rounded (half to even) to this once, when booked; both sides get the same figure."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)


def total(values: Iterable[Decimal]) -> Decimal:
    """Sum without rounding (``sum`` would round to the 28 digits of the default context)."""
    result = ZERO
    for value in values:
        result = _EXACT.add(result, value)
    return result


def minus(left: Decimal, right: Decimal) -> Decimal:
    """``left − right``."""
    return _EXACT.subtract(left, right)


def neg(value: Decimal) -> Decimal:
    """``−value`` (unary minus would round)."""
    return value.copy_negate() if value else ZERO


def value_usd(quantity: Decimal, price: Decimal) -> Decimal:
    """``quantity × price``, rounded to :data:`USD_QUANTUM`."""
    return _EXACT.multiply(quantity, price).quantize(USD_QUANTUM, context=_EXACT)


def share_of(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """``amount × part / whole`` rounded to :data:`USD_QUANTUM`; all of it, exactly, if part is whole."""
    if part == whole:
        return amount
    return _EXACT.divide(_EXACT.multiply(amount, part), whole).quantize(USD_QUANTUM, context=_EXACT)
