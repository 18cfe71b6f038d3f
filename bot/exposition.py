"""Plain numbers by name and labels, and how they become Prometheus text.

Nothing here knows what the numbers mean: that is :mod:`bot.metrics`. Own storage instead of the client
library's metric objects because a hot loop needs a dictionary write and no lock, because parts that keep
their own totals must be able to *set* a counter, because a label set has to be able to end, and because
that library's writer takes over 100 ms for 500 instruments, which the engine would have to wait for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Final, Literal, NamedTuple

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES: Final = 10_000
"""Label sets a family may hold; further ones are counted together as ``other``."""


class Family(NamedTuple):
    """One row of the table; only histograms have ``buckets``."""

    kind: Literal["gauge", "counter", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


class Store:
    """The values of a fixed set of families; not thread-safe."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = {family.name: family for family in families}
        self._values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in self.families}
        histograms = [f for f in self.families.values() if f.kind == "histogram"]
        self._counts = {f.name: [0] * (len(f.buckets) + 1) for f in histograms}
        self._sums = dict.fromkeys(self._counts, 0.0)

    def set(self, name: str, value: float | None, *labels: str) -> None:
        """Set a gauge, or a counter to the total another part keeps; ``None`` ends the series.
        KeyError for an unknown name."""
        series = self._values[name]
        if value is None:
            series.pop(labels, None)
        else:
            series[self._bounded(series, labels)] = value

    def add(self, name: str, n: float, *labels: str) -> None:
        """Add to a counter, or to a gauge that counts. KeyError for an unknown name."""
        series = self._values[name]
        labels = self._bounded(series, labels)
        series[labels] = series.get(labels, 0) + n

    def time(self, name: str, seconds: float, n: int = 1) -> None:
        """``n`` things took ``seconds`` in all; each goes into histogram ``name`` at their mean."""
        self._counts[name][bisect_left(self.families[name].buckets, seconds / n)] += n
        self._sums[name] += seconds

    def clear(self, name: str) -> None:
        """End all series of a family."""
        self._values[name].clear()

    def text(self) -> str:
        """All families in the order of the table, in Prometheus's text format 0.0.4."""
        return "".join(map(self._expose, self.families.values()))

    @staticmethod
    def _bounded(series: dict[tuple[str, ...], float], labels: tuple[str, ...]) -> tuple[str, ...]:
        return labels if labels in series or len(series) < MAX_SERIES else ("other",) * len(labels)

    def _expose(self, family: Family) -> str:
        name = family.name
        lines = [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
        if family.kind == "histogram":
            counts = list(accumulate(self._counts[name]))
            for edge, count in zip((*family.buckets, "+Inf"), counts, strict=True):
                lines.append(f'{name}_bucket{{le="{edge}"}} {count}')
            lines += [f"{name}_count {counts[-1]}", f"{name}_sum {self._sums[name]}"]
        for labels, value in self._values[name].items():
            lines.append(f"{name}{_braces(family.labels, labels)} {float(value)}")
        return "\n".join(lines) + "\n"


@lru_cache(maxsize=65_536)  # the same few thousand label sets come back at every scrape
def _braces(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
