"""The whole steps that lie before one state of a Whirlpool in one direction, and how far a swap gets on them.

With a static fee they are a stretch of the pool's :class:`~bot.pools.orca_ladder.Steps`, found by bisection.
With an adaptive fee they depend on where the swap starts: :mod:`bot.pools.orca_walk`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple, Protocol

from bot.pools.orca_adaptive_fee import AdaptiveFee
from bot.pools.orca_ladder import Ladder, reach
from bot.pools.orca_math import sqrt_at_tick, whole


class Standing(NamedTuple):
    """The pool after whole steps, and the next one: it ends at the price ``end``, ``None`` where the swap's
    tick arrays do, and pays ``fee`` millionths."""

    sqrt_price: int
    tick: int
    liquidity: int
    fee: int
    end: int | None


class Reached(NamedTuple):
    """So many whole ``steps``, and what they take, fee included, and give together."""

    steps: int
    paid: int
    got: int


class Path(Protocol):
    """Where swaps in one direction get to."""

    a_to_b: bool
    closed: bool
    """Whether the last step ends where the program's tick arrays do, rather than what is known of them."""

    def for_input(self, amount: int) -> Reached:
        """All whole steps that ``amount`` pays for, none that begins with nothing left."""

    def for_output(self, amount: int) -> Reached:
        """All whole steps that give no more than ``amount``, none that begins with nothing left to give."""

    def towards(self, price: int) -> Reached:
        """All whole steps that do not lead beyond ``price``."""

    def standing(self, steps: int) -> Standing:
        """The pool after so many steps."""

    def left(self, steps: int, sqrt_price: int, *, within: bool) -> AdaptiveFee | None:
        """The adaptive fee that a swap leaves which ends after so many steps, or ``within`` the next one."""


class Stretch:
    """The ladder's steps from a price to where the swap's tick arrays end, or before that what is known."""

    __slots__ = ("closed", "first", "last", "price", "steps", "stop", "stop_tick", "tick")

    def __init__(self, ladder: Ladder, tick: int, price: int, a_to_b: bool) -> None:
        steps = self.steps = ladder.steps(a_to_b)
        self.price, self.tick = price, tick
        known, stop = steps.ticks[-1], reach(tick, ladder.spacing, a_to_b)
        if stop is None:
            stop = tick
        self.closed = stop >= known if a_to_b else stop <= known
        """Whether it ends as the program ends it."""
        self.stop_tick = stop if self.closed else known
        self.stop = sqrt_at_tick(self.stop_tick)
        self.first = steps.step_of(price)
        """The step that ``price`` is in."""
        self.last = min(steps.step_of(self.stop), len(steps.edges) - 1)
        """The last edge that a swap can reach."""

    def open(self) -> bool:
        """Whether there is any step at all."""
        beyond = self.price > self.stop if self.steps.a_to_b else self.price < self.stop
        return 0 <= self.first < len(self.steps.edges) - 1 and beyond

    def target(self, edge: int) -> tuple[int, int]:
        """Price and tick where the step that begins at ``edge`` leads."""
        if edge < self.last:
            return self.steps.edges[edge + 1], self.steps.ticks[edge + 1]
        return self.stop, self.stop_tick


class StaticPath:
    """One bisection per question, of sums that all states of the pool share."""

    __slots__ = ("_all", "_fee", "_got", "_inner", "_paid", "_start", "_stretch", "_tail", "a_to_b", "closed")

    def __init__(self, stretch: Stretch, fee: int) -> None:
        steps, first = stretch.steps, stretch.first
        self._stretch, self._fee, self.closed = stretch, fee, stretch.closed
        self.a_to_b = steps.a_to_b
        # An initialised tick that the price is on is crossed at once, for nothing.
        on_tick = stretch.price == steps.edges[first] and steps.initialised[first]
        tick = steps.crossed(first) if on_tick else stretch.tick
        end, _ = stretch.target(first)
        self._start = Standing(stretch.price, tick, steps.liquidity[first], fee, end)
        paid, got = whole(stretch.price, end, self._start.liquidity, fee, steps.a_to_b)
        self._inner = stretch.last - first
        """How many steps end on an edge of the ladder."""
        self._paid = self._got = 0
        self._tail: Reached | None = None
        if self._inner == 0:
            self._tail = Reached(1, paid, got)
        else:
            # With these added, the ladder's sums are those since the start.
            self._paid, self._got = paid - steps.paid[first + 1], got - steps.got[first + 1]
        more = stretch.stop != steps.edges[stretch.last]
        self._all = self._inner + (1 if more else 0)

    def for_input(self, amount: int) -> Reached:
        """See :class:`Path`."""
        sums, first = self._stretch.steps.paid, self._stretch.first
        at = bisect_right(sums, amount - self._paid, first + 1, self._stretch.last + 1) - 1
        if at > first and sums[at] + self._paid == amount:
            at = bisect_left(sums, sums[at], first + 1, at)
        elif at == self._stretch.last and self._all > self._inner and self._end().paid <= amount:
            return self._end()
        return self._at(at - first)

    def for_output(self, amount: int) -> Reached:
        """See :class:`Path`."""
        sums, first = self._stretch.steps.got, self._stretch.first
        at = bisect_right(sums, amount - self._got, first + 1, self._stretch.last + 1) - 1
        if at > first and sums[at] + self._got == amount:
            at = bisect_left(sums, sums[at], first + 1, at)
        elif at == self._stretch.last and self._all > self._inner and self._end().got <= amount:
            return self._end()
        return self._at(at - first)

    def towards(self, price: int) -> Reached:
        """See :class:`Path`."""
        stretch = self._stretch
        if price <= stretch.stop if stretch.steps.a_to_b else price >= stretch.stop:
            return self._end() if self._all > self._inner else self._at(self._inner)
        return self._at(min(max(stretch.steps.step_of(price) - stretch.first, 0), self._inner))

    def standing(self, steps: int) -> Standing:
        """See :class:`Path`."""
        if steps == 0:
            return self._start
        stretch, ladder = self._stretch, self._stretch.steps
        if steps > self._inner:
            tick = stretch.stop_tick - 1 if ladder.a_to_b else stretch.stop_tick
            return Standing(stretch.stop, tick, ladder.liquidity[stretch.last], self._fee, None)
        edge = stretch.first + steps
        end = stretch.target(edge)[0] if steps < self._all else None
        return Standing(ladder.edges[edge], ladder.crossed(edge), ladder.liquidity[edge], self._fee, end)

    def left(self, steps: int, sqrt_price: int, *, within: bool) -> None:
        """See :class:`Path`."""

    def _at(self, steps: int) -> Reached:
        if steps <= 0:
            return Reached(0, 0, 0)
        sums, at = self._stretch.steps, self._stretch.first + steps
        return Reached(steps, sums.paid[at] + self._paid, sums.got[at] + self._got)

    def _end(self) -> Reached:
        """After the step from the last edge to the stop short of the next."""
        if self._tail is None:
            ladder, edge = self._stretch.steps, self._stretch.last
            start, stop = ladder.edges[edge], self._stretch.stop
            paid, got = whole(start, stop, ladder.liquidity[edge], self._fee, ladder.a_to_b)
            before = self._at(self._inner)
            self._tail = Reached(self._all, before.paid + paid, before.got + got)
        return self._tail
