"""Which options of a chain are of use, and when a quote without a time was true."""

from __future__ import annotations

from datetime import date

import pytest

from bot.collectors.option_parse import Option, Seen, days, of_use, option, quoted_at, strikes, tick
from bot.config import OptionsSource, ValuationSection
from bot.errors import DataError
from bot.timefmt import parse as at
from bot.valuation.sessions import SessionClock

NOON = at("2026-11-24T17:00:00Z")
SOURCE = OptionsSource(symbols=["TSLA"], min_days=1, max_days=30, strikes_within=0.1)


@pytest.mark.parametrize(
    ("symbol", "meant"),
    [
        ("TSLA261218C00400000", ("TSLA", date(2026, 12, 18), True, 400.0, False)),
        ("F270115P00012500", ("F", date(2027, 1, 15), False, 12.5, False)),
        ("BRKB261218C00500500", ("BRKB", date(2026, 12, 18), True, 500.5, False)),
        ("TSLA1261218C00400000", ("TSLA", date(2026, 12, 18), True, 400.0, True)),
        ("GOOGLX261218P00000001", ("GOOGLX", date(2026, 12, 18), False, 0.001, False)),
    ],
)
def test_a_symbol_says_what_the_contract_is(symbol: str, meant: tuple[str, date, bool, float, bool]) -> None:
    assert option(symbol) == Option(symbol, *meant)


@pytest.mark.parametrize(
    "symbol",
    ["", "TSLA", "TSLA  261218C00400000", "TSLA261218X00400000", "TSLA261318C00400000", "tsla261218C00400000",
     "TSLA261218C0040000", "TOOLONG261218C00400000", "TSLA260230C00400000"],
)  # fmt: skip
def test_what_is_no_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(DataError, match="wrong_id"):
        option(symbol)


def test_days_are_new_yorks() -> None:
    late = at("2026-11-25T03:00:00Z")  # still the 24th there
    assert days(SOURCE, late) == (date(2026, 11, 25), date(2026, 12, 24))
    assert strikes(SOURCE, 400.0) == pytest.approx((360.0, 440.0))


@pytest.mark.parametrize(
    ("symbol", "wanted"),
    [
        ("TSLA261218C00400000", True),
        ("TSLA261218P00360000", True),
        ("TSLA261218C00440000", True),
        ("TSLA261218C00445000", False),
        ("TSLA261124C00400000", False),
        ("TSLA261125C00400000", True),
        ("TSLA261225C00400000", False),
        ("TSLA1261218C00400000", False),
        ("TSLL261218C00400000", False),
    ],
)
def test_of_use_is_what_is_standard_near_and_of_the_share(symbol: str, wanted: bool) -> None:
    assert of_use(option(symbol), SOURCE, "TSLA", 400.0, NOON) is wanted


def test_an_option_on_a_share_class_has_its_root_without_a_dot() -> None:
    assert of_use(option("BRKB261218C00400000"), SOURCE, "BRK.B", 400.0, NOON)


@pytest.mark.parametrize(
    ("now", "true_at"),
    [
        ("2026-11-24T20:59:59Z", "2026-11-24T20:44:59Z"),
        ("2026-11-24T21:15:00Z", "2026-11-24T21:00:00Z"),  # the last quotes are shown fifteen minutes later
        ("2026-11-24T14:44:59Z", "2026-11-23T21:00:00Z"),
        ("2026-11-24T14:45:00Z", "2026-11-24T14:30:00Z"),
        ("2026-11-27T19:00:00Z", "2026-11-27T18:00:00Z"),  # the half-day after Thanksgiving
        ("2026-11-28T12:00:00Z", "2026-11-27T18:00:00Z"),
        ("2026-12-26T12:00:00Z", "2026-12-24T18:00:00Z"),  # Christmas on a Friday
    ],
)
def test_out_of_session_a_quote_is_of_the_last_close_holidays_and_half_days_known(
    now: str, true_at: str
) -> None:
    assert quoted_at(at(now), 900.0, SessionClock(ValuationSection()).session) == at(true_at)


def test_where_the_market_never_opens_a_quote_is_only_late() -> None:
    assert quoted_at(NOON, 900.0, lambda _ts: "holiday") == at("2026-11-24T16:45:00Z")


def test_a_quote_from_the_future_or_of_no_time_is_refused() -> None:
    with pytest.raises(DataError, match="future"):
        tick(Seen("TSLA261218C00400000", NOON), "yahoo", NOON - 11_000_000_000)
    with pytest.raises(DataError, match="no_time"):
        tick(Seen("TSLA261218C00400000", 0), "yahoo", NOON)
