"""What issuers say of their own tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, Section


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


class OndoSource(Section):
    """``[[collectors.ondo]]``: Ondo Global Markets: hours, halts, limits, prices, quotes. Needs a key."""

    api_key: Reference = Field("", description="env:NAME or file:PATH")
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
