"""Both sides of perpetual options on a coin, paid in a token, along many paths at once. Pure; needs numpy."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from bot.strategy.carry.model import Backing, Demand, Holder, Pair, Terms
from bot.strategy.options import perpetual
from bot.strategy.options.european import DAYS

Array = np.ndarray[Any, np.dtype[np.float64]]
TAIL = 4.0
EMPTY = 1e-12


def prices(pair: Pair, paths: int, steps: int, days: float, seed: int) -> tuple[Array, Array]:
    """USD of token and coin, a row for each moment, steps of so many days apart."""
    random = np.random.default_rng(seed)
    scale = np.sqrt((TAIL - 2) / random.chisquare(TAIL, (steps, paths)))
    first = random.standard_normal((steps, paths)) * scale
    second = random.standard_normal((steps, paths)) * scale
    rho = pair.correlation
    moved = []
    for usd, volatility, shock in (
        (pair.token_usd, pair.token_volatility, first),
        (pair.coin_usd, pair.coin_volatility, rho * first + sqrt(1 - rho * rho) * second),
    ):
        factor = np.exp(volatility * sqrt(days / DAYS) * shock)
        # Without drift, whatever was drawn.
        factor /= factor.mean(axis=1, keepdims=True)
        prices = np.vstack([np.full(paths, usd), usd * np.cumprod(factor, axis=0)])
        moved.append(prices)
    return moved[0], moved[1]


def funding_usd(strike: Array, spot: Array, terms: Terms, days: float) -> Array:
    """USD per unit over so long: the time value of the published form over its period, marked up."""
    u = perpetual.root_u(terms.quoted_volatility, terms.period_days)
    ratio = spot / strike
    value = strike / u * ratio ** np.where(ratio >= 1, (1 - u) / 2, (1 + u) / 2)
    return terms.markup * value * days / terms.period_days


class Sold:
    """A private pool, and the orders it took: calls and puts at one strike, renewed together."""

    def __init__(self, terms: Terms, demand: Demand, backing: Backing, tokens: float,
                 token: Array, coin: Array) -> None:  # fmt: skip
        self.terms, self.demand = terms, demand
        self.pool = np.full(coin.shape, tokens)
        self.reserve, self.public = np.full(coin.shape, backing.reserve), np.full(coin.shape, backing.public)
        self.emptied = np.zeros(coin.shape, bool)
        self.unpaid = np.zeros(coin.shape, bool)
        self.strike = self.units = coin
        self._open(token, coin)

    def step(self, token: Array, coin: Array, coin_before: Array, token_before: Array, days: float, *,
             renew: bool) -> None:  # fmt: skip
        each = funding_usd(self.strike, coin_before, self.terms, days) / token_before
        paid = self.units * each
        self.pool += paid * (1 - self.terms.reserve_part - self.terms.protocol_part)
        self.reserve += paid * self.terms.reserve_part
        owed = self._owed(token, coin)
        liquidated = (owed >= self.pool) & (self.units > 0)
        self._settle(np.where(liquidated, owed, 0.0))
        self.units = np.where(liquidated, 0.0, self.units)
        if renew:
            self._settle(np.where(liquidated, 0.0, self._owed(token, coin)))
            self._open(token, coin)

    def close(self, token: Array, coin: Array) -> None:
        self._settle(self._owed(token, coin))
        self.units = self.units * 0.0

    def _open(self, token: Array, coin: Array) -> None:
        """At the money, as much as the demand locks; opening fees go where funding does."""
        terms = self.terms
        lock = terms.lock_ratio * coin / token
        self.strike = coin.copy()
        self.units = self.demand.utilisation * self.pool / lock
        fee = self.units * coin * terms.opening_fee / token
        self.pool = self.pool + fee * (1 - terms.reserve_part - terms.protocol_part)
        self.reserve = self.reserve + fee * terms.reserve_part

    def _owed(self, token: Array, coin: Array) -> Array:
        up, down = np.maximum(coin - self.strike, 0), np.maximum(self.strike - coin, 0)
        calls = self.demand.call_part
        owed: Array = self.units * (calls * up + (1 - calls) * down) / token
        return owed

    def _settle(self, owed: Array) -> None:
        """The waterfall: pool, reserve, public pool, nobody."""
        from_pool = np.minimum(owed, self.pool)
        from_reserve = np.minimum(owed - from_pool, self.reserve)
        from_public = np.minimum(owed - from_pool - from_reserve, self.public)
        self.pool, self.reserve = self.pool - from_pool, self.reserve - from_reserve
        self.public = self.public - from_public
        self.emptied |= (owed > 0) & (self.pool <= EMPTY)
        self.unpaid |= owed - from_pool - from_reserve - from_public > EMPTY


class Bought:
    """Options bought at the money at the start, funded out of the margin."""

    def __init__(self, terms: Terms, holder: Holder, backing: Backing, token: Array,
                 coin: Array) -> None:  # fmt: skip
        self.terms, self.side = terms, 1 if holder.kind == "call" else -1
        margin = holder.tokens * (1 - holder.sold_part)
        self.strike, self.margin = coin.copy(), np.full(coin.shape, margin)
        self.won, self.lapsed = np.zeros(coin.shape), np.zeros(coin.shape, bool)
        self.unpaid = np.zeros(coin.shape, bool)
        self.most = backing.counterparty + backing.reserve + backing.public
        day = funding_usd(self.strike, coin, terms, 1.0) / token
        fee = coin * terms.opening_fee / token
        self.units = self.margin / (day * holder.funded_days + fee)
        self.margin = self.margin - self.units * fee

    def step(self, token: Array, coin: Array, coin_before: Array, token_before: Array, days: float) -> None:
        due = self.units * funding_usd(self.strike, coin_before, self.terms, days) / token_before
        out = (due > self.margin) & (self.units > 0)
        self.margin = np.where(out, 0.0, self.margin - due)
        self._take(np.where(out, self._owed(token, coin), 0.0))
        self.units = np.where(out, 0.0, self.units)
        self.lapsed |= out

    def close(self, token: Array, coin: Array) -> None:
        self._take(self._owed(token, coin))
        self.units = self.units * 0.0

    def _owed(self, token: Array, coin: Array) -> Array:
        owed: Array = self.units * np.maximum(self.side * (coin - self.strike), 0) / token
        return owed

    def _take(self, owed: Array) -> None:
        self.unpaid |= owed > self.most
        self.won = self.won + np.minimum(owed, self.most)
