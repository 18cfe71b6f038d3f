"""What the command line shows: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bot.timefmt import NS, duration, short
from bot.types import Incident, Ns, Plan, to_builtins

if TYPE_CHECKING:
    from rich.table import Table

    from bot.collectors.found import Found
    from bot.config import Config
    from bot.findings import Finding
    from bot.kernel.sweep import Trial
    from bot.registry import Registry
    from bot.replay import Replay

SEVERITY_STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def emit(data: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")


def _lines(rows: Sequence[Any]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(to_builtins(row)).decode() + "\n")


def _print(*parts: Any) -> None:
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(*parts)


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name = column.removesuffix(">")
        table.add_column(name, justify="right" if column.endswith(">") else "left")
    return table


def _show(table: Table) -> None:
    """Print a table; where there is no terminal to fit it to, as wide as it is."""
    from rich.console import Console

    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, Ns], None] | None]:
    """A running line on stderr where there is a terminal; nothing where there is none."""
    if not sys.stderr.isatty():
        yield None
        return

    def tell(ticks: int, now: Ns) -> None:
        sys.stderr.write(f"\r{what}: {ticks:,} ticks, {short(now)} UTC ")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")


def pools(found: Sequence[Found], as_json: bool) -> None:
    """Pools that a search found; those of impostors in a table of their own."""
    if as_json:
        emit([to_builtins(one) for one in found])
        return
    for title, fake in (("Pools", False), ("Impostors: another token by the same name", True)):
        rows = [one for one in found if one.impostor is fake]
        if not rows:
            continue
        table = _table(title, "instrument", "kind", "address", "quote", "fee>", "liquidity>", "")
        for one in rows:
            fee = "" if one.fee is None else f"{one.fee:.2%}"
            worth = "unknown" if one.liquidity_usd is None else f"${one.liquidity_usd:,.0f}"
            table.add_row(one.instrument, one.amm, one.address, one.quote_address, fee, worth, one.why)
        _show(table)
    if not found:
        _print("No pool found.")


def findings(found: Sequence[Finding], as_json: bool) -> None:
    """What ``pegbot doctor`` found, the fix beside each fault."""
    if as_json:
        emit([{"source": f.source, "ok": f.ok, "what": f.what, "fix": f.fix} for f in found])
        return
    table = _table("", "", "source", "what", "what to do")
    for f in found:
        table.add_row("[green]ok[/]" if f.ok else "[red]no[/]", f.source, f.what, f.fix)
    _show(table)


def checked(path: Path, config: Config, registry: Registry, as_json: bool) -> None:
    """What a valid configuration amounts to."""
    sources = [one.name for one in config.collectors.every]
    if as_json:
        emit({"ok": True, "config": str(path), "sources": sources, "tokens": len(registry.tokens)})
        return
    _print(f"[green]{path} is valid[/]")
    _print(f"  sources    {', '.join(sources) or 'none'}")
    counts = (len(registry.tokens), len(registry.venues), len(registry.pools))
    _print("  registry   {} tokens, {} venues, {} pools".format(*counts))
    _print(f"  execution  {config.execution.mode}")
    _print(f"  page       http://{config.web.host}:{config.web.port}")


def incidents(rows: Sequence[Incident], as_json: bool) -> None:
    """Incidents as a table, or JSON Lines."""
    if as_json:
        _lines(rows)
        return
    if not rows:
        _print("No incidents.")
        return
    from bot.detector.explain import premium, usd

    table = _table(
        "",
        "opened (UTC)",
        "instrument",
        "premium>",
        "price>",
        "fair value>",
        "cause",
        "severity",
        "for",
        "id",
    )
    for one in rows:
        until = one.resolved or one.last_seen
        lasted = duration((until - one.opened) / NS) + ("" if one.resolved else " (open)")
        style = SEVERITY_STYLE[one.severity]
        table.add_row(
            short(one.opened),
            one.instrument + (f" +{len(one.venues) - 1}" if len(one.venues) > 1 else ""),
            "" if one.basis is None else premium(one.basis),
            "" if one.price is None else usd(one.price),
            "" if one.fair_value is None else usd(one.fair_value),
            one.cause,
            f"[{style}]{one.severity}[/]",
            lasted,
            one.id,
        )
    _show(table)


def plans(rows: Sequence[Plan], as_json: bool) -> None:
    """Plans as a table, or JSON Lines."""
    if as_json:
        _lines(rows)
        return
    if not rows:
        _print("No plans.")
        return
    from bot.detector.explain import cents

    table = _table(
        "", "made (UTC)", "instrument", "decision", "size>", "expected>", "worst case>", "why", "id"
    )
    for one in rows:
        trade = one.decision == "trade"
        table.add_row(
            short(one.created),
            one.instrument,
            (one.route or "") if trade else "no trade",
            f"${one.size_usd:,.0f}" if trade else "",
            cents(one.expected_profit_usd) if trade else "",
            cents(one.worst_case_usd) if trade else "",
            "" if trade else (one.reasons[0] if one.reasons else ""),
            one.id,
        )
    _show(table)


def plan(one: Plan, as_json: bool) -> None:
    """One plan, with its reasoning."""
    if as_json:
        emit(to_builtins(one))
        return
    from bot.strategy.explain import explain

    _print(explain(one))


def quoted(answer: dict[str, Any], as_json: bool) -> None:
    """What a size would get, side by side."""
    if as_json:
        emit(answer)
        return
    _print(f"{answer['instrument']}, {answer['size_usd']:,.2f} USD, as of {short(answer['ts'])} UTC")
    for one in answer["quotes"]:
        if one["price"] is None:
            _print(f"  {one['side']:4}  [red]not possible:[/] {one['why']}")
        else:
            _print(
                f"  {one['side']:4}  {one['tokens']:.8g} tokens at ${one['price']:,.4f}, "
                f"then the price is ${one['price_after']:,.4f}"
            )


def positions(found: dict[str, Any], as_json: bool) -> None:
    """What is held, and the greeks by underlying."""
    if as_json:
        emit(found)
        return
    due = "".join(f"${usd:,.2f} due from {venue}, " for venue, usd in found["due_from"].items())
    _print(f"As of {short(found['ts'])} UTC: ${found['cash_usd']:,.2f} in cash, {due}"
           f"${found['margin_usd']:,.2f} with venues as margin")  # fmt: skip
    table = _table("Held", "what", "how many>", "in transit>", "worth>", "where")
    for one in found["positions"]:
        worth = "" if one["worth_usd"] is None else f"${one['worth_usd']:,.2f}"
        transit = f"{one['in_transit']:,.6g}" if one["in_transit"] else ""
        where = ", ".join(place.rpartition("@")[2] for place in one["places"])
        table.add_row(one["commodity"], f"{one['held']:,.6g}", transit, worth, where)
    if found["positions"]:
        _show(table)
    table = _table("Greeks", "share", "value>", "delta, shares>", "gamma>", "vega>", "theta a day>", "rho>")
    for share, each in found["greeks"].items():
        table.add_row(share, *(f"{each[name]:,.4g}" for name in GREEKS))
    if found["greeks"]:
        _show(table)
    if found["unknown"]:
        _print(f"Not counted, for want of a price: {', '.join(found['unknown'])}")


GREEKS = ("value", "delta", "gamma", "vega", "theta_day", "rho")


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
    _print(
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
    table = _table("", *(f"{key}>" for key in keys), "F1>", "precision>", "recall>", "by venue>", "delay>",
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
    _show(table)


def _ratio(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A running count on stderr where there is a terminal; nothing where there is none."""
    if not sys.stderr.isatty():
        yield None
        return

    def tell(done: int, of: int) -> None:
        sys.stderr.write(f"\r{what}: {done:,} of {of:,} ")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")


def backtested(result: dict[str, Any], as_json: bool) -> None:
    """One backtest: the result, by route, and what was missed."""
    if as_json:
        emit(result)
        return
    from bot.backtest.page import money, percent

    _print(
        f"{result['ticks']:,} ticks over {result['days']:,.1f} days, {result['incidents']} incidents, "
        f"{result['plans_traded']} plans traded, {result['fills']} fills"
    )
    _print(
        f"net {money(result['net_usd'])} ({percent(result['return_ratio'])} of capital), deepest fall "
        f"{money(-result['max_drawdown_usd'])}, {percent(result['capital_use_mean'])} of capital waiting on "
        f"average, slippage against plan {percent(result['slippage']['ratio'])}"
    )
    table = _table("Profit by route", "route", "plans>", "expected>", "net>")
    for route, row in result["profit_by_route"].items():
        table.add_row(
            route.replace("_", " "), str(row["plans"]), money(row["expected_usd"]), money(row["net_usd"])
        )
    if result["profit_by_route"]:
        _show(table)
    missed = result["missed"]
    if missed["incidents"]:
        rules = ", ".join(f"{rule} ({count})" for rule, count in missed["by_rule"].items())
        _print(
            f"missed: {missed['incidents']} incidents with {money(missed['at_stake_usd'])} at stake; {rules}"
        )


def backtests(settings: Sequence[dict[str, float]], results: Sequence[dict[str, Any]], as_json: bool) -> None:
    """A backtest per setting, in the order asked."""
    if as_json:
        emit([{"setting": one, **result} for one, result in zip(settings, results, strict=True)])
        return
    from bot.backtest.page import money, percent

    keys = list(settings[0]) if settings else []
    table = _table(
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
    _show(table)
