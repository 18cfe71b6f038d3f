"""Commands that judge tapes and incidents: what would have been told, earned, and how well."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from bot.cli.options import ConfigOption, JsonOption
from bot.cli.setup import setup
from bot.errors import PegbotError, UsageError


def replay(
    tapes: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, JSON Lines or Parquet; a recording by its name, a folder or a pattern; "
            "several are merged by time."
        ),
    ],
    config: ConfigOption = None,
    incidents_to: Annotated[Path | None, typer.Option("--incidents", metavar="F.jsonl")] = None,
    plans_to: Annotated[Path | None, typer.Option("--plans", metavar="F.jsonl")] = None,
    as_json: JsonOption = False,
) -> None:
    """Drive the engine from tapes: the same incidents and plans, byte for byte, as live."""
    from bot import console, tape
    from bot.replay import Replay

    loaded, registry = setup(config)
    session = Replay(loaded, registry)
    with _writing(incidents_to) as incident_file, _writing(plans_to) as plan_file:
        with console.progress("replaying") as progress:
            session.run(tape.merge(tapes, on_bad=session.bad_row), progress)
        session.write(incident_file, plan_file)
    console.replayed(session, as_json)


def score(
    incidents_file: Annotated[
        Path, typer.Argument(metavar="INCIDENTS", help="JSON Lines of `pegbot replay`.")
    ],
    labels_file: Annotated[Path, typer.Argument(metavar="LABELS", help="CSV: instrument,start,end,cause.")],
    tapes: Annotated[
        list[Path] | None,
        typer.Option(
            "--tape", help="What was replayed: its instruments and days count, not just those named."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Incidents against labels: precision, recall, F1, delay and false alarms, as JSON."""
    from bot import console, tape
    from bot.score import extent, read_claims, read_labels
    from bot.score import score as judge

    watched = None
    if tapes:
        watched = extent(tape.merge(tapes, on_bad=lambda _error: None), setup(config)[1])
    console.emit(judge(read_claims(incidents_file), read_labels(labels_file), watched))


def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(help="Weekends (JSON rows), nights (Lean's *_quote.zip) or tapes."),
    ],
    config: ConfigOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Judge with the shipped parameters; exit 1 if they do not hold.")
    ] = False,
    fold_count: Annotated[int, typer.Option("--folds", min=1, help="Stretches of time to report by.")] = 4,
    level: Annotated[float, typer.Option(min=0.5, max=0.995, help="What the intervals are to hold.")] = 0.95,
    intervals_to: Annotated[
        Path | None, typer.Option("--intervals", metavar="F.jsonl", help="Each row's interval.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """How well fair value's uncertainty holds, and what the parameters should be: walked forward in time."""
    import msgspec

    from bot.calibrate import command

    loaded, registry = setup(config)
    with _writing(intervals_to) as intervals:
        data, lines, fine = command.run(
            files, loaded, registry, check=check, fold_count=fold_count, level=level, intervals=intervals
        )
    typer.echo(msgspec.json.encode(data).decode() if as_json else "\n".join(lines))
    raise typer.Exit(0 if fine else 1)


def sweep(
    tapes: Annotated[
        list[Path], typer.Argument(help="CSV, JSON Lines or Parquet; several are merged by time.")
    ],
    labels: Annotated[Path, typer.Option(help="CSV: instrument,start,end,cause.")],
    param: Annotated[
        list[str], typer.Option(metavar="KEY=VALUES", help="detector.open_sigmas=3,4,5, or =lo:hi:n; repeat.")
    ],
    config: ConfigOption = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    kernel: Annotated[
        bool, typer.Option(help="Thresholds through the batch kernel, the best then through the engine.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Judge a labelled tape under many settings, in parallel: their scores, best first."""
    from bot import console
    from bot.kernel.grid import grid
    from bot.kernel.sweep import sweep as explore

    loaded, registry = setup(config)
    with console.counting("settings") as progress:
        trials = explore(
            loaded, registry, tapes, labels, grid(param), jobs=jobs, kernel=kernel, progress=progress
        )
    console.swept(trials, as_json)


def backtest(
    tapes: Annotated[
        list[Path], typer.Argument(help="CSV, JSON Lines or Parquet; several are merged by time.")
    ],
    config: ConfigOption = None,
    page: Annotated[
        Path | None, typer.Option(metavar="F.html", help="Also write the result as a page with its curves.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="strategy.risk_charge=0,0.1,0.2, or =lo:hi:n; repeat."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, where there are several settings.")] = (
        os.cpu_count() or 1
    ),
    as_json: JsonOption = False,
) -> None:
    """What the whole engine would have earned: plans traded on paper, with fees, waits and settlements."""
    from bot import console
    from bot.backtest import many
    from bot.backtest.page import page as drawn
    from bot.kernel.grid import grid

    loaded, registry = setup(config)
    if param:
        if page is not None:
            raise UsageError("--page shows one setting; leave --param out, or put the setting into --config")
        settings = grid(param)
        with console.counting("settings") as counted:
            results = many.backtests(loaded, registry, tapes, settings, jobs, counted)
        _usable(results[0])
        console.backtests(settings, results, as_json)
        return
    with _writing(page) as drawing:
        with console.progress("backtesting") as progress:
            result = many.backtest(loaded, registry, tapes, progress)
        _usable(result)
        if drawing is not None:
            title = f"Backtest of {', '.join(tape.name for tape in tapes)}"
            drawing.write(drawn(result, title).encode())
    console.backtested(result, as_json)


def _usable(result: Mapping[str, Any]) -> None:
    """Tell what a backtest set aside; :class:`PegbotError` if there was nothing else."""
    from bot import console

    console.set_aside(result["quarantined"], result["quarantined_first"])
    if not result["ticks"]:
        raise PegbotError("no tick of the tape could be used: there is nothing to judge")


@contextlib.contextmanager
def _writing(path: Path | None) -> Iterator[IO[bytes] | None]:
    """A file to write, complete or not there at all; a pipe or device as it is; ``None`` for none."""
    if path is None:
        yield None
        return
    plain = not path.exists() or path.is_file()
    partial = path.with_name(path.name + ".part") if plain else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
        if plain:
            partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if plain:
            with contextlib.suppress(OSError):
                partial.unlink()
