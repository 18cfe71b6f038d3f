"""Messages as rows of a table, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from bot.errors import LedgerDamaged
from bot.types import Fill, Incident, Order, Plan

AMOUNTS = ("quantity_tokens", "price", "fee_usd", "gas_usd")


def incident_row(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "instrument": incident.instrument,
        "opened": incident.opened,
        "last_seen": incident.last_seen,
        "resolved": incident.resolved,
        "body": msgspec.json.encode(incident).decode(),
    }


def plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "incident_id": plan.incident_id,
        "created": plan.created,
        "decision": plan.decision,
        "body": msgspec.json.encode(plan).decode(),
    }


def order_row(order_id: str, source: Order | Fill) -> dict[str, Any]:
    return {
        "id": order_id,
        "plan_id": source.plan_id,
        "ts": source.ts,
        "action": source.action,
        "instrument": source.instrument,
        "quantity_tokens": source.quantity_tokens,
    }


def fill_row(fill: Fill, place: str) -> dict[str, Any]:
    return {**msgspec.structs.asdict(fill), "place": place}


def numbers(table: str, row: object, **values: Decimal) -> None:
    """:class:`LedgerDamaged` for the first that is no number."""
    for name, value in values.items():
        if not value.is_finite():
            raise LedgerDamaged(table, row, f"{name} is not a number")


def fill_of(row: Any) -> Fill:
    values = dict(row._mapping)
    numbers("fills", row.id, **{name: values[name] for name in AMOUNTS})
    del values["place"]
    return Fill(**values)
