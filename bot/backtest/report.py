"""The figures of a backtest, as JSON-ready data; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from bot.backtest.run import Backtest, Sample, marks
from bot.timefmt import DAY_SECONDS, NS, iso
from bot.types import Fill, Leg, Plan

YEAR_DAYS = 365.0
MOST_MISSED = 20
SIGNS = {"buy": 1, "sell": -1}
"""Of what a price higher than planned costs."""


def report(test: Backtest) -> dict[str, Any]:
    """Equity, profit by route, drawdown, capital use, turnover, slippage against plan, what was missed.

    USD and ratios; ``None`` where there is nothing to divide by, or something held has no fair value.
    """
    capital = test.config.strategy.capital_usd
    last = test.samples[-1] if test.samples else None
    days = (test.driver.now - test.started) / NS / DAY_SECONDS if test.started else 0.0
    net = None if last is None else last.net
    plans = _plans(test)
    settled = [plan for plan in plans if plan["net_usd"] is not None]
    reserved = [sample.reserved for sample in test.samples]
    turnover = sum(float(fill.quantity_tokens * fill.price) for fill in test.fills if _moved_money(fill))
    return {
        "ticks": test.ticks,
        "days": round(days, 6),
        "capital_usd": capital,
        "net_usd": net,
        "return_ratio": None if net is None else net / capital,
        "annualised_return": None if net is None or days <= 0 else net / capital / days * YEAR_DAYS,
        "incidents": len(test.incidents),
        "plans": len(test.plans),
        "plans_traded": len(plans),
        "fills": len(test.fills),
        "fills_rejected": sum(fill.status == "rejected" for fill in test.fills),
        "profit_by_route": _by_route(plans),
        "won": sum(plan["net_usd"] > 0 for plan in settled),
        "lost": sum(plan["net_usd"] < 0 for plan in settled),
        "forecast": _forecast(settled),
        "max_drawdown_usd": drawdown(test.samples),
        "capital_use_mean": sum(reserved) / len(reserved) / capital if reserved else None,
        "capital_use_max": max(reserved) / capital if reserved else None,
        "turnover_usd": turnover,
        "turnover_ratio": turnover / capital,
        "slippage": slippage(test.fills, test.traded),
        "missed": missed(test),
        "quarantined": dict(test.quarantined),
        "trades": plans,
        "equity": [
            {"ts": iso(sample.ts), "net_usd": sample.net, "realised_usd": sample.realised,
             "reserved_usd": sample.reserved, "cash_usd": sample.cash}
            for sample in test.samples
        ],
    }  # fmt: skip


def drawdown(samples: Iterable[Sample]) -> float:
    """The deepest fall of net profit from its highest so far, USD, not negative."""
    peak = deepest = 0.0
    for sample in samples:
        if sample.net is not None:
            peak = max(peak, sample.net)
            deepest = max(deepest, peak - sample.net)
    return deepest


def slippage(fills: Iterable[Fill], traded: dict[str, Plan]) -> dict[str, Any]:
    """What buying and selling cost beyond the plan's own prices: USD, and as a ratio of what was traded."""
    cost = volume = worst = 0.0
    count = 0
    for fill in fills:
        plan = traded.get(fill.plan_id)
        leg = None if plan is None else _leg(plan, fill)
        sign = SIGNS.get(fill.action)
        if leg is None or sign is None or fill.status not in ("filled", "partial") or leg.price <= 0:
            continue
        quantity, price = float(fill.quantity_tokens), float(fill.price)
        # A leg's price has the venue's fee in it, a fill's has it beside.
        paid = price + sign * float(fill.fee_usd) / quantity if quantity else price
        beyond = sign * (paid - leg.price)
        cost += beyond * quantity
        volume += leg.price * quantity
        worst = max(worst, beyond / leg.price)
        count += 1
    return {
        "fills": count,
        "cost_usd": cost,
        "ratio": cost / volume if volume else None,
        "worst_ratio": worst if count else None,
    }


def missed(test: Backtest) -> dict[str, Any]:
    """Incidents with money at stake that no plan traded, the largest first, and which rules said no."""
    traded = {plan.incident_id for plan in test.traded.values()}
    reasons: dict[str, list[str]] = {}
    for plan in test.plans:
        if plan.decision == "no_trade":
            reasons[plan.incident_id] = [reason.partition(":")[0] for reason in plan.reasons]
    left = [
        one
        for one in test.incidents.values()
        if one.kind == "depeg" and one.id not in traded and (one.money_at_stake_usd or 0.0) > 0
    ]
    left.sort(key=lambda one: -(one.money_at_stake_usd or 0.0))
    rules = Counter(rule for one in left for rule in set(reasons.get(one.id, ["no plan was made"])))
    return {
        "incidents": len(left),
        "at_stake_usd": sum(one.money_at_stake_usd or 0.0 for one in left),
        "by_rule": dict(rules.most_common()),
        "largest": [
            {"incident_id": one.id, "instrument": one.instrument, "cause": one.cause,
             "opened": iso(one.opened), "at_stake_usd": one.money_at_stake_usd,
             "rules": sorted(set(reasons.get(one.id, [])))}
            for one in left[:MOST_MISSED]
        ],
    }  # fmt: skip


def _plans(test: Backtest) -> list[dict[str, Any]]:
    engine = test.driver.engine
    valued = marks(engine.market, test.driver.now, engine.hedge_marks())
    rows = []
    for plan in test.traded.values():
        books = test.by_plan.get(plan.id)
        net = None if books is None else books.profit_and_loss(valued).net_usd
        rows.append({
            "plan_id": plan.id, "incident_id": plan.incident_id, "route": plan.route,
            "instrument": plan.instrument, "created": iso(plan.created), "size_usd": plan.size_usd,
            "expected_usd": plan.expected_profit_usd, "worst_case_usd": plan.worst_case_usd,
            "shortfall_95_usd": plan.shortfall_95_usd, "shortfall_99_usd": plan.shortfall_99_usd,
            "net_usd": 0.0 if books is None else None if net is None else float(net),
            "filled": books is not None,
        })  # fmt: skip
    return rows


def _by_route(plans: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    routes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for plan in plans:
        routes[plan["route"] or "none"].append(plan)
    return {
        route: {
            "plans": len(rows),
            "expected_usd": sum(row["expected_usd"] for row in rows),
            "net_usd": _total(row["net_usd"] for row in rows),
        }
        for route, rows in sorted(routes.items())
    }


def _forecast(settled: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What came beside what was said: the bias of plans that filled, how many lost more than shortfalls,
    and than their worst."""
    done = [plan for plan in settled if plan["filled"]]
    expected = sum(plan["expected_usd"] for plan in done)
    return {
        "plans": len(done),
        "expected_usd": expected,
        "net_usd": sum(plan["net_usd"] for plan in done),
        "beyond_95": sum(plan["net_usd"] < -(plan["shortfall_95_usd"] or 0.0) for plan in done),
        "beyond_99": sum(plan["net_usd"] < -(plan["shortfall_99_usd"] or 0.0) for plan in done),
        "worse_than_worst_case": sum(plan["net_usd"] < plan["worst_case_usd"] for plan in done),
    }


def _total(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if any(value is None for value in known) else sum(value or 0.0 for value in known)


def _moved_money(fill: Fill) -> bool:
    return fill.status in ("filled", "partial", "pending") and fill.action in (
        "buy",
        "sell",
        "mint",
        "redeem",
    )


def _leg(plan: Plan, fill: Fill) -> Leg | None:
    return next(
        (leg for leg in plan.legs if (leg.action, leg.instrument) == (fill.action, fill.instrument)), None
    )
