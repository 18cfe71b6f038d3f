"""The collectors of oracles and issuers that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.collectors.base import Collector, OnBad
from bot.config import ChainlinkSource, CollectorsSection, RobinhoodSource
from bot.registry.model import Registry
from bot.types import Ns, Session


def build(
    sources: CollectorsSection,
    registry: Registry,
    clock: Callable[[], Ns],
    on_bad: OnBad | None,
    session: Callable[[Ns], Session] | None,
) -> list[Collector]:
    """One collector per source; their libraries are loaded where there is one."""
    built: list[Collector] = []
    if sources.pyth:
        from bot.collectors.pyth import PythCollector

        built += [PythCollector(one, registry, clock=clock, on_bad=on_bad) for one in sources.pyth]
    if sources.chainlink:
        from bot.collectors.chainlink import ChainlinkCollector

        built += [
            ChainlinkCollector(one, registry, clock=clock, session=session, on_bad=on_bad)
            for one in sources.chainlink
        ]
    if sources.xstocks:
        from bot.collectors.issuer_xstocks import XStocksCollector

        built += [XStocksCollector(one, clock=clock, on_bad=on_bad) for one in sources.xstocks]
    if sources.ondo:
        from bot.collectors.issuer_ondo import OndoCollector

        built += [OndoCollector(one, clock=clock, on_bad=on_bad) for one in sources.ondo]
    if sources.robinhood:
        from bot.collectors.issuer_robinhood import RobinhoodCollector

        built += [RobinhoodCollector(one, registry, clock=clock) for one in sources.robinhood]
    if sources.mystonks:
        from bot.collectors.issuer_mystonks import MyStonksCollector

        built += [MyStonksCollector(one, clock=clock, on_bad=on_bad) for one in sources.mystonks]
    return built


def problems(sources: CollectorsSection, registry: Registry) -> list[str]:
    """Mistakes about these sources, each with its key."""
    found: list[str] = []
    for pyth in sources.pyth:
        key = f"collectors.pyth[{pyth.name}].feeds"
        found += _unheard(key, pyth.feeds, registry, "pyth")
    for chainlink in sources.chainlink:
        key = f"collectors.chainlink[{chainlink.name}].feeds"
        found += _unheard(key, chainlink.feeds, registry, "chainlink")
        found += _elsewhere(chainlink, key, registry)
    for xstocks in sources.xstocks:
        key = f"collectors.xstocks[{xstocks.name}].tokens"
        found += _issued(key, xstocks.tokens, registry, "xstocks")
    for ondo in sources.ondo:
        found += _issued(f"collectors.ondo[{ondo.name}].tokens", ondo.tokens, registry, "ondo")
        if not ondo.api_key:
            found.append(f"collectors.ondo[{ondo.name}].api_key: Ondo answers nobody without one; env:NAME")
    for robinhood in sources.robinhood:
        key = f"collectors.robinhood[{robinhood.name}].tokens"
        found += _nowhere(robinhood, key, registry)
    for mystonks in sources.mystonks:
        key = f"collectors.mystonks[{mystonks.name}].symbols"
        found += _issued(key, mystonks.symbols, registry, "mystonks")
    return found


def _unheard(key: str, names: Iterable[str], registry: Registry, oracle: str) -> list[str]:
    known = {one for one, feed in registry.feeds.items() if feed.oracle == oracle}
    return [f"{key}: {name!r} is not among the [[feeds]] of {oracle} in the registry"
            for name in names if name not in known]  # fmt: skip


def _elsewhere(source: ChainlinkSource, key: str, registry: Registry) -> list[str]:
    found = []
    for name in source.feeds:
        feed = registry.feeds.get(name)
        chain = registry.chains.get(feed.chain) if feed is not None else None
        if feed is not None and (chain is None or chain.chain_id != source.chain_id):
            found.append(f"{key}: {name!r} is on {feed.chain or 'no chain'}, not on chain {source.chain_id}")
    return found


def _issued(key: str, tokens: Iterable[str], registry: Registry, issuer: str) -> list[str]:
    ours = {symbol for symbol, token in registry.tokens.items() if token.issuer == issuer}
    return [f"{key}: {symbol!r} is not a token of {issuer} in the registry"
            for symbol in tokens if symbol not in ours]  # fmt: skip


def _nowhere(source: RobinhoodSource, key: str, registry: Registry) -> list[str]:
    chain = next((one for one in registry.chains.values() if one.chain_id == source.chain_id), None)
    if chain is None:
        return [f"{key}: no chain of the registry has chain_id {source.chain_id}"]
    found = []
    for symbol in source.tokens:
        token = registry.tokens.get(symbol)
        if token is None or not token.addresses.keys() & {chain.name, chain.kind}:
            found.append(f"{key}: {symbol!r} has no address on {chain.name} in the registry")
    return found
