"""Names of derivatives, and back."""

from __future__ import annotations

import pytest

from bot.strategy.options import Contract, occ
from bot.timefmt import parse as at


@pytest.mark.parametrize(
    ("name", "kind", "strike", "expiry"),
    [
        ("TSLA261218C00400000", "call", 400.0, "2026-12-18T21:00:00Z"),  # 16:00 in New York's winter
        ("SPY260619P00597500", "put", 597.5, "2026-06-19T20:00:00Z"),  # and summer
        ("F260619C00012000", "call", 12.0, "2026-06-19T20:00:00Z"),
    ],
)
def test_a_listed_options_symbol(name, kind, strike, expiry):
    contract = occ.parse(name)
    assert contract == Contract(name.rstrip("0123456789PC").rstrip("0123456789"), kind, strike, at(expiry))
    assert occ.symbol(contract) == name


@pytest.mark.parametrize(
    "name",
    [
        "TSLA",
        "TSLA261318C00400000",
        "TSLA260230C00400000",
        "TSLA261218X00400000",
        "tsla261218C00400000",
        "TSLA261218C0040000",
        "TSLA261218C00000000",
        "TOOLONGX261218C00400000",
    ],
)
def test_what_is_none(name):
    assert occ.parse(name) is None


def test_a_perpetual_options_name():
    underlying, option = occ.parse_perpetual("TSLA-397.5-put-PERP", 7.0)
    assert (underlying, option.kind, option.strike, option.period_days) == ("TSLA", "put", 397.5, 7.0)
    for name in ("TSLA-397.5-put", "TSLA--put-PERP", "TSLA-0-put-PERP", "TSLA-5-both-PERP"):
        assert occ.parse_perpetual(name, 7.0) is None


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-06-19T19:59:59Z", "2026-06-19T20:00:00Z"),
        ("2026-06-19T20:00:00Z", "2026-06-20T20:00:00Z"),
        ("2026-10-31T21:00:00Z", "2026-11-01T21:00:00Z"),  # the night the clocks go back
    ],
)
def test_the_next_close(now, then):
    assert occ.close_after(at(now)) == at(then)
