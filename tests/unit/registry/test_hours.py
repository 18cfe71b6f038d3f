"""When a venue is open for a token, in sessions of New York; out of its hours it is closed, not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import ValuationSection
from bot.engine import Engine
from bot.errors import ConfigError
from bot.registry import load
from bot.registry.hours import ALWAYS, SESSIONS
from bot.timefmt import parse
from bot.types import Basis, Clock, Quality
from bot.valuation import SessionClock
from tests.fixtures.engine import bases, config, engine, feed, quote, reference, seconds, shipped_registry

FRIDAY = parse("2026-06-12T23:59:00Z")
"""A minute before the week ends at 20:00 in New York."""
SATURDAY, SUNDAY_OPEN = parse("2026-06-13T00:00:00Z"), parse("2026-06-15T00:00:00Z")


@pytest.mark.parametrize(
    ("instrument", "sessions"),
    [
        ("TSLAx@kraken", ALWAYS),  # one of ten that trade around the clock there
        ("AMZNx@kraken", SESSIONS["24/5"]),
        ("AMZNx@bybit", ALWAYS),
        ("AMZNx@raydium:6m5aXAve", ALWAYS),
        ("AMZNx@somewhere", ALWAYS),
        ("TSLAon@ondo", SESSIONS["24/5"]),
        ("AMZN@yahoo", SESSIONS["extended"]),
        ("USDC@kraken", ALWAYS),
        ("AAPL@pyth", frozenset({"regular"})),  # the feed's own, in the registry
    ],
)
def test_hours_of_a_venue_a_token_there_and_a_feed(instrument: str, sessions: frozenset[str]) -> None:
    found = shipped_registry().resolve(instrument)
    assert found is not None
    assert found.sessions == sessions


def test_hours_of_what_the_registry_does_not_have_are_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "venues.toml"
    path.write_text('[[venues]]\nname = "here"\nkind = "exchange"\nhours_of = { GHOSTx = "24/7" }\n')
    with pytest.raises(ConfigError, match="hours_of: GHOSTx: neither tokens nor shares"):
        load([path])


@pytest.fixture
def friday() -> Engine:
    one = engine()
    for n in range(3):
        ts = FRIDAY + seconds(n * 10)
        feed(one, reference(ts, "AMZN@yahoo", 220.0), quote(ts, "AMZNx@kraken", 220.0),
             quote(ts, "AMZNx@bybit", 220.0))  # fmt: skip
    return one


def last(messages: list[Basis], name: str) -> Basis | None:
    return next((one for one in reversed(messages) if one.instrument == name), None)


def test_a_venue_that_closes_for_the_weekend_is_closed_and_says_when_it_opens(friday: Engine) -> None:
    told = bases(feed(friday, Clock(SATURDAY)))
    basis = last(told, "AMZNx@kraken")
    assert basis is not None
    assert (basis.state, basis.note) == ("closed", "opens 2026-06-15 00:00:00 UTC")
    assert basis.price == 220.0
    assert last(told, "AMZNx@bybit") is None  # it never closes: its silence is its own


def test_silent_after_it_opened_it_is_stale_and_with_its_first_price_as_ever(friday: Engine) -> None:
    feed(friday, Clock(SATURDAY))
    basis = last(bases(feed(friday, Clock(SUNDAY_OPEN))), "AMZNx@kraken")
    assert basis is not None
    assert (basis.state, basis.note) == ("stale", "")
    basis = last(bases(feed(friday, quote(SUNDAY_OPEN + seconds(60), "AMZNx@kraken", 221.0))), "AMZNx@kraken")
    assert basis is not None
    assert basis.state == "ok"


def test_what_still_speaks_out_of_hours_is_judged_all_the_same(friday: Engine) -> None:
    """Hours in a registry may be wrong; a price that comes is evidence."""
    feed(friday, Clock(SATURDAY))
    basis = last(bases(feed(friday, quote(SATURDAY + seconds(60), "AMZNx@kraken", 220.1))), "AMZNx@kraken")
    assert basis is not None
    assert basis.state == "ok"


def test_a_restart_over_the_close_changes_nothing(friday: Engine) -> None:
    again = Engine(config(), shipped_registry())
    again.restore(friday.snapshot())
    told = feed(again, Clock(SATURDAY))
    assert told == feed(friday, Clock(SATURDAY))
    assert last(bases(told), "AMZNx@kraken") is not None


def test_a_reference_out_of_its_hours_is_closed_and_not_missing(friday: Engine) -> None:
    feed(friday, Clock(SATURDAY + seconds(3600)))
    found: dict[str, Quality] = {one.instrument: one for one in friday.qualities()}
    assert found["AMZN@yahoo"].fault == "closed"
    assert found["AMZNx@kraken"].fault == "closed"
    assert found["AMZNx@bybit"].fault == ""


@pytest.mark.parametrize(
    ("moment", "hours", "is_open"),
    [
        ("2026-11-26T16:00:00Z", "24/5", False),  # Thanksgiving
        ("2026-11-27T17:59:59Z", "regular", True),  # the day after closes at 13:00
        ("2026-11-27T18:00:00Z", "regular", False),
        ("2026-11-27T18:00:00Z", "extended", True),
        ("2026-11-27T22:00:00Z", "extended", False),  # and its post-market at 17:00
        ("2026-11-29T23:59:59Z", "24/5", False),
        ("2026-11-30T01:00:00Z", "24/5", True),  # Sunday 20:00 in winter
        ("2026-07-03T15:00:00Z", "24/5", False),  # Independence Day, observed on Friday
        ("2026-07-03T15:00:00Z", "24/7", True),
    ],
)
def test_holidays_half_days_and_the_week_of_a_venue(moment: str, hours: str, is_open: bool) -> None:
    session = SessionClock(ValuationSection()).session(parse(moment))
    assert (session in SESSIONS[hours]) is is_open  # type: ignore[index]  # of a test's parameters
