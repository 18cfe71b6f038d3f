"""docs/backtests.md: its fields are those of the report, and its week is what the program makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.timefmt import iso, parse
from tests.fixtures import backtested
from tests.fixtures.backtested import PAGE
from tests.fixtures.pages import rows

TABLES = ("The whole", "By route", "Slippage", "Forecast", "Missed", "Trades", "Equity")
NAMED = ("profit_by_route", "forecast.by_way", "quarantined", "quarantined_first")
"""Objects whose keys are names from the tape, written as ``*``."""
KINDS: dict[str, tuple[type, ...]] = {
    "count": (int,), "USD": (float, int), "ratio": (float, int), "bp": (float, int), "days": (float,),
    "plans": (float, int), "text": (str,), "time": (str,), "true or false": (bool,),
}  # fmt: skip
SUFFIXES = {"_usd": "USD", "_ratio": "ratio", "_bp": "bp"}


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path: a list's as ``[]``, a name's as ``*``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            step = "*" if path in NAMED else key
            yield from flat(inner, f"{path}.{step}" if path else step)
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner, f"{path}[]")
    else:
        yield path, value


def documented() -> dict[str, str]:
    """Unit by path; ``{a,b}`` is both."""
    found = {}
    for table in TABLES:
        for field, unit, _ in rows(PAGE, f"### {table}"):
            path = field.strip("`")
            some = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
            for one in some[2].split(",") if some else [""]:
                found[f"{some[1]}{one}{some[3]}" if some else path] = unit
    return found


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    first = backtested.result()
    aside = {"quarantined": {"crossed": 2}, "quarantined_first": {"crossed": "row 2"}}
    return [first | aside, backtested.result(ineligible_issuers=[])]


def test_every_field_of_the_report_is_on_the_page_and_no_other(results: list[dict[str, Any]]) -> None:
    assert {path for result in results for path, _ in flat(result)} == set(documented())


def test_every_field_has_the_unit_of_its_values_and_of_its_name(results: list[dict[str, Any]]) -> None:
    units = documented()
    for result in results:
        for path, value in flat(result):
            unit = units[path]
            assert value is None or type(value) in KINDS[unit], f"{path}: {value!r} is no {unit}"
            if unit == "time":
                assert iso(parse(value)) == value
    for path, unit in units.items():
        for suffix, said in SUFFIXES.items():
            assert not path.endswith(suffix) or unit == said, path


def test_the_week_is_what_the_program_makes_of_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == backtested.renewed(page), (
        "docs/backtests.md is out of date: python -m tests.fixtures.backtested writes the week into it"
    )
