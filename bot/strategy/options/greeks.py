"""Price and sensitivities of one thing or of many, and a book of them by underlying. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Greeks(Struct, frozen=True):
    """A value and how it moves, in USD unless the maker says otherwise.

    ``delta`` is per USD of the underlying (shares), ``gamma`` the change of delta per USD, ``vega`` per
    1.00 of volatility (a hundred points), ``theta_day`` per calendar day that passes, ``rho`` per 1.00 of
    the rate. They add up, and scale with the quantity held: negative if it is owed.
    """

    value: float = 0.0
    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta_day: float = 0.0
    rho: float = 0.0

    def __add__(self, other: Greeks) -> Greeks:
        return Greeks(
            self.value + other.value, self.delta + other.delta, self.gamma + other.gamma,
            self.vega + other.vega, self.theta_day + other.theta_day, self.rho + other.rho,
        )  # fmt: skip

    def __mul__(self, quantity: float) -> Greeks:
        return Greeks(
            self.value * quantity, self.delta * quantity, self.gamma * quantity, self.vega * quantity,
            self.theta_day * quantity, self.rho * quantity,
        )  # fmt: skip

    __rmul__ = __mul__

    def after(self, move_usd: float) -> float:
        """The value once the underlying has moved by so much, to second order."""
        return self.value + self.delta * move_usd + self.gamma * move_usd * move_usd / 2


class Held(Struct, frozen=True):
    """So many of a thing on an underlying: shares, tokens, options (per share of their contract), coins."""

    underlying: str
    name: str
    quantity: float
    each: Greeks


def shares(underlying: str, quantity: float, price_usd: float, name: str = "") -> Held:
    """Shares, tokens by their multiplier, or perps: they have a delta and nothing else."""
    return Held(underlying, name or underlying, quantity, Greeks(price_usd, 1.0))


def aggregate(book: Iterable[Held]) -> dict[str, Greeks]:
    """The greeks of everything held, by underlying."""
    total: dict[str, Greeks] = {}
    for held in book:
        total[held.underlying] = total.get(held.underlying, Greeks()) + held.each * held.quantity
    return total
