"""Commands about pools on chain."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.options import ConfigOption, JsonOption
from bot.cli.setup import setup


def discover(
    token: Annotated[str, typer.Argument(help="A token of the registry, as AMZNx.")],
    url: Annotated[
        list[str] | None,
        typer.Option(
            help="Node to ask: wss://… for an EVM chain, https://… for Solana. Default: configured."
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find pools of a token by the registry's factories and programs; tokens that only share its name apart.

    Nothing found is trusted: what you want watched goes into the registry, and is verified on chain there.
    """
    from bot import console
    from bot import discover as pools

    loaded, registry = setup(config)
    found = pools.discover(loaded, registry, token, url or [])
    console.pools(found, as_json)
    raise typer.Exit(0 if any(not one.impostor for one in found) else 1)
