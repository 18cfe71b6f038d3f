"""Which fills say what is held as hedges."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select

from bot.ledger import tables as t
from bot.ledger.derivatives import BOUGHT, MOVES, SOLD

OPENS = ("hedge", "hedge_buy")
ENDS = tuple(sorted({*BOUGHT, *SOLD} - {*OPENS, "exercise", "assign"}))
"""What ends a hedge; one that is exercised or assigned goes on as shares."""
ALL = tuple(sorted({*BOUGHT, *SOLD, *MOVES}))


def open_hedges() -> Select[Any]:
    """The fills of hedges, as they were booked, of each plan that has opened more than have ended."""
    fills, entries = t.fills.c, t.entries.c
    # An order that found its hedge ended has a fill, too, but no entry.
    booked = t.fills.join(t.entries, entries.fill_id == fills.id)
    count = func.sum(case((fills.action.in_(OPENS), 1), (fills.action.in_(ENDS), -1), else_=0))
    plans = select(fills.plan_id).select_from(booked).group_by(fills.plan_id).having(count > 0)
    return (
        select(t.fills)
        .select_from(booked)
        .where(fills.plan_id.in_(plans), fills.action.in_(ALL))
        .order_by(entries.seq)
    )
