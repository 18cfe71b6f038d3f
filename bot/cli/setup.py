"""The configuration a command works by, and its registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Config
    from bot.registry import Registry


def embedded() -> Path:
    """The default configuration: beside the package in a wheel, or in the checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "embedded" / "pegbot.toml"
    return inside if inside.exists() else package.parent / "config" / "pegbot.toml"


def _nothing(_config: Config, _registry: Registry) -> list[str]:
    return []


def _kept_apart(config: Config) -> Config:
    """The embedded demo's kill switch lies with its ledger, where it runs: its own folder is everybody's."""
    from bot.cli.ledger import file_of

    ledger = file_of(config)
    if ledger is None or "kill_file" in config.execution.model_fields_set:
        return config
    execution = config.execution.model_copy(update={"kill_file": str(ledger.with_suffix(".kill").resolve())})
    return config.model_copy(update={"execution": execution})


def setup(
    config: Path | None, more: Callable[[Config, Registry], list[str]] = _nothing
) -> tuple[Config, Registry]:
    """Configuration and registry.

    Raises :class:`ConfigError` with all mistakes of both, and with what ``more`` finds in them.
    """
    from bot import registry
    from bot.config import load
    from bot.errors import ConfigError
    from bot.registry.load import expand

    source = config or embedded()
    problems: list[str] = []
    rest: Config | None
    try:
        rest = load(source)
    except ConfigError as error:
        problems, rest = error.problems, error.rest
    if rest is not None:
        if source.resolve() == embedded().resolve():
            rest = _kept_apart(rest)
        files: list[Path] = []
        try:
            files = expand(rest.base, rest.registry)
            known = registry.load(files)
        except ConfigError as error:
            problems += error.problems if files else [f"{source}: {told}" for told in error.problems]
        else:
            problems += [f"{source}: {told}" for told in more(rest, known)]
            if not problems:
                return rest, known
    raise ConfigError(problems)
