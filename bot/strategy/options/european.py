"""European options by Black, Scholes and Merton, and the volatility in a price. Pure, no library.

``years`` are of 365 days, rates compound continuously, ``volatility`` is per year. Cash dividends are
escrowed: what moves is the spot less their present value, and a strike is compared with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, inf, log, pi, sqrt
from typing import Literal

from bot.errors import DataError
from bot.strategy.options.greeks import Greeks

OptionKind = Literal["call", "put"]
Dividends = Sequence[tuple[float, float]]
"""Cash dividends as ``(years until it goes ex, USD per share)``."""

DAYS = 365.0
ROOT_HALF = sqrt(0.5)
ROOT_2PI = sqrt(2 * pi)
STEPS = 100
CLOSE_ENOUGH = 1e-14


def cdf(x: float) -> float:
    """Of the normal law; keeps its digits far out on the left."""
    return 0.5 * erfc(-x * ROOT_HALF)


def density(x: float) -> float:
    """Of the normal law."""
    return exp(-0.5 * x * x) / ROOT_2PI


def intrinsic(kind: OptionKind, spot: float, strike: float) -> float:
    """What exercising now pays."""
    return max(0.0, spot - strike if kind == "call" else strike - spot)


def escrowed(spot: float, years: float, growth: float, dividends: Dividends) -> float:
    """The spot without the dividends that go ex before ``years``; raises if they are more than it.

    ``growth`` is the rate less the yield: a share that is paid out no longer yields.
    """
    left = spot - sum(usd * exp(-growth * when) for when, usd in dividends if 0 < when <= years)
    if left <= 0:
        raise DataError("option_terms", f"dividends of more than the spot, {spot:,.2f}")
    return left


def black(kind: OptionKind, forward: float, strike: float, deviation: float) -> float:
    """Undiscounted price where the log of the price at expiry has this standard deviation."""
    if deviation <= 0:
        return intrinsic(kind, forward, strike)
    d1 = log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    if kind == "call":
        return max(0.0, forward * cdf(d1) - strike * cdf(d2))
    return max(0.0, strike * cdf(-d2) - forward * cdf(-d1))


def price(kind: OptionKind, spot: float, strike: float, years: float, volatility: float, rate: float = 0.0,
          yield_: float = 0.0, dividends: Dividends = ()) -> float:  # fmt: skip
    """USD per share; at or after expiry what exercise pays."""
    if years <= 0:
        return intrinsic(kind, spot, strike)
    base = escrowed(spot, years, rate - yield_, dividends) if dividends else spot
    forward = base * exp((rate - yield_) * years)
    return exp(-rate * years) * black(kind, forward, strike, volatility * sqrt(years))


def prices(kind: OptionKind, spots: Sequence[float], strike: float, years: float, volatility: float,
           rate: float = 0.0, yield_: float = 0.0, dividends: Dividends = ()) -> list[float]:  # fmt: skip
    """:func:`price` at each of these spots; at one that the dividends exceed, what exercise pays."""
    if years <= 0:
        return [intrinsic(kind, spot, strike) for spot in spots]
    growth = rate - yield_
    due = 0.0
    if dividends:
        due = sum(usd * exp(-growth * when) for when, usd in dividends if 0 < when <= years)
    grown, discount, deviation = exp(growth * years), exp(-rate * years), volatility * sqrt(years)
    half, sign = deviation / 2, 1.0 if kind == "call" else -1.0
    near, far = -sign * ROOT_HALF, 0.5 * sign * discount
    found = []
    for spot in spots:
        if spot <= due:
            found.append(intrinsic(kind, spot, strike))
            continue
        forward = (spot - due) * grown
        if deviation <= 0:
            found.append(discount * intrinsic(kind, forward, strike))
            continue
        d1 = log(forward / strike) / deviation + half
        worth = far * (forward * erfc(near * d1) - strike * erfc(near * (d1 - deviation)))
        found.append(worth if worth > 0.0 else 0.0)
    return found


def greeks(kind: OptionKind, spot: float, strike: float, years: float, volatility: float, rate: float = 0.0,
           yield_: float = 0.0, dividends: Dividends = ()) -> Greeks:  # fmt: skip
    """Of one share's worth; ``volatility`` and ``years`` must be more than nothing."""
    if years <= 0 or volatility <= 0:
        raise DataError("option_terms", "greeks need time and volatility")
    base = escrowed(spot, years, rate - yield_, dividends) if dividends else spot
    root = sqrt(years)
    deviation = volatility * root
    d1 = (log(base / strike) + (rate - yield_) * years) / deviation + deviation / 2
    d2 = d1 - deviation
    carried, discount, bell = exp(-yield_ * years), exp(-rate * years), density(d1)
    sign = 1.0 if kind == "call" else -1.0
    n1, n2 = cdf(sign * d1), cdf(sign * d2)
    delta = sign * carried * n1
    gamma = carried * bell / (base * deviation)
    # The escrowed spot falls as dividends come nearer, and rises with the rate.
    growth = rate - yield_
    due = [(when, usd * exp(-growth * when)) for when, usd in dividends if 0 < when <= years]
    grown, later = growth * sum(usd for _, usd in due), sum(usd * when for when, usd in due)
    theta = (
        -base * carried * bell * volatility / (2 * root)
        - sign * rate * strike * discount * n2
        + sign * yield_ * base * carried * n1
        - delta * grown
    )
    return Greeks(
        max(0.0, sign * (base * carried * n1 - strike * discount * n2)), delta, gamma,
        base * carried * bell * root, theta / DAYS,
        sign * strike * years * discount * n2 + delta * later,
    )  # fmt: skip


def implied_volatility(kind: OptionKind, paid: float, spot: float, strike: float, years: float,
                       rate: float = 0.0, yield_: float = 0.0,
                       dividends: Dividends = ()) -> float | None:  # fmt: skip
    """The volatility at which :func:`price` is ``paid``; ``None`` where no volatility gives it.

    Newton's method on the log of the out-of-the-money price, which is concave in the deviation, from its
    point of inflexion; halved back into the bracket where it would leave it.
    """
    if years <= 0 or paid <= 0:
        return None
    base = escrowed(spot, years, rate - yield_, dividends) if dividends else spot
    forward = base * exp((rate - yield_) * years)
    deviation = _deviation(kind, paid * exp(rate * years), forward, strike)
    return None if deviation is None else deviation / sqrt(years)


def _deviation(kind: OptionKind, paid: float, forward: float, strike: float) -> float | None:
    outside: OptionKind = "call" if forward < strike else "put"
    target = paid if kind == outside else paid - intrinsic(kind, forward, strike)
    most = forward if outside == "call" else strike
    if not 0 < target < most:
        return None
    goal, low, high = log(target), 0.0, inf
    distance, side = log(forward / strike), 1.0 if outside == "call" else -1.0
    moneyness, tail = abs(distance), -side * ROOT_HALF
    deviation = sqrt(2 * moneyness) if moneyness > 1e-6 else ROOT_2PI * target / forward
    for _ in range(STEPS):
        d1 = distance / deviation + deviation / 2
        # As black() has it, whose d1 is the slope's, too.
        value = side * (
            forward * (0.5 * erfc(tail * d1)) - strike * (0.5 * erfc(tail * (d1 - deviation)))
        )  # fmt: skip
        miss = log(value) - goal if value > 0 else -inf
        if miss < 0:
            low = deviation
        else:
            high = deviation
        if abs(miss) < CLOSE_ENOUGH or high - low <= CLOSE_ENOUGH * deviation:
            break
        slope = forward * density(d1) / value if value > 0 else 0.0
        following = deviation - miss / slope if slope > 0 else inf
        if not low < following < high:
            following = (low + high) / 2 if high < inf else 2 * deviation
        if following == deviation:
            break
        deviation = following
    return deviation
