"""What a replay, a sweep or a backtest came to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
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
    set_aside(session.quarantined, session.examples)
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


def set_aside(counts: Mapping[str, int], first: Mapping[str, str]) -> None:
    """What was quarantined, to stderr, with an example of each kind."""
    for reason, count in sorted(counts.items()):
        sys.stderr.write(f"pegbot: {count:,} × {reason}, first: {first[reason]}\n")


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
    """One backtest: the result, by route, plans against their forecasts, and what was missed."""
    if as_json:
        emit(result)
        return
    from bot.backtest.words import money, named, percent, points

    at_once, later, told = result["slippage"]["at_once"], result["slippage"]["later"], result["forecast"]
    say(
        f"{result['ticks']:,} ticks over {result['days']:,.1f} days, {result['incidents']} incidents, "
        f"{result['plans_traded']} plans traded, {result['fills']} fills"
    )
    say(
        f"net {money(result['net_usd'])} ({percent(result['return_ratio'])} of capital), deepest fall "
        f"{money(-result['max_drawdown_usd'])}, turnover {money(result['turnover_usd'])}"
    )
    say(
        f"capital in use: {percent(result['capital_use_mean'])} on average, "
        f"{percent(result['capital_use_max'])} at most"
    )
    say(
        f"slippage against plan: {money(at_once['cost_usd'])} ({points(at_once['cost_bp'])}) at once, "
        f"{money(later['cost_usd'])} ({points(later['cost_bp'])}) later"
    )
    say(
        f"forecast: {told['plans']} plans expected {money(told['expected_usd'])}, "
        f"{money(told['came_usd'])} came; "
        f"{told['lost']} lost ({told['lost_expected']:.1f} expected), {told['beyond_95']} beyond the 95 % "
        f"shortfall, {told['beyond_99']} beyond the 99 %"
    )
    if told["not_over"]:
        say(f"open: {told['not_over']} more, not over or with something held that nothing prices any more")
    table = table_of("Profit by route", "route", "plans>", "expected>", "net>")
    for route, row in result["profit_by_route"].items():
        table.add_row(named(route), str(row["plans"]), money(row["expected_usd"]), money(row["net_usd"]))
    if result["profit_by_route"]:
        show(table)
    _missed(result["missed"])


def _missed(missed: dict[str, Any]) -> None:
    if not missed["incidents"]:
        return
    from bot.backtest.words import money

    say(
        f"missed: {money(missed['left_usd'])} of {money(missed['at_stake_usd'])} at stake in "
        f"{missed['incidents']} incidents, {missed['untouched']['incidents']} of them without a trade"
    )
    table = table_of("By the rule that stood against it", "rule", "incidents>", "left>")
    for row in missed["by_rule"]:
        table.add_row(row["rule"], str(row["incidents"]), money(row["left_usd"]))
    show(table)


def backtests(settings: Sequence[dict[str, float]], results: Sequence[dict[str, Any]], as_json: bool) -> None:
    """A backtest per setting, in the order asked."""
    if as_json:
        emit([{"setting": one, **result} for one, result in zip(settings, results, strict=True)])
        return
    from bot.backtest.words import money, percent

    keys = list(settings[0]) if settings else []
    table = table_of(
        "", *(f"{key}>" for key in keys), "net>", "of capital>", "deepest fall>", "plans>", "capital in use>"
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
