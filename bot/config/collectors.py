"""Where ticks come from: all sources, of every kind, and what they share."""

from __future__ import annotations

from pydantic import Field

from bot.config.chains import EvmSource, JupiterSource, SolanaSource
from bot.config.exchanges import ExchangeSource
from bot.config.issuers import MyStonksSource, OndoSource, RobinhoodSource, XStocksSource
from bot.config.oracles import ChainlinkSource, PythSource
from bot.config.section import PositiveSeconds, Section
from bot.config.stocks import (
    AlpacaOptionsSource,
    AlpacaSource,
    IbkrSource,
    YahooOptionsSource,
    YahooSource,
)
from bot.config.tape import TapeSource

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

    tape: list[TapeSource] = Field([])
    evm: list[EvmSource] = Field([])
    solana: list[SolanaSource] = Field([])
    jupiter: list[JupiterSource] = Field([])
    yahoo: list[YahooSource] = Field([])
    exchange: list[ExchangeSource] = Field([])
    pyth: list[PythSource] = Field([])
    chainlink: list[ChainlinkSource] = Field([])
    xstocks: list[XStocksSource] = Field([])
    ondo: list[OndoSource] = Field([])
    robinhood: list[RobinhoodSource] = Field([])
    mystonks: list[MyStonksSource] = Field([])
    alpaca: list[AlpacaSource] = Field([])
    ibkr: list[IbkrSource] = Field([])
    yahoo_options: list[YahooOptionsSource] = Field([])
    alpaca_options: list[AlpacaOptionsSource] = Field([])
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
