"""The legs of a trade route, each a rising concave function of whole units: a pool, a price, a book."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import inf
from typing import Protocol

from bot.pools.raw import RawPool

PROBE = 1e-3
"""How far a probe moves a pool's price, as a ratio."""


class Leg(Protocol):
    """One trade of a route, as a function of what goes in, in base units."""

    kinks: Sequence[int]
    """What goes in where the marginal rate jumps, rising."""

    def give(self, amount: int) -> tuple[int, float] | None:
        """What comes out, and how much one more unit would add; ``None`` if that much cannot go in."""

    def need(self, amount_out: int) -> int | None:
        """The least that must go in for at least ``amount_out``; ``None`` if it cannot be had."""

    def probe(self) -> int:
        """An amount that moves the marginal rate by about :data:`PROBE`; 0 where none does."""


class PoolLeg:
    """A pool in one direction; ``sell``: the token goes in. Where its fee changes along the way, the marginal
    rate is a guess that the last whole units put right."""

    __slots__ = ("_keeps", "_pool", "_sell", "kinks")

    def __init__(self, pool: RawPool, sell: bool) -> None:
        self._pool = pool
        self._sell = sell
        self._keeps = 1 - pool.fee_ratio(sell)
        self.kinks: Sequence[int] = ()

    def give(self, amount: int) -> tuple[int, float] | None:
        """See :class:`Leg`."""
        swap = self._pool.exact_in(amount, self._sell) if amount else None
        if swap is None:
            return self._nothing(amount)
        price = swap.price_after if self._sell else 1 / swap.price_after if swap.price_after else inf
        return swap.amount_out, price * self._keeps

    def _nothing(self, amount: int) -> tuple[int, float] | None:
        """A pool refuses too little as well as too much: of too little nothing comes out."""
        least = self._pool.exact_out(1, self._sell) if amount else None
        if amount and (least is None or amount >= least.amount_in):
            return None
        price = self._pool.price()
        return 0, (price if self._sell else 1 / price) * self._keeps

    def need(self, amount_out: int) -> int | None:
        """See :class:`Leg`."""
        swap = self._pool.exact_out(amount_out, self._sell)
        return None if swap is None else swap.amount_in

    def probe(self) -> int:
        """See :class:`Leg`."""
        price = self._pool.price()
        swap = self._pool.to_price(price * (1 - PROBE if self._sell else 1 + PROBE), self._sell)
        return 0 if swap is None else swap.amount_in


class StepLeg:
    """A trade at fixed rates, the best first: one price, or a book's levels.

    ``steps`` are ``(in, out)`` in base units, their rates falling; a part of a step gives its part, rounded
    down. ``rates`` are the ``(out, in)`` that parts go by, where the steps' own are rounded. See
    :func:`at_price`, :func:`into_bids` and :func:`from_asks`.
    """

    __slots__ = ("_given", "_rates", "_taken", "kinks")

    def __init__(
        self, steps: Sequence[tuple[int, int]], rates: Sequence[tuple[int, int]] | None = None
    ) -> None:
        parts = [(step[1], step[0]) for step in steps] if rates is None else rates
        self._taken, self._given = [0], [0]
        self._rates: list[tuple[int, int]] = []
        for (amount_in, amount_out), rate in zip(steps, parts, strict=True):
            if amount_in <= 0 or amount_out <= 0:
                continue
            self._rates.append(rate)
            self._taken.append(self._taken[-1] + amount_in)
            self._given.append(self._given[-1] + amount_out)
        self.kinks: Sequence[int] = self._taken[1:]

    def give(self, amount: int) -> tuple[int, float] | None:
        """See :class:`Leg`."""
        at = bisect_right(self._taken, amount) - 1
        if at == len(self._rates):
            return (self._given[at], 0.0) if amount == self._taken[at] else None
        rate_out, rate_in = self._rates[at]
        part = (amount - self._taken[at]) * rate_out // rate_in
        return self._given[at] + part, rate_out / rate_in

    def need(self, amount_out: int) -> int | None:
        """See :class:`Leg`."""
        at = bisect_right(self._given, amount_out) - 1
        left = amount_out - self._given[at]
        if left == 0:
            return self._taken[at]
        if at == len(self._rates):
            return None
        rate_out, rate_in = self._rates[at]
        return self._taken[at] - (-left * rate_in // rate_out)

    def probe(self) -> int:
        """See :class:`Leg`."""
        return 0


def at_price(rate_out: int, rate_in: int, maximum: int) -> StepLeg:
    """``rate_out`` units out for ``rate_in`` in, fees included, for at most ``maximum`` in."""
    return StepLeg([(maximum, maximum * rate_out // rate_in)], [(rate_out, rate_in)])


def into_bids(
    bids: Sequence[Sequence[float]], fee_ratio: float, token_unit: float, usd_unit: float
) -> StepLeg:
    """Tokens into a book's bids ``(USD, tokens)``, best first. Units: what one base unit is worth."""
    return StepLeg([
        (int(tokens / token_unit), int(tokens * price * (1 - fee_ratio) / usd_unit)) for price, tokens in bids
    ])  # fmt: skip


def from_asks(
    asks: Sequence[Sequence[float]], fee_ratio: float, token_unit: float, usd_unit: float
) -> StepLeg:
    """USD into a book's asks ``(USD, tokens)``, best first. Units: what one base unit is worth."""
    return StepLeg([
        (int(tokens * price * (1 + fee_ratio) / usd_unit) + 1, int(tokens / token_unit))
        for price, tokens in asks
    ])  # fmt: skip
