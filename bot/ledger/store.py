"""The store: one transaction per batch, idempotent, so that a crash loses and doubles nothing.

Reads see only what was committed. ``record`` either writes a whole batch or none of it; when it
raises :class:`~bot.errors.ServiceUnreachable` (disk full, database locked, server away) the caller
keeps the batch and gives it again: a fill, plan or entry that is there already is left as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import LedgerDamaged
from bot.ledger import tables as t
from bot.ledger import writes
from bot.ledger.accounts import Entry, entries_for, opening_entry
from bot.ledger.books import Books, Position, ProfitAndLoss, fold
from bot.ledger.db import guarded, transaction, whole
from bot.ledger.hedges import open_hedges
from bot.ledger.journal import audit, read_after, read_entries
from bot.ledger.rows import fill_of
from bot.types import WALLET, Fill, Incident, Message, Ns, Order, Plan

_Body = TypeVar("_Body", Incident, Plan)

ANEW = "delete the row: the daemon then begins without its memory, and the books stay"
OTHER = "read it with the pegbot that wrote it, or restore the database from a copy"

Extra = Callable[[AsyncConnection], Awaitable[None]]
"""Writes of another part that have to stand or fall with the batch (the alert outbox)."""


class Recorded(msgspec.Struct, frozen=True):
    """What one batch changed; ``duplicates`` are fills that were there already."""

    incidents: int = 0
    plans: int = 0
    fills: int = 0
    duplicates: int = 0
    entries: int = 0


class _Batch:
    """Messages sorted by what becomes of them; of two with one id the first counts."""

    def __init__(self, messages: Sequence[Message | Order]) -> None:
        self.incidents: list[Incident] = []
        self.plans: dict[str, Plan] = {}
        self.orders: dict[str, Order] = {}
        self.fills: dict[str, Fill] = {}
        self.given_fills = 0
        for message in messages:
            match message:
                case Incident():
                    self.incidents.append(message)
                case Plan():
                    self.plans.setdefault(message.id, message)
                case Order():
                    self.orders.setdefault(message.id, message)
                case Fill():
                    self.given_fills += 1
                    self.fills.setdefault(message.id, message)

    def __bool__(self) -> bool:
        return bool(self.incidents or self.plans or self.orders or self.fills)


class Store:
    """The ledger, incidents and plans in one database. One writer, any number of readers."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        place: Callable[[str], str] = lambda _instrument: WALLET,
        keep_snapshots: int = 3,
    ) -> None:
        """``place`` says where the tokens of an instrument lie: ``accounts.custody(registry)``."""
        self.engine = engine
        self._place = place
        self._keep_snapshots = keep_snapshots
        self._writing = asyncio.Lock()
        self._folding = asyncio.Lock()
        self.unreadable = 0
        self.first_unreadable: LedgerDamaged | None = None
        self._books = Books()
        self._folded = 0

    # -- writing ---------------------------------------------------------------------------------

    @whole
    async def record(
        self,
        messages: Sequence[Message | Order],
        snapshot: bytes | None = None,
        *,
        extra: Extra | None = None,
    ) -> Recorded:
        """Write a batch in one transaction. Messages that are not kept (basis, feed status) are ignored.

        Incidents are upserted by id (an older state never replaces a newer one) and each opening,
        escalation and resolution is kept in their history; plans, orders and fills are written once.
        Raises ServiceUnreachable (nothing written, retry) or LedgerError (stop).
        """
        batch = _Batch(messages)
        if not (batch or snapshot is not None or extra):
            return Recorded()
        booked = {fill.id: entries_for(fill, self._place(fill.instrument)) for fill in batch.fills.values()}
        async with self._writing, guarded(self.engine), transaction(self.engine) as connection:
            await writes.write_incidents(connection, batch.incidents)
            plans = await writes.write_plans(connection, batch.plans.values())
            await writes.write_orders(connection, batch.orders, batch.fills.values())
            fills = await writes.write_fills(connection, batch.fills.values(), self._place)
            entries = [entry for fill in fills for entry in booked[fill.id]]
            await writes.write_entries(connection, entries)
            if snapshot is not None:
                await writes.write_snapshot(connection, snapshot, self._keep_snapshots)
            if extra is not None:
                await extra(connection)
        return Recorded(
            incidents=len({incident.id for incident in batch.incidents}),
            plans=plans,
            fills=len(fills),
            duplicates=batch.given_fills - len(fills),
            entries=len(entries),
        )

    @whole
    async def open_books(
        self,
        ts: Ns,
        capital_usd: Decimal | float,
        inventory: Mapping[str, Decimal | float] | None = None,
        *,
        prices: Mapping[str, Decimal] | None = None,
    ) -> bool:
        """Book what there was at the start, once; ``False`` if the books are open already."""
        stock = {token: Decimal(str(n)) for token, n in (inventory or {}).items() if n}
        entry = opening_entry(ts, Decimal(str(capital_usd)), stock, prices=prices)
        async with self._writing, guarded(self.engine), transaction(self.engine) as connection:
            new = await writes.new(connection, t.entries.c.id, [entry])
            await writes.write_entries(connection, new)
        return bool(new)

    @whole
    async def prune(self, before: Ns) -> int:
        """Drop incidents resolved and untraded plans made before ``before``; books are never pruned."""
        old = select(t.incidents.c.id).where(t.incidents.c.resolved < before)
        traded = select(t.fills.c.plan_id)
        async with self._writing, guarded(self.engine), transaction(self.engine) as connection:
            gone = 0
            for statement in (
                delete(t.incident_history).where(t.incident_history.c.incident_id.in_(old)),
                delete(t.incidents).where(t.incidents.c.resolved < before),
                delete(t.plans).where(t.plans.c.created < before, t.plans.c.id.not_in(traded)),
            ):
                gone += (await connection.execute(statement)).rowcount
        return gone

    # -- reading ---------------------------------------------------------------------------------

    async def load_snapshot(self) -> bytes | None:
        """The last snapshot committed, ``None`` in a new database."""
        last = await self.last_snapshot()
        return None if last is None else last[1]

    async def last_snapshot(self) -> tuple[int, bytes] | None:
        """The same with its number; :class:`LedgerDamaged` if it is none."""
        query = select(t.snapshots).order_by(t.snapshots.c.seq.desc()).limit(1)
        for row in await self._rows(query):
            if not isinstance(row.body, bytes | memoryview):
                raise LedgerDamaged("snapshots", row.seq, "body is no bytes", ANEW)
            return row.seq, bytes(row.body)
        return None

    async def incidents(self, limit: int = 100, open_only: bool = False) -> list[Incident]:
        """The latest state of incidents, those opened last first."""
        newest = t.incidents.c.opened.desc()
        query = select(t.incidents.c.id, t.incidents.c.body).order_by(newest, t.incidents.c.id).limit(limit)
        if open_only:
            query = query.where(t.incidents.c.resolved.is_(None))
        return self._decode(await self._rows(query), Incident, "incidents")

    async def incident(self, incident_id: str) -> Incident | None:
        """One incident as it stands."""
        rows = await self._rows(
            select(t.incidents.c.id, t.incidents.c.body).where(t.incidents.c.id == incident_id)
        )
        return next(iter(self._decode(rows, Incident, "incidents")), None)

    async def history(self, incident_id: str) -> list[Incident]:
        """How an incident opened, escalated and resolved, oldest first."""
        h = t.incident_history
        query = (
            select(h.c.incident_id.label("id"), h.c.body)
            .where(h.c.incident_id == incident_id)
            .order_by(h.c.ts, h.c.phase)
        )
        return self._decode(await self._rows(query), Incident, "incident_history")

    async def plans(
        self, limit: int = 100, *, incident_id: str | None = None, decision: str | None = None
    ) -> list[Plan]:
        """Plans, newest first; of one incident or with one decision if asked."""
        query = (
            select(t.plans.c.id, t.plans.c.body).order_by(t.plans.c.created.desc(), t.plans.c.id).limit(limit)
        )
        if incident_id is not None:
            query = query.where(t.plans.c.incident_id == incident_id)
        if decision is not None:
            query = query.where(t.plans.c.decision == decision)
        return self._decode(await self._rows(query), Plan, "plans")

    async def plan(self, plan_id: str) -> Plan | None:
        """One plan."""
        rows = await self._rows(select(t.plans.c.id, t.plans.c.body).where(t.plans.c.id == plan_id))
        return next(iter(self._decode(rows, Plan, "plans")), None)

    async def fills(self, limit: int = 100, *, plan_id: str | None = None) -> list[Fill]:
        """Fills, newest first; with ``plan_id`` those of one plan."""
        query = select(t.fills).order_by(t.fills.c.ts.desc(), t.fills.c.id.desc()).limit(limit)
        if plan_id is not None:
            query = query.where(t.fills.c.plan_id == plan_id)
        return [fill_of(row) for row in await self._rows(query)]

    async def pending_settlements(self) -> list[Fill]:
        """Mints, redemptions and transfers that were asked for and have not settled, next one first."""
        settled = select(t.fills.c.order_id).where(t.fills.c.status == "settled")
        query = (
            select(t.fills)
            .where(t.fills.c.status == "pending", t.fills.c.order_id.not_in(settled))
            .order_by(t.fills.c.settles, t.fills.c.id)
        )
        return [fill_of(row) for row in await self._rows(query)]

    async def hedge_fills(self) -> list[Fill]:
        """All that happened to hedges of plans that still hold some, in the order it was booked."""
        return [fill_of(row) for row in await self._rows(open_hedges())]

    @whole
    async def entries(self, limit: int = 100, *, plan_id: str | None = None) -> list[Entry]:
        """Journal entries, newest first."""
        latest = select(t.entries.c.seq).order_by(t.entries.c.seq.desc()).limit(limit)
        if plan_id is not None:
            latest = latest.where(t.entries.c.plan_id == plan_id)
        async with guarded(self.engine), self.engine.connect() as connection:
            found = await read_entries(connection, t.entries.c.seq.in_(latest))
        return [entry for _, entry in reversed(found)]

    @whole
    async def books(self) -> Books:
        """All entries, added up; only what is new since the last call is read. Do not change it."""
        async with self._folding, guarded(self.engine), self.engine.connect() as connection:
            while found := await read_after(connection, self._folded):
                for seq, entry in found:
                    self._books.apply(entry)
                    self._folded = seq
            return self._books

    async def balances(self) -> dict[str, dict[str, Decimal]]:
        """Balance per account and commodity; debits positive, zeros left out."""
        return {account: dict(amounts) for account, amounts in (await self.books()).balances.items()}

    async def positions(self) -> list[Position]:
        """What is held of each token and share, what it cost, what it has earned."""
        return (await self.books()).positions()

    async def profit_and_loss(self, marks: Mapping[str, Decimal] | None = None) -> ProfitAndLoss:
        """Of everything; ``marks`` are USD per token (per share) by commodity."""
        return (await self.books()).profit_and_loss(marks)

    @whole
    async def plan_result(self, plan_id: str, marks: Mapping[str, Decimal] | None = None) -> ProfitAndLoss:
        """What one plan has really made, a half-finished one included."""
        async with guarded(self.engine), self.engine.connect() as connection:
            found = await read_entries(connection, t.entries.c.plan_id == plan_id)
        return fold(entry for _, entry in found).profit_and_loss(marks)

    @whole
    async def verify(self) -> int:
        """Audit the whole ledger: the number of entries, or LedgerError naming the one that is wrong."""
        async with guarded(self.engine), self.engine.connect() as connection:
            return await audit(connection)

    def _decode(self, rows: Sequence[Any], kind: type[_Body], table: str) -> list[_Body]:
        """Bodies that this version understands; others (of an older one) are counted and left out."""
        found: list[_Body] = []
        for row in rows:
            try:
                found.append(msgspec.json.decode(row.body, type=kind))
            except (msgspec.DecodeError, TypeError, UnicodeError) as error:
                self.unreadable += 1
                if self.first_unreadable is None:
                    self.first_unreadable = LedgerDamaged(
                        table, row.id, f"body cannot be read: {error}", OTHER
                    )
        return found

    @whole
    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async with guarded(self.engine), self.engine.connect() as connection:
            rows: Sequence[Any] = (await connection.execute(query)).all()
            return rows
