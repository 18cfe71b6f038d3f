"""Charts as SVG in HTML: shapes stretch with the window, letters do not, for they are HTML around them.

Each has a title and a description for those who do not see it; whoever draws one shows the same as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, isfinite, log10

from msgspec import Struct

from bot.backtest.words import short_money

WIDTH, HEIGHT = 1000.0, 400.0
"""Of the drawing, in its own units."""
LEAST = 1e-6
"""USD from end to end of a scale: less is nothing."""
Value = float | None
TOO_LITTLE = "<p>Too little is known to draw it.</p>"


class Scale(Struct, frozen=True):
    """From a value to its place: ``low`` is at 0, ``high`` at 1. ``ticks`` are round and in between."""

    low: float
    high: float
    ticks: list[float]

    def __call__(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


class Series(Struct, frozen=True):
    """One line over the samples; ``css`` is its class, ``s1`` to ``s4``."""

    name: str
    css: str
    values: Sequence[Value]


def scale(values: Sequence[float], most: int = 5) -> Scale:
    """A scale over these and zero, with at most so many steps between round ticks."""
    low, high = min(0.0, *values), max(0.0, *values)
    if high - low < LEAST:
        high = low + 1.0
    step = _round((high - low) / most)
    first, last = floor(low / step), -floor(-high / step)
    # The quotient of what is nearly on a tick, or next to nothing, is rounded to the tick.
    first -= first * step > low
    last += last * step < high
    return Scale(first * step, last * step, [n * step for n in range(first, last + 1)])


def lines(series: Sequence[Series], labels: Sequence[str], title: str, text: str, *,
          steps: bool = False, ticks: int = 5) -> str:  # fmt: skip
    """Lines over time, each with its area to zero; ``steps`` that hold until the next, on top of each other,
    are another way."""
    bands = _stacked(series) if steps else [(one.values, [0.0] * len(one.values), one.css) for one in series]
    known = [value for values, _, _ in bands for value in values if value is not None]
    if len(known) < 2:
        return TOO_LITTLE
    up = scale(known, ticks)
    width = max(len(labels) - 1, 1)

    def at(number: float, value: float) -> str:
        return f"{number / width * WIDTH:.1f} {(1 - up(value)) * HEIGHT:.1f}"

    shapes = []
    for values, below, css in reversed(bands):
        for run in _runs(values):
            ground = [(number, below[number]) for number, _ in run]
            over, under = (
                [at(*point) for point in (_corners(one) if steps else one)] for one in (run, ground)
            )
            shapes.append(f'<path class="area {css}" d="M{"L".join(over + under[::-1])}Z"/>')
            shapes.append(f'<path class="line {css}" d="M{"L".join(over)}"/>')
    return _plot("".join(shapes), up, _days(labels), title, text, _legend(series))


def scatter(points: Sequence[tuple[float, float, str]], title: str, text: str) -> str:
    """What came over what was expected, on one scale both ways; on the line, both are the same."""
    if not points:
        return "<p>No plan has come to its end.</p>"
    both = scale([value for x, y, _ in points for value in (x, y)], 4)
    dots = "".join(
        f'<path class="dot" d="M{both(x) * WIDTH:.1f} {(1 - both(y)) * HEIGHT:.1f}h0">'
        f"<title>{escape(name)}</title></path>"
        for x, y, name in points
    )
    same = f'<path class="same" d="M0 {HEIGHT:g}L{WIDTH:g} 0"/>'
    across = [(both(tick), short_money(tick)) for tick in both.ticks]
    upright = "".join(_upright(place) for place, _ in across)
    return _plot(upright + same + dots, both, across, title, text)


def bar(value: Value, within: Scale, css: str) -> str:
    """One horizontal bar from zero, to stand in a table beside its figure."""
    if value is None:
        return ""
    zero, there = within(0.0) * WIDTH, within(value) * WIDTH
    return (
        f'<svg class="bar" viewBox="0 0 {WIDTH:g} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{css}" x="{min(zero, there):.1f}" y="0" width="{abs(there - zero):.1f}" height="10"/>'
        f'<path class="zero" d="M{zero:.1f} 0V10"/></svg>'
    )


def _plot(shapes: str, up: Scale, across: Sequence[tuple[float, str]], title: str, text: str,
          legend: str = "") -> str:  # fmt: skip
    """A frame with its axes: ``across`` are places from 0 to 1, and what stands there."""
    grid = "".join(
        f'<path class="{"zero" if tick == 0 else "grid"}" d="M0 {(1 - up(tick)) * HEIGHT:.1f}H{WIDTH:g}"/>'
        for tick in up.ticks
    )
    name = "".join(letter for letter in title.lower() if letter.isalnum())
    upright = "".join(
        f'<span style="top:{(1 - up(tick)) * 100:.2f}%">{short_money(tick)}</span>' for tick in up.ticks
    )
    flat = "".join(f'<span style="left:{place * 100:.2f}%">{escape(label)}</span>' for place, label in across)
    return (
        f'<figure class="plot">{legend}<div class="up" aria-hidden="true">{upright}</div>'
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(text)}</desc>{grid}{shapes}</svg>'
        f'<div class="flat" aria-hidden="true">{flat}</div></figure>'
    )


def _upright(place: float) -> str:
    return f'<path class="grid" d="M{place * WIDTH:.1f} 0V{HEIGHT:g}"/>'


def _legend(series: Sequence[Series]) -> str:
    if len(series) < 2:
        return ""
    return '<p class="legend">' + "".join(
        f'<span><i class="{one.css}"></i>{escape(one.name)}</span>' for one in series
    ) + "</p>"  # fmt: skip


def _stacked(series: Sequence[Series]) -> list[tuple[Sequence[Value], list[float], str]]:
    """Each on top of those before it: its top, what it stands on, its class."""
    found: list[tuple[Sequence[Value], list[float], str]] = []
    below = [0.0] * max((len(one.values) for one in series), default=0)
    for one in series:
        top = [under + (value or 0.0) for under, value in zip(below, one.values, strict=True)]
        found.append((top, below, one.css))
        below = top
    return found


def _runs(values: Sequence[Value]) -> list[list[tuple[int, float]]]:
    """Stretches in which all is known: a line is broken where it is not."""
    runs: list[list[tuple[int, float]]] = [[]]
    for number, value in enumerate(values):
        if value is not None and isfinite(value):
            runs[-1].append((number, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _corners(run: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """A value holds until the next."""
    pairs = zip(run, [*run[1:], run[-1]], strict=True)
    return [corner for (number, value), (after, _) in pairs for corner in ((number, value), (after, value))]


def _days(labels: Sequence[str], most: int = 8) -> list[tuple[float, str]]:
    """Where days begin, at most so many of them."""
    width = max(len(labels) - 1, 1)
    starts = [n for n in range(len(labels)) if n == 0 or labels[n] != labels[n - 1]]
    every = -(-len(starts) // most)
    return [(n / width, labels[n]) for n in starts[::every] if n / width < 0.97]


def _round(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return power * next(each for each in (1, 2, 5, 10) if each * power >= step * (1 - 1e-9))
