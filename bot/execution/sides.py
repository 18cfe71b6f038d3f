"""Which side a leg takes, and what its orders and fills are called. Pure."""

from __future__ import annotations

from bot.types import Leg, Side

OTHER: dict[Side, Side] = {"buy": "sell", "sell": "buy"}
_USUAL: dict[str, Side] = {
    "buy": "buy", "sell": "sell", "mint": "buy", "redeem": "sell", "hedge": "sell", "unhedge": "buy",
}  # fmt: skip
_BOUGHT: dict[str, tuple[Side, str]] = {"hedge": ("buy", "hedge_buy"), "unhedge": ("sell", "unhedge_sell")}


def side_of(leg: Leg) -> Side | None:
    """Its own, or that of its action; ``None`` for a transfer."""
    return leg.side if leg.side is not None else _USUAL.get(leg.action)


def action_of(leg: Leg) -> str:
    """A leg's action as orders and fills say it: a hedge that is bought is not sold short."""
    side, name = _BOUGHT.get(leg.action, (None, ""))
    return name if leg.side is not None and leg.side == side else leg.action
