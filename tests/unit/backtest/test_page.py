"""The page: one file, every part, for everyone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from bot.backtest import Backtest, report
from bot.backtest.page import page
from tests.fixtures.engine import shipped_registry
from tests.unit.backtest.conftest import settings

VOID = {"meta", "rect", "path"}


@pytest.fixture
def html(result: dict[str, Any]) -> str:
    return page(result, "A week <of> the demo")


class Tags(HTMLParser):
    """Whether every element is closed in its turn, and the ids and references there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"] or "")
        self.labels += (found.get("aria-labelledby") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass


def test_the_page_stands_alone_and_shows_every_part(html: str) -> None:
    assert "A week &lt;of&gt; the demo" in html
    assert re.findall(r"<h2[^>]*>([^<]*)", html) == [
        "Result", "Net profit and drawdown", "Profit by route", "Forecast and what came", "Capital in use",
        "Slippage against plan", "Missed", "Trades",
    ]  # fmt: skip
    assert html.count('<figure class="plot">') == 4
    for word in ("http", "src=", "href=", "url(", "@import", "<script", "<link"):
        assert word not in html, "nothing is fetched"


def test_it_is_well_formed_and_every_label_is_there_once(html: str) -> None:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert set(tags.labels) <= set(tags.ids)


def test_every_drawing_has_a_title_and_a_description_or_a_figure_beside_it(html: str) -> None:
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert 'aria-hidden="true"' in svg or ("<title" in svg and "<desc" in svg)
    assert "Net profit over time, USD" in html
    assert "As a table, by day" in html


def test_what_is_wider_than_a_phone_scrolls_by_itself_and_by_keys(html: str) -> None:
    assert html.count("<table>") == html.count('class="wide" tabindex="0" role="region" aria-label="')
    assert html.count('<th scope="row"') > 20


def test_names_from_outside_are_text(result: dict[str, Any]) -> None:
    evil = "<script>x</script>"
    trade = result["trades"][0] | {"instrument": evil, "route": evil}
    missed = result["missed"]
    largest = [missed["largest"][0] | {"instrument": evil, "rules": [evil]}]
    rules = [missed["by_rule"][0] | {"rule": evil}]
    drawn = page(
        result | {"trades": [trade], "missed": missed | {"largest": largest, "by_rule": rules}}, evil
    )
    assert "<script" not in drawn


def test_an_empty_tape_is_a_page_too() -> None:
    nothing = Backtest(settings(), shipped_registry())
    nothing.run([])
    assert "Too little is known" in page(report(nothing), "nothing")
