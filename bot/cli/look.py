"""Commands that look at what the daemon wrote to the ledger's database."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.cli.options import ConfigOption, JsonLinesOption, JsonOption, LimitOption
from bot.cli.setup import setup
from bot.errors import LedgerDamaged, PegbotError, UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.ledger.store import Store
    from bot.registry import Registry
    from bot.types import Ns

T = TypeVar("T")

BEGIN = "run `pegbot run` first: it begins without this memory, and the books stay"
NONE_YET = "run `pegbot run` first, or look from the folder and with the configuration that it runs with"


def incidents(
    config: ConfigOption = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those still open.")] = False,
    limit: LimitOption = 20,
    as_json: JsonLinesOption = False,
) -> None:
    """Incidents in the ledger's database, newest first."""
    from bot import console

    loaded, _ = setup(config)
    console.incidents(query(loaded, lambda store: store.incidents(limit=limit, open_only=only_open)), as_json)


def plans(
    config: ConfigOption = None,
    explain: Annotated[
        str | None, typer.Option(metavar="ID", help="Write the reasoning of one plan.")
    ] = None,
    limit: LimitOption = 20,
    as_json: JsonLinesOption = False,
) -> None:
    """Plans in the ledger's database, newest first; --explain ID reads one as a person would write it."""
    from bot import console

    loaded, registry = setup(config)
    if explain is None:
        console.plans(query(loaded, lambda store: store.plans(limit=limit)), as_json)
        return
    plan = query(loaded, lambda store: store.plan(explain))
    if plan is None:
        raise PegbotError(f"no plan {explain}; `pegbot plans` lists them")
    console.plan(plan, as_json)
    if not as_json:
        from bot.mechanisms import assumed_in

        for line in assumed_in(plan, registry):
            typer.echo(line)


def positions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What is held, hedges among it, and the greeks of the whole book, as the daemon saw it last."""
    from bot import console
    from bot.positions import positions as ask

    loaded, registry = setup(config)

    books = query(loaded, lambda store: store.books())
    try:
        saved = snapshot(loaded, registry)
    except LedgerDamaged as error:
        if not books.balances:
            raise
        saved = None
        typer.echo(f"pegbot: {error}", err=True)
    console.positions(ask(loaded, registry, saved, books), as_json, clock(loaded))


def quote(
    instrument: Annotated[str, typer.Argument(help="TOKEN@venue, as in AMZNx@kraken.")],
    size: Annotated[float, typer.Option(help="USD that changes hands.", min=0.01, max=1e12)],
    side: Annotated[str, typer.Option(help="buy or sell; both if absent.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a size would really get on a venue, from the depth the daemon saw last."""
    from bot import console
    from bot.quote import quote as ask

    if side not in ("", "buy", "sell"):
        raise UsageError(f"--side is buy or sell, not {side!r}")
    loaded, registry = setup(config)
    saved = snapshot(loaded, registry)
    answer = ask(loaded, registry, saved, instrument, size, [side] if side else ["buy", "sell"])
    console.quoted(answer, as_json, clock(loaded))
    raise typer.Exit(0 if all(one["price"] is not None for one in answer["quotes"]) else 1)


def mechanisms(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME…", help="Issuer or exchange: one alone is shown at length."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As in 2026-11-24T15:00Z; now if absent.")
    ] = None,
    size: Annotated[float, typer.Option(help="USD that the band is for.", min=1, max=1e12)] = 5_000.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How each issuer makes and unmakes its tokens: open or not, band, delay, limits, and what is assumed."""
    from bot.cli.ledger import missing
    from bot.console.mechanisms import show
    from bot.mechanisms import asked

    loaded, registry = setup(config)
    saved = None
    if at is None and missing(loaded) is None:  # without a ledger no halt is known; all else is
        saved = snapshot(loaded, registry)
    show(asked(loaded, registry, at, size, names or [], saved), as_json)


def clock(config: Config) -> Ns | None:
    """Now, if that is the time of what the daemon sees: a tape has its own."""
    return None if config.collectors.tape else time.time_ns()


def snapshot(config: Config, registry: Registry) -> bytes | None:
    """What the daemon wrote down last; :class:`LedgerDamaged` if nobody can go on from it."""
    from bot.driver import Driver

    last = query(config, lambda store: store.last_snapshot())
    if last is None:
        return None
    number, saved = last
    if not Driver(config, registry).restore(saved):
        raise LedgerDamaged("snapshots", number, "body cannot be read by this pegbot", BEGIN)
    return saved


def query(config: Config, ask: Callable[[Store], Awaitable[T]]) -> T:
    """One question to the ledger's database; :class:`UsageError` where there is none yet.

    Rows that cannot be read are told; :class:`LedgerDamaged` if they are all there is.
    """
    import asyncio

    from bot.cli.ledger import missing
    from bot.ledger.db import open_database
    from bot.ledger.store import Store

    absent = missing(config)
    if absent is not None:
        raise UsageError(f"no ledger at {absent}: {NONE_YET}")

    async def answer() -> T:
        engine = await open_database(config.ledger.url)
        try:
            store = Store(engine)
            found = await ask(store)
            if store.first_unreadable is not None:
                if not found:
                    raise store.first_unreadable
                rows = f"{store.unreadable} rows left out, first: {store.first_unreadable}"
                typer.echo(f"pegbot: {rows}", err=True)
            return found
        finally:
            await engine.dispose()

    return asyncio.run(answer())
