"""A pool in its own units: integers as the contract has them, rounded as the contract rounds."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Swap(Struct, frozen=True, gc=False):
    """Raw amounts, fee included in ``amount_in``, and the pool's marginal price after (quote per token)."""

    amount_in: int
    amount_out: int
    price_after: float


class RawPool(Protocol):
    """Amounts in base units. ``sell`` means: the token goes in, the quote comes out.

    A pool is a value: nothing changes it, :meth:`after` makes the next one.
    """

    def price(self) -> float:
        """Marginal price, raw quote per raw token, without fee."""

    def fee_ratio(self, sell: bool) -> float:
        """The part of what goes in that the pool keeps, as of now, for the next unit."""

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """What comes out for exactly ``amount``; ``None`` if the pool cannot take all of it."""

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """What must go in for exactly ``amount``; ``None`` if the pool does not hold it."""

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """The largest swap that does not take the marginal price beyond ``price``; ``None`` if there is
        nothing to do."""

    def after(self, amount: int, sell: bool) -> RawPool | None:
        """The pool once :meth:`exact_in` of ``amount`` has happened; ``None`` where that cannot be."""
