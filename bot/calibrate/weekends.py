"""Weekends, walked forward in time: intervals from what was known at Friday's close, judged, then learned
from.

What is known of a share at its Friday's close: its prior volatility (the registry's; of a share it does not
know, what the oracle's confidence implies), how far it and all others moved over past weekends, and over
the weeks between them, this one's too. The model is the live one (:mod:`bot.valuation.volatility`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import exp, log
from typing import Any

from msgspec import Struct

from bot.calibrate.rows import Row, by_weekend
from bot.registry.model import Registry
from bot.timefmt import DAY_SECONDS, NS
from bot.valuation.scalars import (
    CLOSED_MEAN,
    LEVEL_GAIN,
    OPEN_MEAN,
    OWN_GAIN,
    half_width,
    implied_volatility,
    part_of_week,
    student_quantile,
)
from bot.valuation.sessions import SessionClock
from bot.valuation.volatility import STRETCH, Move, Own, Volatility

LEVEL = 0.95
EVIDENCE = 500.0
"""So many rows' worth the shipped factor counts for in a fit: rows of a weekend move together."""
SPLIT = 0.5
"""A week's move beyond this log ratio is a split or a mistake, and says nothing of volatility."""
WEEK_NS = 8 * DAY_SECONDS * NS
FORGET = 0.1


class Judged(Struct, frozen=True):
    """One row and the interval given for it, in log half-width around Friday's close and in USD."""

    row: Row
    half_width: float
    sigma: float
    low: float
    high: float
    inside: bool


class Walk:
    """The model as it goes through weekends; ``adapt`` is whether the factor follows its own misses."""

    def __init__(self, registry: Registry, clock: SessionClock, stretch: float = STRETCH,
                 level: float = LEVEL, adapt: bool = True) -> None:  # fmt: skip
        self.market = Volatility(stretch)
        self._registry = registry
        self._clock = clock
        self._level = level
        self._adapt = adapt
        self._own: dict[str, Own] = {}
        self._confidence: dict[str, float] = {}
        self._opened: dict[str, tuple[int, float]] = {}

    def weekend(self, rows: Sequence[Row]) -> list[Judged]:
        """Intervals of one weekend from what was known before it, and then what it teaches."""
        self._week(rows)
        judged = [self._interval(row) for row in rows]
        if self._adapt:
            misses = sum(not one.inside for one in judged)
            self.market.judged(misses, len(judged), 1.0 - self._level)
        self._learn(
            [self._move(row, log(row.open / row.close), row.closed, row.opened, CLOSED_MEAN) for row in rows],
            rows[0].opened - rows[0].closed,
        )
        for row in rows:
            self._opened[row.symbol] = (row.opened, row.open)
        return judged

    def _week(self, rows: Sequence[Row]) -> None:
        """Learn from the week that ends with this close, of shares whose last open is known."""
        moves = []
        span = 0
        for row in rows:
            if row.confidence is not None:
                before = self._confidence.get(row.symbol, log(row.confidence))
                self._confidence[row.symbol] = before + FORGET * (log(row.confidence) - before)
            opened, price = self._opened.get(row.symbol, (0, row.close))
            move = log(row.close / price)
            if row.closed - opened < WEEK_NS and abs(move) < SPLIT:
                moves.append(self._move(row, move, opened, row.closed, OPEN_MEAN))
                span = max(span, row.closed - opened)
        self._learn(moves, span)

    def _learn(self, moves: Sequence[Move], span: int) -> None:
        part = part_of_week(span / NS / DAY_SECONDS)
        self.market.learn(moves, part * LEVEL_GAIN, part * OWN_GAIN)

    def _interval(self, row: Row) -> Judged:
        own = self._own.setdefault(row.symbol, Own())
        sigma = self._prior(row, row.closed, row.opened) ** 0.5 * self.market.ratio(own)
        half = half_width(sigma * sigma, self._level, self.market.stretch)
        low, high = row.close * exp(-half), row.close * exp(half)
        return Judged(row, half, sigma, low, high, low <= row.open <= high)

    def _move(self, row: Row, move: float, start: int, end: int, mean: float) -> Move:
        return Move(self._own.setdefault(row.symbol, Own()), move, self._prior(row, start, end), mean)

    def _prior(self, row: Row, start: int, end: int) -> float:
        """Variance over a stretch as the prior has it."""
        years = self._clock.variance_time(end) - self._clock.variance_time(start)
        share = self._registry.underlyings.get(row.symbol)
        if share is not None and share.annual_volatility is not None:
            return share.annual_volatility**2 * share.closed_factor * years
        confidence = self._confidence.get(row.symbol)
        known = exp(confidence) if confidence is not None else None
        return (implied_volatility(known) if known is not None else DEFAULT_VOLATILITY) ** 2 * years


DEFAULT_VOLATILITY = 0.45
"""Of a share of which nothing at all is known."""


def walk(rows: Sequence[Row], make: Callable[[], Walk]) -> tuple[list[Judged], Walk]:
    """All rows judged in order, and the model as it is after them."""
    model = make()
    return [one for weekend in by_weekend(rows) for one in model.weekend(weekend)], model


def fit_stretch(judged: Sequence[Judged], level: float, prior: float = STRETCH) -> float:
    """The factor with which past intervals would have held ``level`` of the time, drawn towards ``prior``.

    The quantile is the conformal one, ⌈(n + 1) level⌉ of n, and all of it on logs.
    """
    if not judged:
        return prior
    quantile = student_quantile(level)
    ratios = sorted(abs(log(one.row.open / one.row.close)) / (one.sigma * quantile) for one in judged)
    count = len(ratios)
    rank = min(count, int((count + 1) * level + 0.999999))
    weight = count / (count + EVIDENCE)
    return exp(weight * log(max(ratios[rank - 1], 1e-3)) + (1.0 - weight) * log(prior))


def folds(rows: Sequence[Row], count: int, make: Callable[[float], Walk], level: float) -> list[list[Judged]]:
    """Stretches of time of about as many weekends each. At each one's start the factor moves by as much as
    the fit to all before it has; what it has adapted to since is kept."""
    weekends = by_weekend(rows)
    count = max(1, min(count, len(weekends)))
    cuts = [len(weekends) * number // count for number in range(count + 1)]
    plain = make(STRETCH)
    result: list[list[Judged]] = []
    past: list[Judged] = []
    before = STRETCH
    for start, end in pairwise(cuts):
        fitted = fit_stretch(past, level)
        plain.market.stretch *= fitted / before
        before = fitted
        result.append([one for weekend in weekends[start:end] for one in plain.weekend(weekend)])
        past += result[-1]
    return result


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """Rows, coverage and mean half-width (bp of Friday's close) as JSON-ready data."""
    count = len(judged)
    return {
        "rows": count,
        "coverage": sum(one.inside for one in judged) / count,
        "half_width_bp": sum((one.high - one.low) / 2 / one.row.close for one in judged) / count * 1e4,
    }
