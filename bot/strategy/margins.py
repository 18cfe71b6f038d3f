"""What is put up for hedges that are held, worked out from their fills. Pure.

While its plan runs, its reservation counts it; what a plan leaves open stays bound without one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from bot.money import value_usd
from bot.registry.model import Registry
from bot.strategy.hedges import MARGIN_RATIO
from bot.types import Fill, split_instrument

ENDED = frozenset({"expire_long", "expire_short", "exercise", "assign", "liquidate_long", "liquidate_short",
                   "lapse"})  # fmt: skip


class Held(Struct, frozen=True):
    """Of one hedge: margin, or Regulation T's half of shares sold short."""

    plan_id: str
    instrument: str
    usd: float


class Margins:
    """Of all hedges, by the orders that opened them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._held: dict[str, Held] = {}
        self._put_in: tuple[str, float] = ("", 0.0)
        """Margin goes in just before the fill that opens its hedge."""

    def left_usd(self, running: Container[str]) -> float:
        """What plans have left bound that are not ``running`` any more."""
        return sum(one.usd for one in self._held.values() if one.plan_id not in running)

    def on_fill(self, fill: Fill) -> None:
        """Take note of what goes in, and of a hedge's end, which brings back what is left."""
        if fill.status != "filled":
            return
        opener, _, _ = fill.order_id.rpartition("-H")
        usd = float(value_usd(fill.quantity_tokens, fill.price))
        match fill.action:
            case "margin_in":
                self._put_in = opener, usd
            case "hedge" | "hedge_buy":
                order, margin = self._put_in
                if order != fill.order_id:
                    margin = self._short_usd(fill.instrument, usd)
                if margin:
                    self._held[fill.order_id] = Held(fill.plan_id, fill.instrument, margin)
            case "unhedge" | "unhedge_sell":
                mine = (key for key, one in self._held.items()
                        if (one.plan_id, one.instrument) == (fill.plan_id, fill.instrument))  # fmt: skip
                self._held.pop(next(mine, ""), None)
            case action if action in ENDED:
                self._held.pop(opener, None)

    def adopt(self, fills: Iterable[Fill]) -> None:
        """Take over what is open by these fills, as they were booked, and unknown here."""
        booked = Margins(self._registry)
        for fill in fills:
            booked.on_fill(fill)
        self._held = booked._held | self._held

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self._held)
        return plain

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        self._held = msgspec.convert(state, dict[str, Held])

    def _short_usd(self, instrument: str, usd: float) -> float:
        symbol, venue = split_instrument(instrument)
        is_share = symbol in self._registry.underlyings and venue not in self._registry.perp_venues
        return MARGIN_RATIO * usd if is_share else 0.0
