"""Secrets by reference: they come from the environment or files, never from the TOML."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from bot.errors import ConfigError

BY_REFERENCE = "a secret is written env:NAME or file:PATH, never as the value itself"


def _by_reference(value: str) -> str:
    if value and not value.startswith(("env:", "file:")):
        raise ValueError(BY_REFERENCE)
    return value


Reference = Annotated[str, AfterValidator(_by_reference)]
"""Of the TOML: where a secret is; empty for none."""


class Secret(SecretStr):
    """A secret by reference: ``env:NAME`` or ``file:PATH`` in the TOML, its value only in memory."""


def resolve_secret(reference: str, environ: Mapping[str, str]) -> Secret:
    """Value behind ``env:NAME`` or ``file:PATH``; ValueError says what is missing."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        if rest not in environ:
            raise ValueError(f"environment variable {rest} is not set")
        return Secret(environ[rest])
    if scheme == "file" and rest:
        try:
            return Secret(Path(rest).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"cannot read secret file {rest}: {error.strerror}") from None
        except UnicodeDecodeError:  # its own repr holds what was read
            raise ValueError(f"secret file {rest} is not text") from None
    raise ValueError(BY_REFERENCE)


def secret(reference: str) -> Secret:
    """:func:`resolve_secret` against this process's environment, as a ConfigError."""
    try:
        return resolve_secret(reference, os.environ)
    except ValueError as error:
        raise ConfigError(str(error)) from None
