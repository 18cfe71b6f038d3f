"""What would be done about a basis, and what a token can earn meanwhile, as a person would write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.console.terminal import dated, emit, say, show, stamped, table_of
from bot.detector.explain import cents
from bot.earn import percent
from bot.types import Ns, to_builtins

if TYPE_CHECKING:
    from bot.earn import Choice, Earning
    from bot.plan import Present


def present(one: Present, as_json: bool, now: Ns | None = None) -> None:
    """The basis, and each plan with its reasoning."""
    if as_json:
        emit(stamped({**to_builtins(one), "ts": one.ts}, now))
        return
    from bot.strategy.explain import explain

    say(f"As of {dated(one.ts, now)}. {one.basis.explanation}")
    for plan in one.plans:
        say(f"\n{explain(plan)}")


def choices(token: str, found: Sequence[Choice], as_json: bool) -> None:
    """What ``--with`` may be."""
    if as_json:
        emit([to_builtins(one) for one in found])
        return
    if not found:
        say(f"No venue in the registry lends {token} to buyers of options.")
        return
    table = table_of(f"pegbot earn {token} --with …", "coin", "at", "volatility>", "correlation>", "source")
    for one in found:
        table.add_row(
            one.coin, one.venue, percent(one.annual_volatility, 0), f"{one.correlation:g}", one.source
        )
    show(table)


def earned(one: Earning, as_json: bool) -> None:
    """The ways side by side, what can fail, and what it all goes by."""
    if as_json:
        emit(to_builtins(one))
        return
    worth = "" if one.price_usd is None else f", worth ${one.tokens * one.price_usd:,.2f}"
    say(
        f"{one.tokens:,g} {one.token}{worth}, beside {one.coin}, for {one.days:g} days: "
        f"{one.cases:,} cases, seed {one.seed}."
    )
    gains = table_of(
        "More or less of the tokens in the end than by waiting", "way", "expected>", "a year>",
        "one in 20>", "one in 100>", "loses>", *([] if one.price_usd is None else ["expected, USD>"]),
    )  # fmt: skip
    fails = table_of(
        "What fails, in so many of the cases", "way", "margin gone>", "private pool empty>",
        "reserve pays>", "public pool pays>", "somebody unpaid>",
    )  # fmt: skip
    for way in one.ways:
        name = f"{way.name}, stressed" if way.stressed else way.name
        usd = [] if way.expected_usd is None else [cents(way.expected_usd)]
        gains.add_row(
            name, percent(way.expected), "–" if way.year is None else percent(way.year), percent(way.low_5),
            percent(way.low_1), percent(way.loses), *usd,
        )  # fmt: skip
        if way.pool_empty is not None:
            fails.add_row(name, *map(_chance, (
                way.margin_gone, way.pool_empty, way.reserve_used, way.public_hit, way.unpaid,
            )))  # fmt: skip
    show(gains)
    show(fails)
    say(one.advice)
    for note in one.notes:
        say(note)
    say("It goes by:")
    for each in one.assumed:
        say(f"- {each.name}: {each.value} ({each.source})")


def _chance(part: float | None) -> str:
    return "–" if part is None else percent(part, 2)
