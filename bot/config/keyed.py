"""Sources that may want a key."""

from __future__ import annotations

from pydantic import Field, field_validator

from bot.config.secrets import BY_REFERENCE
from bot.config.section import Section


class KeyedSource(Section):
    """A source that may want a key."""

    api_key: str = Field("", description="env:NAME or file:PATH")

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(BY_REFERENCE)
        return value
