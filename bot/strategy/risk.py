"""How far a price may move against a plan while it waits, and how long a premium lasts. Pure.

The 99 % move is :data:`SIGMAS_99` standard deviations of the log price over the wait, where the
variance is the session clock's (nights and weekends included) on top of the fair value's own. A
normal law would say 2.33; Student's t with four degrees of freedom, scaled to unit variance, says
2.65; 3 leaves room for earnings and news over a weekend.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

from bot.registry.model import VenueKind
from bot.types import Cause, Ns
from bot.valuation.scalars import EARNINGS_YEARS
from bot.valuation.sessions import SessionClock

SIGMAS_99 = 3.0
HEDGE_RESIDUAL = 0.1
"""Part of the move a short-stock hedge leaves: token and share are not one thing. An assumption."""
SECOND_LEG_SECONDS = 60.0
"""How long the price may move between two legs that are meant to be sent together."""

LEG_FAILS: dict[VenueKind, float] = {
    "pool": 0.01, "exchange": 0.005, "broker": 0.005, "issuer": 0.01, "oracle": 1.0,
}  # fmt: skip
"""Probability that a leg is refused after the one before it has filled, by where it goes: the price has moved
past its limit, the transaction failed, the issuer said no. Assumptions."""

STALE_FAILS = 0.3
"""The same of an order book that has not followed the share: who quotes there may be away, and the quote with
him, or withdraw it when it is hit. A pool that nobody has traded in gives what it says. An assumption."""

HALF_LIFE_SECONDS: dict[Cause, float] = {
    "thin_liquidity": 120.0,
    "stale_venue": 1_800.0,
    "closed_market_drift": 43_200.0,
    "broad_premium": 86_400.0,
    "issuer_halt": 259_200.0,
    "stablecoin_depeg": 86_400.0,
}
"""After how long half of a basis has gone, by cause. ``thin_liquidity``: pools closed the gap to the
book with half-lives of 0.6 to 3.9 minutes in July 2026; ``broad_premium``: AAPLx and AMZNx stood off
over the whole long weekend of July 2025. The others are assumptions."""
OTHER_HALF_LIFE_SECONDS = 1_800.0


def half_life(cause: Cause) -> float:
    """Seconds after which half of a basis with this cause is gone."""
    return HALF_LIFE_SECONDS.get(cause, OTHER_HALF_LIFE_SECONDS)


def still_there(half_life_seconds: float, seconds: float) -> float:
    """Probability that a premium is still there after so long."""
    return float(2.0 ** (-seconds / half_life_seconds))


def move_sd(clock: SessionClock, annual_variance: float, start: Ns, end: Ns, fair_sd: float,
            earnings: Sequence[Ns] = ()) -> float:  # fmt: skip
    """Standard deviation of the log price between two moments, the fair value's own included; it jumps at
    ``earnings``."""
    accrued = max(0.0, clock.variance_time(end) - clock.variance_time(start))
    accrued += EARNINGS_YEARS * sum(start < moment <= end for moment in earnings)
    return sqrt(fair_sd * fair_sd + annual_variance * accrued)


def if_short(value_usd: float, sd: float) -> float:
    """USD lost at 99 % by owing tokens worth ``value_usd`` while the price rises."""
    return value_usd * (exp(SIGMAS_99 * sd) - 1.0)


def if_long(value_usd: float, sd: float) -> float:
    """USD lost at 99 % by holding tokens worth ``value_usd`` while the price falls."""
    return value_usd * (1.0 - exp(-SIGMAS_99 * sd))
