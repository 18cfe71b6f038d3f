"""What the entries add up to: balances, positions, profit and loss, reserved capital. Pure.

Profit is read off the trading accounts by *signed average cost*: a sale out of inventory that was
there at the start opens a short against it, and minting the tokens back closes it. So inventory
never needs an invented price, and a half-finished trade shows its real loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from bot.ledger import derivatives
from bot.ledger.accounts import CASH, GAS, USD, Entry
from bot.money import ZERO, minus, neg, share_of, total, value_usd

TRADING = "income:trading:"
RECEIVABLE = "assets:receivable:"
FEES = "expenses:fees:"
PLACES = ("assets:tokens:", "assets:shares:", "liabilities:shares:", RECEIVABLE, *derivatives.HELD)
"""Accounts of what is held, on its way, or owed."""


class Position(Struct, frozen=True):
    """What is held of one commodity, and how trading got there.

    ``held`` sums assets (owed shares negative), ``in_transit`` the receivables in it. ``traded`` is
    held minus what there was at the start; ``average_cost`` is USD per token of ``traded``.
    """

    commodity: str
    held: Decimal
    in_transit: Decimal
    traded: Decimal
    cost_usd: Decimal
    average_cost: Decimal | None
    realised_usd: Decimal
    places: dict[str, Decimal]


class ProfitAndLoss(Struct, frozen=True):
    """USD. ``unrealised_usd`` and ``net_usd`` are ``None`` while an open position has no mark.

    ``net_usd`` = realised + unrealised + funding − fees − gas. ``funding_usd`` is what perps and perpetual
    options received over what they paid. ``unmarked`` names what has no mark.
    """

    realised_usd: Decimal
    unrealised_usd: Decimal | None
    fees_usd: Decimal
    gas_usd: Decimal
    net_usd: Decimal | None
    unmarked: list[str]
    funding_usd: Decimal = ZERO


class _Trading:
    """Signed average cost of one commodity: quantity and cost have the same sign."""

    __slots__ = ("cost", "quantity", "realised")

    def __init__(self) -> None:
        self.quantity = self.cost = self.realised = ZERO

    def apply(self, quantity: Decimal, usd: Decimal) -> None:
        """Trade ``quantity`` for ``usd`` (positive: bought for; negative: sold for)."""
        if not quantity or not self.quantity or (quantity > 0) == (self.quantity > 0):
            self.quantity = total((self.quantity, quantity))
            self.cost = total((self.cost, usd))
            return
        closing = min(quantity.copy_abs(), self.quantity.copy_abs())
        cost_part = share_of(self.cost, closing, self.quantity.copy_abs())
        usd_part = share_of(usd, closing, quantity.copy_abs())
        self.realised = minus(self.realised, total((cost_part, usd_part)))
        self.quantity = total((self.quantity, quantity))
        # What is left of either side; one of the two is exactly zero.
        self.cost = total((minus(self.cost, cost_part), minus(usd, usd_part)))


class Books:
    """Running sums over entries; memory grows with accounts, not with entries."""

    def __init__(self) -> None:
        self.balances: dict[str, dict[str, Decimal]] = {}
        self.reserved: dict[str, Decimal] = {}
        self._trading: dict[str, _Trading] = {}

    def apply(self, entry: Entry) -> None:
        """Add one entry; entries come in the order they were booked."""
        traded: dict[str, tuple[Decimal, Decimal]] = {}
        for posting in entry.postings:
            account = self.balances.setdefault(posting.account, {})
            balance = total((account.get(posting.commodity, ZERO), posting.amount))
            if balance:
                account[posting.commodity] = balance
            else:
                account.pop(posting.commodity, None)
                if not account:
                    del self.balances[posting.account]
            if posting.account.startswith(RECEIVABLE):
                self._reserve(entry.plan_id, posting.usd)
            elif posting.account.startswith(TRADING):
                commodity = posting.account.removeprefix(TRADING)
                quantity, usd = traded.get(commodity, (ZERO, ZERO))
                if posting.commodity == USD:
                    usd = total((usd, posting.amount))
                else:
                    quantity = minus(quantity, posting.amount)
                traded[commodity] = (quantity, usd)
        for commodity, (quantity, usd) in traded.items():
            self._trading.setdefault(commodity, _Trading()).apply(quantity, usd)

    def _reserve(self, plan_id: str, usd: Decimal) -> None:
        reserved = total((self.reserved.get(plan_id, ZERO), usd))
        if reserved:
            self.reserved[plan_id] = reserved
        else:
            self.reserved.pop(plan_id, None)

    @property
    def cash_usd(self) -> Decimal:
        """Dollars at hand, those in transit left out."""
        return self.balances.get(CASH, {}).get(USD, ZERO)

    @property
    def reserved_usd(self) -> Decimal:
        """Value, when booked, of everything in transit: locked until it settles."""
        return total(self.reserved.values())

    @property
    def margin_usd(self) -> Decimal:
        """Dollars in margin accounts; what perps were sold for, until they are bought back, in them."""
        found = (amounts for name, amounts in self.balances.items() if name.startswith(derivatives.MARGIN))
        return total(amounts.get(USD, ZERO) for amounts in found)

    @property
    def due_usd(self) -> dict[str, Decimal]:
        """Dollars on their way to us, by who owes them: what was redeemed and is not paid out yet."""
        owed = {name.rpartition("@")[2]: amounts for name, amounts in sorted(self.balances.items())
                if name.startswith(RECEIVABLE) and USD in amounts}  # fmt: skip
        return {venue: amounts[USD] for venue, amounts in owed.items()}

    @property
    def traded(self) -> set[str]:
        """Commodities of which more was bought than sold, or less: those that marks are needed for."""
        return {name for name, trading in self._trading.items() if trading.quantity}

    def positions(self) -> list[Position]:
        """One per commodity ever traded or held, by name."""
        places: dict[str, dict[str, Decimal]] = {name: {} for name in self._trading}
        for account, amounts in self.balances.items():
            if account.startswith(PLACES):
                for commodity, amount in amounts.items():
                    if commodity != USD:
                        places.setdefault(commodity, {})[account] = amount
        return [self._position(name, places[name]) for name in sorted(places)]

    def _position(self, commodity: str, places: dict[str, Decimal]) -> Position:
        trading = self._trading.get(commodity) or _Trading()
        transit = [amount for account, amount in places.items() if account.startswith(RECEIVABLE)]
        average = share_of(trading.cost, Decimal(1), trading.quantity) if trading.quantity else None
        return Position(
            commodity=commodity,
            held=total(places.values()),
            in_transit=total(transit),
            traded=trading.quantity,
            cost_usd=trading.cost,
            average_cost=average,
            realised_usd=trading.realised,
            places=places,
        )

    def profit_and_loss(self, marks: Mapping[str, Decimal] | None = None) -> ProfitAndLoss:
        """``marks`` are USD per token (per share), by commodity; one that is missing is never guessed."""
        marks = marks or {}
        realised = total(t.realised for t in self._trading.values())
        open_ = {name: t for name, t in self._trading.items() if t.quantity}
        unmarked = sorted(name for name in open_ if name not in marks)
        fees = self._spent(FEES)
        gas = self._spent(GAS)
        paid, received = self._spent(derivatives.FUNDING_PAID), self._spent(derivatives.FUNDING_RECEIVED)
        funding = neg(total((paid, received)))  # income is a credit
        if unmarked:
            return ProfitAndLoss(realised, None, fees, gas, None, unmarked, funding)
        unrealised = total(minus(value_usd(t.quantity, marks[name]), t.cost) for name, t in open_.items())
        net = minus(total((realised, unrealised, funding)), total((fees, gas)))
        return ProfitAndLoss(realised, unrealised, fees, gas, net, [], funding)

    def _spent(self, prefix: str) -> Decimal:
        accounts = (amounts for name, amounts in self.balances.items() if name.startswith(prefix))
        return total(amounts.get(USD, ZERO) for amounts in accounts)


def fold(entries: Iterable[Entry]) -> Books:
    """The books after ``entries``, in their order."""
    books = Books()
    for entry in entries:
        books.apply(entry)
    return books
