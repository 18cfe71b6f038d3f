"""How anything is shown: JSON for machines, text and tables for people, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

import msgspec

from bot.timefmt import NS, duration, iso, short
from bot.types import Ns, to_builtins

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

P = ParamSpec("P")


def emit(data: Any) -> None:
    """One JSON document on stdout; times of structures as ISO 8601."""
    if isinstance(data, msgspec.Struct):
        data = to_builtins(data)
    elif isinstance(data, list):
        data = [to_builtins(one) if isinstance(one, msgspec.Struct) else one for one in data]
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")


def stamped(answer: dict[str, Any], now: Ns | None) -> dict[str, Any]:
    """An answer as of ``ts`` for machines: ISO 8601, and how old that is."""
    ts: Ns | None = answer["ts"]
    age = None if ts is None or now is None else (now - ts) / NS
    return {**answer, "ts": None if ts is None else iso(ts), "age_seconds": age}


def lines(rows: Sequence[Any]) -> None:
    """JSON Lines on stdout."""
    for row in rows:
        sys.stdout.write(msgspec.json.encode(to_builtins(row)).decode() + "\n")


def say(*parts: Any) -> None:
    """Text as it is, in lines as long as they are; what is to have a style is :func:`styled`."""
    _console().print(*parts, soft_wrap=True)


def dated(ts: Ns, now: Ns | None) -> str:
    """``2025-07-05 17:30:45 UTC, 3 min ago``; without the age where ``now`` is not the clock of ``ts``."""
    ago = "" if now is None or now < ts else f", {duration((now - ts) / NS)} ago"
    return f"{short(ts)} UTC{ago}"


def styled(text: str, style: str) -> Text:
    """Text in a colour, or bold."""
    from rich.text import Text

    return Text(text, style)


def table_of(title: str, *columns: str) -> Table:
    """An empty table; a column whose name ends in ``>`` is set to the right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name = column.removesuffix(">")
        table.add_column(name, justify="right" if column.endswith(">") else "left")
    return table


def show(table: Table) -> None:
    """Print a table; where there is no terminal to fit it to, as wide as it is."""
    _console(width=None if sys.stdout.isatty() else 200).print(table)


def _console(width: int | None = None) -> Console:
    """Stdout. Names of data and of files may hold ``[strategy]`` or ``:key:``: nothing in them is markup."""
    from rich.console import Console

    return Console(width=width, markup=False, emoji=False, highlight=False)


def progress(what: str) -> AbstractContextManager[Callable[[int, Ns], None] | None]:
    """Ticks and their time, while it runs."""

    def told(ticks: int, now: Ns) -> str:
        return f"{what}: {ticks:,} ticks, {short(now)} UTC"

    return _running(told)


def counting(what: str) -> AbstractContextManager[Callable[[int, int], None] | None]:
    """How many are done, while it runs."""

    def told(done: int, of: int) -> str:
        return f"{what}: {done:,} of {of:,}"

    return _running(told)


@contextmanager
def _running(told: Callable[P, str]) -> Iterator[Callable[P, None] | None]:
    """A running line on stderr where there is a terminal; nothing where there is none."""
    if not sys.stderr.isatty():
        yield None
        return

    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        sys.stderr.write(f"\r{told(*args, **kwargs)} ")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")
