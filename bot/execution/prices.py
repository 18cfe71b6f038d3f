"""What a plan's legs would get now: hedges at their desk, all else at the counter. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import Refusal
from bot.execution.counter import Counter
from bot.execution.hedge_desk import HedgeDesk, is_hedge
from bot.execution.orders import PlanRun
from bot.execution.pricing import Execution
from bot.types import Leg, Ns, Plan

if TYPE_CHECKING:
    from bot.market import Market


class Prices:
    """``hedges`` is ``None`` where nothing but shares and tokens is traded."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self.hedges: HedgeDesk | None = None

    def price(self, leg: Leg, plan: Plan, market: Market, ts: Ns) -> Execution:
        """What an order would get. Raises :class:`Refusal`, which names the rule."""
        if not is_hedge(leg):
            return self._counter.price(leg, plan, market, ts)
        if self.hedges is None:
            raise Refusal("hedge.by_hand", f"nothing here trades {leg.instrument}")
        return self.hedges.price(leg, plan, ts)

    def best_way(self, run: PlanRun, leg: Leg, done: Execution, market: Market, ts: Ns) -> None:
        """Refusal ``plan.otherwise`` if the plan's other way now brings more for what was minted."""
        other = next((each for each in run.plan.otherwise if each.action == "redeem"), None)
        if other is None or run.turned or leg.action != "sell":
            return
        try:
            back = self.price(other, run.plan, market, ts)
        except Refusal:
            return
        if back.all_in > done.all_in:
            raise Refusal(
                "plan.otherwise",
                f"{leg.instrument} pays {done.all_in:.6g}, {other.instrument} {back.all_in:.6g}",
            )

    def has_ended(self, leg: Leg, plan: Plan) -> bool:
        """Whether a leg is to close a hedge that is there no more."""
        if leg.action != "unhedge" or not is_hedge(leg):
            return False
        return self.hedges is None or self.hedges.holds(leg, plan) is None

    def closed_by(self, leg: Leg, plan: Plan) -> frozenset[str]:
        """Instruments whose quotes may let a hedge be closed that cannot be now."""
        if self.hedges is None or not is_hedge(leg):
            return frozenset({leg.instrument})
        return self.hedges.closed_by(leg, plan)
