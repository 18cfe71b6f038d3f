"""When a leg that was refused is tried again: later and later, or with a new quote of what it needs. Pure.

A hedge stays one until it can be closed. A market that shuts for a night or a weekend opens again; one that
says nothing for :data:`GONE_NS` has gone, and waiting on for it would keep a plan open that nobody can end.
An option ends by itself: it is waited for until it has expired, and as long beyond.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from bot.errors import Refusal
from bot.execution.margin import NEVER
from bot.strategy.options import occ
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Leg, Ns, split_instrument

RETRY_NS = 60 * NS
"""The first pause, and the least between two tries."""
SLOWEST_NS = 3_600 * NS
GROWTH = 10
"""A pause is a tenth of what was waited so far, between the two."""
DAY_NS = DAY_SECONDS * NS
WAY_OUT_NS = DAY_NS
"""A deferred leg that is refused is tried again for so long after it was due."""
GONE_NS = 7 * DAY_NS
"""A hedge is tried to be closed for so long: no market that still exists is shut for longer."""
TOLD_NS = DAY_NS
"""A hedge that still cannot be closed is told of so often."""
FINAL_RULES = frozenset({"slippage", "plan.otherwise"})
"""A price that is no good ends it."""


class Retry(Struct):
    """One plan's: the next try ``at``, refused first ``since`` (0: never, its time has not come), last
    ``tried``, ``told`` so often; a quote of one that it ``wakes`` on brings the next try forward."""

    at: Ns
    since: Ns = 0
    tried: Ns = 0
    told: int = 0
    wakes: list[str] = []


class Retries:
    """Of all plans. ``watched`` are instruments whose ticks :meth:`heard` must be told of."""

    def __init__(self) -> None:
        self._plans: dict[str, Retry] = {}
        self.watched: frozenset[str] = frozenset()

    @property
    def next_due(self) -> Ns:
        """When the next try is due."""
        return min((retry.at for retry in self._plans.values()), default=NEVER)

    def later(self, plan_id: str, at: Ns) -> None:
        """Nothing was tried yet: its time comes then."""
        self._plans[plan_id] = Retry(at)

    def waited(self, plan_id: str, ts: Ns) -> Ns:
        """Since a plan's leg was first refused."""
        retry = self._plans.get(plan_id)
        return ts - retry.since if retry is not None and retry.since else 0

    def again(self, plan_id: str, leg: Leg, ts: Ns, wakes: Collection[str]) -> bool:
        """It was refused at ``ts`` and is tried again; whether that is to be told of."""
        retry = self._plans.setdefault(plan_id, Retry(ts))
        if not retry.since:
            retry.since = ts
        waited = ts - retry.since
        pause = RETRY_NS
        if leg.action == "unhedge":
            pause = min(SLOWEST_NS, max(RETRY_NS, waited // GROWTH))
        retry.at, retry.tried = ts + pause, ts
        if retry.wakes != (names := sorted(wakes)):
            retry.wakes = names
            self._look()
        if leg.action != "unhedge" or waited < (retry.told + 1) * TOLD_NS:
            return False
        retry.told = int(waited // TOLD_NS)
        return True

    def of(self, plan_id: str) -> Retry:
        """A plan's that is tried again."""
        return self._plans[plan_id]

    def heard(self, instrument: str, ts: Ns) -> None:
        """Something was told of an instrument: who waits for it tries now, or a minute after its last try."""
        for retry in self._plans.values():
            if instrument in retry.wakes and retry.at != NEVER:
                retry.at = min(retry.at, max(ts, retry.tried + RETRY_NS))

    def due(self, ts: Ns) -> list[str]:
        """Plans whose time has come."""
        found = [plan_id for plan_id, retry in self._plans.items() if retry.at <= ts]
        for plan_id in found:
            self.hold(plan_id)
        return found

    def hold(self, plan_id: str) -> None:
        """It is tried now, for whatever reason: nothing more is due."""
        if plan_id in self._plans:
            self._plans[plan_id].at = NEVER

    def over(self, plan_id: str) -> None:
        """Its leg was sent, or given up."""
        retry = self._plans.pop(plan_id, None)
        if retry is not None and retry.wakes:
            self._look()

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self._plans)
        return plain

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`snapshot`; older ones said when alone."""
        self._plans = {
            plan_id: Retry(saved) if isinstance(saved, int) else msgspec.convert(saved, Retry)
            for plan_id, saved in state.items()
        }
        self._look()

    def _look(self) -> None:
        self.watched = frozenset(name for retry in self._plans.values() for name in retry.wakes)


def waits(leg: Leg, refusal: Refusal, ts: Ns, since_due: Ns, waited: Ns) -> bool:
    """Whether a leg that is refused at ``ts`` is tried again: a hedge until its market has gone for ever,
    what is to be sent only later a day from when it was due."""
    if refusal.rule in FINAL_RULES:
        return False
    if leg.action != "unhedge":
        return leg.after_seconds > 0 and since_due < WAY_OUT_NS
    contract = occ.parse(split_instrument(leg.instrument)[0])
    if contract is not None and ts < contract.expiry + GONE_NS:
        return True
    return waited < GONE_NS
