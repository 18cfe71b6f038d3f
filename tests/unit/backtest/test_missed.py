"""What was at stake and who earned none of it, and why."""

from __future__ import annotations

from typing import Any

import pytest

from bot import tape
from bot.backtest import Backtest, report
from bot.backtest.missed import missed
from tests.fixtures.engine import shipped_registry
from tests.fixtures.messages import fill, incident, plan
from tests.unit.backtest.conftest import TAPE, settings


@pytest.fixture
def test() -> Backtest:
    """Three incidents: one with a crumb taken, one that no plan took, one that none was made for."""
    made = Backtest(settings(), shipped_registry())
    for name, stake in (("i1", 100.0), ("i2", 40.0), ("i3", 7.0), ("i4", 0.0), ("i5", None)):
        made.incidents[name] = incident(id=name, money_at_stake_usd=stake)
    made.incidents["i6"] = incident(id="i6", kind="feed_fault", money_at_stake_usd=9.0)
    made.plans += [
        plan(id="p1", incident_id="i1", reasons=["limits.plan_usd: this limit holds the size"]),
        plan(id="p2", incident_id="i2", decision="no_trade", reasons=["channel.closed: x", "a.b: y"]),
        plan(id="p3", incident_id="i2", decision="no_trade", reasons=["channel.closed: still"]),
    ]
    made.fills.append(fill(plan_id="p1", status="rejected", reason="depth.insufficient: x"))
    return made


def row(net: float | None) -> dict[str, Any]:
    return {"incident_id": "i1", "net_usd": net}


def test_what_a_crumb_was_taken_of_is_still_missed_but_for_the_crumb(test: Backtest) -> None:
    told = missed(test, [row(2.0), row(1.0)])
    assert (told["incidents"], told["at_stake_usd"], told["earned_usd"], told["left_usd"]) == (3, 147, 3, 144)
    assert told["untouched"] == {"incidents": 2, "at_stake_usd": 47.0}
    assert [one["left_usd"] for one in told["largest"]] == [97.0, 40.0, 7.0]
    assert told["largest"][0]["plans_traded"] == 2


def test_every_rule_that_stood_against_it_is_told_with_what_was_left(test: Backtest) -> None:
    told = missed(test, [row(3.0)])
    assert told["by_rule"] == [
        {"rule": "depth.insufficient", "incidents": 1, "left_usd": 97.0},
        {"rule": "limits.plan_usd", "incidents": 1, "left_usd": 97.0},
        {"rule": "a.b", "incidents": 1, "left_usd": 40.0},
        {"rule": "channel.closed", "incidents": 1, "left_usd": 40.0},
        {"rule": "no_plan", "incidents": 1, "left_usd": 7.0},
    ]


def test_a_plan_without_a_remark_leaves_no_rule(test: Backtest) -> None:
    test.plans.append(plan(id="p4", incident_id="i3", reasons=[]))
    assert missed(test, [])["largest"][2]["rules"] == ["none"]


@pytest.mark.parametrize(("net", "left"), [(-50.0, 100.0), (150.0, 0.0), (None, 100.0)])
def test_a_loss_adds_nothing_to_what_is_left_and_a_windfall_takes_nothing_from_others(
    test: Backtest, net: float | None, left: float
) -> None:
    told = missed(test, [row(net)])
    assert told["left_usd"] == left + 47.0
    assert told["beyond_stake_usd"] == max(0.0, (net or 0.0) - 100.0)
    assert (told["earned_usd"] is None) == (net is None)


def test_who_trades_nothing_misses_everything() -> None:
    idle = Backtest(settings(min_profit_usd=1e9), shipped_registry())
    idle.run(tape.merge([TAPE], on_bad=idle.bad_row))
    told = report(idle)
    assert told["net_usd"] == told["plans_traded"] == told["missed"]["earned_usd"] == 0
    assert told["missed"]["left_usd"] == told["missed"]["at_stake_usd"] > 100
    assert told["missed"]["untouched"]["incidents"] == told["missed"]["incidents"] > 0
    said = {reason.partition(":")[0] for plan in idle.plans for reason in plan.reasons}
    assert {one["rule"] for one in told["missed"]["by_rule"]} == said


def test_what_the_demo_left_is_what_was_at_stake_less_what_it_earned(result: dict[str, Any]) -> None:
    told = result["missed"]
    assert told["earned_usd"] == pytest.approx(result["net_usd"])
    assert told["left_usd"] == pytest.approx(sum(one["left_usd"] for one in told["largest"]))
