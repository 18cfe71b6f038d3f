"""Pools that sell perpetual options for their depositors, Fufuture's kind: who takes orders, who pays. Pure.

An order goes to one *private* pool (one depositor each): the one drawn, or the next in turn that has room;
if none has, to the *public* pool. What a buyer wins is paid by the pool that took the order: out of what it
locked for it and its free balance, then out of the *reserve* (the insurance), then out of the public pool; if
that is not enough the order closes with what there is. Funding goes to the pool that took the order, less
the reserve's and the protocol's parts. (fufuture.gitbook.io; its fees are not published: configuration.)

All amounts are coins of the pools' token.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from bot.errors import DataError
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns

PUBLIC = "public"
LOCK_NS: Ns = 14 * DAY_SECONDS * NS
"""Deposits of the public pool stay so long."""
LIQUIDATION_REWARD = 1.5
"""Of its gas, to whoever liquidates."""


class Sharing(Struct, frozen=True):
    """How funding is shared out, and what is locked per coin of notional sold."""

    reserve_part: float = 0.1
    protocol_part: float = 0.1
    lock_ratio: float = 0.5


class Taken(Struct):
    """An open order: the pool that took it, and what that locked."""

    pool: str
    locked: float


class Paid(Struct, frozen=True):
    """Who paid a winner, and what nobody could."""

    pool: float
    reserve: float
    public: float
    unpaid: float

    @property
    def whole(self) -> bool:
        """Whether the winner got everything."""
        return self.unpaid <= 0


def waterfall(owed: float, pool: float, reserve: float, public: float) -> Paid:
    """``owed`` out of the pool, then the reserve, then the public pool."""
    from_pool = min(owed, pool)
    from_reserve = min(owed - from_pool, reserve)
    from_public = min(owed - from_pool - from_reserve, public)
    return Paid(from_pool, from_reserve, from_public, owed - from_pool - from_reserve - from_public)


class Pools:
    """One settlement token's pools. ``private`` holds each pool's balance, what it locked included."""

    def __init__(self, private: dict[str, float], reserve: float, public: float, terms: Sharing) -> None:
        self.private = dict(private)
        self.reserve, self.public, self.protocol, self.terms = reserve, public, 0.0, terms
        self.orders: dict[str, Taken] = {}
        self.closed_to: set[str] = set()
        self.shares: dict[str, float] = {}
        self._deposited: dict[str, Ns] = {}
        self._shares_total = public

    def total(self) -> float:
        """Every coin here."""
        return sum(self.private.values()) + self.reserve + self.public + self.protocol

    def free(self, pool: str) -> float:
        """What a pool has not locked."""
        held = self.public if pool == PUBLIC else self.private[pool]
        return held - sum(taken.locked for taken in self.orders.values() if taken.pool == pool)

    def open(self, order: str, notional: float, drawn: int) -> str | None:
        """The pool that takes an order of so many coins' notional; ``None`` if none has room.

        ``drawn`` is the block's hash and time, of which the list's length is taken away until it fits.
        """
        if order in self.orders:
            raise DataError("carry_order", f"{order} is open already")
        lock = notional * self.terms.lock_ratio
        names = [name for name in self.private if name not in self.closed_to]
        start = drawn % len(names) if names else 0
        for name in [*names[start:], *names[:start], PUBLIC]:
            if self.free(name) >= lock:
                self.orders[order] = Taken(name, lock)
                return name
        return None

    def stop(self, pool: str) -> None:
        """Its depositor takes no more orders; those that are open stay."""
        self.closed_to.add(pool)

    def fund(self, order: str, coins: float) -> None:
        """The buyer of an order pays funding."""
        terms = self.terms
        self.reserve += coins * terms.reserve_part
        self.protocol += coins * terms.protocol_part
        self._add(self._taken(order).pool, coins * (1 - terms.reserve_part - terms.protocol_part))

    def close(self, order: str, owed: float) -> Paid:
        """The order ends and its buyer is paid; other orders' locks are not touched."""
        taken = self._taken(order)
        del self.orders[order]
        if taken.pool == PUBLIC:
            paid = waterfall(owed, 0.0, self.reserve, max(0.0, self.free(PUBLIC)))
        else:
            paid = waterfall(owed, max(0.0, self.free(taken.pool)), self.reserve, max(0.0, self.free(PUBLIC)))
            self._add(taken.pool, -paid.pool)
        self.reserve -= paid.reserve
        self.public -= paid.public
        return paid

    def deposit(self, who: str, coins: float, ts: Ns) -> float:
        """Into the public pool; the shares given for it."""
        price = self.public / self._shares_total if self._shares_total > 0 else 1.0
        if price <= 0:
            raise DataError("carry_pool", "the public pool is empty, its shares are worth nothing")
        given = coins / price
        self.public += coins
        self._shares_total += given
        self.shares[who] = self.shares.get(who, 0.0) + given
        self._deposited[who] = ts
        return given

    def withdraw(self, who: str, ts: Ns) -> float:
        """All of somebody's shares for coins; raises while they are locked, or the coins are."""
        if ts < self._deposited[who] + LOCK_NS:
            raise DataError("carry_locked", "deposits of the public pool stay for 14 days")
        coins = self.public * self.shares[who] / self._shares_total
        if coins > self.free(PUBLIC) + 1e-12:
            raise DataError("carry_locked", "open orders lock the public pool")
        self.public -= coins
        self._shares_total -= self.shares.pop(who)
        return coins

    def exposed(self, owed: Iterable[tuple[str, float]]) -> list[str]:
        """Orders that anyone may liquidate: their winner is owed as much as their pool has for them."""
        return [order for order, coins in owed if coins >= self._backing(order)]

    def _backing(self, order: str) -> float:
        taken = self._taken(order)
        return taken.locked + max(0.0, self.free(taken.pool))

    def _taken(self, order: str) -> Taken:
        taken = self.orders.get(order)
        if taken is None:
            raise DataError("carry_order", f"{order} is not open")
        return taken

    def _add(self, pool: str, coins: float) -> None:
        if pool == PUBLIC:
            self.public += coins
        else:
            self.private[pool] += coins
