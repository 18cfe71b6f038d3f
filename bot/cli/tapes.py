"""Commands that make tapes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import ConfigOption
from bot.cli.setup import setup
from bot.errors import UsageError


def simulate(
    scenario: Annotated[Path, typer.Argument(help="TOML, as in config/scenarios.")],
    out: Annotated[Path, typer.Option(help="Tape to write: .csv, .jsonl, or .parquet in segments.")],
    labels: Annotated[Path | None, typer.Option(help="CSV of what was injected, and when.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Make a labelled tape from a scenario: agents on real pool mathematics, causes injected."""
    from bot import console
    from bot.simulate import write

    with console.progress("simulating") as progress:
        count, labelled = write(scenario, seed, out, labels, progress)
    typer.echo(f"{count:,} ticks to {out}" + (f", {labelled} labels to {labels}" if labels else ""), err=True)


def import_(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="geckoterminal")],
    files: Annotated[list[Path], typer.Argument()],
    out: Annotated[Path, typer.Option(help="Tape to write.")],
    config: ConfigOption = None,
) -> None:
    """Turn other people's files into a tape."""
    from bot import tape
    from bot.importers import IMPORTERS

    if form not in IMPORTERS:
        raise UsageError(f"no importer {form!r}; there is {', '.join(sorted(IMPORTERS))}")
    _, registry = setup(config)
    count = tape.write(out, IMPORTERS[form](files, registry))
    typer.echo(f"{count:,} ticks to {out}", err=True)


def record(
    out: Annotated[Path, typer.Argument(help="Tape to write: .csv, .jsonl or .parquet.")],
    config: ConfigOption = None,
) -> None:
    """Write live ticks to a tape until Ctrl-C, without judging them."""
    from bot.recording import record as recording

    loaded, registry = setup(config)
    count = recording(loaded, registry, out)
    typer.echo(f"{count:,} ticks to {out}", err=True)
