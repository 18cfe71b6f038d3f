"""What is printed is what was said: no text of data or of a file is taken for markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bot.console
from bot import console
from bot.console.terminal import say, show, styled, table_of
from bot.findings import Finding
from tests.fixtures.messages import incident, plan

NAMES = ["[strategy] risk_charge", "a[/]b", "[red]", ":warning:", "[link=http://x]x", "\\[x]"]
SAID = pytest.mark.parametrize("text", NAMES)


@SAID
def test_text_and_cells_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    table = table_of(f"of {text}", f"{text}>", "")
    table.add_row(text, styled(text, "red"))
    show(table)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == text
    assert out.count(text) == 5


@given(st.text(alphabet="[]/\\:abc =#@.", max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_changes(capsys: pytest.CaptureFixture[str], text: str) -> None:
    capsys.readouterr()
    say(text)
    assert capsys.readouterr().out == f"{text}\n"


@SAID
def test_what_the_ledger_and_the_sources_say_is_shown_as_it_is(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    console.incidents([incident(id=text)], as_json=False)
    console.plans([plan(id="p", decision="no_trade", route=None, reasons=[text])], as_json=False)
    console.findings([Finding(text, False, text, text)], as_json=False)
    quote = {"side": "buy", "price": None, "why": text}
    console.quoted({"instrument": text, "size_usd": 5.0, "ts": 0, "quotes": [quote]}, as_json=False)
    assert capsys.readouterr().out.count(text) == 7


def test_one_place_opens_the_terminal() -> None:
    folder = Path(bot.console.__file__).parent
    opening = [path.name for path in folder.glob("*.py") if re.search(r"\bConsole\(", path.read_text())]
    assert opening == ["terminal.py"]
