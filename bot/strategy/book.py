"""The whole book's greeks by underlying: tokens wherever they lie, and what is held beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.market import Market
from bot.registry.model import Registry
from bot.strategy.desk import Desk
from bot.strategy.options import Greeks, Held, aggregate, shares
from bot.types import Ns


def book_greeks(desk: Desk, market: Market, registry: Registry, ts: Ns,
                beside: Iterable[Held] = ()) -> tuple[dict[str, Greeks], list[str]]:  # fmt: skip
    """Tokens count as ``multiplier`` shares each at fair value; ``beside`` are options, perps, shares sold.

    Also the tokens that could not be counted, because nothing says what they are worth: never at zero.
    """
    held, unknown = [], []
    for key, tokens in sorted(desk.tokens.items()):
        symbol = key.partition("@")[0]
        token = registry.tokens.get(symbol)
        found = None if token is None else _worth(market, token.underlying, symbol, ts)
        if token is None or found is None:
            unknown.append(key)
            continue
        fair, multiplier = found
        held.append(shares(token.underlying, tokens * multiplier, fair / multiplier, key))
    return aggregate([*held, *beside]), unknown


def _worth(market: Market, underlying: str, symbol: str, ts: Ns) -> tuple[float, float] | None:
    """Fair value of a token and its shares, by the first of its instruments that knows."""
    for state in market.instruments_of(underlying):
        if state.token.symbol == symbol and (fair := market.fair(state.name, ts)) is not None:
            return fair.value_usd, state.multiplier
    return None
