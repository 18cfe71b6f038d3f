"""The collectors that a configuration asks for; the only place that knows all of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bot.collectors import factory_oracles, factory_stocks
from bot.collectors.base import Collector, OnBad
from bot.config import (
    CollectorsSection,
    Config,
    ExchangeSource,
)
from bot.errors import ConfigError
from bot.pools.layouts import LAYOUTS
from bot.registry.model import Registry
from bot.tape import exists
from bot.types import Ns, Session

if TYPE_CHECKING:
    from bot.collectors.solana import SolanaCollector
    from bot.pools.state import PoolState

EXTRAS = {
    "evm": ("web3", "evm"),
    "yahoo": ("yfinance", "stocks"),
    "solana": ("solders", "solana"),
    "jupiter": ("aiohttp", "solana"),
    "pyth": ("aiohttp", "oracles"),
    "chainlink": ("web3", "evm"),
    "xstocks": ("aiohttp", "oracles"),
    "ondo": ("aiohttp", "oracles"),
    "robinhood": ("web3", "evm"),
    "mystonks": ("aiohttp", "oracles"),
    "exchange": ("ccxt", "exchanges"),
    "alpaca": ("alpaca", "alpaca"),
    "ibkr": ("ib_async", "ibkr"),
    "yahoo_options": ("yfinance", "stocks"),
    "alpaca_options": ("alpaca", "alpaca"),
}
"""Kind of source → the library it needs and the extra of pegbot that installs it."""


def build(
    config: Config,
    registry: Registry,
    clock: Callable[[], Ns] = time.time_ns,
    *,
    now: Ns = 0,
    on_bad: OnBad | None = None,
    session: Callable[[Ns], Session] | None = None,
) -> list[Collector]:
    """One collector per source of ``[collectors]``; nothing is opened yet.

    ``now`` is the event time the engine stands at (0: it is new): tapes go on from there. ``on_bad`` is told
    of each datum set aside; ``session`` says when the US market is open, so that silence can be judged.
    Raises :class:`ConfigError` with every mistake that shows before anything is reached.
    """
    sources = config.collectors
    found = problems(config, registry)
    if found:
        raise ConfigError(found)
    built: list[Collector] = []
    solana: list[SolanaCollector] = []
    if sources.tape:
        from bot.collectors.tape import TapeCollector

        built += [TapeCollector(one, config.base, start=now, on_bad=on_bad) for one in sources.tape]
    if sources.evm:
        from bot.collectors.evm import EvmCollector

        built += [EvmCollector(one, registry, clock=clock, on_bad=on_bad) for one in sources.evm]
    if sources.solana:
        from bot.collectors.solana import SolanaCollector

        solana = [SolanaCollector(one, registry, clock=clock) for one in sources.solana]
        built += solana
    if sources.jupiter:
        from bot.collectors.jupiter import JupiterCollector

        def state(address: str) -> PoolState | None:
            return next((found for one in solana if (found := one.state(address)) is not None), None)

        built += [JupiterCollector(one, registry, clock=clock, states=state) for one in sources.jupiter]
    if sources.exchange:
        from bot.collectors.exchange import ExchangeCollector
        from bot.collectors.kraken import KrakenCollector

        built += [
            (KrakenCollector if one.exchange == "kraken" else ExchangeCollector)(
                one, registry, clock=clock, on_bad=on_bad
            )
            for one in sources.exchange
        ]
    if sources.yahoo:
        from bot.collectors.yahoo import YahooCollector

        built += [
            YahooCollector(
                one,
                clock=clock,
                session=session,
                on_bad=on_bad,
                backoff_initial=sources.backoff_initial_seconds,
                backoff_max=sources.backoff_max_seconds,
            )
            for one in sources.yahoo
        ]
    built += factory_stocks.build(sources, clock, on_bad, session)
    built += factory_oracles.build(sources, registry, clock, on_bad, session)
    return built


def problems(config: Config, registry: Registry) -> list[str]:
    """Mistakes about sources, each with its key and the fix."""
    sources = config.collectors
    found = [*_missing_extras(sources)]
    names = Counter(one.name for one in sources.every)
    found += [f"collectors: {count} sources are called {name!r}; give each its own name"
              for name, count in names.items() if count > 1]  # fmt: skip
    for tape in sources.tape:
        path = config.path(tape.path)
        if not exists(path):
            found.append(f"collectors.tape[{tape.name}].path: no file {path}; `pegbot simulate` makes one")
    for evm in sources.evm:
        found += [f"collectors.evm[{evm.name}].pools: {pool!r} is not among the [[pools]] of the registry"
                  for pool in evm.pools if pool not in registry.pools]  # fmt: skip
    for solana in sources.solana:
        found += _unlike(f"collectors.solana[{solana.name}].pools", solana.pools, registry)
    for jupiter in sources.jupiter:
        key = f"collectors.jupiter[{jupiter.name}].tokens"
        addresses = {symbol: token.addresses for symbol, token in registry.tokens.items()}
        found += [f"{key}: {symbol!r} has no address on Solana in the registry"
                  for symbol in jupiter.tokens if "solana" not in addresses.get(symbol, {})]  # fmt: skip
    for exchange in sources.exchange:
        found += _unmarketable(exchange, registry)
    for yahoo in sources.yahoo:
        found += [f"collectors.yahoo[{yahoo.name}].symbols: {symbol!r} is not an underlying of the registry"
                  for symbol in yahoo.symbols if symbol not in registry.underlyings]  # fmt: skip
    found += factory_stocks.problems(sources, registry)
    found += factory_oracles.problems(sources, registry)
    return found


def _unlike(key: str, pools: Sequence[str], registry: Registry) -> list[str]:
    """Pools that are not the registry's, or not on Solana."""
    found = []
    for name in pools:
        entry = registry.pools.get(name)
        chain = None if entry is None else registry.chains.get(entry.chain)
        if entry is None:
            found.append(f"{key}: {name!r} is not among the [[pools]] of the registry")
        elif chain is None or chain.kind != "solana":
            found.append(f"{key}: {name!r} is on {entry.chain}, which is no Solana chain")
        elif entry.amm not in LAYOUTS:
            found.append(f"{key}: {name!r} has amm {entry.amm!r}; known are {', '.join(LAYOUTS)}")
    return found


def _unmarketable(source: ExchangeSource, registry: Registry) -> list[str]:
    """Names of markets that stand for nothing on the venue."""
    key, venue = f"collectors.exchange[{source.name}]", source.venue or source.exchange
    if venue not in registry.venues:
        return [f"{key}.exchange: {venue!r} is not among the [[venues]] of the registry"]
    found = []
    for name in source.markets:
        if registry.resolve(f"{name}@{venue}") is not None:
            continue
        if name in registry.underlyings:
            why = f"{venue} is no reference for shares; its [[venues]] entry would need reference = true"
        else:
            why = "no token, currency or share of the registry"
        found.append(f"{key}.markets: {name!r}: {why}")
    return found


def _missing_extras(sources: CollectorsSection) -> list[str]:
    return [
        f"collectors.{kind}: needs {library}; install it: pip install 'pegbot[{extra}]'"
        for kind, (library, extra) in EXTRAS.items()
        if getattr(sources, kind) and find_spec(library) is None
    ]
