"""How deep a venue is around its price: what every curve's :meth:`to_price` says at a row of prices."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bot.pools.curve import Curve

RATIOS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2)


class Depth(Struct, frozen=True):
    """One price and what reaches it: ``usd`` for ``tokens`` in all, on average ``average`` USD per token.

    ``held_usd`` is what the venue holds between this price and the one before, nearer to the spot: the
    distribution of its liquidity.
    """

    price: float
    usd: float
    tokens: float
    average: float | None
    held_usd: float


class Profile(Struct, frozen=True):
    """Depth around ``spot``, nearest first: ``sell`` below it, ``buy`` above it."""

    spot: float
    sell: list[Depth]
    buy: list[Depth]


def profile(curve: Curve, ratios: Sequence[float] = RATIOS) -> Profile:
    """Depth at these distances from the spot, as ratios of it, each at most 1 and rising.

    Raises :class:`~bot.errors.PoolError` where the curve has no price."""
    spot = curve.spot()
    return Profile(
        spot,
        _side(curve, [spot * (1 - ratio) for ratio in ratios]),
        _side(curve, [spot * (1 + ratio) for ratio in ratios]),
    )


def _side(curve: Curve, prices: Sequence[float]) -> list[Depth]:
    found: list[Depth] = []
    usd = 0.0
    for price in prices:
        done = curve.to_price(price)
        if done is None:
            found.append(Depth(price, usd, found[-1].tokens if found else 0.0, _average(found), 0.0))
            continue
        found.append(Depth(price, done.usd, done.tokens, done.price, max(done.usd - usd, 0.0)))
        usd = done.usd
    return found


def _average(found: Sequence[Depth]) -> float | None:
    return found[-1].average if found else None
