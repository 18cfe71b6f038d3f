"""The kill switch: a file. While it is there, no new plan is made; what is under way is finished."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config
from bot.errors import UsageError

BY = "file"
MOST_TEXT = 200


def path(config: Config) -> Path:
    """Where the file is looked for."""
    return config.path(config.execution.kill_file)


def reason(config: Config) -> str | None:
    """What the file says, or ``None`` while there is none. A file that cannot be read counts as thrown."""
    file = path(config)
    try:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{file}: {error.strerror or error}"
    return " ".join(text.split())[:MOST_TEXT] or "no reason given"


def throw(config: Config, why: str) -> Path:
    """Write the file. Raises :class:`UsageError` if it cannot be."""
    file = path(config)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{why}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from None
    return file


def release(config: Config) -> bool:
    """Take the file away; whether there was one. Raises :class:`UsageError` if it cannot be."""
    file = path(config)
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"{file}: cannot be removed: {error.strerror or error}") from None
    return True
