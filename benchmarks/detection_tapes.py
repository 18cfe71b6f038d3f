"""What is judged on: labelled simulations, made once and kept in ``var/bench``, and the real tapes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from bot import tape
from bot.registry import Registry
from bot.score import Extent, Label, extent, read_labels
from bot.simulate import write
from bot.timefmt import parse
from bot.types import Tick

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "bench"
SHARED = ROOT.parent / "shared" / "data" / "xstocks_solana"
BATCH = 20_000

REAL = (
    ("SPYx@orca:gef4pD5g", "2026-06-14T17:00:00Z", "2026-06-14T18:00:00Z"),
    ("TSLAx@raydium:8aDaBQkT", "2026-06-14T20:00:00Z", "2026-06-14T21:00:00Z"),
    ("TSLAx@orca:9p7abUFv", "2026-05-22T00:00:00Z", "2026-05-23T00:00:00Z"),
)
"""Known episodes in the real bars (GeckoTerminal, hourly, published by mkzung/solana-xstocks-wash-analysis):
a dead pool that woke with a print of $54,424.93 on $12.67; 404.86 to 350.44 on $11k and back the next hour; a
low of 277.1 against 418 to 434 that day. All thin liquidity. A fourth, the pool 1.4 % over Gate's book for a
minute, is in another data set."""


class Labelled(Struct, frozen=True):
    """A tape on disk, what was off in it, and what it watched."""

    name: str
    path: Path
    labels: list[Label]
    extent: Extent

    def batches(self) -> Iterator[list[Tick]]:
        """Its ticks, some thousands at a time."""
        ticks = tape.read(self.path, on_bad=_refuse)
        while batch := list(islice(ticks, BATCH)):
            yield batch


def simulated(scenario: Path, seed: int, registry: Registry, cache: Path = CACHE) -> Labelled:
    """The tape of a scenario and seed, made anew where the scenario or the simulator has changed."""
    sources = sorted((ROOT / "bot" / "simulate").glob("*.py"))
    stem = f"{scenario.stem}-{_digest(scenario, *sources)}-{seed}"
    path, labels = cache / f"{stem}.parquet", cache / f"{stem}.csv"
    if not path.exists() or not labels.exists():
        mine = cache / f"{stem}.{os.getpid()}.parquet", cache / f"{stem}.{os.getpid()}.csv"
        write(scenario, seed, *mine)
        mine[0].replace(path)
        mine[1].replace(labels)
    return _labelled(f"{scenario.stem} {seed}", path, read_labels(labels), registry)


def real(folder: Path, registry: Registry, cache: Path = CACHE) -> Labelled | None:
    """The real bars and trades as one tape; ``None`` where the folder is absent."""
    from bot.importers import IMPORTERS

    files = sorted(folder.glob("*/*.json"))
    if not files:
        return None
    path = cache / f"real-{_digest(*files)}.parquet"
    mine = cache / f"real.{os.getpid()}.parquet"
    tape.write(mine, IMPORTERS["geckoterminal"](files, registry))
    mine.replace(path)
    labels = [Label(name, parse(start), parse(end), "thin_liquidity") for name, start, end in REAL]
    return _labelled("real", path, labels, registry)


def _labelled(name: str, path: Path, labels: list[Label], registry: Registry) -> Labelled:
    beside = path.with_suffix(".extent.json")
    if not beside.exists():
        watched = extent(tape.read(path, on_bad=_refuse), registry)
        mine = path.with_suffix(f".{os.getpid()}.json")
        mine.write_bytes(msgspec.json.encode(watched))
        mine.replace(beside)
    return Labelled(name, path, labels, msgspec.json.decode(beside.read_bytes(), type=Extent))


def _digest(*files: Path) -> str:
    digest = hashlib.blake2b(digest_size=4)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _refuse(error: Exception) -> None:
    raise error
