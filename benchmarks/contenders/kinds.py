"""The contenders and the grids they are tuned on."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import product

from benchmarks.contenders.monitor import Kind
from benchmarks.contenders.rolling import MedianScore, ZScore
from benchmarks.contenders.streaming import Adwin, PageHinkley, Storm, Trees
from benchmarks.contenders.thresholds import Deviation, Limit, Pending, TimesOf

LIMITS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07)
LARGE = (0.0, 0.03, 0.05, 0.1, 0.2)
"""From where on a move waits; nothing: each does."""
MINUTES = ((1, 1), (2, 3), (3, 5), (5, 5), (8, 10), (12, 15), (25, 30))
FEW = ((1, 1), (3, 5), (8, 10))


def _gates(limits: tuple[float, ...], minutes: tuple[tuple[int, int], ...]) -> list[tuple[float, ...]]:
    return [(limit, times, of) for limit, (times, of) in product(limits, minutes)]


KINDS = (
    Kind("last print, 1 %", Deviation, Limit, [()], [(0.01,)], fresh=(False,)),
    Kind("last print, 5 %", Deviation, Limit, [()], [(0.05,)], fresh=(False,)),
    Kind("N of M minutes", Deviation, TimesOf, [()], _gates(LIMITS, MINUTES)),
    Kind(
        "pending stage", Deviation, Pending, [()],
        [one for one in product(LIMITS, LARGE, (15, 30, 45)) if not 0 < one[1] <= one[0]],
    ),
    Kind(
        "rolling z-score", ZScore, TimesOf, [(60,), (240,), (1440,)],
        _gates((3, 4, 6, 8, 12, 20, 30, 50), FEW),
    ),
    Kind(
        "rolling median/MAD", MedianScore, TimesOf, [(60,), (240,), (1440,)],
        _gates((3, 4, 6, 8, 12, 20, 30, 50), FEW),
    ),
    Kind(
        "river PageHinkley", PageHinkley, Limit, [*product((0.0005, 0.002), (0.05, 0.2, 0.5))],
        [(limit,) for limit in (0.0, *LIMITS)], needs="river",
    ),
    Kind(
        "river ADWIN", Adwin, Limit, [*product((0.002, 1e-5, 1e-10), (1, 8))],
        [(limit,) for limit in (0.0, *LIMITS)], needs="river",
    ),
    Kind(
        "river HalfSpaceTrees", Trees, TimesOf, [(60,), (240,)],
        _gates((0.7, 0.8, 0.9, 0.95, 0.98, 0.99), FEW), fresh=(False,), needs="river",
    ),
    Kind(
        "pysad ExactStorm", Storm, TimesOf, [(60, 0.007), (60, 0.015), (120, 0.015)],
        _gates((0.5, 0.8, 0.9, 0.95, 0.99), FEW), fresh=(False,), needs="pysad",
    ),
)  # fmt: skip


def installed() -> list[Kind]:
    """Those whose library is here."""
    return [kind for kind in KINDS if not kind.needs or find_spec(kind.needs)]
