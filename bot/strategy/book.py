"""The whole book's greeks by underlying: tokens wherever they lie, and what is held beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.market import Market
from bot.registry.model import Registry
from bot.strategy.desk import Desk
from bot.strategy.dividends import due
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_lines import Line, OptionLine, PerpetualLine, PerpLine
from bot.strategy.options import Greeks, Held, aggregate, european, perpetual, shares
from bot.strategy.options.european import Dividends, intrinsic
from bot.types import Ns, split_instrument


def book_greeks(desk: Desk, market: Market, registry: Registry, ts: Ns,
                beside: Iterable[Held] = ()) -> tuple[dict[str, Greeks], list[str]]:  # fmt: skip
    """Tokens count as ``multiplier`` shares each at fair value, those on their way to us, too; ``beside`` are
    options, perps, shares sold.

    Also the tokens that could not be counted, because nothing says what they are worth: never at zero.
    """
    held, unknown = [], []
    on_their_way = {f"{symbol}@transit": tokens for symbol, tokens in desk.due.items()}
    for key, tokens in sorted((desk.tokens | on_their_way).items()):
        symbol = key.partition("@")[0]
        token = registry.tokens.get(symbol)
        found = None if token is None else market.token_usd(symbol, ts)
        if token is None or found is None:
            unknown.append(key)
            continue
        multiplier = market.multiplier(symbol)
        held.append(shares(token.underlying, tokens * multiplier, found / multiplier, key))
    return aggregate([*held, *beside]), unknown


def held_hedges(desk: Desk, book: HedgeBook, market: Market, ts: Ns) -> tuple[list[Held], list[str]]:
    """What is held as hedges, with its greeks; and what has no price to work them out with.

    Options by Black and Scholes at the volatility in the middle of their last quote.
    """
    held, unknown = [], []
    for name, number in sorted(desk.hedges.items()):
        symbol, _ = split_instrument(name)
        line = book.lines.get(name)
        underlying = line.underlying if line is not None else symbol
        spot = market.share_usd(underlying, ts)
        coming = [] if spot is None else book.dividends.coming(underlying, ts, spot)
        each = None if spot is None else _each(line, spot, market, ts, due(coming, ts))
        if each is None:
            unknown.append(name)
            continue
        held.append(Held(underlying, name, number, each))
    return held, unknown


def hedge_marks(desk: Desk, book: HedgeBook, market: Market, ts: Ns) -> dict[str, float]:
    """USD a contract at which hedges that are held count now, by commodity; what has no price is left out."""
    found = {}
    for name in desk.hedges:
        line = book.lines.get(name)
        symbol, _ = split_instrument(name)
        if isinstance(line, OptionLine) and (worth := _worth(line)) is not None:
            found[symbol] = worth * line.contract.shares
        elif isinstance(line, PerpLine) and line.mark is not None:
            found[name] = line.mark
        elif isinstance(line, PerpetualLine) and (spot := market.share_usd(line.underlying, ts)) is not None:
            found[symbol] = intrinsic(line.strike_kind, spot, line.strike)
    return found


def _each(line: Line | None, spot: float, market: Market, ts: Ns, dividends: Dividends) -> Greeks | None:
    """Of one contract; shares sold short have no line."""
    if line is None:
        return Greeks(spot, 1.0)
    if isinstance(line, OptionLine):
        return _option(line, spot, ts, dividends)
    if isinstance(line, PerpLine):
        # Its profit so far is in the margin account: it is worth nothing by itself.
        return Greeks(0.0, market.multiplier(line.token) if line.token else 1.0)
    assert isinstance(line, PerpetualLine)
    return perpetual.greeks(line.option, spot, line.volatility)


def _option(line: OptionLine, spot: float, ts: Ns, dividends: Dividends) -> Greeks | None:
    contract, rate = line.contract, line.venue.rate
    years, worth = contract.years(ts), _worth(line)
    paid = intrinsic(contract.kind, spot, contract.strike)
    if years <= 0:
        side = 1.0 if contract.kind == "call" else -1.0
        return Greeks(paid, side if paid > 0 else 0.0) * contract.shares
    found = None
    if worth is not None:
        found = european.implied_volatility(
            contract.kind, worth, spot, contract.strike, years, rate, 0.0, dividends
        )
    line.volatility = found or line.volatility
    if line.volatility is None:
        return None
    each = european.greeks(contract.kind, spot, contract.strike, years, line.volatility, rate, 0.0, dividends)
    return each * contract.shares


def _worth(line: OptionLine) -> float | None:
    """The middle of its last quote, USD a share; half of the ask where nobody bids."""
    if line.ask is None or line.crossed:
        return None
    return (line.ask + (line.bid or 0.0)) / 2
