"""Depth is spent only once: what we took of a venue is gone for us until it is next observed. Pure.

A pool has one curve, so what we bought can be sold back along the way it came, paying the fee
twice; an order book has two sides, and what we took of the asks does not deepen the bids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bot.types import Ns, Side

if TYPE_CHECKING:
    from bot.pools import Curve


class Taken(Struct):
    """Tokens bought and sold on one instrument since it was observed at ``ts``."""

    ts: Ns
    bought: float = 0.0
    sold: float = 0.0

    def add(self, side: Side, tokens: float, one_curve: bool) -> None:
        """Note a trade; on one curve the two sides cancel."""
        if side == "buy":
            self.bought += tokens
        else:
            self.sold += tokens
        if one_curve:
            both = min(self.bought, self.sold)
            self.bought -= both
            self.sold -= both


def usd_for(curve: Curve, side: Side, tokens: float, taken: Taken | None, fee_ratio: float,
            one_curve: bool) -> float | None:  # fmt: skip
    """USD paid (received) for ``tokens`` behind what was taken; ``None`` if the venue cannot."""
    same, other = (0.0, 0.0)
    if taken is not None:
        same, other = (taken.bought, taken.sold) if side == "buy" else (taken.sold, taken.bought)
    back = min(other, tokens) if one_curve else 0.0
    usd = 0.0
    if back:
        reverse: Side = "sell" if side == "buy" else "buy"
        way_out = _between(curve, reverse, other - back, other)
        if way_out is None:
            return None
        both_fees = (1 - fee_ratio) ** 2
        usd = way_out / both_fees if side == "buy" else way_out * both_fees
    if tokens > back:
        further = _between(curve, side, same, same + tokens - back)
        if further is None:
            return None
        usd += further
    return usd


def _between(curve: Curve, side: Side, start: float, end: float) -> float | None:
    """USD for the tokens from ``start`` to ``end`` of a larger trade."""
    trade = curve.buy_tokens if side == "buy" else curve.sell_tokens
    whole = trade(end)
    first = trade(start) if start > 0 else None
    if whole is None or (first is None and start > 0):
        return None
    return whole.usd - (first.usd if first is not None else 0.0)
