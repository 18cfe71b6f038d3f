"""What is done with plans, and the books it is written to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.config.section import Section


class ExecutionSection(Section):
    """``[execution]``: what is done with plans."""

    mode: Literal["off", "paper", "live"] = Field(
        "paper", description="live also needs an arming command with an expiry"
    )
    slippage: float = Field(
        0.01,
        ge=0,
        le=0.5,
        description="a leg worse than its limit by more than this is refused; a plan is not begun beyond the "
        "limit of its first",
    )
    kill_file: str = Field(
        "kill", description="while this file is there, no new plan is made; pegbot kill puts it there"
    )


class LedgerSection(Section):
    """``[ledger]``: double-entry books, outbox and incidents, in one database."""

    url: str = Field(
        "sqlite+aiosqlite:///var/pegbot.db",
        description="SQLAlchemy URL; postgresql+asyncpg://… for Postgres; env:NAME to hide it",
    )
    keep_days: float = Field(
        400.0,
        ge=1,
        description="resolved incidents and untraded plans are dropped after so long; books never",
    )
