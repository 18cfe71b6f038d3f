"""The paper broker: fills that the market would really have given, and the losses too. Pure.

All time is event time and nothing is random, so a replay fills exactly as a live run did. A fill
does not move the market's own state; what we took of its depth is gone for us
(:mod:`bot.pools.taken`). Orders fill whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.errors import Refusal
from bot.execution.arming import require_start
from bot.execution.counter import Counter
from bot.execution.fills import filled_of, order_of, rejected, settled_of, stays
from bot.execution.hedge_desk import HedgeDesk, ended, is_hedge
from bot.execution.left_open import Left, LeftOpen
from bot.execution.margin import NEVER
from bot.execution.orders import FINAL, IN_TRANSIT, REVERSE, Filled, PlanRun, State, order_id
from bot.execution.prices import Prices
from bot.execution.pricing import Execution, check_limit
from bot.execution.retries import Retries, waits
from bot.execution.sides import OTHER
from bot.registry import Registry
from bot.timefmt import NS, duration
from bot.types import Fill, Leg, Ns, Order, Plan, split_instrument

if TYPE_CHECKING:
    from bot.market import Market
    from bot.strategy.hedge_book import HedgeBook

KEEP_FINISHED = 10_000
"""Plans remembered as carried out: far more than can be handed over twice before they expire."""


class PaperBroker:
    """Carries plans out on paper. ``next_due`` is when something next happens by itself: something settles, a
    hedge is funded or expires, or is tried to be closed again; ``None`` if nothing will."""

    def __init__(self, registry: Registry, config: ExecutionSection) -> None:
        """Raises Refusal ``live.no_venue`` if the config asks for live trading."""
        require_start(config)
        self._config = config
        self._runs: dict[str, PlanRun] = {}
        self._finished: dict[str, State] = {}
        self._transit: list[tuple[Ns, str, Fill]] = []
        self._counter = Counter(registry)
        self._prices = Prices(self._counter)
        self._ready: list[str] = []
        self._retries = Retries()
        self._left, self._speaking = LeftOpen(), list[Left]()
        self._hedges: HedgeDesk | None = None
        self.watched: frozenset[str] = frozenset()
        """Instruments whose ticks :meth:`heard` must be told of."""
        self.next_due: Ns | None = None
        self.next_settlement: Ns | None = None
        """When something next settles, whatever else goes on by itself."""
        self.halted = ""
        """Why no new plan is begun (the ledger cannot be written); empty: plans are carried out."""

    def attach(self, book: HedgeBook, market: Market) -> None:
        """Trade options, perps and perpetual options, too; nothing is held of them yet."""
        self._hedges = self._prices.hedges = HedgeDesk(book, market)
        book.carried = self._counts_on

    def heard(self, instrument: str, ts: Ns) -> list[Fill]:
        """What follows from a tick of a watched instrument: hedges may be liquidated, or closed at last."""
        fills = self._hedges.carried.heard(instrument, ts) if self._hedges is not None else []
        self._retries.heard(instrument, ts)
        self._left.heard(instrument, ts)
        self._look()
        return fills

    def state_of(self, plan_id: str) -> State | None:
        """How far a plan has come; ``None`` if it was never handed over (or long ago)."""
        run = self._runs.get(plan_id)
        return run.state if run is not None else self._finished.get(plan_id)

    def execute(self, plan: Plan, market: Market, ts: Ns) -> list[Fill]:
        """Send the plan's legs in order; each fill, refusal and unwinding as a :class:`Fill`.

        ``[]`` for a plan not to trade, one handed over before, and while execution is off. A leg that
        needs tokens still in transit waits for :meth:`due`.
        """
        if self._config.mode == "off" or plan.decision != "trade" or self.state_of(plan.id) is not None:
            return []
        run = self._runs[plan.id] = PlanRun(plan)
        refusal = None
        if self.halted:
            refusal = Refusal("execution.halted", self.halted)
        elif not plan.legs:
            refusal = Refusal("plan.empty", "a plan to trade has no legs")
        elif ts > plan.expires:
            refusal = Refusal("plan.expired", f"{(ts - plan.expires) / NS:.3g} s before it was sent")
        if refusal is None:
            return self._advance(run, market, ts)
        run.move("refused")
        self._close(run)
        leg = plan.legs[0] if plan.legs else None
        return [rejected(order_of(plan, 0, leg, ts), plan, refusal)]

    def due(self, ts: Ns, market: Market | None = None) -> list[Fill]:
        """What has settled by ``ts``, in order, and with ``market`` the legs that waited for it.

        A settled fill carries the time it was due. Costs nothing when nothing is due.
        """
        fills: list[Fill] = []
        while self.next_due is not None and self.next_due <= ts:
            if self.next_due == self.next_settlement:
                _, _, settled = heappop(self._transit)
                self._arrived(settled)
                fills.append(settled)
            elif self._hedges is not None:
                fills += self._hedges.carried.due(self.next_due, ts)
            self._ready += self._retries.due(self.next_due)
            self._speaking += self._left.due(self.next_due)
            self._look()
        if market is not None and self._ready:
            ready, self._ready = self._ready, []
            for plan_id in dict.fromkeys(ready):
                run = self._runs.get(plan_id)
                self._retries.hold(plan_id)
                if run is not None and run.state == "waiting":
                    run.move("sending")
                    fills += self._advance(run, market, ts)
            self._look()
        if market is not None and self._speaking:
            speaking, self._speaking = self._speaking, []
            for left in speaking:
                fills += self._close_left(left, market, ts)
        return fills

    def _look(self) -> None:
        """When something next happens."""
        self.next_settlement = self._transit[0][0] if self._transit else None
        times = [self._retries.next_due, self._left.next_due]
        if self.next_settlement is not None:
            times.append(self.next_settlement)
        if self._hedges is not None and self._hedges.carried.positions:
            times.append(self._hedges.carried.next_due)
        perps = self._hedges.carried.watched if self._hedges is not None else frozenset()
        self.watched = perps.union(self._retries.watched, self._left.watched)
        self.next_due = min((at for at in times if at < NEVER), default=None)

    def adopt(self, pending: Iterable[Fill]) -> int:
        """Take over settlements the ledger still waits for; how many of them were unknown here."""
        known = {order for _, order, _ in self._transit}
        lost = [fill for fill in pending if fill.order_id not in known]
        for fill in lost:
            self._await(settled_of(fill))
        return len(lost)

    def adopt_hedges(self, booked: Iterable[Fill]) -> list[str]:
        """Take over hedges that the ledger has fills of and that are unknown here; what they are of.

        They are funded, liquidated and expire as any other; who closes them are people: their plans are gone.
        """
        lost = self._hedges.adopt(booked) if self._hedges is not None else []
        for one in lost:
            if self.state_of(one.plan_id) is None:
                self._finished[one.plan_id] = "stranded"
        self._look()
        return [f"{one.quantity.normalize():f} {one.instrument} ({one.side}, {one.plan_id})" for one in lost]

    def snapshot(self) -> dict[str, Any]:
        """Everything needed to go on, as plain data."""
        state = {
            "runs": list(self._runs.values()),
            "finished": self._finished,
            "transit": [fill for _, _, fill in sorted(self._transit, key=lambda item: item[:2])],
            "spent": self._counter.spent.snapshot(),
            "ready": self._ready,
            "retries": self._retries.snapshot(),
            "left_open": self._left.snapshot(),
            "hedges": self._hedges.snapshot() if self._hedges is not None else None,
        }
        plain: dict[str, Any] = msgspec.to_builtins(state)
        return plain

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        runs = msgspec.convert(state["runs"], list[PlanRun])
        transit = msgspec.convert(state["transit"], list[Fill])
        self._runs = {run.plan.id: run for run in runs}
        self._finished = msgspec.convert(state["finished"], dict[str, State])
        self._transit = [(fill.settles, fill.order_id, fill) for fill in transit]
        heapify(self._transit)
        self._counter.spent.restore(state.get("spent", {}))
        self._ready = list(state["ready"])
        self._retries.restore(state.get("retries", {}))
        self._left.restore(state)
        if self._hedges is not None and state.get("hedges") is not None:
            self._hedges.restore(state["hedges"])
        self._look()

    def _advance(self, run: PlanRun, market: Market, ts: Ns) -> list[Fill]:
        fills: list[Fill] = []
        while (leg := run.leg) is not None:
            if run.nothing_to_undo:
                skipped = order_of(run.plan, run.next_leg, leg, ts)
                fills.append(ended(skipped, run.plan, f"there is nothing to {leg.action}"))
                self._retries.over(run.plan.id)
                run.next_leg += 1
                continue
            if run.must_wait():
                run.move("waiting")
                return fills
            later = run.plan.created + round(leg.after_seconds * NS)
            if ts < later:
                run.move("waiting")
                self._retries.later(run.plan.id, later)
                self._look()
                return fills
            order = order_of(run.plan, run.next_leg, leg, ts)
            if self._prices.has_ended(leg, run.plan):
                fills.append(ended(order, run.plan))
                self._retries.over(run.plan.id)
                run.next_leg += 1
                continue
            try:
                done = self._prices.price(leg, run.plan, market, ts)
                if leg.action != "unhedge":  # what it hedged is gone, or about to be: at any price
                    check_limit(leg, done.all_in, self._config.slippage if run.filled else 0.0)
                self._prices.best_way(run, leg, done, market, ts)
            except Refusal as refusal:
                waited = self._retries.waited(run.plan.id, ts)
                if waits(leg, refusal, ts, ts - later, waited):
                    return fills + self._try_later(run, leg, order, refusal)
                tried = waited if leg.action == "unhedge" else ts - later if leg.after_seconds > 0 else 0
                if tried > 0:
                    refusal = Refusal(refusal.rule, f"{refusal.detail} (tried for {duration(tried / NS)})")
                fills.append(rejected(order, run.plan, refusal))
                self._retries.over(run.plan.id)
                if leg.action == "unhedge":
                    # Nothing of the rest depends on it, and undoing what is done would not bring it back.
                    run.left_open = True
                    self._left.leave(run.plan, run.next_leg, ts, self._prices.closed_by(leg, run.plan))
                    run.next_leg += 1
                    continue
                if run.turn():
                    continue
                return fills + self._give_up(run, market, ts)
            fills += self._fill(run, leg, order, done, market)
            self._retries.over(run.plan.id)
            run.filled.append(Filled(run.next_leg, str(done.quantity)))
            run.next_leg += 1
        run.move("settling" if run.in_transit else run.end)
        self._close(run)
        return fills

    def _try_later(self, run: PlanRun, leg: Leg, order: Order, refusal: Refusal) -> list[Fill]:
        """The plan waits; now and then that is told."""
        run.move("waiting")
        wakes = self._prices.closed_by(leg, run.plan) if leg.action == "unhedge" else frozenset[str]()
        told = self._retries.again(run.plan.id, leg, order.ts, wakes)
        self._look()
        if not told:
            return []
        return [stays(order, run.plan, refusal, self._retries.of(run.plan.id))]

    def _close_left(self, left: Left, market: Market, ts: Ns) -> list[Fill]:
        """At whatever the market gives: what it hedged is gone."""
        plan, leg = left.plan, left.leg
        if self._prices.has_ended(leg, plan):
            self._left.over(left)
            self._look()
            return []
        order = order_of(plan, left.number, leg, ts, unwind=True)
        try:
            done = self._prices.price(leg, plan, market, ts)
        except Refusal:
            return []
        self._left.over(left)
        why = f"its market speaks again, {duration((ts - left.since) / NS)} after it was left open"
        fills = self._fill(PlanRun(plan), leg, order, done, market)
        self._look()
        return [replace(fill, reason=why) if fill.order_id == order.id else fill for fill in fills]

    def _give_up(self, run: PlanRun, market: Market, ts: Ns) -> list[Fill]:
        """Undo what filled, last first, at whatever the market gives: the loss is real and is booked.

        What was minted, redeemed or moved elsewhere cannot be called back; its hedge then stays, until people
        decide. A hedge that was closed stays closed.
        """
        if not run.filled:
            run.move("refused")
            self._close(run)
            return []
        run.move("unwinding")
        fills: list[Fill] = []
        stranded = run.left_open
        legs = run.legs
        closed = self._left.of(run.plan.id).union(
            legs[filled.leg].instrument for filled in run.filled if legs[filled.leg].action == "unhedge"
        )
        kept = any(legs[filled.leg].action in IN_TRANSIT for filled in run.filled)
        moved: set[str] = set()
        for filled in reversed(run.filled):
            leg = legs[filled.leg]
            if leg.action == "unhedge" or (leg.action == "hedge" and leg.instrument in closed):
                continue
            token, _ = split_instrument(leg.instrument)
            # What was bought is no more where it was bought.
            gone = leg.action == "buy" and token in moved
            if leg.action not in REVERSE or gone or (kept and leg.action == "hedge"):
                stranded = True
                if leg.action == "transfer":
                    moved.add(token)
                continue
            undo = replace(
                leg, action=REVERSE[leg.action], quantity_tokens=float(filled.quantity),
                side=OTHER[leg.side] if leg.side is not None else None,
            )  # fmt: skip
            if self._prices.has_ended(undo, run.plan):
                continue
            order = order_of(run.plan, filled.leg, undo, ts, unwind=True)
            try:
                done = self._prices.price(undo, run.plan, market, ts)
            except Refusal as refusal:
                stranded = True
                fills.append(rejected(order, run.plan, refusal))
                continue
            why = f"unwind of {order_id(run.plan.id, filled.leg)}"
            for fill in self._fill(run, undo, order, done, market):
                fills.append(replace(fill, reason=why) if fill.order_id == order.id else fill)
        run.move("stranded" if stranded else "unwound")
        self._close(run)
        return fills

    def _fill(self, run: PlanRun, leg: Leg, order: Order, done: Execution, market: Market) -> list[Fill]:
        fill = filled_of(order, run.plan, done, run.held_at(order.leg))
        if is_hedge(leg) and self._hedges is not None:
            fills = self._hedges.carry_out(leg, run.plan, order, fill)
            self._look()
            return fills
        if fill.status == "pending":
            run.in_transit.append(order.id)
            self._await(settled_of(fill))
        else:
            self._counter.take(order, run.plan, done, market)
        return [fill]

    def _await(self, settled: Fill) -> None:
        heappush(self._transit, (settled.settles, settled.order_id, settled))
        self._look()

    def _arrived(self, settled: Fill) -> None:
        run = self._runs.get(settled.plan_id)
        if run is None or settled.order_id not in run.in_transit:
            return
        run.in_transit.remove(settled.order_id)
        if run.state == "waiting" and not run.must_wait():
            self._ready.append(settled.plan_id)
        elif run.state == "settling" and not run.in_transit:
            run.move(run.end)
            self._close(run)

    def _counts_on(self, instrument: str) -> bool:
        """Whether a hedge is held, or named by a plan that is carried out."""
        if self._hedges is not None and instrument in self._hedges.carried.held:
            return True
        return any(leg.instrument == instrument for run in self._runs.values() for leg in run.plan.legs)

    def _close(self, run: PlanRun) -> None:
        if run.state not in FINAL:
            return
        del self._runs[run.plan.id]
        self._retries.over(run.plan.id)
        self._finished[run.plan.id] = run.state
        while len(self._finished) > KEEP_FINISHED:
            del self._finished[next(iter(self._finished))]
