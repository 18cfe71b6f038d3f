"""Options: listed (American and European), perpetual, in USD or in a coin; chains of them; stock perps."""

from bot.strategy.options.chain import Chain, ChainTerms, OptionQuote
from bot.strategy.options.greeks import Greeks, Held, aggregate, shares
from bot.strategy.options.listed import Contract, Terms
from bot.strategy.options.perpetual import Perpetual
from bot.strategy.options.perps import HYPERLIQUID, KRAKEN_FUTURES, Perp, PerpTerms

__all__ = [
    "HYPERLIQUID",
    "KRAKEN_FUTURES",
    "Chain",
    "ChainTerms",
    "Contract",
    "Greeks",
    "Held",
    "OptionQuote",
    "Perp",
    "PerpTerms",
    "Perpetual",
    "Terms",
    "aggregate",
    "shares",
]
