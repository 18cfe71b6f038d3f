"""Reads a configuration: all mistakes at once, each with file, key and what would be right."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.config.model import Config
from bot.errors import ConfigError

PRUNINGS = 5
"""How often what is wrong is taken out of a config to judge the rest of it."""


def load(path: Path | str) -> Config:
    """Read and validate one TOML file. Raises :class:`ConfigError` with all its mistakes."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; give a path to a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return parse(data, source=str(path), base=path.resolve().parent)


def parse(data: Mapping[str, Any], *, source: str, base: Path) -> Config:
    """Validate ``data``; raises :class:`ConfigError` listing every mistake as ``source: key: fix``.

    The error's ``rest`` is what remains without them, so that other checks can go on and all be told at once.
    """
    whole = {**data, "base": base}
    try:
        return Config.model_validate(whole)
    except ValidationError as error:
        problems = [_say(source, problem) for problem in error.errors()]
        raise ConfigError(problems, rest=_rest(whole, error)) from None


def _say(source: str, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(file)"
    match problem["type"]:
        case "extra_forbidden":
            text = "unknown key; remove it, or check its spelling against docs/configuration.md"
        case "missing":
            text = "is required"
        case _:
            text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{source}: {key}: {text}"


def _rest(data: Mapping[str, Any], error: ValidationError) -> Config | None:
    """The configuration without what is wrong in it; ``None`` if too little is left to be judged."""
    kept: Any = deepcopy(dict(data))
    for _ in range(PRUNINGS):
        # Backwards, so that taking an entry out of a list does not move those still to go.
        wrong = sorted((_place(problem) for problem in error.errors()), key=_as_text, reverse=True)
        for place in dict.fromkeys(wrong):
            if not place or place[0] in ("registry", "base"):
                return None
            _take_out(kept, place)
        try:
            return Config.model_validate(kept)
        except ValidationError as another:
            error = another
    return None


def _place(problem: Any) -> tuple[str | int, ...]:
    loc: tuple[str | int, ...] = problem["loc"]
    return loc[:-1] if problem["type"] == "missing" else loc


def _as_text(place: tuple[str | int, ...]) -> list[str]:
    return [f"{part:09}" if isinstance(part, int) else part for part in place]


def _take_out(data: Any, place: tuple[str | int, ...]) -> None:
    """Delete what stands there, if it does: of a place inside a value, the value."""
    for part in place[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return
    with suppress(KeyError, IndexError, TypeError):
        del data[place[-1]]
