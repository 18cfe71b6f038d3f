"""What `pegbot positions` answers: what is held, hedges among it, and the greeks of the whole book."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from bot import console
from bot.console.look import GREEKS
from bot.driver import Driver
from bot.errors import UsageError
from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import Books
from bot.positions import positions
from bot.strategy.options import Greeks
from bot.timefmt import iso, short
from bot.types import Fill
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.pages import DOCS, section

HOURS = 3_600 * world.NS


def ran(hours: float, **of):
    """Settings, the engine's memory, and the books, so long after the start."""
    settings = config(strategy={"hedge_shortfall": 0.04, "ineligible_issuers": ["kraken"]})
    registry, books = shipped_registry(), Books()
    driver = Driver(settings, registry)
    for tick in world.tape(**of):
        if tick.ts > world.START + hours * HOURS:
            break
        for message in driver.feed(tick):
            if isinstance(message, Fill):
                for entry in entries_for(message, custody(registry)(message.instrument)):
                    books.apply(entry)
    return settings, registry, driver.snapshot(), books


def test_options_held_against_tokens_on_their_way():
    found = positions(*ran(2.0, broker=False, hedges=("options",)))
    options = [one for one in found["positions"] if one["commodity"].startswith("TSLA26")]
    assert options
    for one in options:
        side = "assets" if one["held"] > 0 else "liabilities"
        assert one["places"] == {f"{side}:options:{one['commodity']}@alpaca": one["held"]}
        assert one["worth_usd"] * one["held"] > 0
    greeks = found["greeks"]["TSLA"]
    due = next(one["in_transit"] for one in found["positions"] if one["commodity"] == "TSLAx")
    assert 0 < greeks["delta"] < due * 0.99  # tokens on their way are ours already; the hedges are short
    assert abs(greeks["vega"]) > 0
    assert found["unknown"] == []


def test_a_perps_margin_is_with_its_venue():
    found = positions(*ran(2.0, broker=False, hedges=("perp",)))
    (perp,) = [one for one in found["positions"] if one["commodity"] == world.PERP]
    assert perp["held"] < -100
    # What is short covers what is on its way, but for less than a lot.
    assert found["greeks"]["TSLA"]["delta"] == pytest.approx(0.0, abs=0.05)
    # Margin, and what the perps were sold for.
    assert found["margin_usd"] > -perp["held"] * 390


def test_money_that_an_issuer_owes_is_told_first(capsys):
    settings, registry, saved, books = ran(0.0)
    books.balances["assets:receivable:usd@xstocks"] = {"USD": Decimal("45777.88")}
    found = positions(settings, registry, saved, books)
    assert (found["due_usd"], found["due_from"]) == (45_777.88, {"xstocks": 45_777.88})
    console.positions(found, as_json=False)
    assert "$45,777.88 due from xstocks" in capsys.readouterr().out.partition("margin")[0]


def test_a_desk_that_holds_nothing_is_told_so(capsys):
    settings, registry, saved, _ = ran(0.0)
    console.positions(positions(settings, registry, saved, Books()), as_json=False)
    assert "$0.00 in cash" in capsys.readouterr().out


def test_neither_prices_nor_positions_is_an_error_that_says_what_to_do():
    settings, registry, _, _ = ran(0.0)
    with pytest.raises(UsageError, match="run `pegbot run` first"):
        positions(settings, registry, None, Books())


@pytest.mark.parametrize("saved", [None, b'{"engine": {"version": 0}}'])
def test_books_without_a_snapshot_have_no_time_and_no_worth(saved, capsys):
    settings, registry, _, books = ran(2.0, broker=False, hedges=("perp",))
    found = positions(settings, registry, saved, books)
    assert found["ts"] is None
    assert {one["worth_usd"] for one in found["positions"]} == {None}
    console.positions(found, as_json=False, now=world.START)
    out = capsys.readouterr().out
    assert out.startswith("As the books stand, without prices or greeks: no snapshot")
    assert "1970" not in out
    console.positions(found, as_json=True, now=world.START)
    told = json.loads(capsys.readouterr().out)
    assert (told["ts"], told["age_seconds"]) == (None, None)


def test_how_old_it_is_is_told_by_the_clock_that_is_given(capsys):
    found = positions(*ran(2.0, broker=False, hedges=("perp",)))
    now = found["ts"] + 185 * world.NS
    console.positions(found, as_json=False, now=now)
    assert f"As of {short(found['ts'])} UTC, 3 min 5 s ago: $" in capsys.readouterr().out
    console.positions(found, as_json=True, now=now)
    told = json.loads(capsys.readouterr().out)
    assert (told["ts"], told["age_seconds"]) == (iso(found["ts"]), 185.0)
    for clock in (None, found["ts"] - 1):  # a tape's time is no clock's
        console.positions(found, as_json=False, now=clock)
        assert " ago" not in capsys.readouterr().out


def test_greeks_have_units(capsys):
    console.positions(positions(*ran(2.0, broker=False, hedges=("options",))), as_json=False)
    heads = next(line for line in capsys.readouterr().out.splitlines() if "vega" in line)
    assert re.split(r" {2,}", heads.strip()) == ["share", *GREEKS.values()]
    assert tuple(GREEKS) == Greeks.__struct_fields__
    text = section(DOCS / "output.md", "## Positions")
    for name in GREEKS:
        assert f"| `{name}` |" in text
