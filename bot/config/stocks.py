"""Share prices and option chains."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, Section


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


class AlpacaKeys(Section):
    """Alpaca's pair of keys; its market data answers nobody without."""

    api_key: Reference = Field("", description="env:NAME or file:PATH")
    api_secret: Reference = Field("", description="env:NAME or file:PATH")


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
