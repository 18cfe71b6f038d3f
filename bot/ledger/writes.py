"""Statements that write, inside a transaction somebody else holds; each is idempotent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger import rows
from bot.ledger import tables as t
from bot.ledger.accounts import Entry, check
from bot.types import Fill, Incident, Order, Plan

CHUNK = 500
"""Rows per statement: well below what either database takes as parameters."""

_Item = TypeVar("_Item", Plan, Order, Fill, Entry)


async def write_incidents(connection: AsyncConnection, incidents: Sequence[Incident]) -> None:
    """Upsert by id, never going back in time; each opening, escalation and resolution into the history."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for incident in {incident.id: incident for incident in incidents}.values():
        row = rows.incident_row(incident)
        statement = dialect.insert(t.incidents).values(row)
        newer = statement.excluded.last_seen >= t.incidents.c.last_seen
        changes = {name: statement.excluded[name] for name in row if name != "id"}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=newer)
        )
    for incident in incidents:
        if incident.phase != "update":
            row = {"incident_id": incident.id, "ts": incident.last_seen, "phase": incident.phase}
            body = msgspec.json.encode(incident).decode()
            once = dialect.insert(t.incident_history).values(body=body, **row).on_conflict_do_nothing()
            await connection.execute(once)


async def write_plans(connection: AsyncConnection, plans: Iterable[Plan]) -> int:
    """Add plans not there yet: a plan never changes."""
    fresh = await new(connection, t.plans.c.id, plans)
    await _insert(connection, t.plans, (rows.plan_row(plan) for plan in fresh))
    return len(fresh)


async def write_fills(
    connection: AsyncConnection, fills: Iterable[Fill], place: Callable[[str], str]
) -> list[Fill]:
    """Add fills not there yet, and say which they were."""
    fresh = await new(connection, t.fills.c.id, fills)
    await _insert(connection, t.fills, (rows.fill_row(fill, place(fill.instrument)) for fill in fresh))
    return fresh


async def write_orders(
    connection: AsyncConnection, orders: Mapping[str, Order], fills: Iterable[Fill]
) -> None:
    """Orders given, and those that fills speak of: a fill without its order cannot be."""
    from_fills = {fill.order_id: fill for fill in fills if fill.order_id not in orders}
    sources: dict[str, Order | Fill] = {**from_fills, **orders}
    known = await _known(connection, t.orders.c.id, sources)
    missing = [rows.order_row(id_, source) for id_, source in sources.items() if id_ not in known]
    await _insert(connection, t.orders, missing)


async def write_entries(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Number and add entries that are not there yet; LedgerError if one does not balance."""
    if not entries:
        return
    last = await connection.scalar(select(func.max(t.entries.c.seq))) or 0
    numbered = list(enumerate((check(entry) for entry in entries), last + 1))
    await _insert(
        connection,
        t.entries,
        (
            {"seq": seq, "id": e.id, "ts": e.ts, "fill_id": e.fill_id, "plan_id": e.plan_id, "text": e.text}
            for seq, e in numbered
        ),
    )
    await _insert(
        connection,
        t.postings,
        (
            {"seq": seq, "line": line, **msgspec.structs.asdict(posting)}
            for seq, entry in numbered
            for line, posting in enumerate(entry.postings)
        ),
    )


async def _insert(connection: AsyncConnection, table: Any, records: Iterable[Mapping[str, Any]]) -> None:
    values = list(records)
    if values:
        await connection.execute(insert(table), values)


async def new(connection: AsyncConnection, column: Any, items: Iterable[_Item]) -> list[_Item]:
    """Those of ``items`` whose id is not in the table yet; safe because writers queue."""
    candidates = list(items)
    known = await _known(connection, column, (item.id for item in candidates))
    return [item for item in candidates if item.id not in known]


async def _known(connection: AsyncConnection, column: Any, ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(list(ids)):
        found.update(await connection.scalars(select(column).where(column.in_(part))))
    return found


async def write_snapshot(connection: AsyncConnection, body: bytes, keep: int) -> None:
    """Add a snapshot and drop all but the last ``keep``."""
    seq = (await connection.scalar(select(func.max(t.snapshots.c.seq))) or 0) + 1
    await connection.execute(insert(t.snapshots).values(seq=seq, body=body))
    await connection.execute(delete(t.snapshots).where(t.snapshots.c.seq <= seq - keep))


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """``values`` in pieces of :data:`CHUNK`."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
