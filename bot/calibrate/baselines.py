"""What anyone could do on the same rows: a constant ±x %, and k times the oracle's confidence.

Both are given every advantage: ``hindsight`` picks x and k knowing all rows; ``walked`` picks them from past
rows only, at whatever nominal level makes their coverage equal to the one they are compared at.
"""

from __future__ import annotations

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
    best: dict[str, Any] | None = None
    for level in LEVELS:
        hits, ours, width, own_width = 0, 0, 0.0, 0.0
        past: list[float] = []
        count = 0
        for weekend in by_weekend(rows):
            factor = _quantile(past, level) if len(past) >= WARM else None
            for row in weekend:
                found = measure(row)
                if found is None:
                    continue
                distance, unit = found
                if factor is not None:
                    one = inside[row.symbol, row.closed]
                    count += 1
                    hits += distance <= factor * unit
                    width += factor * unit
                    ours += one.inside
                    own_width += (one.high - one.low) / 2 / row.close
                past.append(distance / unit)
        if count and hits >= ours and (best is None or width < best["sum"]):
            best = {"sum": width, "rows": count, "nominal": level, "coverage": hits / count,
                    "half_width_bp": width / count * 1e4, "ours_coverage": ours / count,
                    "ours_half_width_bp": own_width / count * 1e4}  # fmt: skip
    if best is not None:
        del best["sum"]
    return best


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


def _quantile(values: list[float], level: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered), ceil((len(ordered) + 1) * level)) - 1]
