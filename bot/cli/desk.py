"""Commands that a desk asks before it does anything: nothing is sent and nothing is written."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.ledger import missing
from bot.cli.look import clock, snapshot
from bot.cli.options import ConfigOption, JsonOption
from bot.cli.setup import setup


def plan(
    instrument: Annotated[str, typer.Argument(help="TOKEN@venue, as in AMZNx@kraken.")],
    size: Annotated[
        float | None,
        typer.Option(help="USD at most; [strategy] max_plan_usd if absent.", min=0.01, max=1e12),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the strategy would do about a basis now, incident or not; or each rule against it."""
    from bot.console.desk import present
    from bot.mechanisms import assumed_in
    from bot.plan import plan as ask

    loaded, registry = setup(config)
    saved = snapshot(loaded, registry)
    found = ask(loaded, registry, saved, instrument, size)
    present(found, as_json, clock(loaded))
    if not as_json:
        for line in dict.fromkeys(line for each in found.plans for line in assumed_in(each, registry)):
            typer.echo(line)
    raise typer.Exit(0 if any(each.decision == "trade" for each in found.plans) else 1)


def earn(
    token: Annotated[str, typer.Argument(help="A token of the registry, as in TSLAx.")],
    coin: Annotated[
        str | None,
        typer.Option("--with", metavar="COIN", help="Coin the options are on; choices if absent."),
    ] = None,
    days: Annotated[float, typer.Option(help="How long it would wait.", min=1, max=730)] = 30.0,
    tokens: Annotated[float, typer.Option(help="How many.", min=1e-6, max=1e12)] = 100.0,
    seed: Annotated[int, typer.Option(help="The same gives the same answer.", min=0)] = 1,
    stress: Annotated[
        bool,
        typer.Option("--stress", help="Also thin pools, lent nearly whole, and a fall of six deviations."),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a token can do beside waiting: sell cover, be margin for options, or both, side by side."""
    from bot.console import counting
    from bot.console import desk as console
    from bot.earn import choices, price_of
    from bot.earn import earn as ask

    loaded, registry = setup(config)
    if coin is None:
        console.choices(token, choices(registry, token), as_json)
        return
    # A price only says what it comes to in dollars: there may be no ledger yet.
    saved = snapshot(loaded, registry) if missing(loaded) is None else None
    price = price_of(loaded, registry, saved, token)
    with counting("simulating, ways") as tell:
        found = ask(
            loaded, registry, token, coin, days=days, tokens=tokens, seed=seed, stress=stress,
            price_usd=price, tell=tell,
        )  # fmt: skip
    console.earned(found, as_json)
