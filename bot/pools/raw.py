"""A pool in its own units: integers as the contract has them, rounded as the contract rounds."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Swap(NamedTuple):
    """Raw amounts, fee included in ``amount_in``, and the pool's marginal price after (quote per token)."""

    amount_in: int
    amount_out: int
    price_after: float


class RawPool(Protocol):
    """Amounts in base units. ``sell`` means: the token goes in, the quote comes out."""

    def price(self) -> float:
        """Marginal price, raw quote per raw token, without fee."""

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """What comes out for exactly ``amount``; ``None`` if the pool cannot take all of it."""

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """What must go in for exactly ``amount``; ``None`` if the pool does not hold it."""

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """The swap that leaves the marginal price at ``price``; ``None`` if there is nothing to do."""
