"""Whether issuers and oracles on a chain can be asked, for ``pegbot doctor``: the first things they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from bot.collectors.base import Collector
from bot.collectors.issuer_xstocks import XStocksCollector
from bot.config import XStocksSource
from bot.errors import ConfigError, DataError, SourceError
from bot.registry.model import Registry, canonical
from bot.types import Tick

NETWORKS = {"Solana": "solana"}
"""The issuer's name of a chain → the registry's, where the token has an address of its own there."""
EVM = "evm"


async def first_words(collector: Collector) -> str:
    """Its first price or, if it has none now, its first word on each instrument; what is down is a fault."""
    names: set[str] = set(getattr(collector, "instruments", ()))
    down: list[str] = []
    stream: Any = collector.ticks()
    async with aclosing(stream) as ticks:
        async for tick in _until(ticks, names):
            state = msgspec.json.decode(tick.data or "{}").get("state")
            if tick.kind == "status" and state == "down":
                down.append(f"{tick.instrument}: {msgspec.json.decode(tick.data or '{}').get('reason')}")
    if down:
        raise SourceError("; ".join(down))
    return f"{len(names)} instruments told of; {getattr(collector, 'detail', '')}"


async def _until(ticks: AsyncIterator[Tick], names: set[str]) -> AsyncIterator[Tick]:
    left = set(names)
    async for tick in ticks:
        yield tick
        left.discard(tick.instrument)
        if not left:
            return


async def xstocks(source: XStocksSource, registry: Registry) -> str:
    """Every token is the issuer's, at the addresses that the registry has."""
    collector = XStocksCollector(source)
    wrong: list[str] = []
    async with collector.http() as http:
        for symbol in source.tokens:
            try:
                asset = await http.get(f"/assets/{symbol}")
            except DataError:
                wrong.append(f"the issuer has no {symbol}")
                continue
            wrong += [f"{symbol} {told}" for told in differing(asset, registry.tokens[symbol].addresses)]
    if wrong:
        raise ConfigError("; ".join(wrong))
    return f"{len(source.tokens)} tokens, at the registry's addresses"


def differing(asset: Any, addresses: dict[str, str]) -> list[str]:
    """Deployments that are not where the registry has them, in words."""
    rows = asset.get("deployments") if isinstance(asset, dict) else None
    out = []
    for row in rows or ():
        network, at = str(row.get("network")), str(row.get("address"))
        known = addresses.get(NETWORKS.get(network, network.lower()))
        if known is None and at.startswith("0x"):
            known = addresses.get(EVM)
        if known is not None and canonical(known) != canonical(at):
            out.append(f"is at {at} on {network}, in the registry at {known}")
    return out
