"""Depth is spent only once: what we had of a market is gone for us. Pure.

A recorded book does not know of our trades, nor does a live one of trades on paper: both would offer the same
again with the next tick. So what was taken stays taken until the market is observed anew and, of a market
that is out of line, for as long as the incident that we trade on lasts: nobody puts a mispriced order back
because it was hit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bot.types import Ns, Side

if TYPE_CHECKING:
    from bot.pools.curve import Curve


class Taken(Struct):
    """Tokens bought and sold on one instrument since it was observed at ``ts``, or for one ``incident``."""

    ts: Ns
    bought: float = 0.0
    sold: float = 0.0
    incident: str = ""

    def add(self, side: Side, tokens: float, one_curve: bool) -> None:
        """Note a trade. A pool is one curve, on which the two sides cancel; what was taken of a book's asks
        does not deepen its bids."""
        if side == "buy":
            self.bought += tokens
        else:
            self.sold += tokens
        if one_curve:
            both = min(self.bought, self.sold)
            self.bought -= both
            self.sold -= both

    def of(self, side: Side) -> Taken:
        """Only one side: once a market was seen anew, what we bought there makes it no dearer to sell."""
        if side == "buy":
            return Taken(self.ts, bought=self.bought)
        return Taken(self.ts, sold=self.sold)


def behind(curve: Curve, taken: Taken | None) -> Curve | None:
    """What is left of a curve; ``None`` if not so much was there."""
    left: Curve | None = curve
    if taken is not None and taken.sold > 0:
        left = curve.after(taken.sold, True)
    if left is not None and taken is not None and taken.bought > 0:
        left = left.after(taken.bought, False)
    return left
