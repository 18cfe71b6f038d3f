"""What commands write for machines: one rule for all of them, as docs/output.md says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bot.cli import app
from bot.cli.look import clock
from bot.config import load
from bot.types import TIME_FIELDS
from tests.fixtures.engine import TUESDAY
from tests.fixtures.messages import incident, plan
from tests.fixtures.pages import DOCS, rows
from tests.unit.cli.shell import KRAKEN, Pegbot, remember, seen

EXACT = 2**53
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
LOOKS = [
    ["incidents"], ["plans"], ["plans", "--explain", "p1"], ["positions"], ["quote", KRAKEN, "--size", "5"],
    ["plan", KRAKEN], ["mechanisms"], ["mechanisms", "mirror", "--at", "2021-06-02T04:00Z"],
]  # fmt: skip


def leaves(data: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from leaves(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from leaves(value, key)
    else:
        yield key, data


@pytest.fixture
def told(config: Path) -> Path:
    remember(config, incident(id="i1", opened=TUESDAY), plan(id="p1", created=TUESDAY), snapshot=seen(config))
    return config


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_times_are_iso_8601_and_numbers_survive_a_double(
    pegbot: Pegbot, told: Path, command: list[str]
) -> None:
    out = pegbot(*command, "-c", told, "--json").out
    as_lines = json_lines(command[0]) and "--explain" not in command
    found = [json.loads(line) for line in out.splitlines()] if as_lines else json.loads(out)
    times = 0
    for key, value in leaves(found):
        assert not (isinstance(value, int) and abs(value) > EXACT), key
        if key in TIME_FIELDS and value is not None:
            assert ISO.fullmatch(value), (key, value)
            times += 1
    assert times


def help_of(command: str) -> str:
    return next(
        str(option.help)
        for option in get_command(app).commands[command].params  # type: ignore[attr-defined]  # a group
        if option.name == "as_json"
    )


def json_lines(command: str) -> bool:
    return "JSON Lines" in help_of(command)


def test_help_says_which_form_and_the_page_says_the_same() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group
    with_json = {name for name, one in commands.items() if any(p.name == "as_json" for p in one.params)}
    for name in with_json:
        assert help_of(name).startswith("For machines: "), name
        assert ("one JSON document" in help_of(name)) is not json_lines(name), name
    listed = {
        re.findall(r"`pegbot (\w+)", row[0])[0]: row[1] for row in rows(DOCS / "output.md", "## Commands")
    }
    assert with_json <= set(listed)
    for name in with_json:
        assert ("JSON Lines" in listed[name]) is json_lines(name), name
    assert {name for name in with_json if json_lines(name)} == {"incidents", "plans"}


def test_a_tapes_time_is_no_clocks(told: Path) -> None:
    assert clock(load(told)) is not None
    told.write_text(told.read_text() + '[[collectors.tape]]\npath = "week.csv"\n')
    assert clock(load(told)) is None
