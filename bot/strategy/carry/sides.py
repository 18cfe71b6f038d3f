"""Both sides of perpetual options on a coin, paid in a token, along many paths at once. Pure; needs numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bot.strategy.carry.model import Backing, Demand, Holder, Terms
from bot.strategy.carry.paths import Array, Flags
from bot.strategy.options import perpetual

EMPTY = 1e-12


def funding_usd(strike: Array, spot: Array, terms: Terms, days: float) -> Array:
    """USD per unit over so long: the time value of the published form over its period, marked up."""
    u = perpetual.root_u(terms.quoted_volatility, terms.period_days)
    ratio = spot / strike
    value = strike / u * ratio ** np.where(ratio >= 1, (1 - u) / 2, (1 + u) / 2)
    return terms.markup * value * days / terms.period_days


class Step(NamedTuple):
    """USD of token and coin now and before, so many days apart; ``renew``: the crowd's orders end and are
    made anew."""

    token: Array
    coin: Array
    token_before: Array
    coin_before: Array
    days: float
    renew: bool = False


class Beside(NamedTuple):
    """One more order on the pool: what it is owed in tokens, and in which paths it ends now by itself."""

    owed: Array
    ends: Flags


class Sold:
    """A private pool, and the orders it took: calls and puts at one strike, renewed together.

    What it may pay is the waterfall's: pool, its part of the reserve, of the public pool, nobody; orders that
    end at the same time share what there is in proportion. ``paid_in`` is funding and fees of buyers,
    ``paid_out`` what winners got: pool, reserve, public pool and protocol hold what was there before and
    ``paid_in`` less ``paid_out``, at each step.
    """

    def __init__(self, terms: Terms, demand: Demand, backing: tuple[float, float], tokens: float,
                 token: Array, coin: Array) -> None:  # fmt: skip
        self.terms, self.demand = terms, demand
        shape = coin.shape
        self.pool = np.full(shape, tokens)
        self.reserve, self.public = (np.full(shape, each) for each in backing)
        self.protocol, self.paid_in, self.paid_out, self.owing = (np.zeros(shape) for _ in range(4))
        self.emptied, self.reserve_used, self.public_hit, self.unpaid = (
            np.zeros(shape, bool) for _ in range(4)
        )
        self.locked = np.zeros(shape)
        self.strike = self.units = coin
        self.open(token, coin)

    def receive(self, coins: Array) -> None:
        """Funding or a fee of a buyer: the pool's, the reserve's and the protocol's parts."""
        terms = self.terms
        self.paid_in = self.paid_in + coins
        self.pool = self.pool + coins * (1 - terms.reserve_part - terms.protocol_part)
        self.reserve = self.reserve + coins * terms.reserve_part
        self.protocol = self.protocol + coins * terms.protocol_part

    def open(self, token: Array, coin: Array) -> None:
        """The crowd's orders, at the money, as much as the demand locks of what is free."""
        lock = self.terms.lock_ratio * coin / token
        self.strike = coin.copy()
        self.units = self.demand.utilisation * np.maximum(self.pool - self.locked, 0) / lock
        self.receive(self.units * coin * self.terms.opening_fee / token)

    def step(self, now: Step, beside: Beside | None = None) -> tuple[Flags, Array]:
        """Funding, then whoever is owed all there is ends, as do those whose time it is.

        Gives the paths in which the order beside has ended, and what it was paid.
        """
        self.receive(
            self.units * funding_usd(self.strike, now.coin_before, self.terms, now.days) / now.token_before
        )
        owed = self._owed(now.token, now.coin)
        also = np.zeros(owed.shape) if beside is None else beside.owed
        called = (owed + also >= self.pool) & ((self.units > 0) | (also > 0))
        ends: Flags = called if beside is None else called | beside.ends
        crowd = owed if now.renew else np.where(called, owed, 0.0)
        paid = self._settle(crowd, np.where(ends, also, 0.0))
        self.units = np.where(called, 0.0, self.units)
        if beside is not None:
            self.locked = np.where(ends, 0.0, self.locked)
        if now.renew:
            self.open(now.token, now.coin)
        return ends, paid

    def close(self, token: Array, coin: Array, also: Array | None = None) -> Array:
        """All orders end; gives what the one beside was paid."""
        paid = self._settle(self._owed(token, coin), np.zeros(coin.shape) if also is None else also)
        self.units = self.units * 0.0
        return paid

    def _owed(self, token: Array, coin: Array) -> Array:
        up, down = np.maximum(coin - self.strike, 0), np.maximum(self.strike - coin, 0)
        calls = self.demand.call_part
        owed: Array = self.units * (calls * up + (1 - calls) * down) / token
        return owed

    def _settle(self, crowd: Array, also: Array) -> Array:
        """The waterfall; gives ``also``'s part of what was paid."""
        owed = crowd + also
        from_pool = np.minimum(owed, self.pool)
        from_reserve = np.minimum(owed - from_pool, self.reserve)
        from_public = np.minimum(owed - from_pool - from_reserve, self.public)
        paid = from_pool + from_reserve + from_public
        self.pool, self.reserve = self.pool - from_pool, self.reserve - from_reserve
        self.public = self.public - from_public
        self.paid_out, self.owing = self.paid_out + paid, self.owing + owed
        self.emptied |= (owed > 0) & (self.pool <= EMPTY)
        self.reserve_used |= from_reserve > EMPTY
        self.public_hit |= from_public > EMPTY
        self.unpaid |= owed - paid > EMPTY
        share: Array = np.divide(paid, owed, out=np.ones(owed.shape), where=owed > 0)
        return also * np.minimum(share, 1.0)


class Bought:
    """Options bought at the money at the start, funded out of the margin, from a pool that sells to others,
    too."""

    def __init__(self, terms: Terms, demand: Demand, holder: Holder, backing: Backing, token: Array,
                 coin: Array) -> None:  # fmt: skip
        self.terms, self.side = terms, 1 if holder.kind == "call" else -1
        margin = holder.tokens * (1 - holder.sold_part)
        self.strike, self.margin = coin.copy(), np.full(coin.shape, margin)
        self.won, self.lapsed = np.zeros(coin.shape), np.zeros(coin.shape, bool)
        self.unpaid = np.zeros(coin.shape, bool)
        day = funding_usd(self.strike, coin, terms, 1.0) / token
        fee = coin * terms.opening_fee / token
        self.units = self.margin / (day * holder.funded_days + fee)
        self.margin = self.margin - self.units * fee
        beside = max(0.0, backing.private - backing.counterparty)
        behind = backing.behind(backing.counterparty, beside)
        self.seller = Sold(terms, demand, behind, backing.counterparty, token, coin)
        self.seller.receive(self.units * fee)
        self.seller.locked = np.minimum(terms.lock_ratio * self.units * coin / token, backing.counterparty)

    def step(self, now: Step) -> None:
        due = self.units * funding_usd(self.strike, now.coin_before, self.terms, now.days) / now.token_before
        out = (due > self.margin) & (self.units > 0)
        self.seller.receive(np.minimum(due, self.margin))
        self.margin = np.where(out, 0.0, self.margin - due)
        owed = self._owed(now.token, now.coin)
        ends, paid = self.seller.step(now, Beside(owed, out))
        self._take(np.where(ends, owed, 0.0), paid)
        self.units = np.where(ends, 0.0, self.units)
        self.lapsed |= out

    def close(self, token: Array, coin: Array) -> None:
        owed = self._owed(token, coin)
        self._take(owed, self.seller.close(token, coin, owed))
        self.units = self.units * 0.0

    def _owed(self, token: Array, coin: Array) -> Array:
        owed: Array = self.units * np.maximum(self.side * (coin - self.strike), 0) / token
        return owed

    def _take(self, owed: Array, paid: Array) -> None:
        self.unpaid |= owed - paid > EMPTY
        self.won = self.won + paid
