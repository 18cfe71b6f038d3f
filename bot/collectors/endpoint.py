"""Where a node is: its URL, or the name of a secret that holds it."""

from __future__ import annotations

from bot.config import secret


def spelt_out(url: str) -> str:
    """What ``env:NAME`` or ``file:PATH`` stands for; another is itself. Raises :class:`ConfigError`."""
    return secret(url).get_secret_value() if url.startswith(("env:", "file:")) else url
