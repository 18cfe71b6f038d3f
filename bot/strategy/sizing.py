"""How much: the top of a concave function of size, and the limits that hold it. Pure.

Proceeds of a sale are concave in the tokens sold, the cost of a purchase convex, on every curve
here; so is what is left after costs in proportion to size and a risk charge on a linear tail. One
search therefore finds the top, whatever the curve is made of: golden section, with a parabola through
the last three points wherever they make one (R. P. Brent, *Algorithms for Minimization without
Derivatives*, 1973, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

GOLDEN = 0.3819660112501051
TOLERANCE = 1e-3
"""Of the size; profit is flat at its top, so it is off by far less (about the square)."""
STEPS = 60
IMPOSSIBLE = float("-inf")


class Bound(Struct, frozen=True):
    """At most ``tokens``, by the rule of this name; no rule where the market itself is the bound."""

    tokens: float
    rule: str
    detail: str

    def binds(self, tokens: float) -> list[str]:
        """A note if it is this rule that holds the size back."""
        held = self.rule and tokens > self.tokens * (1 - 2 * TOLERANCE)
        return [f"{self.rule}: this limit holds the size, {self.detail}"] if held else []


def tightest(bounds: Iterable[Bound]) -> Bound:
    """The bound that holds first."""
    return min(bounds, key=lambda bound: bound.tokens)


def maximise(objective: Callable[[float], float], low: float, high: float) -> float:
    """Where in ``[low, high]`` a concave ``objective`` is highest.

    It may be :data:`IMPOSSIBLE` (minus infinity) near either end.
    """
    at_high = objective(high)
    a, b = low, high
    best = a + GOLDEN * (b - a)
    top = objective(best)
    for _ in range(STEPS):
        if top != IMPOSSIBLE:
            break
        b, best = best, a + GOLDEN * (best - a)
        top = objective(best)
    second = third = best
    at_second = at_third = top
    last_step = step = b - a
    for _ in range(STEPS):
        middle, tolerance = (a + b) / 2, TOLERANCE * best + 1e-15
        if abs(best - middle) <= 2 * tolerance - (b - a) / 2:
            break
        parabolic = _parabola(best, top, second, at_second, third, at_third)
        fits = parabolic is not None and abs(parabolic) < abs(last_step) / 2 and a < best + parabolic < b
        if fits and parabolic is not None:
            last_step, step = step, parabolic
            if best + step - a < 2 * tolerance or b - best - step < 2 * tolerance:
                step = tolerance if best < middle else -tolerance
        else:
            last_step = (b if best < middle else a) - best
            step = GOLDEN * last_step
        if abs(step) < tolerance:
            step = tolerance if step > 0 else -tolerance
        point = best + step
        value = objective(point)
        if value >= top:
            a, b = (best, b) if point >= best else (a, best)
            third, at_third, second, at_second, best, top = second, at_second, best, top, point, value
            continue
        a, b = (point, b) if point < best else (a, point)
        if value >= at_second or second == best:
            third, at_third, second, at_second = second, at_second, point, value
        elif value >= at_third or third in (best, second):
            third, at_third = point, value
    # An end may be the top itself: a limit that binds, or a smallest size that is too much already.
    if at_high >= top:
        return high
    near_low = best - low <= 4 * TOLERANCE * best
    return low if near_low and objective(low) > top else best


def _parabola(x: float, fx: float, w: float, fw: float, v: float, fv: float) -> float | None:
    """Step from ``x`` to the top of the parabola through three points; ``None`` if there is no such top."""
    if x in (w, v) or w == v or IMPOSSIBLE in (fx, fw, fv):
        return None
    r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
    below = 2 * (q - r)
    return None if below == 0 else -((x - v) * q - (x - w) * r) / below
