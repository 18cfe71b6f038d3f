"""What can be known to be wrong with a configuration before anything is opened: all of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bot.collectors.factory import problems as source_problems
from bot.collectors.factory_stocks import keyed_sources
from bot.config import (
    ChainlinkSource,
    CollectorsSection,
    Config,
    EvmSource,
    JupiterSource,
    MyStonksSource,
    OndoSource,
    PythSource,
    RobinhoodSource,
    Secret,
    Section,
    XStocksSource,
    secret,
)
from bot.errors import ConfigError, UsageError
from bot.kill import path as kill_path
from bot.registry.model import Registry
from bot.tape import ending_of

REFERENCES = ("env:", "file:")
ASKED, STREAMED = ("http", "https"), ("ws", "wss")
"""Schemes of what is asked, and of what is subscribed to."""


def problems(config: Config, registry: Registry) -> list[str]:
    """Every mistake, each with its key and the fix; empty if the daemon may start."""
    found = source_problems(config, registry)
    for key, reference in _references(config):
        try:
            secret(reference)
        except ConfigError as error:
            found.append(f"{key}: {error}")
    found += [*_urls(config), *_names(config, registry)]
    if config.record.path:
        try:
            ending_of(Path(config.record.path))
        except UsageError as error:
            found.append(f"record.path: {error}")
    if kill_path(config).is_dir():
        found.append(
            f"execution.kill_file: {config.execution.kill_file!r} is a folder; name a file that pegbot "
            "kill may put there"
        )
    if config.execution.mode == "live":
        found.append(
            'execution.mode: "live" can send orders nowhere in this version (live.no_venue); '
            'set it to "paper" or "off"'
        )
    return found


def require(config: Config, registry: Registry) -> None:
    """Raises :class:`ConfigError` with every mistake, if there is one."""
    found = problems(config, registry)
    if found:
        raise ConfigError(found)


def secrets(config: Config) -> list[Secret]:
    """The values that no log may show; those that cannot be read are left out."""
    known: list[Secret] = []
    for _, reference in _references(config):
        try:
            known.append(secret(reference))
        except ConfigError:
            continue
    return known


def _references(config: Config) -> Iterator[tuple[str, str]]:
    """Key and text of each value that is given by reference."""
    every = [("ledger.url", config.ledger.url), ("mqtt.password", config.mqtt.password)]
    for evm in config.collectors.evm:
        every += [(f"collectors.evm[{evm.name}].urls", url) for url in evm.urls]
    for solana in config.collectors.solana:
        every += [(f"collectors.solana[{solana.name}].urls", url) for url in solana.urls]
        every += [(f"collectors.solana[{solana.name}].websocket_urls", url) for url in solana.websocket_urls]
    for jupiter in config.collectors.jupiter:
        every.append((f"collectors.jupiter[{jupiter.name}].api_key", jupiter.api_key))
    for exchange in config.collectors.exchange:
        for key in ("api_key", "api_secret", "api_password"):
            every.append((f"collectors.exchange[{exchange.name}].{key}", getattr(exchange, key)))
    keyed: list[PythSource | OndoSource] = [*config.collectors.pyth, *config.collectors.ondo]
    every += [(f"collectors.{one.name}.api_key", one.api_key) for one in keyed]
    for pair in keyed_sources(config.collectors):
        every += [(f"collectors.{pair.name}.{key}", getattr(pair, key)) for key in ("api_key", "api_secret")]
    on_chain: list[ChainlinkSource | RobinhoodSource] = [
        *config.collectors.chainlink,
        *config.collectors.robinhood,
    ]
    every += [(f"collectors.{one.name}.urls", url) for one in on_chain for url in one.urls]
    every += [(f"alerts.channels[{one.name}].url", one.url) for one in config.alerts.channels]
    return ((key, text) for key, text in every if text.startswith(REFERENCES))


def _urls(config: Config) -> list[str]:
    """Addresses of a kind that cannot be used; one given by reference is judged when it is opened."""
    found = []
    scheme = config.ledger.url.partition(":")[0].partition("+")[0]
    if scheme not in ("env", "file", "sqlite", "postgresql"):
        found.append(f"ledger.url: {scheme} is not supported; use sqlite+aiosqlite or postgresql+asyncpg")
    found += [
        f"{key}: {problem}"
        for key, url, kinds in addresses(config.collectors)
        if url and not url.startswith(REFERENCES) and (problem := _unusable(url, kinds))
    ]
    return found


def addresses(sources: CollectorsSection) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Key, text and schemes that go, of every address of a source."""
    on_chain: list[EvmSource | ChainlinkSource | RobinhoodSource] = [
        *sources.evm, *sources.chainlink, *sources.robinhood,
    ]  # fmt: skip
    for chain in on_chain:
        for url in chain.urls:
            yield f"collectors.{_kind(chain)}[{chain.name}].urls", url, STREAMED
    for solana in sources.solana:
        for url in solana.urls:
            yield f"collectors.solana[{solana.name}].urls", url, ASKED
        for url in solana.websocket_urls:
            yield f"collectors.solana[{solana.name}].websocket_urls", url, STREAMED
    asked: list[JupiterSource | PythSource | XStocksSource | OndoSource | MyStonksSource] = [
        *sources.jupiter, *sources.pyth, *sources.xstocks, *sources.ondo, *sources.mystonks,
    ]  # fmt: skip
    for one in asked:
        yield f"collectors.{_kind(one)}[{one.name}].url", one.url, ASKED
    for yahoo in sources.yahoo:
        yield f"collectors.yahoo[{yahoo.name}].query_url", yahoo.query_url, ASKED
        yield f"collectors.yahoo[{yahoo.name}].stream_url", yahoo.stream_url, STREAMED
    for alpaca in sources.alpaca:
        yield f"collectors.alpaca[{alpaca.name}].data_url", alpaca.data_url, ASKED
        yield f"collectors.alpaca[{alpaca.name}].stream_url", alpaca.stream_url, STREAMED
    for chains in sources.yahoo_options:
        yield f"collectors.yahoo_options[{chains.name}].query_url", chains.query_url, ASKED
    for options in sources.alpaca_options:
        yield f"collectors.alpaca_options[{options.name}].data_url", options.data_url, ASKED
        yield f"collectors.alpaca_options[{options.name}].trading_url", options.trading_url, ASKED
    for exchange in sources.exchange:
        yield f"collectors.exchange[{exchange.name}].rest_url", exchange.rest_url, ASKED
        yield f"collectors.exchange[{exchange.name}].websocket_url", exchange.websocket_url, STREAMED


def _kind(source: Section) -> str:
    return type(source).__name__.removesuffix("Source").lower()


def _unusable(url: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with an address, "" if nothing is. It may hold a key, so it is not repeated."""
    use = " or ".join(f"{scheme}://" for scheme in schemes)
    scheme, colon, _ = url.partition("://")
    if not colon or scheme.lower() not in schemes:
        what = scheme if colon and scheme.isalnum() else "this"
        return f"{what} cannot be {'subscribed to' if schemes is STREAMED else 'asked'}; use {use}"
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return ""
    except ValueError:  # brackets, or a port that cannot be
        pass
    return f"malformed: no such host or port can be; write it as {schemes[-1]}://host:port/path"


def _names(config: Config, registry: Registry) -> list[str]:
    """What the strategy names and the registry does not have."""
    found = [
        f"strategy.ineligible_issuers: {name!r} is neither an issuer of the registry nor a conversion"
        for name in config.strategy.ineligible_issuers
        if name not in registry.issuers | registry.conversions
    ]
    hedges = {*registry.option_venues, *registry.perp_venues, *registry.perpetual_venues}
    found += [
        f"strategy.ineligible_hedges: {name!r} is no venue of options or perps of the registry: "
        f"{', '.join(sorted(hedges))}"
        for name in config.strategy.ineligible_hedges
        if name not in hedges
    ]
    for name in config.strategy.inventory_tokens:
        if name.partition("@")[0] not in registry.tokens:
            found.append(f"strategy.inventory_tokens: {name!r} is not a token of the registry")
    for name, tokens in config.strategy.inventory_tokens.items():
        if tokens < 0:
            found.append(f"strategy.inventory_tokens: {name} is {tokens:g}; nobody holds less than none")
    return found
