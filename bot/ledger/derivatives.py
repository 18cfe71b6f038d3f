"""Double entries of options, perps and perpetual options. Pure; the convention is that of
:mod:`bot.ledger.accounts`.

A listed option is bought and sold for cash, in contracts at USD a contract, under OCC's symbol; one sold is a
liability. A perp and a perpetual option trade against the margin account of their venue, as if they were
bought and sold there: what is left in it when the position is gone is what margin, result and funding have
come to, to the cent, and goes back to cash. Margin in a coin lies beside it, and pays by being sold at its
price of the moment.

An option that is exercised or assigned ends at nothing, and so many shares change hands at its strike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from bot.errors import LedgerError
from bot.money import ZERO, neg, value_usd
from bot.types import CONTRACT_SHARES, Fill, split_instrument

CASH, USD = "assets:cash:usd", "USD"
FUNDING_PAID, FUNDING_RECEIVED = "expenses:funding", "income:funding"
MARGIN = "assets:margin:"
MARGINED = "margin:"
"""A place that begins so keeps perps and perpetual options against margin; the venue follows."""
HELD = ("assets:options:", "liabilities:options:", "assets:margined:", "liabilities:margined:", MARGIN)
OPTION = re.compile(r"([A-Z]{1,6})\d{6}([CP])(\d{8})")

BOUGHT = {"hedge_buy": 1, "unhedge_sell": -1, "expire_long": -1, "exercise": -1, "lapse": -1,
          "liquidate_long": -1}  # fmt: skip
"""Actions on what was bought, and which way they move it."""
SOLD = {"hedge": -1, "unhedge": 1, "expire_short": 1, "assign": 1, "liquidate_short": 1}
"""Actions on what was sold."""
MOVES = frozenset({"margin_in", "margin_out", "funding_paid", "funding_received", "coin_sell", "coin_buy"})


class Posting(Struct, frozen=True):
    """One line. ``usd`` is what ``amount`` was worth when booked (for USD, the amount itself)."""

    account: str
    commodity: str
    amount: Decimal
    usd: Decimal


def is_option(symbol: str) -> bool:
    """Whether it is OCC's symbol of a listed option."""
    return OPTION.fullmatch(symbol) is not None


def concerns(fill: Fill, place: str) -> bool:
    """Whether a fill is booked here: of an option, on margin, or what happens to one by itself."""
    symbol, _ = split_instrument(fill.instrument)
    return fill.action in MOVES or place.startswith(MARGINED) or is_option(symbol)


def commodity_of(fill: Fill, place: str) -> str:
    """What it is called in the books: perps have a price of their own on each venue."""
    symbol, _ = split_instrument(fill.instrument)
    margined = place.startswith(MARGINED) and not symbol.endswith("-PERP") and fill.action not in MOVES
    return fill.instrument if margined else symbol


def movement(fill: Fill, place: str) -> Sequence[Posting]:
    """The lines of a fill that was carried out, fees left out."""
    if fill.action in MOVES:
        return _move(fill)
    name, quantity = commodity_of(fill, place), fill.quantity_tokens
    usd = value_usd(quantity, fill.price)
    kind, money = ("options", CASH)
    if place.startswith(MARGINED):
        kind, money = "margined", _margin(USD, place.removeprefix(MARGINED))
    if fill.action in ("exercise", "assign"):
        return [*_end(fill, name), *_delivered(fill)]
    if fill.action in BOUGHT:
        sign, account = BOUGHT[fill.action], f"assets:{kind}:{fill.instrument}"
    elif fill.action in SOLD:
        sign, account = SOLD[fill.action], f"liabilities:{kind}:{fill.instrument}"
    else:
        raise LedgerError(f"fill {fill.id}: cannot book {fill.action!r} of {fill.instrument}")
    return trade(account, money, name, _signed(sign, quantity), _signed(sign, usd))


def trade(asset: str, money: str, commodity: str, quantity: Decimal, usd: Decimal) -> list[Posting]:
    """``quantity`` into ``asset`` against ``usd`` out of ``money`` (both negative for a sale)."""
    trading = f"income:trading:{commodity}"
    return [
        Posting(asset, commodity, quantity, usd),
        Posting(trading, commodity, neg(quantity), neg(usd)),
        Posting(trading, USD, usd, usd),
        Posting(money, USD, neg(usd), neg(usd)),
    ]


def transfer(to: str, origin: str, commodity: str, amount: Decimal, usd: Decimal) -> list[Posting]:
    """``amount`` from one account to another."""
    return [Posting(to, commodity, amount, usd), Posting(origin, commodity, neg(amount), neg(usd))]


def _move(fill: Fill) -> Sequence[Posting]:
    symbol, venue = split_instrument(fill.instrument)
    amount = fill.quantity_tokens
    usd = value_usd(amount, fill.price)
    money = _margin(USD, venue)
    if symbol == USD:
        amount = usd
    home = CASH if symbol == USD else f"assets:tokens:{symbol}@wallet"
    match fill.action:
        case "margin_in":
            return transfer(_margin(symbol, venue), home, symbol, amount, usd)
        case "margin_out":
            return transfer(home, _margin(symbol, venue), symbol, amount, usd)
        case "funding_paid":
            return transfer(FUNDING_PAID, money, USD, usd, usd)
        case "funding_received":
            return transfer(money, FUNDING_RECEIVED, USD, usd, usd)
        case "coin_sell":
            return trade(_margin(symbol, venue), money, symbol, neg(amount), neg(usd))
        case _:
            return trade(_margin(symbol, venue), money, symbol, amount, usd)


def _end(fill: Fill, name: str) -> list[Posting]:
    """The option is gone, for nothing."""
    long = fill.action == "exercise"
    account = f"{'assets' if long else 'liabilities'}:options:{fill.instrument}"
    quantity = _signed(-1 if long else 1, fill.quantity_tokens)
    return [
        Posting(account, name, quantity, ZERO),
        Posting(f"income:trading:{name}", name, neg(quantity), ZERO),
    ]


def _delivered(fill: Fill) -> list[Posting]:
    """Shares for cash at the strike: sold where a put was exercised or a call assigned, else bought."""
    found = OPTION.fullmatch(split_instrument(fill.instrument)[0])
    assert found is not None
    sells = (found[2] == "P") == (fill.action == "exercise")
    sign = -1 if sells else 1
    account = f"{'liabilities' if sells else 'assets'}:shares:{fill.underlying}"
    shares = fill.quantity_tokens * CONTRACT_SHARES
    usd = value_usd(fill.quantity_tokens, fill.price)
    return trade(account, CASH, fill.underlying, _signed(sign, shares), _signed(sign, usd))


def _margin(commodity: str, venue: str) -> str:
    return f"{MARGIN}{'usd' if commodity == USD else commodity}@{venue}"


def _signed(sign: int, value: Decimal) -> Decimal:
    return value if sign > 0 else neg(value)
