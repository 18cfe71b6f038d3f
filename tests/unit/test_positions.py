"""What `pegbot positions` answers: what is held, hedges among it, and the greeks of the whole book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from typer.testing import CliRunner

from bot import console
from bot.cli import app
from bot.driver import Driver
from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import Books
from bot.positions import positions
from bot.types import Fill
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import config, shipped_registry

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


def test_nothing_held_is_nothing_told(tmp_path):
    path = tmp_path / "pegbot.toml"
    path.write_text(
        f'registry = ["{world_registry()}"]\n[ledger]\nurl = "sqlite+aiosqlite:///{tmp_path}/p.db"\n'
    )
    done = CliRunner().invoke(app, ["positions", "--config", str(path)])
    assert done.exit_code == 0, done.output
    assert "$0.00 in cash" in done.output


def world_registry() -> str:
    from tests.fixtures.engine import CONFIG

    return str(CONFIG / "registry" / "*.toml")
