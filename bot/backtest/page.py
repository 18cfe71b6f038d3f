"""A backtest as one HTML file that needs nothing else: figures first, then the curves, then every trade."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from bot.backtest.charts import Series, bar, lines, scale, scatter
from bot.backtest.report import falls
from bot.backtest.style import STYLE
from bot.backtest.words import day, money, named, percent, points

Result = dict[str, Any]
Cell = str | tuple[str, str]
"""What stands in a table: text, or a class and HTML that is safe."""


def page(result: Result, title: str) -> str:
    """The report as HTML; ``title`` says what was tested."""
    sections = [
        _section("Result", _figures(result)),
        _section("Net profit and drawdown", _equity(result)),
        '<div class="pair">',
        _section("Profit by route", _routes(result["profit_by_route"])),
        _section("Forecast and what came", _forecast(result)),
        "</div>",
        _section("Capital in use", _capital(result)),
        _section("Slippage against plan", _slippage(result["slippage"])),
        _section("Missed", _missed(result["missed"])),
        _section("Trades", _trades(result["trades"])),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1><p>{_span(result)}</p></header>\n<main>\n"
        + "\n".join(sections)
        + "\n</main>\n</body></html>\n"
    )


def _section(title: str, body: str) -> str:
    name = "".join(letter for letter in title.lower() if letter.isalpha())
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{body}</section>'


def _span(result: Result) -> str:
    equity = result["equity"]
    if not equity:
        return "Nothing was on the tape."
    return (
        f"{day(equity[0]['ts'])} to {day(equity[-1]['ts'])} UTC, {result['days']:,.1f} days, "
        f"{result['ticks']:,} ticks. Traded on paper with {money(result['capital_usd'])} of capital."
    )


def _figures(result: Result) -> str:
    told, slip = result["forecast"], result["slippage"]
    first = [
        ("Net profit", money(result["net_usd"])),
        ("Of capital", percent(result["return_ratio"])),
        ("Deepest fall", money(-result["max_drawdown_usd"])),
        ("Left of money at stake", money(result["missed"]["left_usd"])),
    ]
    rest = [
        ("A year, at this rate", percent(result["annualised_return"])),
        ("Capital in use, mean", percent(result["capital_use_mean"])),
        ("Capital in use, most", percent(result["capital_use_max"])),
        ("Turnover", money(result["turnover_usd"])),
        ("Incidents, plans traded", f"{result['incidents']}, {result['plans_traded']}"),
        ("Plans won, lost", f"{result['won']}, {result['lost']}"),
        ("Forecast, came", f"{money(told['expected_usd'])}, {money(told['came_usd'])}"),
        ("Beyond 95 %, 99 % shortfall", f"{told['beyond_95']}, {told['beyond_99']} of {told['judged']}"),
        ("Slippage at once", f"{money(slip['at_once']['cost_usd'])}, {points(slip['at_once']['cost_bp'])}"),
        ("Slippage later", f"{money(slip['later']['cost_usd'])}, {points(slip['later']['cost_bp'])}"),
    ]
    return _list(first, "first") + _list(rest, "rest")


def _list(rows: Sequence[tuple[str, str]], css: str) -> str:
    pairs = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in rows)
    return f'<dl class="{css}">{pairs}</dl>'


def _equity(result: Result) -> str:
    equity = result["equity"]
    nets = [one["net_usd"] for one in equity]
    labels = [day(one["ts"], minutes=False) for one in equity]
    fallen = [None if fall is None else -fall for fall in falls(nets)]
    above = lines(
        [Series("net profit", "s1", nets)], labels, "Net profit over time, USD",
        f"Ends at {money(result['net_usd'])}.",
    )  # fmt: skip
    below = lines(
        [Series("below the highest so far", "s2", fallen)], labels, "Drawdown over time, USD",
        f"The deepest fall from the highest so far is {money(result['max_drawdown_usd'])}.", ticks=3,
    )  # fmt: skip
    note = "<p>USD over days (UTC), each hour; below, how far under the highest so far.</p>"
    return note + above + f'<div class="low">{below}</div>' + _by_day(equity, fallen)


def _by_day(equity: Sequence[Result], fallen: Sequence[float | None]) -> str:
    """The curves for those who would rather read them: the last of each day."""
    ends = [
        [day(one["ts"]), money(one["net_usd"]), money(fall), money(one["capital_used_usd"])]
        for number, (one, fall) in enumerate(zip(equity, fallen, strict=True))
        if number + 1 == len(equity) or equity[number + 1]["ts"][:10] != one["ts"][:10]
    ]
    head = ["last of the day (UTC)", "net>", "below the highest>", "capital in use>"]
    return f"<details><summary>As a table, by day</summary>{_table('By day', head, ends)}</details>"


def _routes(routes: dict[str, Result]) -> str:
    values = [row[key] or 0.0 for row in routes.values() for key in ("expected_usd", "net_usd")]
    within = scale(values) if values else scale([0.0, 0.0])
    rows: list[list[Cell]] = [
        [_barred(named(route), bar(row["expected_usd"], within, "s3") + bar(row["net_usd"], within, "s1")),
         str(row["plans"]), money(row["expected_usd"]), money(row["net_usd"])]
        for route, row in routes.items()
    ]  # fmt: skip
    legend = '<p class="legend"><span><i class="s3"></i>expected</span><span><i class="s1"></i>net</span></p>'
    head = ["route, USD", "plans>", "expected>", "net>"]
    return legend + _table("Profit by route", head, rows)


def _forecast(result: Result) -> str:
    told, trades = result["forecast"], result["trades"]
    dots = [
        (row["expected_usd"], row["came_usd"],
         f"{row['instrument']}, {named(row['route'])}: expected {money(row['expected_usd'])}, "
         f"came {money(row['came_usd'])}")
        for row in trades if row["came_usd"] is not None
    ]  # fmt: skip
    drawn = scatter(
        dots, "What came over what was expected, USD",
        f"{told['plans']} plans expected {money(told['expected_usd'])}; {money(told['came_usd'])} came.",
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [named(way), str(row["plans"]), money(row["expected_usd"]), money(row["came_usd"])]
        for way, row in told["by_way"].items()
    ]
    note = (
        "<p>Up: what came, across: what was expected, USD a plan; on the dashed line both are the same.</p>"
    )
    losses = (
        f"<p>{told['lost']} of {told['plans']} lost money, {told['lost_expected']:.1f} were expected to. "
        f"Of {told['judged']}, {told['beyond_95']} lost more than their 95 % shortfall and "
        f"{told['beyond_99']} more than their 99 % one.</p>"
    )
    if told["not_over"]:
        losses += f"<p>{told['not_over']} more are not over, or hold what nothing prices any more.</p>"
    head = ["how it went", "plans>", "expected>", "came>"]
    return note + drawn + losses + _table("By how it went", head, rows)


def _capital(result: Result) -> str:
    equity = result["equity"]
    kinds = (
        ("on its way", "s1", "reserved_usd"), ("held", "s4", "held_usd"),
        ("margin of options and perps", "s3", "margin_usd"),
        ("margin of shares sold short", "s2", "short_margin_usd"),
    )  # fmt: skip
    used = [kind for kind in kinds if any(one[kind[2]] for one in equity)] or kinds[:1]
    series = [Series(name, css, [one[key] for one in equity]) for name, css, key in used]
    labels = [day(one["ts"], minutes=False) for one in equity]
    mean, most = percent(result["capital_use_mean"]), percent(result["capital_use_max"])
    text = f"Of {money(result['capital_usd'])}, {mean} on average, {most} at most."
    note = f"<p>USD at cost over days (UTC), one on top of the other. {text}</p>"
    return note + lines(series, labels, "Capital in use over time, USD", text, steps=True)


def _slippage(slip: Result) -> str:
    def row(name: list[Cell], one: Result) -> list[Cell]:
        return [*name, str(one["fills"]), money(one["notional_usd"] or None), money(one["cost_usd"]),
                points(one["cost_bp"]), points(one["worst_bp"])]  # fmt: skip

    rows = [row([named(one["action"]), named(one["route"]), one["way"]], one) for one in slip["by_leg"]] + [
        row(["all", "", "at once"], slip["at_once"]),
        row(["all", "", "later"], slip["later"]),
    ]
    head = ["leg", "route", "way", "fills>", "traded>", "cost beyond plan>", "of it>", "worst>"]
    note = (
        "<p>What each filled leg cost beyond its plan, fees and gas included; less than nothing is better "
        "than planned. Later: after a wait, in which the market moved and the hedge with it.</p>"
    )
    return note + _table("Slippage by leg", head, rows)


def _missed(missed: Result) -> str:
    within = scale([row["left_usd"] for row in missed["by_rule"]] or [0.0, 0.0])
    rules: list[list[Cell]] = [
        [_barred(row["rule"], bar(row["left_usd"], within, "s2")), str(row["incidents"]),
         money(row["left_usd"])]
        for row in missed["by_rule"]
    ]  # fmt: skip
    left: list[list[Cell]] = [
        [day(one["opened"]), one["instrument"], named(one["cause"]), money(one["at_stake_usd"]),
         money(one["earned_usd"]), money(one["left_usd"]), ("rules", escape(", ".join(one["rules"])))]
        for one in missed["largest"]
    ]  # fmt: skip
    note = (
        f"<p>{money(missed['at_stake_usd'])} was at stake in {missed['incidents']} incidents before costs, "
        f"{money(missed['earned_usd'])} was earned, {money(missed['left_usd'])} left; "
        f"{missed['untouched']['incidents']} had no trade at all. {_beyond(missed)}</p>"
    )
    head = ["opened (UTC)", "instrument", "cause", "at stake>", "earned>", "left>", "rules"]
    return (
        note
        + "<h3>By the rule that stood against it; several may</h3>"
        + _table("Left by rule", ["rule, USD left", "incidents>", "left>"], rules)
        + "<h3>By incident</h3>"
        + _table("Left by incident", head, left)
    )


def _beyond(missed: Result) -> str:
    beyond = missed["beyond_stake_usd"]
    if beyond < 0.005:
        return ""
    return (
        f"{money(beyond)} was earned beyond what was at stake: the tape does not know of our trades, and "
        "offers again what was taken."
    )


def _trades(trades: Sequence[Result]) -> str:
    rows: list[list[Cell]] = [
        [day(one["created"]), one["instrument"], named(one["route"]), one["way"], money(one["size_usd"]),
         money(one["capital_most_usd"]), money(one["expected_usd"]), money(one["came_usd"]),
         money(one["shortfall_95_usd"]), money(one["slippage_usd"]), money(one["net_usd"])]
        for one in trades
    ]  # fmt: skip
    head = ["made (UTC)", "instrument", "route", "way", "size>", "capital>", "expected>", "came>",
            "95 % shortfall>", "slippage>", "net>"]  # fmt: skip
    return _table("Trades", head, rows)


def _table(name: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that scrolls within the page, also by keys; a column that ends in ``>`` is of numbers."""
    if not rows:
        return "<p>None.</p>"
    css = [' class="number"' if title.endswith(">") else "" for title in head]
    tops = "".join(
        f'<th scope="col"{kind}>{escape(title.removesuffix(">"))}</th>'
        for title, kind in zip(head, css, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, css)}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">'
        f"<table><thead><tr>{tops}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[Cell], css: Sequence[str]) -> str:
    """The first is what the row is about."""
    found = ""
    for number, (cell, kind) in enumerate(zip(row, css, strict=True)):
        text, own = (escape(cell), kind) if isinstance(cell, str) else (cell[1], f' class="{cell[0]}"')
        found += f"<td{own}>{text}</td>" if number else f'<th scope="row"{own}>{text}</th>'
    return found


def _barred(name: str, bars: str) -> Cell:
    """A name with its bars below it."""
    return "drawn", escape(name) + bars
