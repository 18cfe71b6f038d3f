"""Reading the journal back, and auditing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import LedgerError
from bot.ledger import rows
from bot.ledger import tables as t
from bot.ledger.accounts import Entry, Posting, check, entries_for
from bot.ledger.writes import CHUNK


async def read_entries(connection: AsyncConnection, where: ColumnElement[bool]) -> list[tuple[int, Entry]]:
    """Numbered entries in the order they were booked."""
    lines_of = t.postings.c
    query = (
        select(t.entries, lines_of.line, lines_of.account, lines_of.commodity, lines_of.amount, lines_of.usd)
        .join(t.postings, lines_of.seq == t.entries.c.seq, isouter=True)
        .where(where)
        .order_by(t.entries.c.seq, lines_of.line)
    )
    heads: dict[int, Any] = {}
    lines: dict[int, list[Posting]] = {}
    for row in (await connection.execute(query)).all():
        heads[row.seq] = row
        if row.account is not None:
            rows.numbers("postings", f"{row.seq}.{row.line}", amount=row.amount, usd=row.usd)
            line = Posting(row.account, row.commodity, row.amount, row.usd)
            lines.setdefault(row.seq, []).append(line)
    return [
        (seq, Entry(row.id, row.ts, row.fill_id, row.plan_id, row.text, tuple(lines.get(seq, ()))))
        for seq, row in heads.items()
    ]


async def read_after(connection: AsyncConnection, seq: int) -> list[tuple[int, Entry]]:
    """At most :data:`CHUNK` entries that follow number ``seq``."""
    return await read_entries(connection, t.entries.c.seq.between(seq + 1, seq + CHUNK))


async def audit(connection: AsyncConnection) -> int:
    """Check everything; the number of entries, or :class:`LedgerError` naming the entry that is wrong.

    Every entry balances, numbers have no gap, every fill has exactly the entries it calls for, every
    entry has its fill, and nothing settled that was not asked for.
    """
    last = await connection.scalar(select(func.max(t.entries.c.seq))) or 0
    count = 0
    while count < last:
        found = await read_after(connection, count)
        for expected, (seq, entry) in enumerate(found, count + 1):
            if seq != expected:
                raise LedgerError(f"entry {entry.id} has number {seq} where {expected} was due")
            check(entry)
        if len(found) < min(CHUNK, last - count):
            raise LedgerError(f"entry number {count + len(found) + 1} is missing from the books")
        await _compare(connection, [entry for _, entry in found])
        count += len(found)
    await _unbooked(connection)
    return count


async def _compare(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    ids = [entry.fill_id for entry in entries if entry.fill_id]
    found = (await connection.execute(select(t.fills).where(t.fills.c.id.in_(ids)))).all()
    fills = {row.id: row for row in found}
    for entry in entries:
        if not entry.fill_id:
            continue
        if entry.fill_id not in fills:
            raise LedgerError(f"entry {entry.id} belongs to fill {entry.fill_id}, which is missing")
        row = fills[entry.fill_id]
        if entry not in entries_for(rows.fill_of(row), row.place):
            raise LedgerError(f"entry {entry.id} is not what fill {entry.fill_id} calls for")


async def _unbooked(connection: AsyncConnection) -> None:
    booked = select(t.entries.c.fill_id)
    for row in (await connection.execute(select(t.fills).where(t.fills.c.id.not_in(booked)))).all():
        if missing := entries_for(rows.fill_of(row), row.place):
            raise LedgerError(f"entry {missing[0].id} is missing: fill {row.id} was never booked")
    asked = select(t.fills.c.order_id).where(t.fills.c.status == "pending")
    orphan = select(t.fills.c.id).where(t.fills.c.status == "settled", t.fills.c.order_id.not_in(asked))
    for id_ in await connection.scalars(orphan.limit(1)):
        raise LedgerError(f"entry {id_}#0 settles something that was never asked for")
