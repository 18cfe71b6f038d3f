"""The figures add up, to the books and to each other."""

from __future__ import annotations

from typing import Any

import pytest

from bot.backtest.report import drawdown, falls, refused
from bot.backtest.run import Sample
from tests.fixtures.messages import fill


def test_profit_by_route_and_by_plan_adds_up_to_the_whole(result: dict[str, Any]) -> None:
    routes = result["profit_by_route"]
    assert set(routes) <= {"mint_and_sell", "buy_and_redeem", "cross_venue", "hedge_and_hold"}
    assert sum(row["net_usd"] for row in routes.values()) == pytest.approx(result["net_usd"], abs=1e-6)
    assert sum(row["net_usd"] for row in result["trades"]) == pytest.approx(result["net_usd"], abs=1e-6)
    assert sum(row["plans"] for row in routes.values()) == result["plans_traded"] == len(result["trades"])
    for key in ("won", "lost"):
        assert sum(row[key] for row in routes.values()) == result[key]


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


def test_capital_in_use_is_the_sum_of_its_parts_and_never_above_its_most(result: dict[str, Any]) -> None:
    parts = ("reserved_usd", "held_usd", "margin_usd", "short_margin_usd")
    for row in result["equity"]:
        assert row["capital_used_usd"] == pytest.approx(sum(row[part] for part in parts))
        assert row["capital_used_usd"] <= result["capital_use_max"] * result["capital_usd"] + 1e-6
    assert 0 < result["capital_use_mean"] < result["capital_use_max"] <= 1


def test_turnover_is_the_sum_of_its_kinds(result: dict[str, Any]) -> None:
    assert result["turnover_usd"] == pytest.approx(sum(result["turnover_by_kind"].values()))
    assert result["turnover_ratio"] == pytest.approx(result["turnover_usd"] / result["capital_usd"])


NETS = [0.0, 10.0, 4.0, None, 12.0, 3.0, 20.0]


def test_a_drawdown_is_the_deepest_fall_from_the_highest_so_far() -> None:
    assert drawdown(Sample(n, net, 0.0, 0.0) for n, net in enumerate(NETS)) == 9.0
    assert falls(NETS) == [0.0, 0.0, 6.0, None, 0.0, 9.0, 0.0]


def test_who_only_ever_loses_falls_from_the_start() -> None:
    assert falls([-2.0, -5.0]) == [2.0, 5.0]
    assert drawdown([]) == 0.0


def test_a_hedge_that_stays_is_no_refused_order() -> None:
    told = [("unhedge", "rejected"), ("hedge_stays", "rejected"), ("sell", "filled")]
    assert refused(fill(action=action, status=status) for action, status in told) == 1
