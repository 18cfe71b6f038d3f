"""Valuation's arithmetic as plain functions of numbers: one source for live engine, calibration and kernel.

Nothing here knows an object; only ``atan``, ``exp``, ``log`` and ``sqrt`` are used. Prices are logs, times
are years of variance (:mod:`bot.valuation.sessions`), half-widths are log ratios. The constants were chosen
on daily bars of US shares and funds, 1998 to 2021, and looked at on the weekends of 2024 (docs/valuation.md).
"""

from __future__ import annotations

from math import atan, exp, log, pi, sqrt

LEVEL_GAIN = 0.2
"""Weight of one weekend, or one week, in the common level of volatility: half of it is forgotten in three."""
OWN_GAIN = 0.03
"""The same for a share's own ratio to its prior: half is forgotten in 23."""
OWN_PRIOR = 8.0
"""So many moves' worth of evidence the prior volatility counts for."""
SHRINK = 0.6
"""Volatility follows level and own ratio to this power: what was is not quite what will be."""
WILD = 3.0
"""No move counts for more than so many times what was expected: one crash is one crash."""
CLOSED_MEAN = 0.55
"""Mean of a closed market's absolute move over its standard deviation: Student's t gives 0.64, bars 0.55."""
OPEN_MEAN = 0.75
"""The same of a day or a week in session, less heavy in its tails."""
MISS_STEP = 0.1
"""A miss widens the next intervals by this ratio, times 1 − α; a hit narrows them by it, times α."""
NARROWEST, WIDEST = 0.5, 2.5
CONF_PER_VOLATILITY = 0.0018
"""Pyth's confidence at a close over price, per unit of annual volatility: 18 bp, of 2024's rows."""
UNKNOWN_VOLATILITY = 0.45
DEEP_USD = 100_000.0
"""Liquidity at which a venue is as noisy as the configuration says; less is noisier."""
EARNINGS_YEARS = 6.0 / 252.0
"""Variance of an earnings release, in years of the share's own: six days' worth, an assumption."""
CONF_WEIGHT = 0.7
"""Of what a share's confidence implies against ``UNKNOWN_VOLATILITY``, as powers, where no prior is known."""


def student_quantile(level: float) -> float:
    """Half-width, in standard deviations, of the central interval holding ``level`` of Student's t with
    three degrees of freedom and unit variance. Of the tail beyond 0 < level < 1, by Newton's method on its
    closed form."""
    if level <= 0.0:
        return 0.0
    target = level / 2.0 * pi
    # With x = t / √3: F(t) − 1/2 = (x / (1 + x²) + atan x) / π. The tail 2 / (3 x³) starts it from above.
    x = min((2.0 / (3.0 * (pi / 2.0 - target))) ** (1.0 / 3.0), 0.75 * target / (pi / 2.0 - target) + target)
    for _ in range(60):
        slope = 2.0 / (1.0 + x * x) ** 2
        step = (x / (1.0 + x * x) + atan(x) - target) / slope
        moved = x - step
        if moved <= 0.0:
            moved = x / 2.0
        if abs(moved - x) <= 1e-13 * x:
            return float(moved)
        x = moved
    return float(x)


def half_width(variance: float, level: float, stretch: float) -> float:
    """Of the interval that is to hold ``level`` of what may come."""
    return student_quantile(level) * sqrt(variance) * stretch


def volatility_ratio(own: float, weight: float, level: float) -> float:
    """What volatility now is of its prior: own ratio and common level, each shrunk towards none."""
    shrunk = (OWN_PRIOR + weight * own) / (OWN_PRIOR + weight)
    return float((shrunk * level) ** SHRINK)


def surprise(move: float, prior_variance: float, mean: float) -> float:
    """An absolute move over what the prior alone lets expect; 1 on average if the prior is right."""
    return abs(move) / (sqrt(prior_variance) * mean)


def own_share(seen: float, own: float, weight: float) -> float:
    """A surprise net of the share's own ratio: what it says of the common level."""
    return seen * (OWN_PRIOR + weight) / (OWN_PRIOR + weight * own)


def part_of_week(days: float) -> float:
    """How much a move over so many days of the clock teaches: a day or a night a fifth of a week or
    weekend.
    """
    return 0.2 if days < 1.5 else 1.0


def level_step(level: float, seen: float, gain: float) -> float:
    """The common level after one more weekend's (mean) surprise, net of the shares' own ratios."""
    return level + gain * (min(seen, WILD * level) - level)


def own_step(own: float, weight: float, seen: float, level: float, gain: float) -> tuple[float, float]:
    """(own ratio, weight) after one more surprise. ``gain`` is OWN_GAIN for a weekend or a week, less for
    less.

    The first moves count more, as in a mean of few.
    """
    part = gain / OWN_GAIN
    step = max(gain, part / (weight + part + 1.0))
    return own + step * (min(seen / level, WILD) - own), min(weight + part, 1.0 / OWN_GAIN)


def stretch_step(stretch: float, misses: float, count: float, alpha: float) -> float:
    """The intervals' factor after ``count`` of them, of which ``misses`` did not hold: adaptive conformal
    inference (Gibbs and Candès 2021) on the factor's log, so that coverage holds though the world drifts."""
    moved = log(stretch) + MISS_STEP * (misses - alpha * count)
    return exp(min(max(moved, log(NARROWEST)), log(WIDEST)))


def implied_volatility(confidence: float) -> float:
    """Annual volatility of a share of which nothing but an oracle's confidence, over price, is known."""
    implied = min(max(confidence / CONF_PER_VOLATILITY, 0.1), 2.0)
    return float(implied**CONF_WEIGHT * UNKNOWN_VOLATILITY ** (1.0 - CONF_WEIGHT))


def fused(mean: float, variance: float, other: float, other_variance: float) -> tuple[float, float]:
    """Two independent estimates as one, by their precision."""
    gain = variance / (variance + other_variance)
    return mean + gain * (other - mean), variance * (1.0 - gain)


def peer_variance(noise: float, depth_usd: float, half_spread: float) -> float:
    """Variance of one venue around the share: noise by depth, and half spread. No depth: it is not known."""
    thinness = min(max(DEEP_USD / depth_usd, 0.25), 25.0) if depth_usd > 0.0 else 1.0
    return noise * thinness + half_spread * half_spread


def moved_with(
    beta: float, factor_move: float, factor_variance: float, rate: float, factor_rate: float, years: float
) -> tuple[float, float]:
    """(move, variance) of a share over ``years``, given what its factor did: beta times that, and the rest.

    Knowing nothing of the factor (no move, ``factor_rate × years`` of variance) gives the share's own
    variance.
    """
    rest = idiosyncratic(rate, beta, factor_rate) * years
    return beta * factor_move, min(rest + beta * beta * factor_variance, rate * years)


def idiosyncratic(rate: float, beta: float, factor_rate: float) -> float:
    """Variance rate of a share beyond what its factor explains; never less than a quarter of the whole."""
    return max(rate - beta * beta * factor_rate, 0.25 * rate)
