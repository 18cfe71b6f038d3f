"""``pegbot mechanisms`` for people: a table of all, or one at length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp

from bot.console.terminal import emit, say, table_of
from bot.console.terminal import show as show_table
from bot.mechanisms import Assumed, Side, Survey
from bot.timefmt import duration, short

INSTANT_SECONDS = 1.0


def show(surveys: Sequence[Survey], as_json: bool) -> None:
    """All side by side; one alone with what it costs, how it fails and what of it is assumed."""
    if as_json:
        emit(surveys)
        return
    if len(surveys) == 1:
        _at_length(surveys[0])
        return
    first = surveys[0]
    table = table_of(
        "", "", "mint", "redeem", f"band for ${first.size_usd:,.0f}", "in hand", "an order", "assumed>"
    )
    for each in surveys:
        table.add_row(*cells(each), str(len(each.assumptions)))
    say(f"{short(first.ts)} UTC. In hand: half of all orders, 19 of 20, the worst reckoned with.")
    show_table(table)
    for each in surveys:
        for line in _why(each):
            say(f"{each.name}: {line}")
    say("What is assumed, what it costs and how it fails: pegbot mechanisms NAME")


def cells(one: Survey) -> list[str]:
    """A system in a row: name, whether it mints and redeems, band, delay and limits of a mint."""
    return [one.name, _open(one.mint), _open(one.redeem), _band(one), _delay(one.mint), _limits(one.mint)]


def _at_length(one: Survey) -> None:
    say(f"{one.title}: {one.summary}.")
    say(f"At {short(one.ts)} UTC, band for ${one.size_usd:,.0f}: {_band(one)}")
    for line in _why(one):
        say(f"  {line}")
    for way, needs in one.ways.items():
        say(f"  another way, {way}: {needs}")
    table = table_of(
        "", "", "open", "in hand: half, 19 of 20, worst", "an order", "beyond fair value, by size"
    )
    for name, side in (("mint", one.mint), ("redeem", one.redeem)):
        table.add_row(name, _open(side), _delay(side), _limits(side), _prices(side))
    show_table(table)
    failures = {each.name: each for side in (one.mint, one.redeem) for each in side.failures}
    if failures:
        table = table_of("", "goes wrong", "of orders>", "the money", "lost>", "what happens")
        for failure in failures.values():
            lost = f"{failure.loss_ratio:.2%}" if failure.loss_ratio else "–"
            money = failure.money.replace("_", " ")
            table.add_row(failure.name, f"{failure.chance:.2%}", money, lost, failure.says)
        show_table(table)
    if one.assumptions:
        table = table_of("", "assumed", "in the registry", "because")
        for told, names, says in _grouped(one.assumptions):
            table.add_row(told, names, says)
        show_table(table)


def _grouped(assumptions: Iterable[Assumed]) -> Iterable[tuple[str, str, str]]:
    """One line for ``mint.fee_ratio`` and ``redeem.fee_ratio`` that are the same."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for each in assumptions:
        parts = each.name.split(".")
        side = next((part for part in parts if part in ("mint", "redeem")), "")
        name = ".".join(part for part in parts if part != side)
        groups.setdefault((each.told, name, each.says), []).append(side)
    for (told, name, says), sides in groups.items():
        yield told, f"{name} ({sides[0]})" if sides in (["mint"], ["redeem"]) else name, says


def _why(one: Survey) -> Iterable[str]:
    """Why a side is not open, each reason once, and which tokens are halted."""
    told = [side.why for side in (one.mint, one.redeem) if side.why]
    told += [why for why in (one.why_high, one.why_low) if why and why not in told]
    yield from dict.fromkeys(told)
    for token, reason in one.halted.items():
        yield f"{token} is halted: {reason or 'no reason given'}"


def _open(side: Side) -> str:
    if side.open:
        return "open"
    return "closed" if side.opens is not None else "no"


def _band(one: Survey) -> str:
    if one.band_low is None and one.band_high is None:
        return "nothing holds it"
    low = "no floor" if one.band_low is None else f"−{1 - exp(one.band_low):.2%}"
    high = "no ceiling" if one.band_high is None else f"+{exp(one.band_high) - 1:.2%}"
    return f"{low} … {high}"


def _delay(side: Side) -> str:
    found = (side.median_seconds, side.likely_seconds, side.worst_seconds)
    if None in found:
        return "–"
    told = [_duration(each) for each in found if each is not None]
    return told[0] if len(set(told)) == 1 else " · ".join(told)


def _duration(seconds: float) -> str:
    return "at once" if seconds < INSTANT_SECONDS else duration(seconds)


def _limits(side: Side) -> str:
    if not side.open and side.opens is None:
        return "–"
    least = f"from ${side.least_usd:,.0f}" if side.least_usd else "of any size"
    return least if side.most_usd is None else f"{least} to ${side.most_usd:,.0f}"


def _prices(side: Side) -> str:
    told = []
    for price in side.prices:
        said = "–" if price.refused else f"{price.cost_ratio:.2%}"
        told.append(f"${price.size_usd:,.0f} {said}")
    return ", ".join(told)
