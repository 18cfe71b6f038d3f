"""Figures as people read them."""

from __future__ import annotations

import pytest

from bot.backtest.words import day, money, named, percent, points, short_money


def test_signs_stand_in_front_and_nothing_has_none() -> None:
    assert [money(usd) for usd in (1234.5, -1234.5, -0.001, 0.0, None)] == [
        "$1,234.50", "−$1,234.50", "$0.00", "$0.00", "–",
    ]  # fmt: skip
    assert [percent(ratio) for ratio in (0.1234, -0.1234, -1e-9, None)] == [
        "12.34 %",
        "−12.34 %",
        "0.00 %",
        "–",
    ]
    assert [points(bp) for bp in (1.25, -1.25, -0.01, None)] == ["1.2 bp", "−1.2 bp", "0.0 bp", "–"]


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0.0, "$0"), (0.25, "$0.25"), (-50.0, "−$50"), (800.0, "$800"), (1e3, "$1k"), (-2.5e6, "−$2.5M")],
)
def test_an_axis_is_short(usd: float, text: str) -> None:
    assert short_money(usd) == text


def test_names_and_times_are_words() -> None:
    assert named("mint_and_sell") == "mint and sell"
    assert named(None) == ""
    assert day("2026-06-02T17:00:00.000000000Z") == "2026-06-02 17:00"
    assert day("2026-06-02T17:00:00.000000000Z", minutes=False) == "06-02"
