"""The collectors of share prices and option chains that a configuration asks for, Yahoo's socket aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.collectors.base import Collector, OnBad
from bot.config import AlpacaOptionsSource, AlpacaSource, CollectorsSection
from bot.registry.model import Registry
from bot.types import Ns, Session


def build(
    sources: CollectorsSection,
    clock: Callable[[], Ns],
    on_bad: OnBad | None,
    session: Callable[[Ns], Session] | None,
) -> list[Collector]:
    """One collector per source; their libraries are loaded where there is one, when it runs."""
    built: list[Collector] = []
    if sources.alpaca:
        from bot.collectors.alpaca import AlpacaCollector

        built += [
            AlpacaCollector(
                one,
                clock=clock,
                session=session,
                on_bad=on_bad,
                backoff_initial=sources.backoff_initial_seconds,
                backoff_max=sources.backoff_max_seconds,
            )
            for one in sources.alpaca
        ]
    if sources.ibkr:
        from bot.collectors.ibkr import IbkrCollector

        built += [IbkrCollector(one, clock=clock, on_bad=on_bad) for one in sources.ibkr]
    if sources.yahoo_options:
        from bot.collectors.yahoo_options import YahooOptions

        built += [
            YahooOptions(one, clock=clock, session=session, on_bad=on_bad) for one in sources.yahoo_options
        ]
    if sources.alpaca_options:
        from bot.collectors.alpaca_options import AlpacaOptions

        built += [
            AlpacaOptions(one, clock=clock, session=session, on_bad=on_bad) for one in sources.alpaca_options
        ]
    return built


def problems(sources: CollectorsSection, registry: Registry) -> Iterator[str]:
    """Mistakes about these sources, each with its key."""
    for kind in ("alpaca", "ibkr", "yahoo_options", "alpaca_options"):
        for one in getattr(sources, kind):
            for symbol in one.symbols:
                if symbol not in registry.underlyings:
                    key = f"collectors.{kind}[{one.name}].symbols"
                    yield f"{key}: {symbol!r} is not an underlying of the registry"
    for kind in ("alpaca", "alpaca_options"):
        for one in getattr(sources, kind):
            for key in ("api_key", "api_secret"):
                if not getattr(one, key):
                    where = f"collectors.{kind}[{one.name}].{key}"
                    yield f"{where}: Alpaca answers nobody without one; env:NAME"


def keyed_sources(sources: CollectorsSection) -> list[AlpacaSource | AlpacaOptionsSource]:
    """Those that have Alpaca's pair of keys."""
    return [*sources.alpaca, *sources.alpaca_options]
