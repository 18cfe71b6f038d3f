"""American options by QuantLib (the ``options`` extra), which is imported here and nowhere else.

Without cash dividends: Andersen, Lake and Offengenden's fixed point of the exercise boundary (QuantLib's
``QdFp`` engine). With them: finite differences of the escrowed spot, extrapolated in time from two
grids, for the error of allowing exercise only at the grid's times falls as the step does, and set right by
what the same grid makes of the European option.

QuantLib counts whole days. A price depends on rate × time, yield × time and variance × time alone, so each
option is given the same far day of expiry and its rates and volatility are scaled to it: minutes count.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Any

from bot.errors import DataError, UsageError
from bot.strategy.options.european import Dividends, OptionKind, escrowed, intrinsic
from bot.strategy.options.european import price as european_price

DAYS = 36_500
YEARS = DAYS / 365
FIRST_YEAR = 2099
TIME_STEPS, SPACE_STEPS = 200, 600


def price(kind: OptionKind, spot: float, strike: float, years: float, volatility: float, rate: float = 0.0,
          yield_: float = 0.0, dividends: Dividends = ()) -> float:  # fmt: skip
    """USD per share; raises :class:`DataError` for terms that QuantLib cannot price."""
    if years <= 0:
        return intrinsic(kind, spot, strike)
    due = tuple((when, usd) for when, usd in dividends if 0 < when <= years and usd > 0)
    escrowed(spot, years, rate - yield_, due)
    try:
        return _desk().price(kind, spot, strike, years, volatility, rate, yield_, due)
    except RuntimeError as error:  # all that QuantLib raises
        raise DataError("option_terms", f"{kind} {strike:g}: {error}") from None


class _Desk:
    """QuantLib's objects, built once; each price sets the quotes that they hang on."""

    def __init__(self) -> None:
        try:
            import QuantLib
        except ImportError:
            raise UsageError("American options need QuantLib: pip install 'pegbot[options]'") from None
        self._ql: Any = QuantLib
        ql = self._ql
        self._start = ql.Date(1, 1, FIRST_YEAR)
        days, handle = ql.Actual365Fixed(), ql.QuoteHandle
        self._spot, self._rate, self._yield, self._volatility = (ql.SimpleQuote(1.0) for _ in range(4))
        self._process = ql.BlackScholesMertonProcess(
            handle(self._spot),
            ql.YieldTermStructureHandle(ql.FlatForward(self._start, handle(self._yield), days)),
            ql.YieldTermStructureHandle(ql.FlatForward(self._start, handle(self._rate), days)),
            ql.BlackVolTermStructureHandle(
                ql.BlackConstantVol(self._start, ql.NullCalendar(), handle(self._volatility), days)
            ),
        )
        self._exercise = ql.AmericanExercise(self._start, self._start + DAYS)
        self._european = ql.EuropeanExercise(self._start + DAYS)
        self._boundary = ql.QdFpAmericanEngine(self._process)

    def price(self, kind: OptionKind, spot: float, strike: float, years: float, volatility: float,
              rate: float, yield_: float, dividends: Dividends) -> float:  # fmt: skip
        ql, scale = self._ql, years / YEARS
        self._spot.setValue(spot)
        self._rate.setValue(rate * scale)
        self._yield.setValue(yield_ * scale)
        self._volatility.setValue(volatility * sqrt(scale))
        side = ql.Option.Call if kind == "call" else ql.Option.Put
        payoff = ql.PlainVanillaPayoff(side, strike)
        option = ql.VanillaOption(payoff, self._exercise)
        if not dividends:
            option.setPricingEngine(self._boundary)
            return float(option.NPV())
        paid = [
            ql.FixedDividend(usd, self._start + max(1, round(when / years * DAYS))) for when, usd in dividends
        ]
        coarse, fine = (self._grid(option, paid, steps) for steps in (TIME_STEPS // 2, TIME_STEPS))
        plain = ql.VanillaOption(payoff, self._european)
        exact = european_price(kind, spot, strike, years, volatility, rate, yield_, dividends)
        return max(
            intrinsic(kind, spot, strike), 2 * fine - coarse + exact - self._grid(plain, paid, TIME_STEPS)
        )

    def _grid(self, option: Any, dividends: list[Any], time_steps: int) -> float:
        ql = self._ql
        engine = ql.FdBlackScholesVanillaEngine(
            self._process, dividends, time_steps, SPACE_STEPS, 0, ql.FdmSchemeDesc.Douglas(), False, -1.0,
            ql.FdBlackScholesVanillaEngine.Escrowed,
        )  # fmt: skip
        option.setPricingEngine(engine)
        return float(option.NPV())


@lru_cache(maxsize=1)
def _desk() -> _Desk:
    return _Desk()
