"""Reading a scenario: every mistake is told at once, with file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct, ValidationError, convert

from bot.errors import ConfigError
from bot.market import MAX_TS, MIN_TS
from bot.simulate.scenario import MODES, NEEDS, Cause, Draw, Happening, Place, Scenario, Share
from bot.timefmt import DAY_SECONDS, NS, parse

LONGEST_NS = 3660 * DAY_SECONDS * NS
ENOUGH_UNITS = 1000
"""A pool with fewer smallest units of either side has no price to speak of."""


def load(path: Path | str) -> Scenario:
    """Read a scenario. Raises :class:`ConfigError` with what is wrong, by file and key."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    problems = [f"{path}: {problem}" for problem in [*_like(data), *_each(data)]]
    if problems:
        raise ConfigError(problems)
    scenario = convert(data, Scenario)
    problems = [f"{path}: {problem}" for problem in _consistent(scenario)]
    if problems:
        raise ConfigError(problems)
    return scenario


def _like(data: dict[str, Any]) -> list[str]:
    """Places that are ``like`` a template take from it what they do not say themselves."""
    templates, places = data.get("templates", {}), data.get("places", [])
    problems = []
    for number, place in enumerate(places if isinstance(places, list) else [], 1):
        name = place.pop("like", None) if isinstance(place, dict) else None
        if name is None:
            continue
        template = templates.get(name) if isinstance(templates, dict) else None
        if not isinstance(template, dict):
            problems.append(f"places[{number}]: like: there is no [templates.{name}]")
        else:
            places[number - 1] = {**template, **place}
    return problems


def _each(data: dict[str, Any]) -> list[str]:
    """Mistakes entry by entry, so that all are told and not just the first."""
    problems = []
    whole = dict(data)
    for table, kind in (("shares", Share), ("places", Place), ("happenings", Happening)):
        entries = whole.pop(table, [])
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
            problems += _wrong(f"{table}[{number}]: ", entry, kind)
    draws = whole.pop("random", {})
    for name, draw in draws.items() if isinstance(draws, dict) else [("", draws)]:
        if name not in get_args(Cause):
            problems.append(f"random.{name}: unknown cause; expected one of {', '.join(get_args(Cause))}")
        problems += _wrong(f"random.{name}: ", draw, Draw)
    problems += _wrong("", {**whole, "shares": [], "places": []}, Scenario)
    if isinstance(data.get("start"), str):
        try:
            start = parse(data["start"])
        except ValueError as error:
            problems.append(str(error))
        else:
            # Exchange calendars know no others, and a tape's times are nanoseconds since 1970.
            if not MIN_TS <= start < MAX_TS - LONGEST_NS:
                problems.append(f"start: {data['start']} is not from 2000 to 2089")
    return problems


def _wrong(where: str, entry: Any, kind: type[Struct]) -> list[str]:
    try:
        convert(entry, kind)
    except ValidationError as error:
        return [f"{where}{error}"]
    return []


def _consistent(scenario: Scenario) -> list[str]:
    known: dict[str, set[str]] = {
        "underlying": {share.ticker for share in scenario.shares},
        "instrument": {place.instrument for place in scenario.places},
        "token": {place.token for place in scenario.places},
        "coin": {*scenario.coins},
    }
    lists = {"underlying": "shares", "instrument": "places", "token": "tokens", "coin": "coins"}
    problems = []
    for place in scenario.places:
        if place.underlying not in known["underlying"]:
            problems.append(f"places: {place.instrument}: no share {place.underlying!r}")
        problems += [f"places: {place.instrument}: {problem}" for problem in _too_small(scenario, place)]
        if place.quote != "USD" and place.quote not in known["coin"]:
            problems.append(f"places: {place.instrument}: quote {place.quote!r} is not one of coins")
    for name, entries in (("places", [p.instrument for p in scenario.places]),
                          ("shares", [s.ticker for s in scenario.shares])):  # fmt: skip
        problems += [f"{name}: {one} stands twice" for one in sorted(_twice(entries))]
    for number, one in enumerate(scenario.happenings, 1):
        where = f"happenings[{number}] ({one.cause})"
        for field in NEEDS[one.cause]:
            if field in lists and getattr(one, field) not in known[field]:
                problems.append(
                    f"{where}: {field} must be one of the {lists[field]}, not {getattr(one, field)!r}"
                )
            elif field == "ratio" and not one.ratio:
                problems.append(f"{where}: needs ratio")
        if one.mode not in MODES.get(one.cause, ("",)):
            problems.append(f"{where}: mode {one.mode!r} is not one of {MODES.get(one.cause, ('',))}")
        if one.cause == "thin_liquidity" and not one.order_usd and not one.ratio:
            problems.append(f"{where}: needs order_usd, or ratio")
        if one.cause == "multiplier_mismatch" and not one.mode and not one.ratio:
            problems.append(f"{where}: needs ratio")
        problems += [f"{where}: {problem}" for problem in _source(scenario, one)]
    for name, draw in scenario.random.items():
        for field in ("hours", "ratio"):
            low, high = getattr(draw, field)
            if low > high:
                problems.append(f"random.{name}: {field} goes from {low:g} down to {high:g}")
    return problems


def _too_small(scenario: Scenario, place: Place) -> list[str]:
    """Whether its depth is too few of the smallest units that its tokens have."""
    price = next((share.price for share in scenario.shares if share.ticker == place.underlying), None)
    if price is None or place.kind == "book":
        return []
    least = ENOUGH_UNITS * max(price / 10**place.token_decimals, 1 / 10**place.quote_decimals)
    if place.depth_usd >= 2 * least:
        return []
    return [f"depth_usd {place.depth_usd:g} is too little for its price and decimals: at least {2 * least:g}"]


def _source(scenario: Scenario, one: Happening) -> list[str]:
    """A source that is named, or needed, must be one that quotes the share."""
    if not one.source and "source" not in NEEDS[one.cause]:
        return []
    sources = [s for share in scenario.shares if share.ticker == one.underlying
               for s in (share.reference, *share.oracles)]  # fmt: skip
    return [] if one.source in sources else [f"source must be one of the share's, not {one.source!r}"]


def _twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}
