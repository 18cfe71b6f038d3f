"""Commands that a desk asks before it does anything: nothing is sent and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.look import query
from bot.cli.options import ConfigOption, JsonOption
from bot.cli.setup import setup

if TYPE_CHECKING:
    from bot.config import Config


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
    found = ask(loaded, registry, _snapshot(loaded), instrument, size)
    present(found, as_json)
    if not as_json:
        for line in dict.fromkeys(line for each in found.plans for line in assumed_in(each, registry)):
            typer.echo(line)
    raise typer.Exit(0 if any(each.decision == "trade" for each in found.plans) else 1)


def _snapshot(config: Config) -> bytes | None:
    """The daemon's last; a database that is not there is not made."""
    from bot.ledger.db import parse_url

    url = parse_url(config.ledger.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    return query(config, lambda store: store.load_snapshot())
