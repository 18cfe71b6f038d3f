"""``pegbot mechanisms``: all in a table, one at length, JSON, and the page that shows it."""

from __future__ import annotations

import json
from math import exp, log

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.console.mechanisms import cells, show
from bot.driver import Driver
from bot.errors import UsageError
from bot.mechanisms import asked, assumed_in, halted_tokens, survey
from bot.timefmt import parse as at
from bot.types import Tick
from tests.fixtures import worked
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.pages import DOCS, rows, section

PAGE = DOCS / "mechanisms.md"
TUESDAY = at("2026-11-24T15:00Z")
SATURDAY = at("2026-11-28T15:00Z")
REGISTRY = shipped_registry()
RUN = CliRunner()


def surveyed(ts=TUESDAY, *names, **known):
    return survey(config(), REGISTRY, ts, 5_000.0, names, **known)


def test_all_systems_are_answered_in_one_table():
    told = RUN.invoke(app, ["mechanisms", "--at", "2026-11-28T15:00Z"])
    assert told.exit_code == 0
    for name in [*REGISTRY.issuers, *REGISTRY.conversions]:
        assert f"\n {name} " in told.output
    assert (
        "ondo: Ondo Global Markets takes mint orders 24/5, next from 2026-11-30 01:05:00 UTC" in told.output
    )
    assert "mirror: Mirror Protocol ended on 2022-06-01" in told.output


def test_one_is_shown_with_costs_failures_and_what_is_assumed():
    told = RUN.invoke(app, ["mechanisms", "mystonks", "--at", "2026-11-24T15:00Z"]).output
    for word in ("redemption_refused", "kept as tokens", "account.hours", "custody", "$10,000 0.30%"):
        assert word in told
    assert "fee_ratio" not in told  # it is published


def test_a_premium_that_is_held_and_a_discount_that_is_not():
    (mirror,) = surveyed(at("2021-06-02T04:00Z"), "mirror")
    assert cells(mirror) == [
        "mirror", "closed", "no", "no floor … +3.40%", "9 h 30 min · 9 h 31 min · 9 h 31 min", "of any size",
    ]  # fmt: skip


def test_a_side_that_only_one_assumption_is_of_is_named(capsys):
    show(surveyed(TUESDAY, "mirror"), as_json=False)
    told = capsys.readouterr().out
    assert "gas_usd (mint)" in told
    assert "gas of $0.50" in told


def test_for_machines_it_is_json_with_nothing_infinite():
    told = RUN.invoke(app, ["mechanisms", "--json", "--at", "2026-11-24T15:00Z"]).output
    found = {each["name"]: each for each in json.loads(told)}
    assert found["robinhood"]["band_high"] is None
    assert found["robinhood"]["mint"]["opens"] is None
    assert found["xstocks"]["mint"]["open"] is True
    assert exp(found["xstocks"]["band_high"]) - 1 == pytest.approx(0.00391 + 0.06 / 365, abs=2e-5)
    assert [each["refused"] == "" for each in found["xstocks"]["mint"]["prices"]] == [
        False,
        False,
        True,
        True,
    ]
    assert found["ondo"]["mint"]["median_seconds"] == 12.0


def test_the_band_is_for_the_size_that_is_asked():
    small, large = (survey(config(), REGISTRY, TUESDAY, usd, ["ondo"])[0] for usd in (50.0, 50_000.0))
    assert small.band_high is not None
    assert large.band_high is not None
    assert exp(small.band_high) - exp(large.band_high) == pytest.approx(2 / 50 - 2 / 50_000)
    assert large.band_low == pytest.approx(-log(1 + 0.002 + 2 / 50_000 + 0.0005))


def test_what_an_issuer_has_halted_is_told_from_the_daemons_last_snapshot():
    driver = Driver(config(), REGISTRY)
    driver.feed(Tick(TUESDAY, "TSLAx@xstocks", "status", data=b'{"state": "halted", "reason": "a split"}'))
    assert halted_tokens(driver.engine.market) == {"TSLAx": "a split"}
    told = {each.name: each for each in asked(config(), REGISTRY, None, 5_000.0, [], driver.snapshot())}
    assert told["xstocks"].halted == {"TSLAx": "a split"}
    assert told["ondo"].halted == {}


def test_a_way_that_needs_an_agreement_is_shown(capsys):
    show(surveyed(SATURDAY, "xstocks"), as_json=False)
    told = capsys.readouterr().out
    assert "another way, in_kind: not enabled; needs an agreement as authorised participant" in told


def test_a_plan_that_mints_says_what_of_the_mint_is_assumed():
    told = assumed_in(worked.monday_with_inventory(), REGISTRY)
    assert told == [
        "Assumed of minting with xStocks (Backed Assets), since nobody publishes it: a fee of 0.25 %; "
        "a spread of 0.05 %; settlement after 1 business day; 8 % of orders 1 business day late and 2 % "
        "3 business days late; gas of $2."
    ]
    assert assumed_in(worked.spike_with_inventory(), REGISTRY) == []


@pytest.mark.parametrize(
    ("names", "at_", "says"),
    [
        (["moon"], None, "'moon'"),
        ([], "noon", "not a time"),
        ([], "0001-01-01", "--at: 0001-01-01 is before 2000-01-01 or not before 2100-01-01"),
        ([], "9999-12-31T23:59Z", "not before 2100-01-01"),
    ],
)
def test_wrong_use_is_told(names, at_, says):
    with pytest.raises(UsageError, match=says):
        asked(config(), REGISTRY, at_, 5_000.0, names, None)


def test_the_page_shows_the_table_of_its_moment():
    shown = [[row[0].partition("](")[0].strip("[`"), *row[1:]] for row in rows(PAGE, "## Side by side")]
    assert shown == [cells(each) for each in surveyed()]


def test_the_page_names_the_mirror_premium_that_follows_from_its_terms():
    debt = REGISTRY.issuers["mirror"].debt
    assert debt is not None
    premium = debt.close_fee_ratio * 2 + 0.06 * debt.hold_days / 365 * 2
    assert f"{premium:.2%}".replace("%", " %") in section(PAGE, "## mirror")


def test_what_is_assumed_is_told_to_people_and_to_machines():
    (kraken,) = surveyed(TUESDAY, "kraken")
    told = {each.name: (each.value, each.told) for each in kraken.assumptions}
    assert told["mint.spread_ratio"] == (0.003, "a spread of 0.3 %")
    assert told["withdraw.late"][1] == "5 % of withdrawals 1 h late and 0.5 % 1 d late"
