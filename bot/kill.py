"""The kill switch: a file. While it is there, no new plan is made; what is under way is finished."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from bot.config import Config
from bot.errors import UsageError
from bot.types import Ns

BY = "file"
MOST_TEXT = 200


class Thrown(Struct, frozen=True):
    """A switch that is thrown: since when (the clock of the file's machine), by which user, and why."""

    since: Ns
    by: str
    why: str


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


def thrown(config: Config) -> Thrown | None:
    """How the switch stands; ``None`` while it is not thrown."""
    why, file = reason(config), path(config)
    if why is None:
        return None
    try:
        since, user = file.stat().st_mtime_ns, file.stat().st_uid
    except OSError:  # taken away in between, or in a folder that this user may not look into
        return Thrown(0, "", why)
    try:
        return Thrown(since, file.owner(), why)
    except (KeyError, OSError, NotImplementedError):
        return Thrown(since, f"user {user}", why)


def throw(config: Config, why: str) -> Thrown | None:
    """Write the file. One that is there stays as it is, and is returned: the first reason is the one that the
    daemon has told. Raises :class:`UsageError` if it cannot be written."""
    file = path(config)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(f"{why}\n")
    except FileExistsError:
        if file.is_dir():
            raise UsageError(f"{file}: cannot be written: it is a folder") from None
        if not file.parent.is_dir():
            raise UsageError(f"{file}: cannot be written: {file.parent} is no folder") from None
        return thrown(config) or throw(config, why)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from None
    return None


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
