"""What every venue's depth can be asked: the average price of a stated size, fees and impact included."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Executed(Struct, frozen=True, gc=False):
    """What a trade of a size would do.

    ``usd`` changes hands for ``tokens``; ``price`` is their ratio, USD per token; ``price_after`` is the
    marginal price that it leaves, without fee.
    """

    usd: float
    tokens: float
    price: float
    price_after: float


class Curve(Protocol):
    """The depth of one venue, USD per token. A size is always the USD that changes hands: spent in full
    on a buy, received in full on a sale. ``None`` where the venue cannot fill it."""

    def spot(self) -> float:
        """The marginal price, without fee."""

    def fee_ratio(self, sell: bool) -> float:
        """The part that the venue keeps of what is traded next."""

    def buy(self, usd: float) -> Executed | None:
        """Spend exactly ``usd``."""

    def sell(self, usd: float) -> Executed | None:
        """Receive exactly ``usd``."""

    def buy_tokens(self, tokens: float) -> Executed | None:
        """Receive exactly ``tokens``."""

    def sell_tokens(self, tokens: float) -> Executed | None:
        """Give exactly ``tokens``."""

    def depth(self, ratio: float) -> tuple[float, float]:
        """USD that moves the marginal price down, and up, by ``ratio`` (0.02 is 2 %)."""

    def to_price(self, price: float) -> Executed | None:
        """The trade that leaves the marginal price at ``price``: a sale if that is below the present one,
        a buy if above, ``None`` if it is there already."""

    def after(self, tokens: float, sell: bool) -> Curve | None:
        """The curve once so many tokens were sold to it, or bought; ``None`` where that cannot be."""
