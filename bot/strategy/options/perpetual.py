"""Perpetual ("everlasting") options: no expiry, the holder pays funding instead. Pure.

The holder pays ``price - intrinsic`` over each funding period, all the time. That is worth a European option
whose expiry is drawn from an exponential law with the period as its mean: S. Bankman-Fried and D. White,
"Everlasting Options", 2021; Deri Protocol's documents give the form without a rate. With a rate and a
yield it is the solution of Black and Scholes' equation with the payoff as a source:
``½σ²S²V'' + (r − q)SV' − (r + 1/T)V + payoff/T = 0``, smooth at the strike.

Amounts are USD per unit of the underlying; :mod:`~bot.strategy.options.inverse` says them in the coin that is
the margin.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

from msgspec import Struct

from bot.errors import DataError
from bot.strategy.options.european import DAYS, OptionKind, intrinsic
from bot.strategy.options.greeks import Greeks
from bot.timefmt import DAY_SECONDS


class Perpetual(Struct, frozen=True):
    """A perpetual option; ``period_days`` is the time over which the funding adds up to its time value."""

    kind: OptionKind
    strike: float
    period_days: float


def root_u(volatility: float, period_days: float) -> float:
    """``u = √(1 + 8 / (σ²T))`` of the published form without a rate."""
    return sqrt(1 + 8 / (volatility * volatility * period_days / DAYS))


def price(option: Perpetual, spot: float, volatility: float, rate: float = 0.0, yield_: float = 0.0) -> float:
    """USD per unit. ``rate`` and ``yield_`` must be more than ``-1/T``."""
    return _Solved(option, spot, volatility, rate, yield_).value()


def funding_usd(option: Perpetual, spot: float, volatility: float, seconds: float, rate: float = 0.0,
                yield_: float = 0.0) -> float:  # fmt: skip
    """What the holder of one unit pays over so long, while spot and volatility stay as they are."""
    excess = price(option, spot, volatility, rate, yield_) - intrinsic(option.kind, spot, option.strike)
    return excess * seconds / (option.period_days * DAY_SECONDS)


def greeks(option: Perpetual, spot: float, volatility: float, rate: float = 0.0,
           yield_: float = 0.0) -> Greeks:  # fmt: skip
    """Per unit. It does not age, so what a day costs, in ``theta_day``, is the funding, as a loss."""
    solved = _Solved(option, spot, volatility, rate, yield_)
    value = solved.value()
    day = (value - intrinsic(option.kind, spot, option.strike)) / option.period_days
    return Greeks(value, solved.delta(), solved.gamma(), solved.vega(), -day, solved.rho())


class _Solved:
    """``A·(S/K)^m`` with the root of the side of the strike that the spot is on, and the payoff's part.

    At the strike value and slope of both sides agree: ``A_above = (a·K − m₊·K·(a − b)) / (m₊ − m₋)`` and
    ``A_below = (a·K − m₋·K·(a − b)) / (m₊ − m₋)``, where ``a = λ/(λ + q)``, ``b = λ/(λ + r)``, ``λ = 1/T``.
    Call and put differ by ``a·S − b·K`` everywhere (put-call identity), so one ``A`` serves both.
    """

    def __init__(self, option: Perpetual, spot: float, volatility: float, rate: float, yield_: float) -> None:
        if not (spot > 0 and option.strike > 0 and volatility > 0 and option.period_days > 0):
            raise DataError("option_terms", "spot, strike, volatility and period must be more than nothing")
        self.pace = DAYS / option.period_days
        if self.pace + rate <= 0 or self.pace + yield_ <= 0:
            raise DataError("option_terms", f"a rate below -{self.pace:g} a year has no perpetual price")
        self.option, self.spot, self.volatility = option, spot, volatility
        self.rate, self.yield_ = rate, yield_
        variance = volatility * volatility
        drift = (rate - yield_) / variance - 0.5
        spread = sqrt(drift * drift + 2 * (self.pace + rate) / variance)
        self.upper, self.lower = spread - drift, -spread - drift
        self.above = spot >= option.strike
        self.root = self.lower if self.above else self.upper
        self.other = self.upper if self.above else self.lower
        self.a, self.b = self.pace / (self.pace + yield_), self.pace / (self.pace + rate)
        self.factor = self._factor()
        self.term = self.factor * exp(self.root * log(spot / option.strike))

    def value(self) -> float:
        forward = self.a * self.spot - self.b * self.option.strike
        return self.term + self._sign() * forward

    def delta(self) -> float:
        return self.root * self.term / self.spot + self._sign() * self.a

    def gamma(self) -> float:
        return self.root * (self.root - 1) * self.term / self.spot**2

    def vega(self) -> float:
        return self._moved(lambda m: -self.volatility * m * (m - 1))

    def rho(self) -> float:
        db = -self.pace / (self.pace + self.rate) ** 2
        by_b = self.other * self.option.strike * db / (self.upper - self.lower)
        grown = by_b * self.term / self.factor
        return grown + self._moved(lambda m: 1 - m) - self._sign() * self.option.strike * db

    def _sign(self) -> int:
        """Of ``a·S − b·K`` in the price: a call in the money holds it, a put in the money owes it."""
        if self.option.kind == "call":
            return 1 if self.above else 0
        return 0 if self.above else -1

    def _factor(self) -> float:
        strike, gap = self.option.strike, self.a - self.b
        return strike * (self.a - self.other * gap) / (self.upper - self.lower)

    def _moved(self, by: Callable[[float], float]) -> float:
        """Change of the term as both roots move; each root's own is ``by(m)`` over the polynomial's slope."""
        variance = self.volatility**2
        slopes = {m: variance * (m - 0.5) + self.rate - self.yield_ for m in (self.root, self.other)}
        root, other = by(self.root) / slopes[self.root], by(self.other) / slopes[self.other]
        width = self.upper - self.lower
        wider = (other - root) if self.above else (root - other)
        factor = -other * self.option.strike * (self.a - self.b) / width - self.factor * wider / width
        return self.term * (factor / self.factor + root * log(self.spot / self.option.strike))
