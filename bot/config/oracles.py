"""Prices that oracles publish."""

from __future__ import annotations

from pydantic import Field

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, Section


class PythSource(Section):
    """``[[collectors.pyth]]``: Pyth's prices from a Hermes server, streamed; polled where that fails."""

    api_key: Reference = Field("", description="env:NAME or file:PATH")
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
