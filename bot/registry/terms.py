"""Where an issuer's or exchange's parameters are from: their paths, and what about them cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bot.registry.issuer import Channel, Conversion, Inclusion, Issuer, Late
from bot.timefmt import parse

WORDS = frozenset({"available", "open_to", "source", "note", "name", "needs", "says", "enabled"})
"""What is said of a parameter, not one."""
PARTS = {
    Issuer: ("mint", "redeem", "account", "quotes", "fills", "debt", "exchange"),
    Conversion: ("mint", "redeem", "deposit", "withdraw"),
}
LONGEST = {"days": 365, "hours": 365 * 24, "seconds": 365 * 86_400}
"""No order is under way for longer than a year: each day of it is walked through on the calendar."""
GAP = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(?:([01]\d|2[0-3]):[0-5]\d|24:00)")


def parameters(entry: Issuer | Conversion) -> dict[str, Any]:
    """Every parameter that the entry sets, by path (``mint.fee_ratio``, ``atomic.mint.hours``)."""
    found: dict[str, Any] = {}
    for path, part in _parts(entry):
        defaults = {field.name: field.default for field in msgspec.structs.fields(type(part))}
        if isinstance(part, Channel) and not part.available:
            found[path] = None
            continue
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if name not in WORDS and value != defaults[name] and value != []:
                found[f"{path}.{name}"] = value
    if isinstance(entry, Issuer):
        own = ("began", "ended", "brokers")
        found |= {name: getattr(entry, name) for name in own if getattr(entry, name)}
    if entry.failures:
        found["failures"] = entry.failures
    return found


def _parts(entry: Issuer | Conversion) -> Iterator[tuple[str, msgspec.Struct]]:
    for name in PARTS[type(entry)]:
        part = getattr(entry, name)
        if part is not None:
            yield name, part
    if isinstance(entry, Issuer):
        for way in entry.ways:
            yield f"{way.name}.mint", way.mint
            yield f"{way.name}.redeem", way.redeem


def value_at(entry: Issuer | Conversion, path: str) -> Any:
    """The value of a parameter, said or by default; ``None`` if it is not one value."""
    part, _, name = path.rpartition(".")
    parts = dict(_parts(entry))
    return getattr(parts.get(part, entry), name, None)


def covers(term: str, path: str) -> bool:
    """Whether what a term says of ``mint`` or ``mint.fee_ratio`` is said of this parameter."""
    return path == term or path.startswith(term + ".")


def mistakes(entry: Issuer | Conversion) -> list[str]:
    """What cannot be about an entry, one sentence each."""
    problems = []
    parts = dict(_parts(entry))
    known = {f"{path}.{name}" for path, part in parts.items() for name in part.__struct_fields__}
    known |= {*parts, "began", "ended", "brokers", "failures"}
    known |= {path.rpartition(".")[0] for path in parts if "." in path}
    for term in entry.terms:
        problems += [f"terms: {path!r} is no parameter of it" for path in term.of if path not in known]
        if term.known == "published" and not (term.source and term.date):
            problems.append(f"terms: {', '.join(term.of)}: published terms need source and date")
        if term.known != "published" and not term.says:
            problems.append(f"terms: {', '.join(term.of)}: an assumption needs says: why this value")
        if term.date:
            problems += _moment(f"terms: {', '.join(term.of)}: date", term.date)
    for failure in entry.failures:
        if not 0.0 <= failure.chance <= 1.0 or not 0.0 <= failure.loss_ratio <= 1.0:
            problems.append(f"failures: {failure.name}: chance and loss_ratio are between 0 and 1")
        problems += [f"failures: {failure.name}: {told}" for told in _times(failure)]
    for path, part in parts.items():
        problems += [f"{path}: {told}" for told in _part(part)]
    if isinstance(entry, Issuer):
        problems += _issuer(entry)
    return problems


def _times(part: msgspec.Struct) -> list[str]:
    return [
        f"{name} {value:g} is not between 0 and {most}, a year"
        for name in part.__struct_fields__
        if (most := LONGEST.get(name.rpartition("_")[2])) is not None
        and isinstance(value := getattr(part, name), int | float)
        and not 0 <= value <= most
    ]


def _part(part: msgspec.Struct) -> list[str]:
    problems = _times(part)
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if name.rpartition("_")[2] in LONGEST:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            problems.append(f"{name} {value} is less than nothing")
        elif name.endswith("_ratio") and isinstance(value, float) and value >= 1 and name != "cushion_ratio":
            problems.append(f"{name} {value} is all of the amount or more; 0.01 is 1 %")
        elif name in ("late", "inclusion") and (told := _chances(value)):
            problems.append(f"{name}: {told}")
        elif name in ("late", "inclusion"):
            problems += [f"{name}: {told}" for each in value for told in _times(each)]
        elif name == "gaps":
            problems += [f"gaps: {gap!r} is no time of day; 09:29-09:31" for gap in value if not _gap(gap)]
    return problems


def _gap(text: str) -> bool:
    begins, _, ends = text.partition("-")
    return GAP.fullmatch(text) is not None and begins < ends


def _chances(late: Iterable[Late | Inclusion]) -> str:
    chances = [each.chance for each in late]
    if any(not 0.0 <= chance <= 1.0 for chance in chances) or sum(chances) > 1.0 + 1e-9:
        return f"chances {chances} are not parts of one"
    return ""


def _issuer(issuer: Issuer) -> list[str]:
    problems = []
    for name in ("began", "ended"):
        if getattr(issuer, name):
            problems += _moment(name, getattr(issuer, name))
    for broker in issuer.brokers:
        problems += [f"brokers: {broker.name}: {told}" for told in _times(broker)]
    total = sum(broker.chance for broker in issuer.brokers)
    if issuer.brokers and abs(total - 1.0) > 1e-9:
        problems.append(f"brokers: their chances make {total:g}, not 1")
    needs = {
        "xstocks": "brokers", "mystonks": "account", "ondo": "quotes", "dinari": "fills", "mirror": "debt",
        "synthetix": "exchange",
    }  # fmt: skip
    part = needs.get(issuer.mechanism)
    if part is not None and not getattr(issuer, part):
        problems.append(f"mechanism {issuer.mechanism!r} needs {part}")
    quotes = issuer.quotes
    if quotes is not None and abs(sum(each.chance for each in quotes.inclusion) - 1.0) > 1e-9:
        problems.append("quotes: inclusion: chances must make 1")
    if quotes is not None and not any(each.seconds <= quotes.valid_seconds for each in quotes.inclusion):
        problems.append("quotes: no order would ever be taken in while its quote is valid")
    if issuer.debt is not None and issuer.debt.ratio <= 1.0:
        problems.append(f"debt: ratio {issuer.debt.ratio} does not cover the debt; 1.5 is 150 %")
    return problems


def _moment(name: str, text: str) -> list[str]:
    try:
        parse(text)
    except ValueError:
        return [f"{name}: {text!r} is no time; write it as in 2026-10-07"]
    return []
