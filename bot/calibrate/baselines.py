"""What anyone could do on the same rows: a constant ±x %, and k times the oracle's confidence.

Both are given every advantage: ``hindsight`` picks x and k knowing all rows; ``walked`` picks them from past
rows only, at whatever nominal level makes their coverage equal to the one they are compared at.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from bot.calibrate.rows import Row, by_weekend
from bot.calibrate.weekends import Judged

WARM = 12
"""Rows seen before a baseline gives its first interval."""
LEVELS = [0.7 + 0.005 * step for step in range(60)]


def constant(row: Row) -> tuple[float, float] | None:
    """(distance of the open from the interval's centre, unit of width), as ratios of Friday's close."""
    return abs(row.open / row.close - 1.0), 1.0


def confidence(row: Row) -> tuple[float, float] | None:
    """The same around the oracle's price, in its confidence; ``None`` where there is none."""
    if row.centre is None or row.confidence is None:
        return None
    return abs(row.open / row.centre - 1.0), row.confidence


def hindsight(rows: Sequence[Row], measure: Callable[[Row], tuple[float, float] | None],
              coverage: float) -> dict[str, Any] | None:  # fmt: skip
    """The smallest factor that covers ``coverage`` of these rows, and the mean half-width it needs."""
    seen = [found for row in rows if (found := measure(row)) is not None]
    if not seen:
        return None
    ratios = sorted(distance / unit for distance, unit in seen)
    needed = max(1, ceil(coverage * len(seen) - 1e-9))
    factor = ratios[needed - 1]
    width = sum(unit for _, unit in seen) / len(seen) * factor * 1e4
    return {"factor": factor, "coverage": needed / len(seen), "half_width_bp": width}


def walked(rows: Sequence[Row], measure: Callable[[Row], tuple[float, float] | None],
           judged: Sequence[Judged]) -> dict[str, Any] | None:  # fmt: skip
    """The narrowest walk over past quantiles that covers as much as ``judged`` does of the same rows."""
    inside = {(one.row.symbol, one.row.closed): one for one in judged}
    past: list[float] = []
    hits, widths = [0] * len(LEVELS), [0.0] * len(LEVELS)
    count, ours, own_width = 0, 0, 0.0
    for weekend in by_weekend(rows):
        seen = [(row, found) for row in weekend if (found := measure(row)) is not None]
        if len(past) >= WARM:
            factors = [_quantile(past, level) for level in LEVELS]
            for row, (distance, unit) in seen:
                one = inside[row.symbol, row.closed]
                count += 1
                ours += one.inside
                own_width += (one.high - one.low) / 2 / row.close
                for index, factor in enumerate(factors):
                    hits[index] += distance <= factor * unit
                    widths[index] += factor * unit
        for _, (distance, unit) in seen:
            insort(past, distance / unit)
    enough = [index for index in range(len(LEVELS)) if hits[index] >= ours]
    if not count or not enough:
        return None
    best = min(enough, key=lambda index: widths[index])
    return {
        "rows": count,
        "nominal": LEVELS[best],
        "coverage": hits[best] / count,
        "half_width_bp": widths[best] / count * 1e4,
        "ours_coverage": ours / count,
        "ours_half_width_bp": own_width / count * 1e4,
    }


def ours_at(judged: Sequence[Judged], coverage: float) -> dict[str, Any]:
    """Our intervals, scaled in hindsight to cover ``coverage``: their shape alone, beside
    :func:`hindsight`."""
    ratios = sorted(abs(one.row.open / one.row.close - 1.0) / _unit(one) for one in judged)
    needed = max(1, ceil(coverage * len(judged) - 1e-9))
    factor = ratios[needed - 1]
    width = sum(_unit(one) for one in judged) / len(judged) * factor * 1e4
    return {"factor": factor, "coverage": needed / len(judged), "half_width_bp": width}


def _unit(one: Judged) -> float:
    return (one.high - one.low) / 2 / one.row.close


def _quantile(ordered: list[float], level: float) -> float:
    return ordered[min(len(ordered), ceil((len(ordered) + 1) * level)) - 1]
