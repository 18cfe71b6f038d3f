"""Orders and fills as messages, made from a plan. Pure; every id is derived from the plan's."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from bot.errors import Refusal
from bot.execution.orders import IN_TRANSIT, order_id, unwind_id
from bot.execution.pricing import Execution
from bot.execution.retries import Retry
from bot.execution.sides import action_of
from bot.timefmt import NS, duration
from bot.types import Fill, Leg, Ns, Order, Plan

_ZERO = Decimal(0)


def filled_of(order: Order, plan: Plan, done: Execution, origin: str) -> Fill:
    """What was done. A transfer is booked where tokens leave (``origin``) and says where they go."""
    settles = order.ts + round(done.delay_seconds * NS)
    moves = order.action == "transfer"
    waits = moves or (order.action in IN_TRANSIT and settles > order.ts)
    return Fill(
        id=f"{order.id}-F",
        order_id=order.id,
        plan_id=order.plan_id,
        ts=order.ts,
        action=order.action,
        instrument=origin if moves else order.instrument,
        underlying=plan.underlying,
        quantity_tokens=done.quantity,
        price=done.price,
        fee_usd=done.fee_usd,
        gas_usd=done.gas_usd,
        settles=settles,
        status="pending" if waits else "filled",
        reason=f"to {order.instrument}" if moves else "",
    )


def order_of(plan: Plan, number: int, leg: Leg | None, ts: Ns, *, unwind: bool = False) -> Order:
    """The order of a leg; one that unwinds has no limit."""
    limit = leg.limit_price if leg is not None and not unwind else None
    return Order(
        id=unwind_id(plan.id, number) if unwind else order_id(plan.id, number),
        plan_id=plan.id,
        leg=number,
        ts=ts,
        action=action_of(leg) if leg is not None else "none",
        instrument=leg.instrument if leg is not None else plan.instrument,
        quantity_tokens=_shown(leg.quantity_tokens) if leg is not None else _ZERO,
        limit_price=_shown(limit) if limit is not None else None,
        expires=plan.expires,
    )


def _shown(number: float) -> Decimal:
    """A float as it reads; a rejected order may carry one that is no number, which becomes 0."""
    return Decimal(repr(number)) if abs(number) < float("inf") else _ZERO


def rejected(order: Order, plan: Plan, refusal: Refusal) -> Fill:
    """An order that was refused, and the rule it broke; nothing moved."""
    return Fill(
        id=f"{order.id}-R",
        order_id=order.id,
        plan_id=order.plan_id,
        ts=order.ts,
        action=order.action,
        instrument=order.instrument,
        underlying=plan.underlying,
        quantity_tokens=max(order.quantity_tokens, _ZERO),
        price=_ZERO,
        fee_usd=_ZERO,
        gas_usd=_ZERO,
        settles=order.ts,
        status="rejected",
        reason=str(refusal),
    )


def stays(order: Order, plan: Plan, refusal: Refusal, retry: Retry) -> Fill:
    """A hedge that still cannot be closed: why, for how long it was tried, when it is tried next."""
    waited, pause = ((end - start) / NS for start, end in ((retry.since, order.ts), (order.ts, retry.at)))
    note = f"{order.id}-W{retry.told}"
    why = f"{refusal} (tried for {duration(waited)}, again in {duration(pause)} or with its next quote)"
    return replace(
        rejected(order, plan, refusal), id=f"{note}-F", order_id=note, action="hedge_stays", reason=why
    )


def settled_of(pending: Fill) -> Fill:
    """What a pending fill becomes once its time has come; a transfer arrives where it was sent ``to``."""
    instrument = pending.instrument
    if pending.action == "transfer":
        instrument = pending.reason.removeprefix("to ") or instrument
    return replace(
        pending,
        id=f"{pending.order_id}-S",
        ts=pending.settles,
        instrument=instrument,
        fee_usd=_ZERO,
        gas_usd=_ZERO,
        status="settled",
        reason="",
    )
