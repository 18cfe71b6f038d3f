"""Dividends that the registry names: when they go ex, and what of them cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.registry.dividends import Dividend, goes_ex
from bot.registry.load import load
from bot.timefmt import parse as at

GOOD = '{ ex = "2026-12-01", usd = 0.5, source = "the company", as_of = "2026-11-20" }'


def share(path: Path, dividends: str) -> list[Dividend]:
    file = path / "mine.toml"
    file.write_text(f'[[underlyings]]\nticker = "AAPL"\ndividends = [{dividends}]\n')
    return load([file]).underlyings["AAPL"].dividends


def test_a_share_opens_without_its_dividend_in_new_york():
    assert goes_ex("2026-12-01") == at("2026-12-01T14:30:00Z")
    assert goes_ex("2026-07-01") == at("2026-07-01T13:30:00Z")


def test_the_registry_names_them_with_their_source(tmp_path):
    assert share(tmp_path, GOOD) == [Dividend("2026-12-01", 0.5, "the company", "2026-11-20")]
    assert share(tmp_path, "") == []


@pytest.mark.parametrize(
    ("dividends", "why"),
    [
        ('{ ex = "soon", usd = 0.5 }', "'soon' is no day"),
        ('{ ex = "2026-12-01", usd = 0.0 }', "0.0 USD a share is not between"),
        ('{ ex = "2026-12-01", usd = -1.0 }', "-1.0 USD a share is not between"),
        ('{ ex = "2026-12-01", usd = 5e3 }', "5000.0 USD a share is not between"),
        (f"{GOOD}, {GOOD}", "2026-12-01 is there twice"),
        ('{ ex = "2026-12-01" }', "usd"),
        ('{ ex = "2026-12-01", usd = 0.5, pays = "later" }', "pays"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(tmp_path, dividends, why):
    with pytest.raises(ConfigError, match=why):
        share(tmp_path, dividends)
