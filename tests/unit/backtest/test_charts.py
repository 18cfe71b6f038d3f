"""Drawings: everything within its frame, broken where nothing is known, told to those who do not see it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.backtest.charts import HEIGHT, WIDTH, Series, bar, lines, scale, scatter

DAYS = ["06-01", "06-01", "06-02", "06-02", "06-03"]
USD = st.floats(-1e9, 1e9)


def points_of(html: str, css: str) -> list[tuple[float, float]]:
    """Every point of the paths of a class."""
    paths = re.findall(rf'class="{css}" d="([^"]*)"', html)
    return [(float(x), float(y)) for path in paths for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path)]


@given(st.lists(USD, min_size=1, max_size=20), st.integers(2, 8))
@example([3.0, -5e-324], 2)
@example([-3.0, 5e-324], 2)
def test_a_scale_has_zero_and_every_value_between_its_ends(values: list[float], most: int) -> None:
    found = scale(values, most)
    assert found.low == found.ticks[0] <= min(0.0, *values)
    assert found.high == found.ticks[-1] >= max(0.0, *values)
    assert 0.0 in found.ticks
    assert 2 <= len(found.ticks) <= most + 3
    assert all(0.0 <= found(value) <= 1.0 for value in [*values, 0.0])


@given(st.lists(st.none() | USD, min_size=5, max_size=5), st.booleans())
def test_lines_stay_within_the_frame(values: list[float | None], steps: bool) -> None:
    html = lines(
        [Series("a", "s1", values), Series("b", "s2", values[::-1])], DAYS, "Net, USD", "x", steps=steps
    )
    for x, y in points_of(html, "line s1") + points_of(html, "area s2"):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@pytest.mark.parametrize("value", [0.0, 5e-324, -1e-9])
def test_where_nothing_happened_the_scale_is_a_dollar(value: float) -> None:
    assert scale([value]).high == 1.0


def test_a_line_is_broken_where_nothing_is_known() -> None:
    html = lines([Series("a", "s1", [1.0, 2.0, None, 3.0, 4.0])], DAYS, "Net, USD", "x")
    assert html.count('class="line s1"') == 2
    assert points_of(html, "line s1")[2][0] == 750.0


def test_steps_hold_until_the_next_and_stand_on_each_other() -> None:
    html = lines([Series("a", "s1", [10.0, 0.0]), Series("b", "s2", [10.0, 20.0])], DAYS[:2], "Use, USD", "x",
                 steps=True)  # fmt: skip
    low, high = points_of(html, "line s1"), points_of(html, "line s2")
    assert low[0][1] == low[1][1] == HEIGHT / 2
    assert (low[1][0], low[2]) == (WIDTH, (WIDTH, HEIGHT))
    assert {y for _, y in high} == {0.0}


def test_a_day_is_named_where_it_begins() -> None:
    html = lines([Series("a", "s1", [1.0, 2.0, 3.0, 2.0, 1.0])], DAYS, "Net, USD", "x")
    assert re.findall(r'left:([\d.]+)%">([\d-]+)<', html) == [("0.00", "06-01"), ("50.00", "06-02")]


def test_too_little_is_said_and_not_drawn() -> None:
    for values in ([], [None, 1.0], [None, None]):
        assert "Too little is known" in lines([Series("a", "s1", values)], DAYS[: len(values)], "Net", "x")
    assert "<svg" not in scatter([], "Came", "x")


def test_a_dot_on_the_line_came_as_expected() -> None:
    html = scatter([(30.0, 30.0, "as <said>"), (-10.0, 30.0, "more")], "Came over expected, USD", "x")
    on, above = (
        float(y) / HEIGHT + float(x) / WIDTH - 1
        for x, y in re.findall(r'class="dot" d="M([\d.]+) ([\d.]+)', html)
    )
    assert on == pytest.approx(0.0, abs=1e-3)
    assert above < 0
    assert "as &lt;said&gt;" in html


def test_a_drawing_is_told_to_those_who_do_not_see_it() -> None:
    html = lines([Series("a", "s1", [1.0, 2.0])], DAYS[:2], "Net & more, USD", "Ends at <2>.")
    svg = ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    title, text = svg[0], svg[1]
    assert (title.text, text.text) == ("Net & more, USD", "Ends at <2>.")
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-labelledby"].split() == [title.attrib["id"], text.attrib["id"]]


def test_a_bar_goes_from_zero_and_stays_away_where_nothing_is_known() -> None:
    within = scale([-100.0, 100.0])
    loss = re.search(r'x="([\d.]+)" y="0" width="([\d.]+)"', bar(-100.0, within, "s2"))
    assert loss is not None
    assert (float(loss[1]), float(loss[2])) == (0.0, WIDTH / 2)
    assert bar(None, within, "s2") == ""
