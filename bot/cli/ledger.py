"""Where the ledger's database lies, for commands that only look at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Config


def file_of(config: Config) -> Path | None:
    """The file of an SQLite ledger; ``None`` for a server, or one in memory."""
    from bot.ledger.db import parse_url

    url = parse_url(config.ledger.url)
    inside = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or inside == ":memory:" or inside.startswith("file:"):
        return None
    return Path(inside)


def missing(config: Config) -> Path | None:
    """The ledger's file if it is not there: opening it would make an empty one."""
    file = file_of(config)
    return None if file is None or file.exists() else file
