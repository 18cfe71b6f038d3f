"""GeckoTerminal's bars and trades of a pool, one JSON file each, as ticks.

Shapes: ``{pool, meta: {mint, dex, …}, tf, ohlcv: [[ts, o, h, l, c, volume_usd], …]}`` with ``ts`` in
seconds at the *start* of the bar, and ``{pool, meta, trades: [{block_timestamp, kind, …}]}``. The token is
found by its mint's address, never by its symbol. ``meta``'s liquidity was measured at the end of the
period, so it is not written into ticks that were earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import UsageError
from bot.registry import Registry
from bot.timefmt import NS, parse
from bot.types import Tick

SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
ADDRESS_START = 8


def read(paths: Sequence[Path], registry: Registry) -> Iterator[Tick]:
    """The ticks of all files, by time. Raises :class:`UsageError` naming the file and what is wrong."""
    ticks: list[Tick] = []
    for path in paths:
        try:
            ticks += _read(path, registry)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UsageError(f"{path}: not a GeckoTerminal file of bars or trades: {error!r}") from None
    ticks.sort(key=lambda tick: tick.ts)
    return iter(ticks)


def _read(path: Path, registry: Registry) -> list[Tick]:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    mint = file["meta"]["mint"]
    token = registry.token_at(mint)
    if token is None:
        raise UsageError(f"{path}: token {mint} is not in the registry; add it to config/registry")
    instrument = f"{token.symbol}@{file['meta']['dex']}:{file['pool'][:ADDRESS_START]}"
    if "ohlcv" in file:
        return [_bar(row, SECONDS[file["tf"]], instrument) for row in file["ohlcv"]]
    return [_trade(row, mint, instrument) for row in file["trades"]]


def _bar(row: Sequence[float], seconds: int, instrument: str) -> Tick:
    start, opened, high, low, close, volume_usd = row
    data = msgspec.json.encode({"open": opened, "seconds": seconds}).decode()
    return Tick(
        (int(start) + seconds) * NS, instrument, "bar",
        price=close, high=high, low=low, size=volume_usd, data=data,
    )  # fmt: skip


def _trade(row: dict[str, str], mint: str, instrument: str) -> Tick:
    bought = row["to_token_address"] == mint
    if not bought and row["from_token_address"] != mint:
        raise ValueError(f"a trade of other tokens than {mint}")
    price = float(row["price_to_in_usd"] if bought else row["price_from_in_usd"])
    tokens = row["to_token_amount"] if bought else row["from_token_amount"]
    data = msgspec.json.encode({"side": "buy" if bought else "sell", "tokens": tokens}).decode()
    return Tick(
        parse(row["block_timestamp"]), instrument, "trade",
        price=price, size=float(row["volume_in_usd"]), data=data,
    )  # fmt: skip
