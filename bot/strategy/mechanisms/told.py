"""What nobody publishes, by name: the parameters that a term calls assumed or unknown. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.registry.issuer import Conversion, Issuer
from bot.registry.terms import covers, parameters, value_at
from bot.strategy.mechanisms.model import Assumption

NOT_SHOWN = frozenset({"name", "says", "money", "side", "moving", "again"})


def assumptions_of(entry: Issuer | Conversion) -> tuple[Assumption, ...]:
    """Every parameter of the entry that is not published, in the order of its terms."""
    found = []
    values = parameters(entry)
    for term in entry.terms:
        if term.known == "published":
            continue
        for named in term.of:
            if term.known == "unknown":
                found.append(Assumption(named, None, term.says, term.known))
                continue
            said = [path for path in values if covers(named, path)] or [named]
            found += [Assumption(path, _plain(value_at(entry, path)), term.says) for path in said]
    return tuple(found)


def _plain(value: Any) -> float | str | None:
    """Numbers and words as they are; what has parts, for people."""
    if isinstance(value, str) or value is None:
        return value
    return float(value) if isinstance(value, int | float) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_text(each) for each in value)
    if not isinstance(value, msgspec.Struct):
        return f"{value:g}" if isinstance(value, int | float) else str(value)
    named = getattr(value, "name", "")
    said = ", ".join(
        f"{name} {_text(getattr(value, name))}"
        for name in value.__struct_fields__
        if name not in NOT_SHOWN and getattr(value, name)
    )
    return f"{named}: {said}" if named else said
