"""What of the money at stake was earned, what was left, and the rules that stood against it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bot.backtest.forecast import Row, total
from bot.backtest.run import Backtest
from bot.timefmt import iso

LARGEST = 20
NO_PLAN, NO_RULE = "no_plan", "none"
"""In place of a rule: no plan was made while it lasted, or plans were, without a remark."""


def missed(test: Backtest, trades: Sequence[Row]) -> dict[str, Any]:
    """Depegs with money at stake: ``left_usd`` is that less what their plans earned, 0 at least.

    A rule stands against an incident if a plan for it names it: as why not, as what held its size, or as what
    refused a leg. Several may, so what is left ``by_rule`` adds up to more than what is left.
    """
    earned: dict[str, list[float | None]] = defaultdict(list)
    for trade in trades:
        earned[trade["incident_id"]].append(trade["net_usd"])
    rules = _rules(test)
    found: list[Row] = []
    for one in test.incidents.values():
        stake = one.money_at_stake_usd or 0.0
        if one.kind != "depeg" or stake <= 0:
            continue
        net = total(earned[one.id])
        found.append({
            "incident_id": one.id, "instrument": one.instrument, "cause": one.cause,
            "opened": iso(one.opened), "at_stake_usd": stake, "plans_traded": len(earned[one.id]),
            "earned_usd": net, "left_usd": max(0.0, stake - max(0.0, net or 0.0)),
            "rules": sorted(rules.get(one.id, {NO_PLAN}) or {NO_RULE}),
        })  # fmt: skip
    found.sort(key=lambda one: (-one["left_usd"], one["incident_id"]))
    untouched = [one for one in found if not one["plans_traded"]]
    return {
        "incidents": len(found),
        "at_stake_usd": sum(one["at_stake_usd"] for one in found),
        "earned_usd": total(one["earned_usd"] for one in found),
        "left_usd": sum(one["left_usd"] for one in found),
        "beyond_stake_usd": sum(max(0.0, (one["earned_usd"] or 0.0) - one["at_stake_usd"]) for one in found),
        "untouched": {
            "incidents": len(untouched),
            "at_stake_usd": sum(one["at_stake_usd"] for one in untouched),
        },
        "by_rule": _by_rule(found),
        "largest": found[:LARGEST],
    }


def _rules(test: Backtest) -> dict[str, set[str]]:
    """Names by incident, for those that had plans."""
    found: dict[str, set[str]] = {}
    incident = {}
    for plan in test.plans:
        incident[plan.id] = plan.incident_id
        found.setdefault(plan.incident_id, set()).update(_name(reason) for reason in plan.reasons)
    for fill in test.fills:
        if fill.status == "rejected" and fill.plan_id in incident:
            found[incident[fill.plan_id]].add(_name(fill.reason))
    return found


def _by_rule(found: Sequence[Row]) -> list[Row]:
    rules: dict[str, list[float]] = defaultdict(list)
    for one in found:
        for rule in one["rules"]:
            rules[rule].append(one["left_usd"])
    sums: list[Row] = [
        {"rule": rule, "incidents": len(left), "left_usd": sum(left)} for rule, left in sorted(rules.items())
    ]
    return sorted(sums, key=lambda row: -row["left_usd"])


def _name(reason: str) -> str:
    return reason.partition(":")[0]
