"""Mechanisms of the shipped registry, and their parameters as the file has them, for calculations by hand."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import settings
from msgspec.structs import replace

from bot.registry.issuer import Issuer
from bot.strategy.mechanisms import Mechanism, Moment, mechanism_of, mechanisms
from bot.timefmt import parse as at
from tests.fixtures.engine import CONFIG, shipped_registry
from tests.fixtures.market import CLOCK

quick = settings(max_examples=50, deadline=None)
"""No deadline: whoever asks first of a year waits for its calendar."""

MONDAY = at("2025-07-07T14:00Z")
"""10:00 in New York, half an hour into the regular session."""
MONDAY_NIGHT = at("2025-07-08T02:00Z")
SATURDAY = at("2025-07-05T17:30Z")
"""In the session that began on Friday, 20:00 in New York, after the holiday of 4 July."""
WHEN_MIRROR_LIVED = at("2021-06-01T15:00Z")
"""A Tuesday, 11:00 in New York."""
DAY = 86_400 * 10**9
HEDGE = 0.0005
"""5 bp for carrying a hedge, as docs/concepts.md says."""


def moment(ts: int = MONDAY, fair_usd: float = 200.0, financing_rate: float = 0.06, **known: Any) -> Moment:
    """A moment at which little is special."""
    return Moment(CLOCK, ts, fair_usd, financing_rate, **known)


def shipped(name: str) -> Mechanism:
    """The mechanism as it is shipped."""
    return mechanisms(shipped_registry())[name]


def changed(name: str, **changes: Any) -> Mechanism:
    """The shipped issuer with these fields, by ``mint__fee_ratio`` or ``ended``."""
    issuer: Issuer = shipped_registry().issuers[name]
    for path, value in changes.items():
        part, _, field = path.partition("__")
        new = replace(getattr(issuer, part), **{field: value}) if field else value
        issuer = replace(issuer, **{part: new})
    return mechanism_of(issuer)


def written(name: str, table: str = "issuers") -> dict[str, Any]:
    """An entry as its TOML file has it, unread by the program."""
    file = CONFIG / "registry" / ("issuers.toml" if table == "issuers" else "exchanges.toml")
    entries = tomllib.loads(file.read_text(encoding="utf-8"))[table]
    return next(entry for entry in entries if entry["name"] == name)
