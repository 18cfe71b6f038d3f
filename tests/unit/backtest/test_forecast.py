"""Plans beside what came of them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.backtest.forecast import beyond, by_route, forecast, not_booked, total
from tests.fixtures.messages import plan


def row(came: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "route": "mint_and_sell", "way": "planned", "expected_usd": 10.0, "came_usd": came, "net_usd": came,
        "probability_of_loss": 0.25, "beyond_95": None if came is None else came < -5,
        "beyond_99": None if came is None else came < -9, "beyond_worst_case": False,
    } | changes  # fmt: skip


def test_plans_that_are_over_are_held_to_what_they_said() -> None:
    rows = [row(12.0), row(-6.0), row(-10.0, way="otherwise"), row(None), row(None, way="refused")]
    told = forecast(rows)
    assert told == {
        "plans": 3, "expected_usd": 30.0, "came_usd": -4.0, "error_usd": -34.0, "not_over": 1, "refused": 1,
        "lost": 2, "lost_expected": 0.75, "judged": 3, "beyond_95": 2, "beyond_99": 1, "beyond_worst_case": 0,
        "by_way": {
            "otherwise": {"plans": 1, "expected_usd": 10.0, "came_usd": -10.0, "error_usd": -20.0},
            "planned": {"plans": 2, "expected_usd": 20.0, "came_usd": 6.0, "error_usd": -14.0},
        },
    }  # fmt: skip


def test_who_states_no_shortfall_or_chance_is_not_judged_by_one() -> None:
    told = forecast([row(-50.0, beyond_95=None, beyond_99=None, probability_of_loss=None)])
    assert (told["judged"], told["beyond_95"], told["lost"], told["lost_expected"]) == (0, 0, 0, 0)


def test_a_fraction_of_a_cent_is_rounding() -> None:
    assert beyond(7.7076, -7.7077) is False
    assert beyond(-5.02, 5.0) is True
    assert beyond(-5.02, None) is None
    assert beyond(None, 5.0) is None


def test_a_route_with_a_plan_that_nobody_can_value_has_no_sum() -> None:
    found = by_route([row(3.0), row(None), row(-2.0, route="cross_venue")])
    assert found["mint_and_sell"]["net_usd"] is None
    assert found["cross_venue"] == {
        "plans": 1, "won": 0, "lost": 1, "expected_usd": 10.0, "net_usd": -2.0,
    }  # fmt: skip
    assert total([]) == 0


def test_interest_and_refills_are_what_no_fill_is_charged_for() -> None:
    assert not_booked(plan(costs_usd={"financing": 2.0, "refill": 3.0, "gas": 7.0})) == 5.0


def test_the_demos_plans_come_to_their_books_less_what_is_not_booked(result: dict[str, Any]) -> None:
    for one in result["trades"]:
        if one["capital_usd"]:  # those without sell what is in hand, which moves on after them
            assert one["came_usd"] == pytest.approx(one["net_usd"] - one["not_booked_usd"], abs=1e-6)
        for name in ("95", "99"):
            assert one[f"beyond_{name}"] == (one["came_usd"] < -one[f"shortfall_{name}_usd"] - 0.01)
    told = result["forecast"]
    assert told["plans"] == sum(row["plans"] for row in told["by_way"].values())


def test_losses_are_positive_wherever_they_are_called_so(result: dict[str, Any]) -> None:
    for one in result["trades"]:
        assert one["worst_case_loss_usd"] >= one["shortfall_99_usd"] >= one["shortfall_95_usd"]
