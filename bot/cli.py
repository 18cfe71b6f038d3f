"""``pegbot``: the command line. Heavy parts are imported by the command that needs them.

Machine-readable output (``--json``) and results go to stdout, logs and progress to stderr. Exit
codes: 0 fine, 1 the answer is no, 2 wrong usage or config, 3 a needed service is unreachable.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.errors import PegbotError, UsageError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.ledger.store import Store
    from bot.registry import Registry

T = TypeVar("T")

app = typer.Typer(
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

WATCH, LOOK, DATA = "Watch", "Look", "Data"
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="PEGBOT_CONFIG", help="TOML file; the embedded demo if absent."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout.")]


def embedded(name: str = "pegbot.toml") -> Path:
    """A file of the default configuration: beside the package in a wheel, or in the checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "embedded" / name
    return inside if inside.exists() else package.parent / "config" / name


def setup(config: Path | None) -> tuple[Config, Registry]:
    """Configuration and registry. Raises :class:`ConfigError` with all mistakes of both."""
    return _setup(config, lambda _config, _registry: [])


def _setup(config: Path | None, more: Callable[[Config, Registry], list[str]]) -> tuple[Config, Registry]:
    """Configuration and registry; what ``more`` finds in them is told along with their own mistakes."""
    from bot import registry
    from bot.config import load
    from bot.errors import ConfigError
    from bot.registry.load import expand

    source = config or embedded()
    problems: list[str] = []
    rest: Config | None
    try:
        rest = load(source)
    except ConfigError as error:
        problems, rest = error.problems, error.rest
    if rest is not None:
        files: list[Path] = []
        try:
            files = expand(rest.base, rest.registry)
            known = registry.load(files)
        except ConfigError as error:
            problems += error.problems if files else [f"{source}: {told}" for told in error.problems]
        else:
            problems += [f"{source}: {told}" for told in more(rest, known)]
            if not problems:
                return rest, known
    raise ConfigError(problems)


def _query(config: Config, ask: Callable[[Store], Awaitable[T]]) -> T:
    """One question to the ledger's database."""
    import asyncio

    from bot.ledger.db import open_database
    from bot.ledger.store import Store

    async def answer() -> T:
        engine = await open_database(config.ledger.url)
        try:
            return await ask(Store(engine))
        finally:
            await engine.dispose()

    return asyncio.run(answer())


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


def _version(wanted: bool) -> None:
    if wanted:
        from bot import __version__

        typer.echo(f"pegbot {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Options before the command."""


@app.command(rich_help_panel=WATCH)
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

    loaded, registry = _setup(config, problems)
    raise typer.Exit(daemon(loaded, registry, port=port))


@app.command(rich_help_panel=WATCH)
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Reach every configured source and say what is wrong and what to do."""
    import asyncio

    from bot import console
    from bot.doctor import examine

    loaded, registry = setup(config)
    findings = asyncio.run(examine(loaded, registry))
    console.findings(findings, as_json)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)


@app.command(rich_help_panel=WATCH)
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
        loaded, registry = _setup(config, problems)
    except ConfigError as error:
        if not as_json:
            raise
        console.emit({"ok": False, "problems": error.problems})
        raise typer.Exit(2) from None
    console.checked(config or embedded(), loaded, registry, as_json)


@app.command(rich_help_panel=WATCH)
def kill(
    reason: Annotated[str, typer.Argument(help="Why; shown on the page and in each refusal.")] = "by hand",
    config: ConfigOption = None,
    release: Annotated[bool, typer.Option("--release", help="Put the switch back.")] = False,
) -> None:
    """Throw the kill switch: no new plan is made, what is under way is finished. --release puts it back."""
    from bot import kill as switch

    loaded, _ = setup(config)
    if not release:
        typer.echo(f"thrown: {switch.throw(loaded, reason)}")
    elif switch.release(loaded):
        typer.echo("released")
    else:
        typer.echo("it was not thrown")
        raise typer.Exit(1)


@app.command(rich_help_panel=LOOK)
def incidents(
    config: ConfigOption = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those still open.")] = False,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Incidents in the ledger's database, newest first."""
    from bot import console

    loaded, _ = setup(config)
    console.incidents(
        _query(loaded, lambda store: store.incidents(limit=limit, open_only=only_open)), as_json
    )


@app.command(rich_help_panel=LOOK)
def plans(
    config: ConfigOption = None,
    explain: Annotated[
        str | None, typer.Option(metavar="ID", help="Write the reasoning of one plan.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Plans in the ledger's database, newest first; --explain ID reads one as a person would write it."""
    from bot import console

    loaded, registry = setup(config)
    if explain is None:
        console.plans(_query(loaded, lambda store: store.plans(limit=limit)), as_json)
        return
    plan = _query(loaded, lambda store: store.plan(explain))
    if plan is None:
        raise PegbotError(f"no plan {explain}; `pegbot plans` lists them")
    console.plan(plan, as_json)
    if not as_json:
        from bot.mechanisms import assumed_in

        for line in assumed_in(plan, registry):
            typer.echo(line)


@app.command(rich_help_panel=LOOK)
def positions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What is held, hedges among it, and the greeks of the whole book, as the daemon saw it last."""
    from bot import console
    from bot.ledger.books import Books
    from bot.positions import positions as ask

    loaded, registry = setup(config)

    async def both(store: Store) -> tuple[bytes | None, Books]:
        return await store.load_snapshot(), await store.books()

    saved, books = _query(loaded, both)
    console.positions(ask(loaded, registry, saved, books), as_json)


@app.command(rich_help_panel=LOOK)
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
    saved = _query(loaded, lambda store: store.load_snapshot())
    answer = ask(loaded, registry, saved, instrument, size, [side] if side else ["buy", "sell"])
    console.quoted(answer, as_json)
    raise typer.Exit(0 if all(one["price"] is not None for one in answer["quotes"]) else 1)


@app.command(rich_help_panel=LOOK)
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
    from bot import console_mechanisms
    from bot.mechanisms import asked

    loaded, registry = setup(config)
    saved = None if at is not None else _query(loaded, lambda store: store.load_snapshot())
    console_mechanisms.show(asked(loaded, registry, at, size, names or [], saved), as_json)


pools = typer.Typer(
    no_args_is_help=True, help="Pools on chain: what there is of a token, and what only says so."
)
app.add_typer(pools, name="pools", rich_help_panel=LOOK)


@pools.command("discover")
def pools_discover(
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
    from bot.discover import discover

    loaded, registry = setup(config)
    found = discover(loaded, registry, token, url or [])
    console.pools(found, as_json)
    raise typer.Exit(0 if any(not one.impostor for one in found) else 1)


@app.command(rich_help_panel=DATA)
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


@app.command(rich_help_panel=DATA)
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


@app.command(rich_help_panel=DATA)
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


@app.command(rich_help_panel=DATA)
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


@app.command(rich_help_panel=DATA)
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
        console.backtests(settings, results, as_json)
        return
    with _writing(page) as drawing:
        with console.progress("backtesting") as progress:
            result = many.backtest(loaded, registry, tapes, progress)
        if drawing is not None:
            title = f"Backtest of {', '.join(tape.name for tape in tapes)}"
            drawing.write(drawn(result, title).encode())
    console.backtested(result, as_json)


@app.command(rich_help_panel=DATA)
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


@app.command(name="import", rich_help_panel=DATA)
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


@app.command(rich_help_panel=DATA)
def record(
    out: Annotated[Path, typer.Argument(help="Tape to write: .csv, .jsonl or .parquet.")],
    config: ConfigOption = None,
) -> None:
    """Write live ticks to a tape until Ctrl-C, without judging them."""
    from bot.recording import record as recording

    loaded, registry = setup(config)
    count = recording(loaded, registry, out)
    typer.echo(f"{count:,} ticks to {out}", err=True)


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
