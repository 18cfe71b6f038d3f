"""Double-entry bookkeeping of fills: pure, stateless, exact.

Convention. An entry balances *per commodity* (``USD``, a token, a share), not only in dollars, so a
purchase goes through a trading account that holds both sides::

    buy 2 AMZNx for 400 USD              amount            usd (value when booked)
      assets:tokens:AMZNx@wallet         +2 AMZNx          +400
      income:trading:AMZNx               -2 AMZNx          -400
      income:trading:AMZNx             +400 USD            +400
      assets:cash:usd                  -400 USD            -400

Debits are positive. The balance of ``income:trading:T``, valued at a price, is therefore minus the
profit made on T up to now; :mod:`bot.ledger.books` splits it by average cost.

Mint and redeem are booked when they are *asked for*, at the price agreed then (trade date): what is
due waits in ``assets:receivable:`` until a ``settled`` fill moves it. A transfer waits there too.
Short hedges are owed shares in ``liabilities:shares:``; options, perps and their margin are in
:mod:`bot.ledger.derivatives`. Fees and gas are on the fill that caused
them, a rejected one included. Cash is one account: every stablecoin is booked as USD, at par, so its
own depeg shows in prices and not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from bot.errors import LedgerError
from bot.ledger import derivatives
from bot.ledger.derivatives import CASH as CASH
from bot.ledger.derivatives import USD as USD
from bot.ledger.derivatives import Posting as Posting
from bot.ledger.derivatives import trade as _trade
from bot.ledger.derivatives import transfer as _transfer
from bot.money import ZERO, neg, total, value_usd
from bot.types import WALLET, Fill, Ns, split_instrument

if TYPE_CHECKING:
    from bot.registry import Registry

GAS = "expenses:gas"
OPENING = "equity:opening"

ROOTS = frozenset({"assets", "liabilities", "income", "expenses", "equity"})


class Entry(Struct, frozen=True):
    """Postings that belong together and balance. ``id`` comes from the fill: booked twice is once."""

    id: str
    ts: Ns
    fill_id: str
    plan_id: str
    text: str
    postings: tuple[Posting, ...]


def check(entry: Entry) -> Entry:
    """The entry itself if it balances per commodity and in value; :class:`LedgerError` naming it if not."""
    amounts: dict[str, list[Decimal]] = {}
    for posting in entry.postings:
        if posting.account.partition(":")[0] not in ROOTS:
            raise LedgerError(f"entry {entry.id}: no such account: {posting.account}")
        if not (posting.amount.is_finite() and posting.usd.is_finite()):
            raise LedgerError(f"entry {entry.id}: {posting.account} has no finite amount")
        amounts.setdefault(posting.commodity, []).append(posting.amount)
    for commodity, over in ((name, total(values)) for name, values in amounts.items()):
        if over:
            raise LedgerError(f"entry {entry.id} does not balance: {over:f} {commodity} over")
    if over := total(posting.usd for posting in entry.postings):
        raise LedgerError(f"entry {entry.id} does not balance in value: {over:f} USD over")
    return entry


def custody(registry: Registry) -> Callable[[str], str]:
    """Where tokens traded on an instrument lie: with exchange and broker, else in our own wallet. Issuers
    deliver to and take from the wallet; an exchange converts what lies with it.

    Of what is held against margin (perps, perpetual options) it says so, and where."""
    shares = registry.underlyings

    def place(instrument: str) -> str:
        symbol, venue = split_instrument(instrument)
        if venue in registry.option_venues and derivatives.is_option(symbol):
            return venue
        if venue in registry.perpetual_venues or (venue in registry.perp_venues and symbol in shares):
            return derivatives.MARGINED + venue
        resolved = registry.resolve(instrument)
        if resolved is None or resolved.venue_kind not in ("exchange", "broker"):
            return WALLET
        return resolved.venue.partition(":")[0]

    return place


def entries_for(fill: Fill, place: str = WALLET) -> list[Entry]:
    """What a fill does to the books; ``[]`` where nothing moved. Raises :class:`LedgerError` on nonsense.

    ``place`` is where the tokens lie (:func:`custody`). Stateless: a ``settled`` mint or redeem
    repeats quantity and price of its ``pending`` fill; a ``pending`` transfer names where tokens
    left, its ``settled`` fill where they arrived.
    """
    _check_fill(fill)
    postings: list[Posting] = []
    if fill.status != "rejected" and fill.quantity_tokens:
        here = not derivatives.concerns(fill, place)
        postings += _movement(fill, place) if here else derivatives.movement(fill, place)
    postings += _costs(fill)
    if not postings:
        return []
    commodity, _ = split_instrument(fill.instrument)
    text = (
        f"{fill.action} {fill.quantity_tokens.normalize():f} {commodity} on {fill.instrument}: {fill.status}"
    )
    return [check(Entry(f"{fill.id}#0", fill.ts, fill.id, fill.plan_id, text, tuple(postings)))]


def opening_entry(
    ts: Ns,
    capital_usd: Decimal,
    inventory: Mapping[str, Decimal],
    *,
    prices: Mapping[str, Decimal] | None = None,
) -> Entry:
    """What there was at the start. Tokens without a price are booked at value 0: no profit comes of them."""
    capital = value_usd(capital_usd, Decimal(1))
    postings = _transfer(CASH, OPENING, USD, capital, capital)
    for token, quantity in sorted(inventory.items()):
        value = value_usd(quantity, (prices or {}).get(token, ZERO))
        symbol, place = split_instrument(token)
        postings += _transfer(f"assets:tokens:{symbol}@{place or WALLET}", OPENING, symbol, quantity, value)
    return check(Entry("opening", ts, "", "", "opening balances", tuple(postings)))


def _holding(commodity: str, underlying: str, place: str) -> str:
    if commodity == underlying:
        return f"assets:shares:{underlying}"
    return f"assets:tokens:{commodity}@{place}"


def _movement(fill: Fill, place: str) -> Sequence[Posting]:
    commodity, venue = split_instrument(fill.instrument)
    quantity = fill.quantity_tokens
    usd = value_usd(quantity, fill.price)
    held = _holding(commodity, fill.underlying, place)
    due_tokens, due_usd = f"assets:receivable:{commodity}@{venue}", f"assets:receivable:usd@{venue}"
    owed = f"liabilities:shares:{fill.underlying}"
    match fill.action, fill.status:
        case "buy", "filled" | "partial":
            return _trade(held, CASH, commodity, quantity, usd)
        case "sell", "filled" | "partial":
            return _trade(held, CASH, commodity, neg(quantity), neg(usd))
        case "mint", "pending":
            return _trade(due_tokens, CASH, commodity, quantity, usd)
        case "mint", "settled":
            return _transfer(held, due_tokens, commodity, quantity, usd)
        case "mint", "filled" | "partial":
            return _trade(held, CASH, commodity, quantity, usd)
        case "redeem", "pending":
            return _trade(held, due_usd, commodity, neg(quantity), neg(usd))
        case "redeem", "settled":
            return _transfer(CASH, due_usd, USD, usd, usd)
        case "redeem", "filled" | "partial":
            return _trade(held, CASH, commodity, neg(quantity), neg(usd))
        case "transfer", "pending":
            return _transfer(f"assets:receivable:{commodity}@transfer", held, commodity, quantity, usd)
        case "transfer", "settled":
            return _transfer(held, f"assets:receivable:{commodity}@transfer", commodity, quantity, usd)
        case "hedge", "filled" | "partial":
            return _trade(owed, CASH, commodity, neg(quantity), neg(usd))
        case "unhedge", "filled" | "partial":
            return _trade(owed, CASH, commodity, quantity, usd)
        case "unhedge_sell", "filled" | "partial":
            return _trade(held, CASH, commodity, neg(quantity), neg(usd))
    raise LedgerError(f"fill {fill.id}: cannot book {fill.action!r} with status {fill.status!r}")


def _costs(fill: Fill) -> Sequence[Posting]:
    postings: list[Posting] = []
    fees = f"expenses:fees:{_FEE_KIND.get(fill.action, fill.action)}"
    for account, amount in ((fees, fill.fee_usd), (GAS, fill.gas_usd)):
        usd = value_usd(amount, Decimal(1))
        if usd:
            postings += _transfer(account, CASH, USD, usd, usd)
    return postings


_FEE_KIND = {
    "buy": "trading",
    "sell": "trading",
    "hedge_buy": "hedge",
    "unhedge": "hedge",
    "unhedge_sell": "hedge",
}


def _check_fill(fill: Fill) -> None:
    for name in ("quantity_tokens", "price", "fee_usd", "gas_usd"):
        value = getattr(fill, name)
        if not isinstance(value, Decimal) or not value.is_finite():
            raise LedgerError(f"fill {fill.id}: {name} is not a finite Decimal: {value!r}")
    if fill.quantity_tokens < 0 or fill.price < 0:
        raise LedgerError(f"fill {fill.id}: quantity and price cannot be negative")
