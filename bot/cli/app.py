"""Every command by name, and how an error is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from bot.cli import desk, judge, look, pools, tapes, watch
from bot.errors import PegbotError, UsageError

COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Watch": {"run": watch.run, "doctor": watch.doctor, "check": watch.check, "kill": watch.kill},
    "Look": {
        "incidents": look.incidents,
        "plans": look.plans,
        "positions": look.positions,
        "quote": look.quote,
        "plan": desk.plan,
        "earn": desk.earn,
        "mechanisms": look.mechanisms,
    },
    "Data": {
        "replay": judge.replay,
        "score": judge.score,
        "calibrate": judge.calibrate,
        "sweep": judge.sweep,
        "backtest": judge.backtest,
        "simulate": tapes.simulate,
        "import": tapes.import_,
        "record": tapes.record,
    },
}


def _version(wanted: bool) -> None:
    if wanted:
        from bot import __version__

        typer.echo(f"pegbot {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Options before the command."""


def _assembled() -> typer.Typer:
    whole = typer.Typer(
        name="pegbot",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        help="""Watches tokenized US stocks against the shares they stand for.

Start with **pegbot run**: it needs no keys and no network, plays a simulated week at an hour a
second, and shows a page at http://127.0.0.1:8050.
Then try **pegbot replay TAPE** on your own data, and **pegbot doctor** before going live.""",
    )
    whole.callback()(_options)
    for panel, commands in COMMANDS.items():
        for name, command in commands.items():
            whole.command(name, rich_help_panel=panel)(command)
    of_pools = typer.Typer(
        no_args_is_help=True, help="Pools on chain: what there is of a token, and what only says so."
    )
    of_pools.command("discover")(pools.discover)
    whole.add_typer(of_pools, name="pools", rich_help_panel="Look")
    return whole


app = _assembled()


def main() -> None:
    """Entry point: errors made on purpose are told in a sentence, never as a traceback."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        code = 130
    except typer.TyperException as error:
        code = _misused(error)
    except PegbotError as error:
        for line in str(error).splitlines():
            typer.secho(f"pegbot: {line}", err=True, fg="red" if sys.stderr.isatty() else None)
        code = error.exit_code
    except BrokenPipeError:  # as typer and rich do when they are the ones to notice
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code or 0)


def _misused(error: typer.TyperException) -> int:
    """Say what is wrong with the command line and how it is used."""
    context, message = getattr(error, "ctx", None), error.format_message()
    if message:  # without any argument the help has been printed already
        typer.echo(f"pegbot: {message}", err=True)
        if context is not None:
            typer.echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.", err=True)
    return UsageError.exit_code
