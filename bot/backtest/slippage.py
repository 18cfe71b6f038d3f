"""Each filled leg against its plan: what it cost beyond the plan's own price, fee and gas. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from bot.execution.sides import side_of
from bot.types import Fill, Leg, Plan

Way = Literal["planned", "otherwise", "unwound"]
"""How a leg came about: as first meant, by the plan's other way, or to undo one that had filled."""
WAYS: tuple[Way, ...] = ("planned", "otherwise", "unwound")
ORDER = re.compile(r"-([LU])(\d+)")
BP = 1e4


class Slip(Struct, frozen=True):
    """One fill. ``cost`` is USD beyond the plan (negative: better than it), fees and gas included;
    ``notional`` what was traded at the plan's price, 0 of a transfer; ``later``: after the plan was made."""

    plan_id: str
    route: str
    action: str
    way: Way
    later: bool
    notional: float
    cost: float

    @property
    def bp(self) -> float | None:
        """Of its notional."""
        return self.cost / self.notional * BP if self.notional > 0 else None


def slips(fills: Iterable[Fill], traded: Mapping[str, Plan]) -> Iterator[Slip | None]:
    """A :class:`Slip` per leg that filled; ``None`` for one that cannot be compared: shares that an option
    had turned into are no contracts."""
    for fill in fills:
        plan = traded.get(fill.plan_id)
        known = leg_of(plan, fill) if plan is not None else None
        if plan is None or known is None or not fill.quantity_tokens or not _done(fill):
            continue
        leg, way = known
        if leg.action != "transfer" and fill.instrument != leg.instrument:
            yield None
            continue
        side, quantity = side_of(leg), float(fill.quantity_tokens)
        sign = {None: 0, "buy": 1, "sell": -1}[side] * (-1 if way == "unwound" else 1)
        beside = float(fill.fee_usd + fill.gas_usd)
        paid = sign * float(fill.price) * quantity + beside
        meant = sign * leg.price * quantity + leg.gas_usd
        if leg.action in ("hedge", "unhedge", "transfer"):  # of all others the fee is in the price
            meant += leg.fee_usd * quantity / leg.quantity_tokens
        yield Slip(
            plan.id, plan.route or "none", leg.action, way, fill.ts > plan.created,
            leg.price * quantity if sign else 0.0, paid - meant,
        )  # fmt: skip


def leg_of(plan: Plan, fill: Fill) -> tuple[Leg, Way] | None:
    """The leg that a fill carries out or undoes, by its order; ``None`` if no leg asked for it."""
    found = ORDER.fullmatch(fill.order_id.removeprefix(plan.id))
    legs = plan.legs + plan.otherwise
    if found is None or int(found[2]) >= len(legs):
        return None
    number = int(found[2])
    way: Way = "planned" if number < len(plan.legs) else "otherwise"
    return legs[number], "unwound" if found[1] == "U" else way


def way_of(plan: Plan, fills: Iterable[Fill]) -> str:
    """How a plan went, by its fills: one of :data:`WAYS`, or ``refused`` if none filled."""
    ways = {known[1] for fill in fills if _done(fill) and (known := leg_of(plan, fill)) is not None}
    return next((way for way in reversed(WAYS) if way in ways), "refused")


def slippage(fills: Iterable[Fill], traded: Mapping[str, Plan]) -> dict[str, Any]:
    """All, those at the plan's own moment, those later (the market moved between), and by kind of leg."""
    every = list(slips(fills, traded))
    found = [one for one in every if one is not None]
    kinds: dict[tuple[str, str, Way], list[Slip]] = {}
    for one in found:
        kinds.setdefault((one.route, one.action, one.way), []).append(one)
    return {
        **_sum(found),
        "not_compared": len(every) - len(found),
        "at_once": _sum([one for one in found if not one.later]),
        "later": _sum([one for one in found if one.later]),
        "by_leg": [
            {"route": route, "action": action, "way": way, **_sum(ones)}
            for (route, action, way), ones in sorted(kinds.items())
        ],
    }


def _sum(found: list[Slip]) -> dict[str, Any]:
    cost, notional = sum(one.cost for one in found), sum(one.notional for one in found)
    return {
        "fills": len(found),
        "notional_usd": notional,
        "cost_usd": cost,
        "cost_bp": cost / notional * BP if notional else None,
        "worst_bp": max((one.bp for one in found if one.bp is not None), default=None),
    }


def _done(fill: Fill) -> bool:
    return fill.status in ("filled", "partial", "pending")
