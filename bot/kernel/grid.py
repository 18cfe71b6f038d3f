"""The settings a sweep goes through: every combination of the values asked for, in the order asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from pydantic import ValidationError

from bot.config import Config
from bot.errors import UsageError

SECTIONS = ("detector", "valuation", "strategy")
"""Tables of the configuration that the engine goes by."""
MOST = 10_000
"""Settings in one sweep."""

Setting = dict[str, float]
"""Value by ``section.key``."""


def parse(text: str) -> tuple[str, list[float]]:
    """``detector.open_sigmas=3,4,5`` or ``…=lo:hi:n`` (n values, both ends included) as key and values."""
    key, equals, values = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and name) or section not in SECTIONS:
        raise UsageError(f"--param {text}: write it as detector.open_sigmas=3,4,5 or =3:5:9")
    try:
        if ":" in values:
            low, high, count = values.split(":")
            found = _between(float(low), float(high), int(count))
        else:
            found = [float(value) for value in values.split(",")]
    except ValueError as error:
        raise UsageError(f"--param {text}: {error}") from None
    if len(set(found)) < len(found):
        raise UsageError(f"--param {text}: a value comes twice")
    return key.strip(), found


def grid(texts: Sequence[str]) -> list[Setting]:
    """All combinations; the last parameter changes fastest."""
    asked = [parse(text) for text in texts]
    keys = [key for key, _ in asked]
    if len(set(keys)) < len(keys):
        raise UsageError("--param: a parameter comes twice")
    count = 1
    for _, values in asked:
        count *= len(values)
    if count > MOST:
        raise UsageError(f"--param: {count:,} settings; at most {MOST:,} go")
    return [dict(zip(keys, values, strict=True)) for values in product(*(values for _, values in asked))]


def apply(config: Config, setting: Mapping[str, float]) -> Config:
    """The configuration with these values; :class:`UsageError` for one that it does not have or allow."""
    changes: dict[str, dict[str, float]] = {}
    for key, value in setting.items():
        section, _, name = key.partition(".")
        changes.setdefault(section, {})[name] = value
    updated = {}
    for section, values in changes.items():
        before = getattr(config, section)
        unknown = sorted(set(values) - set(type(before).model_fields))
        if unknown:
            raise UsageError(f"--param {section}.{unknown[0]}: no such key in [{section}]")
        try:
            updated[section] = type(before).model_validate(before.model_dump() | values)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise UsageError(f"--param {section}.{where}: {problem['msg']}") from None
    return config.model_copy(update=updated)


def _between(low: float, high: float, count: int) -> list[float]:
    if count < 2 or not low < high:
        raise ValueError("lo:hi:n needs lo < hi and n of two or more")
    if count > MOST:
        raise ValueError(f"{count:,} settings; at most {MOST:,} go")
    # Rounded, so that a sweep over 3:5:9 says 3.25 and not 3.2500000000000004.
    return [float(f"{low + (high - low) * number / (count - 1):.12g}") for number in range(count)]
