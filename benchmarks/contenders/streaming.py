"""What libraries for streams offer: river's change detectors and trees, pysad's neighbours.

They are installed by ``make contenders``; without them these contenders are left out, and the table says so.
"""

from __future__ import annotations

from typing import Any

from bot.timefmt import NS
from bot.types import Ns

LATCH_NS = 3600 * NS
RANGE = 0.2
"""The trees are told where values lie; what is beyond is at the edge."""


class _Change:
    """For an hour after a change the basis itself is the score: a change that led back to par is none."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self._until: Ns = 0

    def score(self, ts: Ns, basis: float) -> float:
        self._detector.update(basis)
        if self._detector.drift_detected:
            self._until = ts + LATCH_NS
        return abs(basis) if ts <= self._until else 0.0


class PageHinkley(_Change):
    """river.drift.PageHinkley on the basis, either way."""

    def __init__(self, delta: float, threshold: float) -> None:
        from river.drift import PageHinkley as Detector

        super().__init__(Detector(min_instances=30, delta=delta, threshold=threshold, alpha=0.9999))


class Adwin(_Change):
    """river.drift.ADWIN on the basis, asked at every value."""

    def __init__(self, delta: float, clock: float) -> None:
        from river.drift import ADWIN as Detector  # noqa: N811 -- it is a class

        super().__init__(Detector(delta=delta, clock=int(clock)))


class Trees:
    """river.anomaly.HalfSpaceTrees: ten trees of depth eight on the basis, its score from 0 to 1."""

    def __init__(self, window: float) -> None:
        from river.anomaly import HalfSpaceTrees

        self._trees = HalfSpaceTrees(
            n_trees=10, height=8, window_size=int(window), limits={"basis": (-RANGE, RANGE)}, seed=1
        )

    def score(self, _ts: Ns, basis: float) -> float:
        features = {"basis": min(max(basis, -RANGE), RANGE)}
        found: float = self._trees.score_one(features)
        self._trees.learn_one(features)
        return found


class Storm:
    """pysad.models.ExactStorm: which part of the last ``window`` values is farther away than ``radius``."""

    def __init__(self, window: float, radius: float) -> None:
        import numpy as np
        from pysad.models import ExactStorm

        self._model = ExactStorm(window_size=int(window), max_radius=radius)
        self._value = np.zeros(1)

    def score(self, _ts: Ns, basis: float) -> float:
        self._value[0] = basis
        return float(self._model.fit_score_partial(self._value.copy()))
