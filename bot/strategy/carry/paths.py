"""Joint moves of a stock token and a coin along many paths at once. Pure; needs numpy.

The law is that of the rest of the strategy (:mod:`bot.strategy.moves`): Student's t with four degrees of
freedom, stretched so that its 99 % move is three standard deviations. One scale is drawn for token and coin
together, and for as long as an order is held: calm and wild days come in stretches, so what an order may pay
has the tails of the law, not those of a sum of many moves, which are nearly Gaussian again.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np

from bot.strategy.carry.model import Jump, Pair
from bot.strategy.moves import quantile
from bot.strategy.options.european import DAYS
from bot.strategy.risk import SIGMAS_99

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
FREEDOM = 4.0


def prices(pair: Pair, paths: int, steps: int, days: float, seed: int, *, stretch: int = 1,
           jump: Jump | None = None) -> tuple[Array, Array]:  # fmt: skip
    """USD of token and coin, a row for each moment, steps of so many days apart; a scale lasts ``stretch``
    steps. Without drift, whatever was drawn; a jump is on top of that."""
    random = np.random.default_rng(seed)
    stretches = -(-steps // stretch)
    drawn = np.sqrt(FREEDOM / random.chisquare(FREEDOM, (stretches, paths))) * SIGMAS_99 / quantile(0.99)
    scale = np.repeat(drawn, stretch, axis=0)[:steps]
    first = random.standard_normal((steps, paths)) * scale
    second = random.standard_normal((steps, paths)) * scale
    rho = pair.correlation
    at = None if jump is None else min(steps, max(1, round(jump.days / days))) - 1
    moved = []
    for usd, volatility, shock, share in (
        (pair.token_usd, pair.token_volatility, first, rho),
        (pair.coin_usd, pair.coin_volatility, rho * first + sqrt(1 - rho * rho) * second, 1.0),
    ):
        factor = np.exp(volatility * sqrt(days / DAYS) * shock)
        factor /= factor.mean(axis=1, keepdims=True)
        if jump is not None and at is not None:
            factor[at] *= exp(share * jump.sigmas * volatility / sqrt(DAYS))
        moved.append(np.vstack([np.full(paths, usd), usd * np.cumprod(factor, axis=0)]))
    return moved[0], moved[1]
