"""What the engine would have earned: books agree with fills, figures with books."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import tape
from bot.backtest import Backtest, report
from bot.backtest.many import backtests
from bot.backtest.page import page
from bot.backtest.report import drawdown, slippage
from bot.backtest.run import Sample, marks
from bot.config import load
from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import fold
from bot.types import Fill, Leg
from tests.fixtures.engine import CONFIG, shipped_registry
from tests.fixtures.messages import fill, plan

TAPE = CONFIG / "demo" / "tape.parquet"


@pytest.fixture(scope="module")
def test() -> Backtest:
    done = Backtest(load(CONFIG / "pegbot.toml"), shipped_registry())
    done.run(tape.merge([TAPE], on_bad=done.bad_row))
    return done


@pytest.fixture(scope="module")
def result(test: Backtest) -> dict[str, Any]:
    return report(test)


def test_the_net_result_is_what_the_fills_add_up_to(test: Backtest, result: dict[str, Any]) -> None:
    place = custody(shipped_registry())
    entries = [entry for fill in test.fills for entry in entries_for(fill, place(fill.instrument))]
    alone = fold(entries).profit_and_loss(marks(test.driver.engine.market, test.driver.now))
    assert alone.net_usd is not None
    assert result["net_usd"] == float(alone.net_usd)


def test_profit_by_route_and_by_plan_adds_up_to_the_whole(result: dict[str, Any]) -> None:
    routes = result["profit_by_route"]
    assert set(routes) <= {"mint_and_sell", "buy_and_redeem", "cross_venue", "hedge_and_hold"}
    assert sum(row["net_usd"] for row in routes.values()) == pytest.approx(result["net_usd"], abs=1e-6)
    assert sum(row["net_usd"] for row in result["trades"]) == pytest.approx(result["net_usd"], abs=1e-6)
    assert sum(row["plans"] for row in routes.values()) == result["plans_traded"] == len(result["trades"])


def test_the_spike_of_fifty_four_dollars_earns_what_its_plan_said(result: dict[str, Any]) -> None:
    spike = next(row for row in result["trades"] if row["instrument"] == "AMZNx@orca:demothin")
    assert spike["net_usd"] == pytest.approx(spike["expected_usd"], rel=0.05)
    assert 300 < spike["net_usd"] < 500


def test_the_equity_curve_begins_at_nothing_and_ends_at_the_result(result: dict[str, Any]) -> None:
    equity = result["equity"]
    assert equity[0]["net_usd"] == 0
    assert equity[-1]["net_usd"] == result["net_usd"]
    assert [row["ts"] for row in equity] == sorted(row["ts"] for row in equity)
    assert len(equity) >= 24 * 7
    assert 0 < result["capital_use_max"] <= 1
    assert result["turnover_usd"] > 0


def test_the_same_tape_gives_the_same_report(result: dict[str, Any]) -> None:
    config = load(CONFIG / "pegbot.toml")
    again, careful = backtests(
        config, shipped_registry(), [TAPE],
        [{"strategy.risk_charge": config.strategy.risk_charge}, {"strategy.max_plan_usd": 1_000.0}], jobs=2,
    )  # fmt: skip
    assert msgspec.json.encode(again) == msgspec.json.encode(result)
    assert max(row["size_usd"] for row in careful["trades"]) <= 1_000.0


def test_a_drawdown_is_the_deepest_fall_from_the_highest_so_far() -> None:
    nets = [0.0, 10.0, 4.0, None, 12.0, 3.0, 20.0]
    assert drawdown(Sample(n, net, 0.0, 0.0, 0.0) for n, net in enumerate(nets)) == 9.0


def test_slippage_is_what_buying_and_selling_cost_beyond_the_plans_prices() -> None:
    def leg(action: Any, price: float) -> Leg:
        return Leg(action, "AMZNx@raydium", 2.0, 2.0 * price, price, None, 0.0, 0.0, 0.0)

    def done(action: str, price: str, **changes: Any) -> Fill:
        return fill(action=action, price=Decimal(price), fee_usd=Decimal(1), **changes)

    traded = {
        "p1": plan(legs=[leg("buy", 100.0), leg("sell", 110.0), leg("redeem", 90.0), leg("hedge", 90.0)])
    }
    dearer, cheaper = done("buy", "100"), done("sell", "109", status="partial")
    others = [done("redeem", "80"), done("hedge", "80"), done("sell", "1", status="rejected")]
    assert slippage([dearer, cheaper, *others], traded) == {
        "fills": 2, "cost_usd": 1.0 + 3.0, "ratio": 4.0 / 420.0, "worst_ratio": 1.5 / 110.0,
    }  # fmt: skip


def test_what_no_plan_took_is_told_with_the_rules_that_said_no() -> None:
    config = load(CONFIG / "pegbot.toml")
    strategy = config.strategy.model_copy(update={"min_profit_usd": 1e9})
    idle = Backtest(config.model_copy(update={"strategy": strategy}), shipped_registry())
    idle.run(tape.merge([TAPE], on_bad=idle.bad_row))
    told = report(idle)
    assert told["net_usd"] == 0
    assert told["plans_traded"] == 0
    assert told["missed"]["incidents"] > 0
    assert told["missed"]["at_stake_usd"] > 100
    assert told["missed"]["by_rule"]
    assert told["missed"]["largest"][0]["at_stake_usd"] >= told["missed"]["largest"][-1]["at_stake_usd"]


def test_the_page_stands_alone_and_shows_every_part(result: dict[str, Any], tmp_path: Path) -> None:
    html = page(result, "A week <of> the demo")
    assert "A week &lt;of&gt; the demo" in html
    assert html.count("<svg") == 2
    for words in ("Net profit", "Profit by route", "Missed", "Trades", "Deepest fall", "cross venue"):
        assert words in html
    assert "http" not in html, "nothing is fetched"


def test_an_empty_tape_is_no_result_and_no_error() -> None:
    nothing = Backtest(load(CONFIG / "pegbot.toml"), shipped_registry())
    nothing.run([])
    told = report(nothing)
    assert told["net_usd"] is None
    assert told["equity"] == []
    assert "Too little is known" in page(told, "nothing")
