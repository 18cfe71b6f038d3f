"""What every table of the TOML has in common: its bounds, and that unknown keys are mistakes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

Ratio = Annotated[float, Field(ge=0, le=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]
PositiveUsd = Annotated[float, Field(gt=0)]

LARGEST = 1e12
"""No dollar, second or count of a configuration is more."""


class Section(BaseModel):
    """A table of the TOML; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _no_larger_than_anything(cls, value: Any) -> Any:
        numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if any(isinstance(number, int | float) and abs(number) > LARGEST for number in numbers):
            raise ValueError(f"is more than {LARGEST:g}, which nothing here is")
        return value

    @field_validator("symbols", check_fields=False)
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        twice = sorted({one for one in value if isinstance(value, list) and value.count(one) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands twice; remove one")
        return value
