"""The ledger's tables. Bodies are the messages as JSON; columns beside them are what is searched."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from bot.ledger.db import Exact, metadata

incidents = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    Column("instrument", String, nullable=False),
    Column("opened", BigInteger, nullable=False, index=True),
    Column("last_seen", BigInteger, nullable=False),
    Column("resolved", BigInteger, index=True),
    Column("body", Text, nullable=False),
)

incident_history = Table(
    "incident_history",
    metadata,
    Column("incident_id", String, primary_key=True),
    Column("ts", BigInteger, primary_key=True),
    Column("phase", String, primary_key=True),
    Column("body", Text, nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident_id", String, nullable=False, index=True),
    Column("created", BigInteger, nullable=False, index=True),
    Column("decision", String, nullable=False),
    Column("body", Text, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("plan_id", String, nullable=False, index=True),
    Column("ts", BigInteger, nullable=False),
    Column("action", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("quantity_tokens", Exact, nullable=False),
)

fills = Table(
    "fills",
    metadata,
    Column("id", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.id"), nullable=False, index=True),
    Column("plan_id", String, nullable=False, index=True),
    Column("ts", BigInteger, nullable=False, index=True),
    Column("action", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("underlying", String, nullable=False),
    Column("quantity_tokens", Exact, nullable=False),
    Column("price", Exact, nullable=False),
    Column("fee_usd", Exact, nullable=False),
    Column("gas_usd", Exact, nullable=False),
    Column("settles", BigInteger, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("reason", String, nullable=False),
    # Where the tokens lay when this was booked: the registry may say something else later.
    Column("place", String, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    # Given by the writer, without gaps: readers fold what came after the last one they saw.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("ts", BigInteger, nullable=False),
    Column("fill_id", String, nullable=False, index=True),
    Column("plan_id", String, nullable=False, index=True),
    Column("text", String, nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("seq", BigInteger, ForeignKey("entries.seq"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account", String, nullable=False),
    Column("commodity", String, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("usd", Exact, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

Index("ix_history_ts", incident_history.c.ts)
