"""Pools on chain, and Jupiter's quotes to check them by."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, PositiveUsd, Ratio, Section


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
    api_key: Reference = Field("", description="env:NAME or file:PATH; without one, half a request a second")
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
