"""Whether the books and the desk agree on what is held: tokens place by place, hedges by instrument. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.ledger.books import Position
from bot.ledger.derivatives import MARGIN

TOKENS = ("assets:tokens:", MARGIN)
HEDGES = tuple(f"{root}:{kind}:" for root in ("assets", "liabilities")
               for kind in ("options", "margined", "shares"))  # fmt: skip
SLACK = 1e-6
"""Tokens; fills are exact to nine decimals, the desk counts in floats."""


def held(positions: Iterable[Position]) -> dict[str, float]:
    """Tokens in hand by ``TOKEN@place``, as the books have them; none where there are none."""
    return _by_name(positions, TOKENS)


def hedged(positions: Iterable[Position]) -> dict[str, float]:
    """Contracts held as hedges by instrument, and shares by their ticker; negative if sold."""
    return _by_name(positions, HEDGES)


def due(positions: Iterable[Position]) -> dict[str, float]:
    """Tokens on their way to us, by symbol."""
    return {one.commodity: float(one.in_transit) for one in positions if one.in_transit > SLACK}


def _by_name(positions: Iterable[Position], prefixes: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for position in positions:
        for account, amount in position.places.items():
            prefix = next((one for one in prefixes if account.startswith(one)), None)
            if prefix is not None and abs(amount) > SLACK:
                name = account.removeprefix(prefix)
                found[name] = found.get(name, 0.0) + float(amount)
    return {name: amount for name, amount in found.items() if abs(amount) > SLACK}


def differences(books: Mapping[str, float], desk: Mapping[str, float]) -> list[str]:
    """Where they differ, in words; empty if they agree."""
    return [
        f"{key}: {books.get(key, 0.0):,.9g} in the books, {desk.get(key, 0.0):,.9g} with the desk"
        for key in sorted({*books, *desk})
        if abs(books.get(key, 0.0) - desk.get(key, 0.0)) > SLACK * max(1.0, abs(books.get(key, 0.0)))
    ]
