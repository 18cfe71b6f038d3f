"""What the ledger holds: incidents, plans, positions and the depth of a venue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.console.terminal import dated, emit, lines, say, show, stamped, styled, table_of
from bot.timefmt import NS, duration, short
from bot.types import Incident, Ns, Plan, to_builtins

SEVERITY_STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}

GREEKS = {
    "value": "value, $",
    "delta": "delta, shares",
    "gamma": "gamma, shares per $",
    "vega": "vega, $ per 1.00 of volatility",
    "theta_day": "theta, $ a day",
    "rho": "rho, $ per 1.00 of the rate",
}
"""The units of :class:`~bot.strategy.options.Greeks`."""


def incidents(rows: Sequence[Incident], as_json: bool) -> None:
    """Incidents as a table, or JSON Lines."""
    if as_json:
        lines(rows)
        return
    if not rows:
        say("No incidents.")
        return
    from bot.detector.explain import premium, usd

    table = table_of(
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
        table.add_row(
            short(one.opened),
            one.instrument + (f" +{len(one.venues) - 1}" if len(one.venues) > 1 else ""),
            "" if one.basis is None else premium(one.basis),
            "" if one.price is None else usd(one.price),
            "" if one.fair_value is None else usd(one.fair_value),
            one.cause,
            styled(one.severity, SEVERITY_STYLE[one.severity]),
            lasted,
            one.id,
        )
    show(table)


def plans(rows: Sequence[Plan], as_json: bool) -> None:
    """Plans as a table, or JSON Lines."""
    if as_json:
        lines(rows)
        return
    if not rows:
        say("No plans.")
        return
    from bot.detector.explain import cents

    table = table_of(
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
    show(table)


def plan(one: Plan, as_json: bool) -> None:
    """One plan, with its reasoning."""
    if as_json:
        emit(to_builtins(one))
        return
    from bot.strategy.explain import explain

    say(explain(one))


def quoted(answer: dict[str, Any], as_json: bool, now: Ns | None = None) -> None:
    """What a size would get, side by side."""
    if as_json:
        emit(stamped(answer, now))
        return
    say(f"{answer['instrument']}, {answer['size_usd']:,.2f} USD, as of {dated(answer['ts'], now)}")
    for one in answer["quotes"]:
        if one["price"] is None:
            say(f"  {one['side']:4} ", styled("not possible:", "red"), one["why"])
        else:
            say(
                f"  {one['side']:4}  {one['tokens']:.8g} tokens at ${one['price']:,.4f}, "
                f"then the price is ${one['price_after']:,.4f}"
            )


def positions(found: dict[str, Any], as_json: bool, now: Ns | None = None) -> None:
    """What is held, and the greeks by underlying."""
    if as_json:
        emit(stamped(found, now))
        return
    due = "".join(f"${usd:,.2f} due from {venue}, " for venue, usd in found["due_from"].items())
    ts = found["ts"]
    as_of = "As the books stand, without prices or greeks: no snapshot that this version understands"
    if ts is not None:
        as_of = f"As of {dated(ts, now)}"
    say(f"{as_of}: ${found['cash_usd']:,.2f} in cash, {due}"
           f"${found['margin_usd']:,.2f} with venues as margin")  # fmt: skip
    table = table_of("Held", "what", "how many>", "in transit>", "worth>", "where")
    for one in found["positions"]:
        worth = "" if one["worth_usd"] is None else f"${one['worth_usd']:,.2f}"
        transit = f"{one['in_transit']:,.6g}" if one["in_transit"] else ""
        where = ", ".join(place.rpartition("@")[2] for place in one["places"])
        table.add_row(one["commodity"], f"{one['held']:,.6g}", transit, worth, where)
    if found["positions"]:
        show(table)
    table = table_of("Greeks", "share", *(f"{head}>" for head in GREEKS.values()))
    for share, each in found["greeks"].items():
        table.add_row(share, *(f"{each[name]:,.4g}" for name in GREEKS))
    if found["greeks"]:
        show(table)
    if found["unknown"]:
        say(f"Not counted, for want of a price: {', '.join(found['unknown'])}")
