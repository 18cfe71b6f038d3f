"""Other people's files as ticks; one word of ``pegbot import`` each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.importers import geckoterminal
from bot.registry import Registry
from bot.types import Tick

IMPORTERS: dict[str, Callable[[Sequence[Path], Registry], Iterator[Tick]]] = {
    "geckoterminal": geckoterminal.read,
}
