"""Prices by other ways than the program's: QuantLib's grids and formulas set up anew, and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import exp, pi, sqrt
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813 - as its own examples call it
from numpy.polynomial.legendre import leggauss

from bot.strategy.options import european

START = ql.Date(2, 1, 2098)
SCALE = 20_000
"""A unit of time has so many of QuantLib's days: another scale than the program's."""


class Reference:
    """QuantLib's own objects for one option; ``years`` are stretched to whole days."""

    def __init__(self, kind: str, spot: float, strike: float, years: float, volatility: float,
                 rate: float = 0.0, yield_: float = 0.0, dividends: Any = ()) -> None:  # fmt: skip
        days, scale = ql.Actual365Fixed(), years / (SCALE / 365)
        quote = ql.QuoteHandle
        self.process = ql.BlackScholesMertonProcess(
            quote(ql.SimpleQuote(spot)),
            ql.YieldTermStructureHandle(ql.FlatForward(START, yield_ * scale, days)),
            ql.YieldTermStructureHandle(ql.FlatForward(START, rate * scale, days)),
            ql.BlackVolTermStructureHandle(
                ql.BlackConstantVol(START, ql.NullCalendar(), volatility * sqrt(scale), days)
            ),
        )
        self.payoff = ql.PlainVanillaPayoff(ql.Option.Call if kind == "call" else ql.Option.Put, strike)
        self.end = START + SCALE
        self.dividends = [ql.FixedDividend(usd, START + round(t / years * SCALE)) for t, usd in dividends]

    def european(self) -> float:
        """The closed form, dividends escrowed."""
        option = ql.VanillaOption(self.payoff, ql.EuropeanExercise(self.end))
        if self.dividends:
            option.setPricingEngine(ql.AnalyticDividendEuropeanEngine(self.process, self.dividends))
        else:
            option.setPricingEngine(ql.AnalyticEuropeanEngine(self.process))
        return option.NPV()

    def american(self, time_steps: int = 800, space_steps: int = 1200) -> float:
        """Crank and Nicolson's finite differences on a fine grid, extrapolated in time."""
        option = ql.VanillaOption(self.payoff, ql.AmericanExercise(START, self.end))
        found = []
        for steps in (time_steps // 2, time_steps):
            option.setPricingEngine(
                ql.FdBlackScholesVanillaEngine(
                    self.process, self.dividends, steps, space_steps, 0, ql.FdmSchemeDesc.CrankNicolson(),
                    False, -1.0, ql.FdBlackScholesVanillaEngine.Escrowed,
                )
            )  # fmt: skip
            found.append(option.NPV())
        return 2 * found[1] - found[0]

    def boundary(self) -> float:
        """The high-precision scheme of the exercise boundary; no dividends."""
        option = ql.VanillaOption(self.payoff, ql.AmericanExercise(START, self.end))
        scheme = ql.QdFpAmericanEngine.highPrecisionScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(self.process, scheme))
        return option.NPV()


NODES, WEIGHTS = leggauss(60)


def integral(function: Callable[[float], float], cuts: list[float]) -> float:
    """Gauss and Legendre between each two cuts."""
    total = 0.0
    for low, high in pairwise(cuts):
        middle, half = (low + high) / 2, (high - low) / 2
        total += half * sum(w * function(middle + half * x) for x, w in zip(NODES, WEIGHTS, strict=True))
    return total


def everlasting(kind: Any, spot: float, strike: float, period_years: float, volatility: float,
                rate: float = 0.0, yield_: float = 0.0) -> float:  # fmt: skip
    """``(1/T)∫e^(−τ/T)·BlackScholes(τ)dτ``; the square root takes the kink at no time away."""

    def part(root: float) -> float:
        x = root * root
        worth = european.price(kind, spot, strike, x * period_years, volatility, rate, yield_)
        return 2 * root * exp(-x) * worth

    return integral(part, [0.0, 0.02, 0.1, 0.3, 0.7, 1.2, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0])


def call_over_one_dividend(spot: float, strike: float, years: float, volatility: float, rate: float,
                           ex: float, usd: float) -> float:  # fmt: skip
    """A call is exercised early only just before the dividend: what it is worth then, integrated."""
    base = european.escrowed(spot, years, rate, [(ex, usd)])
    z = np.linspace(-9, 9, 6001)
    then = base * np.exp((rate - volatility**2 / 2) * ex + volatility * sqrt(ex) * z)
    held = np.array([european.price("call", s, strike, years - ex, volatility, rate) for s in then])
    value = np.maximum(held, then + usd - strike) * np.exp(-z * z / 2) / sqrt(2 * pi)
    return float(exp(-rate * ex) * np.trapezoid(value, z))
