"""One schema for ``config/*.toml``: every key, its unit, its default, its bounds.

:func:`load` reports all mistakes at once, each with file and key and what would be right.
Secrets come from the environment or files (``env:NAME`` or ``file:PATH``), never from the TOML.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from bot.errors import ConfigError

Ratio = Annotated[float, Field(ge=0, le=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]
PositiveUsd = Annotated[float, Field(gt=0)]


LARGEST = 1e12
"""No dollar, second or count of a configuration is more."""
PRUNINGS = 5
"""How often what is wrong is taken out of a config to judge the rest of it."""
BY_REFERENCE = "a secret is written env:NAME or file:PATH, never as the value itself"


class Secret(SecretStr):
    """A secret by reference: ``env:NAME`` or ``file:PATH`` in the TOML, its value only in memory."""


def resolve_secret(reference: str, environ: Mapping[str, str]) -> Secret:
    """Value behind ``env:NAME`` or ``file:PATH``; ValueError says what is missing."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        if rest not in environ:
            raise ValueError(f"environment variable {rest} is not set")
        return Secret(environ[rest])
    if scheme == "file" and rest:
        try:
            return Secret(Path(rest).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"cannot read secret file {rest}: {error.strerror}") from None
        except UnicodeDecodeError:  # its own repr holds what was read
            raise ValueError(f"secret file {rest} is not text") from None
    raise ValueError(BY_REFERENCE)


class Section(BaseModel):
    """A table of the TOML; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _no_larger_than_anything(cls, value: Any) -> Any:
        numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if any(isinstance(number, int | float) and abs(number) > LARGEST for number in numbers):
            raise ValueError(f"is more than {LARGEST:g}, which nothing here is")
        return value

    @field_validator("symbols", check_fields=False)
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        twice = sorted({one for one in value if isinstance(value, list) and value.count(one) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands twice; remove one")
        return value


class LogSection(Section):
    """``[log]``: what goes to stderr."""

    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON otherwise"
    )
    level: Literal["debug", "info", "warning", "error"] = "info"


class WebSection(Section):
    """``[web]``: the page, ``/api``, ``/metrics``, ``/healthz`` and ``/readyz``."""

    host: str = "127.0.0.1"
    port: int = Field(8050, ge=0, le=65535, description="0 picks a free port")
    hosts: list[str] = Field(
        [], description="names, beside addresses and localhost, by which the page may take commands"
    )
    notice: str = Field("", description="shown on top of the page, as in: simulated data")


class TapeSource(Section):
    """``[[collectors.tape]]``: ticks from a file."""

    name: str = "tape"
    path: str = Field(description="CSV, JSON Lines or Parquet, by ending; relative to the config file")
    speed: float = Field(
        0.0, ge=0, description="1 is real time, 600 is ten minutes a second, 0 as fast as possible"
    )
    loop: bool = Field(False, description="start again at the end, with the clock moved on")


class EvmSource(Section):
    """``[[collectors.evm]]``: pools of one EVM chain over a WebSocket, of all kinds together."""

    name: str = "evm"
    urls: list[str] = Field(
        min_length=1, description="WebSocket endpoints, in order of preference; env:NAME for one with a key"
    )
    chain_id: int = Field(ge=1)
    confirmations: int = Field(
        0, ge=0, le=256, description="blocks behind the head that are trusted for state"
    )
    reorg_depth: int = Field(
        64, ge=1, le=4096, description="blocks kept so that a reorganisation can be undone"
    )
    silence_seconds: PositiveSeconds = Field(
        60.0, description="no new block for so long: the feed is silent, reconnect"
    )
    behind_seconds: PositiveSeconds = Field(
        120.0, description="a head older than this: the node is behind, the next of urls is tried"
    )
    prefer_seconds: PositiveSeconds = Field(
        300.0, description="how often the first of urls is tried again while another one is used"
    )
    verify_blocks: int = Field(
        200, ge=1, description="a pool's kept state is compared with the chain once in so many blocks"
    )
    token_seconds: PositiveSeconds = Field(
        10.0, description="how often tokens are asked for their multiplier and whether they are paused"
    )
    calls_per_request: int = Field(
        500, ge=1, le=10_000, description="contract calls that go into one eth_call by Multicall3"
    )
    requests_per_second: float = Field(
        0.0, ge=0, description="at most so many requests to a node; 0 is no limit of ours"
    )
    pools: list[str] = Field(
        min_length=1, description="instruments of the registry, e.g. AMZNx@uniswap:0x3cd7f2a1"
    )


class SolanaSource(Section):
    """``[[collectors.solana]]``: pools of Solana programs, by account subscriptions, all of one slot."""

    name: str = "solana"
    urls: list[str] = Field(
        min_length=1, description="HTTP endpoints, in order of preference; env:NAME for one with a key"
    )
    websocket_urls: list[str] = Field(
        [],
        description="one for each of urls; without: the same with ws for http, its port plus one",
    )
    commitment: Literal["processed", "confirmed", "finalized"] = "confirmed"
    genesis_hash: str = Field("", description="of the cluster it must be; empty: any")
    pools: list[str] = Field(
        min_length=1, description="instruments of the registry, e.g. TSLAx@raydium:8aDaBQkT"
    )
    silence_seconds: PositiveSeconds = Field(
        20.0, description="no slot or no clock for so long: the subscription is silent, reconnect"
    )
    behind_seconds: PositiveSeconds = Field(
        60.0, description="a node whose clock, or whose slot, lags by more is left for the next one"
    )
    poll_seconds: PositiveSeconds = Field(
        30.0,
        description="how often every account is read again, to check the subscriptions; or instead of them, "
        "where no endpoint has any",
    )
    requests_per_second: float = Field(8.0, gt=0, description="at most so many HTTP requests")
    max_subscriptions: int = Field(
        5000, ge=10, description="of one connection; pools beyond are not quoted: make a second source"
    )

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if self.websocket_urls and len(self.websocket_urls) != len(self.urls):
            raise ValueError("websocket_urls has to name one for each of urls, or none")
        return self


class JupiterSource(Section):
    """``[[collectors.jupiter]]``: Jupiter's own quotes, as an independent check of ours."""

    name: str = "jupiter"
    url: str = Field("https://api.jup.ag/swap/v1/quote", description="the endpoint for quotes")
    api_key: str = Field("", description="env:NAME or file:PATH; without one, half a request a second")
    tokens: list[str] = Field(min_length=1, description="of the registry, with an address on Solana")
    sizes_usd: list[PositiveUsd] = Field(
        [500.0], min_length=1, description="each is asked for on both sides; the first makes the quote"
    )
    quote_address: str = Field(
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", description="what is paid with; USDC"
    )
    quote_decimals: int = Field(6, ge=0, le=18)
    quote_usd: PositiveUsd = Field(1.0, description="what one of it is taken to be worth")
    every_seconds: PositiveSeconds = Field(30.0, description="how often each size is asked for")
    requests_per_second: float = Field(0.5, gt=0)
    silence_seconds: PositiveSeconds = Field(300.0, description="no answer for so long: the source is down")
    tolerance: Ratio = Field(
        0.002, description="a route through one pool may differ from our own quote of it by so much"
    )

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(BY_REFERENCE)
        return value


class YahooSource(Section):
    """``[[collectors.yahoo]]``: share prices through yfinance: socket, and polling as fall-back."""

    name: str = "yahoo"
    symbols: list[str] = Field(min_length=1, description="underlyings of the registry")
    stream_url: str = "wss://streamer.finance.yahoo.com/?version=2"
    query_url: str = Field("https://query2.finance.yahoo.com", description="base of the polling endpoint")
    silence_seconds: PositiveSeconds = Field(
        60.0, description="no message for so long in session: rebuild the socket"
    )
    poll_seconds: PositiveSeconds = Field(30.0, description="how often to poll while the socket is down")


class KeyedSource(Section):
    """A source that may want a key."""

    api_key: str = Field("", description="env:NAME or file:PATH")

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(BY_REFERENCE)
        return value


class AlpacaKeys(KeyedSource):
    """Alpaca's pair of keys; its market data answers nobody without."""

    api_secret: str = Field("", description="env:NAME or file:PATH")

    @field_validator("api_secret")
    @classmethod
    def _secret_by_reference(cls, value: str) -> str:
        return cls._by_reference(value)


class AlpacaSource(AlpacaKeys):
    """``[[collectors.alpaca]]``: share prices and halts through alpaca-py: socket, polling as fall-back."""

    name: str = "alpaca"
    symbols: list[str] = Field(
        min_length=1, description="underlyings of the registry; 30 at most without a plan"
    )
    feed: Literal["iex", "sip"] = Field(
        "iex",
        description="iex is one exchange's book, 2 to 3 % of the volume; sip is of all, and is paid for",
    )
    stream_url: str = Field("wss://stream.data.alpaca.markets/v2", description="without the feed")
    data_url: str = Field("https://data.alpaca.markets", description="base of the polling endpoint")
    silence_seconds: PositiveSeconds = Field(
        60.0, description="no message for so long in session: rebuild the socket"
    )
    poll_seconds: PositiveSeconds = Field(10.0, description="how often to poll while the socket is down")


class IbkrSource(Section):
    """``[[collectors.ibkr]]``: share prices and halts through a TWS or gateway that runs."""

    name: str = "ibkr"
    symbols: list[str] = Field(min_length=1, description="underlyings of the registry")
    host: str = Field("127.0.0.1", min_length=1, description="where TWS or the gateway listens")
    port: int = Field(4001, ge=1, le=65535, description="gateway: 4001, paper 4002; TWS: 7496, paper 7497")
    client_id: int = Field(57, ge=1, le=2**31 - 1, description="no other program at this TWS may use it")
    market_data: Literal["live", "delayed"] = Field(
        "live",
        description="delayed: 15 minutes late where there is no subscription; marked and dated so",
    )
    quote_seconds: float = Field(
        0.25, ge=0, description="at most one quote per instrument in so long; the latest wins"
    )
    silence_seconds: PositiveSeconds = Field(
        20.0, description="no answer to a question for so long: reconnect; it is asked three times as often"
    )


class OptionsSource(Section):
    """Which options of a chain are of use, and how often they are asked for."""

    symbols: list[str] = Field(min_length=1, description="underlyings of the registry")
    min_days: int = Field(1, ge=0, le=3650, description="no option that expires in fewer days is asked for")
    max_days: int = Field(60, ge=0, le=3650, description="nor in more")
    strikes_within: float = Field(
        0.2, gt=0, lt=1, description="nor one with a strike farther from the share's price, as a ratio of it"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_days > self.max_days:
            raise ValueError("min_days must not exceed max_days, or no option would be left")
        return self


class YahooOptionsSource(OptionsSource):
    """``[[collectors.yahoo_options]]``: option chains through yfinance; no key, no sizes, 15 minutes late."""

    name: str = "yahoo_options"
    query_url: str = Field("https://query2.finance.yahoo.com", description="base of the endpoint")
    poll_seconds: PositiveSeconds = Field(300.0, description="how often the chains are asked for")
    delay_seconds: float = Field(900.0, ge=0, description="how late Yahoo's option quotes are")
    requests_per_second: float = Field(0.5, gt=0, description="one for each expiry, and one for each symbol")


class AlpacaOptionsSource(AlpacaKeys, OptionsSource):
    """``[[collectors.alpaca_options]]``: option chains through alpaca-py, with sizes."""

    name: str = "alpaca_options"
    feed: Literal["indicative", "opra"] = Field(
        "indicative", description="indicative is free and nobody's firm quote; opra is, and is paid for"
    )
    stock_feed: Literal["iex", "sip"] = Field(
        "iex", description="of the share prices that choose the strikes"
    )
    data_url: str = Field("https://data.alpaca.markets", description="base of the quotes' endpoint")
    trading_url: str = Field(
        "https://paper-api.alpaca.markets",
        description="where contracts are listed, with open interest; api.alpaca.markets for the keys of a "
        "live account; empty: open interest is not known",
    )
    poll_seconds: PositiveSeconds = Field(30.0, description="how often the chains are asked for")
    contracts_seconds: PositiveSeconds = Field(3600.0, description="how often contracts are listed anew")
    requests_per_second: float = Field(2.0, gt=0, description="Alpaca answers 200 a minute without a plan")


class PythSource(KeyedSource):
    """``[[collectors.pyth]]``: Pyth's prices from a Hermes server, streamed; polled where that fails."""

    name: str = "pyth"
    url: str = Field("https://pyth.dourolabs.app/hermes", description="base of the Hermes server")
    feeds: list[str] = Field(min_length=1, description="of the registry's feeds, e.g. AAPL@pyth")
    stream: bool = Field(True, description="false: poll only")
    poll_seconds: PositiveSeconds = Field(10.0, description="how often to poll while there is no stream")
    requests_per_second: float = Field(2.0, gt=0, description="Hermes answers 3 a second")
    silence_seconds: PositiveSeconds = Field(
        45.0, description="no event and no sign of life for so long: a new stream"
    )
    frozen_seconds: PositiveSeconds = Field(
        120.0, description="a price that stays while its time moves on is told as frozen after so long"
    )
    max_confidence: float = Field(
        0.05, gt=0, lt=1, description="publishers farther apart than this, as a ratio of the price, have none"
    )


class ChainlinkSource(Section):
    """``[[collectors.chainlink]]``: Chainlink's feeds on one EVM chain, read at its blocks."""

    name: str = "chainlink"
    urls: list[str] = Field(
        min_length=1, description="WebSocket endpoints, in order of preference; env:NAME for one with a key"
    )
    chain_id: int = Field(ge=1)
    feeds: list[str] = Field(min_length=1, description="of the registry's feeds, e.g. USDC@chainlink")
    every_seconds: PositiveSeconds = Field(3.0, description="at most one reading, of all feeds, in so long")
    late_seconds: float = Field(
        300.0, ge=0, description="so much later than its heartbeat an answer is stale"
    )
    silence_seconds: PositiveSeconds = Field(60.0, description="no new block for so long: reconnect")
    requests_per_second: float = Field(0.0, ge=0, description="0 is no limit of ours")


class XStocksSource(Section):
    """``[[collectors.xstocks]]``: the issuer's public API: quotes, multipliers, halts, custody, actions.

    No key. The issuer allows 1,000 requests a minute.
    """

    name: str = "xstocks"
    url: str = "https://api.xstocks.fi/api/v2/public"
    tokens: list[str] = Field(min_length=1, description="tokens of the issuer xstocks in the registry")
    network: str = Field("Solana", description="whose multiplier is asked for, in the issuer's words")
    quote_unit: Literal["share", "token"] = Field(
        "share",
        description="what the issuer's quote is per: its documents do not say; a share is multiplied up",
    )
    quote_seconds: PositiveSeconds = Field(15.0, description="how often quotes are asked for")
    status_seconds: PositiveSeconds = Field(30.0, description="how often halts are")
    multiplier_seconds: PositiveSeconds = Field(60.0, description="how often multipliers are")
    reserves_seconds: PositiveSeconds = Field(600.0, description="how often shares in custody are")
    actions_seconds: PositiveSeconds = Field(900.0, description="how often corporate actions are")
    reserves_max_age_seconds: PositiveSeconds = Field(
        172_800.0, description="an older proof of reserves says nothing"
    )
    requests_per_second: float = Field(10.0, gt=0, le=16)
    silence_seconds: PositiveSeconds = Field(120.0, description="no answer for so long: the source is down")


class OndoSource(KeyedSource):
    """``[[collectors.ondo]]``: Ondo Global Markets: hours, halts, limits, prices, quotes. Needs a key."""

    name: str = "ondo"
    url: str = "https://api.gm.ondo.finance/v1"
    tokens: list[str] = Field(min_length=1, description="tokens of the issuer ondo in the registry")
    price_seconds: PositiveSeconds = Field(5.0, description="how often prices are asked for")
    status_seconds: PositiveSeconds = Field(30.0, description="how often market and assets are")
    market_seconds: PositiveSeconds = Field(60.0, description="how often shares per token are")
    limits_seconds: PositiveSeconds = Field(
        120.0, description="how often limits are, for each token and side"
    )
    soft_usd: float = Field(0.0, ge=0, description="size of the soft quotes asked for; 0: none are")
    soft_chain: str = Field("ethereum-1", description="chain of the soft quotes, in the issuer's words")
    soon_seconds: PositiveSeconds = Field(
        900.0, description="closed, and open again within so long by its own word, is no halt"
    )
    requests_per_second: float = Field(4.0, gt=0)
    silence_seconds: PositiveSeconds = Field(120.0, description="no answer for so long: the source is down")


class RobinhoodSource(Section):
    """``[[collectors.robinhood]]``: what tokens of one EVM chain say of themselves: multiplier, pause.

    For Robinhood's stock tokens; any that speak ERC-8056 will do.
    """

    name: str = "robinhood"
    urls: list[str] = Field(
        min_length=1, description="WebSocket endpoints, in order of preference; env:NAME for one with a key"
    )
    chain_id: int = Field(4663, ge=1)
    tokens: list[str] = Field(min_length=1, description="tokens of the registry with an address on the chain")
    every_seconds: PositiveSeconds = Field(3.0, description="at most one reading, of all tokens, in so long")
    silence_seconds: PositiveSeconds = Field(60.0, description="no new block for so long: reconnect")
    requests_per_second: float = Field(0.0, ge=0, description="0 is no limit of ours")


class MyStonksSource(Section):
    """``[[collectors.mystonks]]``: candles of MyStonks' own market, from an undocumented endpoint.

    Seen in other people's code in 2025; it may change or go without notice.
    """

    name: str = "mystonks"
    url: str = "https://api9528mystks.mystonks.org"
    path: str = "/api/v1/stockhome/newKline"
    symbols: dict[str, str] = Field(min_length=1, description="token of the registry = symbol there")
    kind: int = Field(1, description="sType of the request")
    interval: str = Field("1m", description="kType of the request")
    interval_seconds: PositiveSeconds = Field(60.0, description="and what that is")
    every_seconds: PositiveSeconds = Field(60.0, description="how often each symbol is asked for")
    requests_per_second: float = Field(1.0, gt=0)
    silence_seconds: PositiveSeconds = Field(600.0, description="no answer for so long: the source is down")


class ExchangeSource(Section):
    """``[[collectors.exchange]]``: markets of one exchange, through ccxt."""

    name: str = "kraken"
    exchange: str = Field(
        "kraken",
        description="by ccxt's name: kraken, bybit, gate, bitget, binance, krakenfutures, hyperliquid; "
        "others are untested",
    )
    venue: str = Field("", description="as instruments call it; empty: as exchange")
    markets: dict[str, str] = Field(
        min_length=1,
        description="token, currency or (of a future) share of the registry, and the market it is there: "
        'TSLAx = "TSLAx/USD"; ccxt\'s symbols, for xStocks on Kraken its own',
    )
    depth: int = Field(10, ge=1, le=1000, description="levels of the book on each side")
    trades: bool = True
    quote_seconds: float = Field(
        0.25, ge=0, description="at most one quote per instrument in so long; the latest wins"
    )
    silence_seconds: PositiveSeconds = Field(
        20.0, description="not even a heartbeat or a pong for so long: reconnect"
    )
    check_seconds: PositiveSeconds = Field(
        900.0, description="how often to ask which markets trade, and on what terms"
    )
    requests_per_second: float = Field(0.0, ge=0, description="over HTTP; 0 is what ccxt holds to be allowed")
    rest_url: str = Field("", description="instead of ccxt's address, paths kept: a proxy's, or a test's")
    websocket_url: str = Field("", description="the same for its sockets")
    api_key: str = Field("", description="env:NAME or file:PATH; market data needs none")
    api_secret: str = ""
    api_password: str = Field("", description="where an exchange wants a third")

    @field_validator("api_key", "api_secret", "api_password")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(BY_REFERENCE)
        return value


Source = (
    TapeSource
    | EvmSource
    | SolanaSource
    | JupiterSource
    | YahooSource
    | ExchangeSource
    | PythSource
    | ChainlinkSource
    | XStocksSource
    | OndoSource
    | RobinhoodSource
    | MyStonksSource
    | AlpacaSource
    | IbkrSource
    | YahooOptionsSource
    | AlpacaOptionsSource
)


class CollectorsSection(Section):
    """``[collectors]``: where ticks come from."""

    tape: list[TapeSource] = []
    evm: list[EvmSource] = []
    solana: list[SolanaSource] = []
    jupiter: list[JupiterSource] = []
    yahoo: list[YahooSource] = []
    exchange: list[ExchangeSource] = []
    pyth: list[PythSource] = []
    chainlink: list[ChainlinkSource] = []
    xstocks: list[XStocksSource] = []
    ondo: list[OndoSource] = []
    robinhood: list[RobinhoodSource] = []
    mystonks: list[MyStonksSource] = []
    alpaca: list[AlpacaSource] = []
    ibkr: list[IbkrSource] = []
    yahoo_options: list[YahooOptionsSource] = []
    alpaca_options: list[AlpacaOptionsSource] = []
    backoff_initial_seconds: PositiveSeconds = 0.5
    backoff_max_seconds: PositiveSeconds = 60.0
    grace_seconds: float = Field(
        15.0, ge=0, description="a source lost for less than this is no incident; then the engine is told"
    )
    queue_ticks: int = Field(
        65536, ge=16, description="bound of the queue to the engine; the oldest quote goes first"
    )

    @property
    def every(self) -> list[Source]:
        """All sources, of whatever kind."""
        return [
            *self.tape,
            *self.evm,
            *self.solana,
            *self.jupiter,
            *self.yahoo,
            *self.exchange,
            *self.pyth,
            *self.chainlink,
            *self.xstocks,
            *self.ondo,
            *self.robinhood,
            *self.mystonks,
            *self.alpaca,
            *self.ibkr,
            *self.yahoo_options,
            *self.alpaca_options,
        ]


class ValuationSection(Section):
    """``[valuation]``: how fair value is estimated, and how fast certainty fades."""

    annual_volatility: float = Field(0.5, gt=0, lt=10, description="of a share the registry says nothing of")
    closed_variance_fraction: Ratio = Field(
        0.2, description="variance per hour while closed, against regular hours"
    )
    weekend_variance_fraction: Ratio = Field(
        0.025, description="variance per hour of weekends and holidays, against regular hours"
    )
    reference_max_age_seconds: PositiveSeconds = Field(
        900.0, description="in session, an older reference is stale"
    )
    venue_noise: float = Field(
        0.002,
        gt=0,
        lt=1,
        description="how far an honest token venue may stand off, as a standard deviation of the basis",
    )


class DetectorSection(Section):
    """``[detector]``: when a basis is a depeg."""

    sizes_usd: list[PositiveUsd] = Field(
        [50.0, 500.0, 5000.0],
        min_length=1,
        description="sizes for executable prices; the first is the primary one",
    )
    open_sigmas: float = Field(4.0, gt=0, description="standard deviations beyond the band to open")
    close_sigmas: float = Field(2.0, gt=0, description="and to be inside again (hysteresis)")
    spike_basis: float = Field(
        0.05, gt=0, description="a basis beyond the band by so much needs no second tick"
    )
    confirm_seconds: float = Field(
        300.0, ge=0, description="a smaller depeg must last so long before it opens"
    )
    resolve_seconds: float = Field(300.0, ge=0, description="inside for so long before an incident resolves")
    reopen_seconds: float = Field(
        3600.0, ge=0, description="back outside within so long: the same incident goes on"
    )
    basis_interval_seconds: PositiveSeconds = Field(
        1.0, description="at most one Basis message per instrument in so long"
    )


class StrategySection(Section):
    """``[strategy]``: what plans may cost, risk and lock up."""

    enabled: bool = True
    capital_usd: PositiveUsd = 250_000.0
    max_plan_usd: PositiveUsd = 50_000.0
    max_underlying_usd: PositiveUsd = 100_000.0
    max_venue_usd: PositiveUsd = 100_000.0
    max_issuer_usd: PositiveUsd = Field(
        150_000.0, description="of one issuer's tokens that plans may buy or mint and not be rid of yet"
    )
    max_concentration: Ratio = Field(
        1.0,
        description="of capital_usd that may be in one share's tokens, those in hand included; "
        "1 sets no limit beside the capital",
    )
    max_open_settlement_usd: PositiveUsd = 150_000.0
    min_profit_usd: float = Field(5.0, ge=0)
    financing_rate: float = Field(0.06, ge=0, le=1, description="per year, on capital locked over settlement")
    gas_usd: float = Field(0.05, ge=0, description="per chain transaction, where the chain says nothing")
    risk_charge: Ratio = Field(0.1, description="part of the worst case that counts as a cost in sizing")
    expiry_seconds: PositiveSeconds = Field(60.0, description="a plan not acted on by then is void")
    inventory_tokens: dict[str, float] = Field(
        {},
        description="tokens held at the start, by token; TOKEN@VENUE for those on deposit with an exchange",
    )
    ineligible_issuers: list[str] = Field(
        [], description="issuers of the registry whose mint and redeem this desk may not use"
    )
    ineligible_hedges: list[str] = Field(
        [], description="venues of the registry whose options and perps this desk may not trade"
    )
    borrow_rate: float = Field(0.005, ge=0, le=1, description="per year, for shares borrowed to sell short")
    hedge_level: float = Field(
        0.99, ge=0.9, lt=1, description="a hedge is chosen by what may be lost with it at this level"
    )
    hedge_shortfall: Ratio = Field(
        0.02, description="of what is hedged; the cheapest hedge that loses no more at that level is chosen"
    )


class ExecutionSection(Section):
    """``[execution]``: what is done with plans."""

    mode: Literal["off", "paper", "live"] = Field(
        "paper", description="live also needs an arming command with an expiry"
    )
    slippage: float = Field(
        0.01, ge=0, le=0.5, description="a leg worse than planned by more than this is refused"
    )
    kill_file: str = Field(
        "kill", description="while this file is there, no new plan is made; pegbot kill puts it there"
    )


class LedgerSection(Section):
    """``[ledger]``: double-entry books, outbox and incidents, in one database."""

    url: str = Field(
        "sqlite+aiosqlite:///var/pegbot.db",
        description="SQLAlchemy URL; postgresql+asyncpg://… for Postgres; env:NAME to hide it",
    )
    keep_days: float = Field(
        400.0,
        ge=1,
        description="resolved incidents and untraded plans are dropped after so long; books never",
    )


class ChannelSection(Section):
    """``[[alerts.channels]]``: one message service."""

    name: str
    url: str = Field(
        description="Apprise URL by reference: env:NAME or file:PATH; a keyless one may stand here"
    )
    min_severity: Literal["info", "warning", "critical"] = "warning"
    per_minute: int = Field(20, ge=1, description="rate limit")


class AlertsSection(Section):
    """``[alerts]``: messages to people, through an outbox."""

    channels: list[ChannelSection] = []
    page_url: str = Field("http://127.0.0.1:8050", description="where messages point to")
    quiet_hours: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="e.g. 22:00-07:00; only critical messages get through, the rest wait until the end",
    )
    timezone: str = Field("UTC", description="of quiet_hours")
    retry_max_seconds: PositiveSeconds = 300.0
    heartbeat_seconds: float = Field(
        0.0, ge=0, description="a message after so long without a tick from anywhere; 0 is off"
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no time zone; write it as in Europe/Zurich") from None
        return value


class MqttSection(Section):
    """``[mqtt]``: the same messages for machines."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    username: str = ""
    password: str = Field("", description="env:NAME or file:PATH")
    tls: bool = False
    client_id: str = "pegbot"
    buffer: int = Field(
        10_000, ge=1, description="messages kept while the broker is away; the oldest basis goes first"
    )
    topics: list[Literal["tick", "basis", "incident", "plan", "fill", "status"]] = [
        "basis",
        "incident",
        "plan",
        "fill",
        "status",
    ]

    @field_validator("password")
    @classmethod
    def _by_reference(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(BY_REFERENCE)
        return value


class RecordSection(Section):
    """``[record]``: write what was seen to a tape."""

    path: str = Field(
        "", description="empty is off; Parquet is written in segments, tape.parquet as tape-000001.parquet …"
    )
    segment_seconds: PositiveSeconds = Field(
        3600.0, description="a segment is finished so long after its first tick; each start begins a new one"
    )
    segment_megabytes: float = Field(64.0, gt=0, description="or when it has grown so large")


class Config(Section):
    """The whole of a file."""

    base: Path = Field(Path(), exclude=True)
    registry: list[str] = Field(
        ["registry/*.toml"], description="registry files, relative to the config file"
    )
    log: LogSection = LogSection()
    web: WebSection = WebSection()
    collectors: CollectorsSection = CollectorsSection()
    valuation: ValuationSection = ValuationSection()
    detector: DetectorSection = DetectorSection()
    strategy: StrategySection = StrategySection()
    execution: ExecutionSection = ExecutionSection()
    ledger: LedgerSection = LedgerSection()
    alerts: AlertsSection = AlertsSection()
    mqtt: MqttSection = MqttSection()
    record: RecordSection = RecordSection()

    @field_validator("detector")
    @classmethod
    def _ordered(cls, value: DetectorSection) -> DetectorSection:
        if value.close_sigmas > value.open_sigmas:
            raise ValueError("close_sigmas must not exceed open_sigmas, or incidents would flap")
        return value

    def path(self, relative: str) -> Path:
        """A path of the config, made absolute by the folder of its file."""
        return (self.base / relative).resolve() if relative else self.base


def parse(data: Mapping[str, Any], *, source: str, base: Path) -> Config:
    """Validate ``data``; raises :class:`ConfigError` listing every mistake as ``source: key: fix``.

    The error's ``rest`` is what remains without them, so that other checks can go on and all be told at once.
    """
    whole = {**data, "base": base}
    try:
        return Config.model_validate(whole)
    except ValidationError as error:
        problems = [_say(source, problem) for problem in error.errors()]
        raise ConfigError(problems, rest=_rest(whole, error)) from None


def _rest(data: Mapping[str, Any], error: ValidationError) -> Config | None:
    """The configuration without what is wrong in it; ``None`` if too little is left to be judged."""
    kept: Any = deepcopy(dict(data))
    for _ in range(PRUNINGS):
        # Backwards, so that taking an entry out of a list does not move those still to go.
        wrong = sorted((_place(problem) for problem in error.errors()), key=_as_text, reverse=True)
        for place in dict.fromkeys(wrong):
            if not place or place[0] in ("registry", "base"):
                return None
            _take_out(kept, place)
        try:
            return Config.model_validate(kept)
        except ValidationError as another:
            error = another
    return None


def _place(problem: Any) -> tuple[str | int, ...]:
    loc: tuple[str | int, ...] = problem["loc"]
    return loc[:-1] if problem["type"] == "missing" else loc


def _as_text(place: tuple[str | int, ...]) -> list[str]:
    return [f"{part:09}" if isinstance(part, int) else part for part in place]


def _take_out(data: Any, place: tuple[str | int, ...]) -> None:
    """Delete what stands there, if it does: of a place inside a value, the value."""
    for part in place[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return
    with suppress(KeyError, IndexError, TypeError):
        del data[place[-1]]


def load(path: Path | str) -> Config:
    """Read and validate one TOML file. Raises :class:`ConfigError` with all its mistakes."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; give a path to a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return parse(data, source=str(path), base=path.resolve().parent)


def _say(source: str, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(file)"
    match problem["type"]:
        case "extra_forbidden":
            text = "unknown key; remove it, or check its spelling against docs/configuration.md"
        case "missing":
            text = "is required"
        case _:
            text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{source}: {key}: {text}"


def secret(reference: str) -> Secret:
    """:func:`resolve_secret` against this process's environment, as a ConfigError."""
    try:
        return resolve_secret(reference, os.environ)
    except ValueError as error:
        raise ConfigError(str(error)) from None
