"""Commands that watch: the daemon, and what is tried before it and done to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import ConfigOption, JsonOption
from bot.cli.setup import embedded, setup

if TYPE_CHECKING:
    from bot.config import Config
    from bot.kill import Thrown


def run(
    config: ConfigOption = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the page, instead of [web] port; 0: any free."),
    ] = None,
) -> None:
    """Run the daemon until Ctrl-C: collect, detect, plan, trade on paper, tell people."""
    from bot.daemon import main as daemon
    from bot.preflight import problems

    loaded, registry = setup(config, problems)
    raise typer.Exit(daemon(loaded, registry, port=port))


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Reach every configured source and say what is wrong and what to do."""
    import asyncio

    from bot import console
    from bot.doctor import examine

    loaded, registry = setup(config)
    findings = asyncio.run(examine(loaded, registry))
    console.findings(findings, as_json)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)


def check(
    config: Annotated[
        Path | None, typer.Argument(envvar="PEGBOT_CONFIG", help="TOML file; the embedded demo if absent.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Validate a configuration and its registry: every mistake at once, with file, key and fix."""
    from bot import console
    from bot.errors import ConfigError
    from bot.preflight import problems

    try:
        loaded, registry = setup(config, problems)
    except ConfigError as error:
        if not as_json:
            raise
        console.emit({"ok": False, "problems": error.problems})
        raise typer.Exit(2) from None
    console.checked(config or embedded(), loaded, registry, as_json)


def kill(
    reason: Annotated[str, typer.Argument(help="Why; shown on the page and in each refusal.")] = "by hand",
    config: ConfigOption = None,
    release: Annotated[bool, typer.Option("--release", help="Put the switch back.")] = False,
) -> None:
    """Throw the kill switch: no new plan is made, what is under way is finished. --release puts it back."""
    from bot import kill as switch
    from bot.cli.ledger import missing

    loaded, _ = setup(config)
    if not release:
        for line in _thrown(loaded, switch.throw(loaded, reason)):
            typer.echo(line)
        absent = missing(loaded)
        if absent is not None and absent.resolve().parent == switch.path(loaded).parent:
            told = f"no ledger at {absent}: a daemon that runs in another folder looks for the switch there"
            typer.echo(f"pegbot: {told}", err=True)
    elif switch.release(loaded):
        typer.echo("released")
    else:
        typer.echo("it was not thrown")
        raise typer.Exit(1)


def _thrown(config: Config, before: Thrown | None) -> Iterator[str]:
    """What throwing the switch has done; ``before`` is how it stood."""
    from bot.kill import path
    from bot.timefmt import short

    if before is None:
        yield f"thrown: {path(config)}"
        return
    by = f" by {before.by}" if before.by else ""
    since = f" at {short(before.since)} UTC" if before.since else ""
    yield f"thrown already{by}{since}: {before.why}"
    yield f"that reason stays; --release first to give another: {path(config)}"
