"""Books agree with fills, plans are valued when they are over, and a run is the same in any process."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import tape
from bot.backtest import Backtest, report
from bot.backtest.many import backtests
from bot.backtest.run import UNDER_WAY, marks
from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import fold
from bot.timefmt import NS
from tests.fixtures.engine import shipped_registry
from tests.unit.backtest.conftest import TAPE, settings


def test_the_net_result_is_what_the_fills_add_up_to(demo: Backtest, result: dict[str, Any]) -> None:
    place = custody(shipped_registry())
    entries = [entry for fill in demo.fills for entry in entries_for(fill, place(fill.instrument))]
    alone = fold(entries).profit_and_loss(marks(demo.driver.engine.market, demo.driver.now))
    assert alone.net_usd is not None
    assert result["net_usd"] == float(alone.net_usd)


def test_the_same_tape_gives_the_same_report(result: dict[str, Any]) -> None:
    config = settings()
    again, careful = backtests(
        config, shipped_registry(), [TAPE],
        [{"strategy.risk_charge": config.strategy.risk_charge}, {"strategy.max_plan_usd": 1_000.0}], jobs=2,
    )  # fmt: skip
    assert msgspec.json.encode(again) == msgspec.json.encode(result)
    assert max(row["size_usd"] for row in careful["trades"]) <= 1_000.0


def test_a_plan_comes_to_what_it_is_worth_when_its_time_is_over(demo: Backtest) -> None:
    """Of a plan that is over and holds nothing, that is what it comes to for good."""
    engine = demo.driver.engine
    valued = marks(engine.market, demo.driver.now, engine.hedge_marks())
    flat = 0
    for plan_id, worth in demo.came.items():
        books = demo.by_plan[plan_id]
        if not any(one.traded for one in books.positions()):
            flat += 1
            net = books.profit_and_loss(valued).net_usd
            assert net is not None
            assert worth == float(net)
    assert flat
    assert set(demo.came) == set(demo.by_plan)


def test_a_plan_with_legs_still_to_come_when_all_is_over_is_not_valued(demo: Backtest) -> None:
    slow = max(demo.traded.values(), key=lambda plan: plan.duration_seconds)
    cut = Backtest(settings(), shipped_registry())
    end = slow.created + round(slow.duration_seconds * NS / 2)
    cut.run(tick for tick in tape.merge([TAPE], on_bad=cut.bad_row) if tick.ts < end)
    assert slow.id in cut.traded
    broker = cut.driver.broker
    assert broker is not None
    assert set(cut.came) == {name for name in cut.by_plan if broker.state_of(name) not in UNDER_WAY}
    told = report(cut)["forecast"]
    assert told["plans"] + told["not_over"] + told["refused"] == len(cut.traded)


def test_an_empty_tape_is_no_result_and_no_error() -> None:
    nothing = Backtest(settings(), shipped_registry())
    nothing.run([])
    told = report(nothing)
    assert told["net_usd"] is None
    assert told["capital_use_mean"] is None
    assert told["capital_use_max"] is None
    assert told["equity"] == []
