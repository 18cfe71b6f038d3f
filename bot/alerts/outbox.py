"""The outbox: one row per message and channel, written with what it tells of, sent later.

A row is unique by channel and identity, so that writing it twice is writing it once; it is sent in the
order written. Its thread is how a later message knows whether the channel heard of the incident at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, UniqueConstraint, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.alerts.compose import Note, title
from bot.alerts.policy import wanted
from bot.ledger.db import guarded, metadata, transaction, whole
from bot.types import Ns, Severity

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("thread", String, nullable=False, index=True),
    Column("phase", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("written", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=True, index=True),
    UniqueConstraint("channel", "identity"),
)


class Waiting(Struct, frozen=True):
    """A row not sent yet. ``written`` is wall-clock time, ``ts`` event time; nanoseconds."""

    seq: int
    identity: str
    thread: str
    phase: str
    severity: Severity
    ts: Ns
    title: str
    body: str
    written: Ns


async def add(
    connection: AsyncConnection, notes: Sequence[Note], channels: Mapping[str, Severity], now: Ns
) -> int:
    """Write ``notes`` for each of ``channels`` (name → lowest severity) that wants them; how many rows."""
    rows = 0
    for channel, least in channels.items():
        for note in notes:
            mine = (outbox.c.channel == channel) & (outbox.c.thread == note.thread)
            known = set((await connection.execute(select(outbox.c.identity).where(mine))).scalars())
            phase = wanted(note, least, told=bool(known))
            if phase is None or note.identity in known:
                continue
            row = {
                "channel": channel, "identity": note.identity, "thread": note.thread, "phase": phase,
                "severity": note.severity, "ts": note.ts, "title": title(phase, note.subject),
                "body": note.body, "written": now,
            }  # fmt: skip
            await connection.execute(sql_insert(outbox), [row])
            rows += 1
    return rows


@whole
async def waiting(database: AsyncEngine, channel: str) -> list[Waiting]:
    """What ``channel`` has not been sent, in order. Raises ServiceUnreachable."""
    columns = [outbox.c[name] for name in Waiting.__struct_fields__]
    query = (
        select(*columns).where(outbox.c.channel == channel, outbox.c.sent.is_(None)).order_by(outbox.c.seq)
    )
    async with guarded(database), database.connect() as connection:
        return [Waiting(*row) for row in (await connection.execute(query)).all()]


@whole
async def mark_sent(database: AsyncEngine, seq: int, now: Ns) -> None:
    """The service has taken it. Raises ServiceUnreachable."""
    async with guarded(database), transaction(database) as connection:
        await connection.execute(update(outbox).where(outbox.c.seq == seq).values(sent=now))


@whole
async def write(
    database: AsyncEngine, notes: Sequence[Note], channels: Mapping[str, Severity], now: Ns
) -> int:
    """:func:`add` in a transaction of its own, for notes that belong to no batch."""
    async with guarded(database), transaction(database) as connection:
        return await add(connection, notes, channels, now)


@whole
async def forget(database: AsyncEngine, before: Ns) -> int:
    """Drop rows sent before ``before``; how many."""
    async with guarded(database), transaction(database) as connection:
        return (await connection.execute(sql_delete(outbox).where(outbox.c.sent < before))).rowcount
