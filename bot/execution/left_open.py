"""Hedges that a plan could not close, for their market had gone: if it speaks again, they are closed. Pure.

What they hedged is sold or redeemed, so each is a bet that nobody made. The plan has ended all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from bot.execution.margin import NEVER
from bot.execution.retries import RETRY_NS
from bot.types import Leg, Ns, Plan


class Left(Struct):
    """One leg of a plan that was given up at ``since``; last ``tried``, to be tried ``at``, once one of those
    that it ``wakes`` on is told of."""

    plan: Plan
    number: int
    since: Ns
    wakes: list[str]
    tried: Ns
    at: Ns = NEVER

    @property
    def leg(self) -> Leg:
        """What is still to be done."""
        return [*self.plan.legs, *self.plan.otherwise][self.number]


class LeftOpen:
    """Of all plans. ``watched`` are instruments whose ticks :meth:`heard` must be told of."""

    def __init__(self) -> None:
        self._all: list[Left] = []
        self.watched: frozenset[str] = frozenset()

    @property
    def next_due(self) -> Ns:
        """When one is to be tried."""
        return min((left.at for left in self._all), default=NEVER)

    def leave(self, plan: Plan, number: int, ts: Ns, wakes: Iterable[str]) -> None:
        """A leg was given up."""
        self._all.append(Left(plan, number, ts, sorted(wakes), ts))
        self._look()

    def of(self, plan_id: str) -> frozenset[str]:
        """Instruments of a plan's."""
        return frozenset(left.leg.instrument for left in self._all if left.plan.id == plan_id)

    def heard(self, instrument: str, ts: Ns) -> None:
        """Something was told of an instrument."""
        for left in self._all:
            if instrument in left.wakes and ts >= left.tried + RETRY_NS:
                left.at = min(left.at, ts)

    def due(self, ts: Ns) -> list[Left]:
        """Those to be tried now."""
        found = [left for left in self._all if left.at <= ts]
        for left in found:
            left.at, left.tried = NEVER, ts
        return found

    def over(self, left: Left) -> None:
        """It is closed, or has ended by itself."""
        self._all = [each for each in self._all if each is not left]
        self._look()

    def snapshot(self) -> list[Any]:
        """All of it as plain data."""
        plain: list[Any] = msgspec.to_builtins(self._all)
        return plain

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a broker's snapshot; one from before there was this has none."""
        self._all = msgspec.convert(state.get("left_open", []), list[Left])
        self._look()

    def _look(self) -> None:
        self.watched = frozenset(name for left in self._all for name in left.wakes)
