"""What a replay, a sweep or a backtest came to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.console.look import incidents
from bot.console.terminal import emit, say, show, table_of
from bot.timefmt import duration

if TYPE_CHECKING:
    from bot.kernel.sweep import Trial
    from bot.replay import Replay


def replayed(session: Replay, as_json: bool) -> None:
    """Summary of a replay; what was quarantined goes to stderr with an example of each kind."""
    found = sorted(session.incidents.values(), key=lambda one: (one.opened, one.id))
    for reason, count in sorted(session.quarantined.items()):
        sys.stderr.write(f"pegbot: {count:,} × {reason}, first: {session.examples[reason]}\n")
    if as_json:
        trades = sum(one.decision == "trade" for one in session.plans)
        emit({
            "ticks": session.ticks, "incidents": len(found), "plans": len(session.plans), "trades": trades,
            "fills": len(session.fills), "quarantined": dict(session.quarantined),
        })  # fmt: skip
        return
    say(
        f"{session.ticks:,} ticks, {len(found)} incidents, {len(session.plans)} plans, "
        f"{len(session.fills)} fills, {sum(session.quarantined.values()):,} quarantined"
    )
    if found:
        incidents(found, as_json=False)


def swept(trials: Sequence[Trial], as_json: bool) -> None:
    """Settings and their scores, best first."""
    if as_json:
        emit([{"setting": one.setting, "by": one.by, **one.figures} for one in trials])
        return
    keys = list(trials[0].setting) if trials else []
    figures = ("f1", "precision", "recall", "instrument_precision")
    table = table_of("", *(f"{key}>" for key in keys), "F1>", "precision>", "recall>", "by venue>", "delay>",
                   "false/instrument-day>", "cause right>", "judged by")  # fmt: skip
    for one in trials:
        delay = one.figures["delay_seconds_median"]
        table.add_row(
            *(f"{one.setting[key]:g}" for key in keys),
            *(_ratio(one.figures[name]) for name in figures),
            "" if delay is None else duration(delay),
            _ratio(one.figures["false_alarms_per_instrument_day"], 4),
            _ratio(one.figures["cause_accuracy"]) if one.by == "engine" else "",
            one.by,
        )
    show(table)


def _ratio(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def backtested(result: dict[str, Any], as_json: bool) -> None:
    """One backtest: the result, by route, and what was missed."""
    if as_json:
        emit(result)
        return
    from bot.backtest.page import money, percent

    say(
        f"{result['ticks']:,} ticks over {result['days']:,.1f} days, {result['incidents']} incidents, "
        f"{result['plans_traded']} plans traded, {result['fills']} fills"
    )
    say(
        f"net {money(result['net_usd'])} ({percent(result['return_ratio'])} of capital), deepest fall "
        f"{money(-result['max_drawdown_usd'])}, {percent(result['capital_use_mean'])} of capital waiting on "
        f"average, slippage against plan {percent(result['slippage']['ratio'])}"
    )
    table = table_of("Profit by route", "route", "plans>", "expected>", "net>")
    for route, row in result["profit_by_route"].items():
        table.add_row(
            route.replace("_", " "), str(row["plans"]), money(row["expected_usd"]), money(row["net_usd"])
        )
    if result["profit_by_route"]:
        show(table)
    missed = result["missed"]
    if missed["incidents"]:
        rules = ", ".join(f"{rule} ({count})" for rule, count in missed["by_rule"].items())
        say(f"missed: {missed['incidents']} incidents with {money(missed['at_stake_usd'])} at stake; {rules}")


def backtests(settings: Sequence[dict[str, float]], results: Sequence[dict[str, Any]], as_json: bool) -> None:
    """A backtest per setting, in the order asked."""
    if as_json:
        emit([{"setting": one, **result} for one, result in zip(settings, results, strict=True)])
        return
    from bot.backtest.page import money, percent

    keys = list(settings[0]) if settings else []
    table = table_of(
        "", *(f"{key}>" for key in keys), "net>", "of capital>", "deepest fall>", "plans>", "capital waiting>"
    )
    for setting, result in zip(settings, results, strict=True):
        table.add_row(
            *(f"{setting[key]:g}" for key in keys),
            money(result["net_usd"]),
            percent(result["return_ratio"]),
            money(-result["max_drawdown_usd"]),
            str(result["plans_traded"]),
            percent(result["capital_use_mean"]),
        )
    show(table)
