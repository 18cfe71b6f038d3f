"""Each plan beside what came of it, and what the plans said of themselves beside what came of all. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bot.backtest.run import Backtest, marks
from bot.backtest.slippage import slips, way_of
from bot.timefmt import iso
from bot.types import Fill, Plan

Row = dict[str, Any]
CENT = 0.01


def trades(test: Backtest) -> list[Row]:
    """A row per plan to trade, in the order they were made. Losses are positive numbers in all that is named
    a loss or a shortfall; all else is profit."""
    engine = test.driver.engine
    valued = marks(engine.market, test.driver.now, engine.hedge_marks())
    fills: dict[str, list[Fill]] = defaultdict(list)
    for fill in test.fills:
        fills[fill.plan_id].append(fill)
    rows = []
    for plan in test.traded.values():
        mine, books = fills[plan.id], test.by_plan.get(plan.id)
        net = books.profit_and_loss(valued).net_usd if books is not None else 0
        way = way_of(plan, mine)
        worth = test.came.get(plan.id)
        came = None if worth is None or way == "refused" else worth - not_booked(plan)
        costs = [one.cost for one in slips(mine, test.traded) if one is not None]
        rows.append({
            "plan_id": plan.id, "incident_id": plan.incident_id, "route": plan.route,
            "instrument": plan.instrument, "created": iso(plan.created), "way": way,
            "size_usd": plan.size_usd, "capital_usd": plan.capital_usd,
            "capital_most_usd": test.meter.most_by_plan.get(plan.id, 0.0),
            "expected_usd": plan.expected_profit_usd, "came_usd": came,
            "net_usd": None if net is None else float(net), "not_booked_usd": not_booked(plan),
            "slippage_usd": sum(costs), "probability_of_loss": plan.probability_of_loss,
            "shortfall_95_usd": plan.shortfall_95_usd, "shortfall_99_usd": plan.shortfall_99_usd,
            "worst_case_loss_usd": -plan.worst_case_usd,
            "beyond_95": beyond(came, plan.shortfall_95_usd),
            "beyond_99": beyond(came, plan.shortfall_99_usd),
            "beyond_worst_case": beyond(came, -plan.worst_case_usd),
        })  # fmt: skip
    return rows


def not_booked(plan: Plan) -> float:
    """What a plan reckons with and no fill is charged for, USD: interest, and refilling what it sold."""
    return plan.costs_usd.get("financing", 0.0) + plan.costs_usd.get("refill", 0.0)


def by_route(rows: Sequence[Row]) -> dict[str, Row]:
    """Sums by route; what is not known of one is not known of its sum."""
    routes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        routes[row["route"] or "none"].append(row)
    return {
        route: {
            "plans": len(ones),
            "won": won(ones),
            "lost": lost(ones),
            "expected_usd": sum(row["expected_usd"] for row in ones),
            "net_usd": total(row["net_usd"] for row in ones),
        }
        for route, ones in sorted(routes.items())
    }


def won(rows: Iterable[Row]) -> int:
    """How many ended with a net profit: what is still open, or has no price, has won nothing."""
    return sum((row["net_usd"] or 0.0) > 0 for row in rows if row["came_usd"] is not None)


def lost(rows: Iterable[Row]) -> int:
    """How many ended with a net loss."""
    return sum((row["net_usd"] or 0.0) < 0 for row in rows if row["came_usd"] is not None)


def forecast(rows: Sequence[Row]) -> Row:
    """Of plans that filled and whose time is over."""
    over = [row for row in rows if row["came_usd"] is not None]
    chances = [row for row in over if row["probability_of_loss"] is not None]
    return {
        **_sum(over),
        "not_over": sum(row["way"] != "refused" for row in rows) - len(over),
        "refused": sum(row["way"] == "refused" for row in rows),
        "lost": sum(row["came_usd"] < 0 for row in chances),
        "lost_expected": sum(row["probability_of_loss"] for row in chances),
        "judged": sum(row["beyond_95"] is not None for row in over),
        "beyond_95": sum(row["beyond_95"] is True for row in over),
        "beyond_99": sum(row["beyond_99"] is True for row in over),
        "beyond_worst_case": sum(row["beyond_worst_case"] is True for row in over),
        "by_way": {
            way: _sum([row for row in over if row["way"] == way])
            for way in sorted({row["way"] for row in over})
        },
    }


def total(values: Iterable[float | None]) -> float | None:
    """Their sum; ``None`` if one is not known."""
    known = list(values)
    return None if any(value is None for value in known) else sum(value or 0.0 for value in known)


def _sum(rows: Sequence[Row]) -> Row:
    expected, came = sum(row["expected_usd"] for row in rows), sum(row["came_usd"] for row in rows)
    return {"plans": len(rows), "expected_usd": expected, "came_usd": came, "error_usd": came - expected}


def beyond(came: float | None, shortfall: float | None) -> bool | None:
    """Whether over a cent more was lost: fills are rounded, and a sure plan comes to its shortfall."""
    return None if came is None or shortfall is None else came < -shortfall - CENT
