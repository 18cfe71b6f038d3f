"""The whole steps that lie before one state of a Whirlpool in one direction, and how far a swap gets on them.

With a static fee they are a stretch of the pool's :class:`~bot.pools.orca_ladder.Steps`, found by bisection.
With an adaptive fee they depend on where the swap starts, so they are walked group by group as in the program,
once, as far as ever asked for, and bisected from then on. Source: the loop of ``manager/swap_manager.rs``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple, Protocol

from bot.pools.orca_adaptive_fee import AdaptiveFee, GroupFees
from bot.pools.orca_ladder import Ladder, reach
from bot.pools.orca_math import sqrt_at_tick, tick_at_sqrt, whole


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

    __slots__ = ("_all", "_fee", "_got", "_inner", "_paid", "_start", "_stretch", "_tail", "closed")

    def __init__(self, stretch: Stretch, fee: int) -> None:
        steps, first = stretch.steps, stretch.first
        self._stretch, self._fee, self.closed = stretch, fee, stretch.closed
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


class AdaptivePath:
    """The program's loop, kept as it goes. A pool's state has one per direction."""

    __slots__ = (
        "_adaptive",
        "_fees",
        "_got",
        "_groups",
        "_next",
        "_paid",
        "_passing",
        "_standings",
        "_stretch",
        "closed",
    )

    def __init__(self, stretch: Stretch, liquidity: int, fee: int, adaptive: AdaptiveFee) -> None:
        ladder = stretch.steps
        self._stretch, self._adaptive, self.closed = stretch, adaptive, stretch.closed
        self._fees = GroupFees(adaptive, fee, stretch.tick, ladder.a_to_b)
        # By tick, not by price: an initialised tick that the price is on takes a step, and with it a group.
        self._next = (
            bisect_left(ladder.ticks, -stretch.tick, key=int.__neg__)
            if ladder.a_to_b
            else bisect_right(ladder.ticks, stretch.tick)
        )
        self._paid, self._got = [0], [0]
        self._groups = [stretch.tick // self._fees.size]
        self._passing: list[bool] = []
        self._standings: list[Standing] = []
        self._stand(stretch.price, stretch.tick, liquidity)

    def for_input(self, amount: int) -> Reached:
        """See :class:`Path`."""
        while self._paid[-1] < amount and self._step():
            pass
        return self._most(self._paid, amount)

    def for_output(self, amount: int) -> Reached:
        """See :class:`Path`."""
        while self._got[-1] < amount and self._step():
            pass
        return self._most(self._got, amount)

    def towards(self, price: int) -> Reached:
        """See :class:`Path`."""
        sign = -1 if self._fees.a_to_b else 1
        while sign * self._standings[-1].sqrt_price < sign * price and self._step():
            pass
        at = bisect_right(self._standings, sign * price, key=lambda one: sign * one.sqrt_price) - 1
        return self._reached(max(at, 0))

    def standing(self, steps: int) -> Standing:
        """See :class:`Path`."""
        while len(self._standings) <= steps:
            self._step()
        return self._standings[steps]

    def left(self, steps: int, sqrt_price: int, *, within: bool) -> AdaptiveFee:
        """See :class:`Path`."""
        group = self._last_group(steps if within else steps - 1, sqrt_price)
        fees = self._fees
        return self._adaptive.left(fees.reference, fees.volatility(group), self._stretch.price, sqrt_price)

    def _step(self) -> bool:
        """Take one more whole step; false where the tick arrays end."""
        start = self._standings[-1]
        if start.end is None:
            return False
        ladder, fees = self._stretch.steps, self._fees
        paid, got = whole(start.sqrt_price, start.end, start.liquidity, start.fee, ladder.a_to_b)
        self._paid.append(self._paid[-1] + paid)
        self._got.append(self._got[-1] + got)
        group = self._last_group(len(self._groups) - 1, start.end)
        self._groups.append(group - 1 if fees.a_to_b else group + 1)
        tick, liquidity = start.tick, start.liquidity
        if start.end == self._target():
            if self._next <= self._stretch.last:
                tick, liquidity = ladder.crossed(self._next), ladder.liquidity[self._next]
            else:
                tick = self._stretch.stop_tick - 1 if ladder.a_to_b else self._stretch.stop_tick
            self._next += 1
        elif start.end != start.sqrt_price:
            tick = tick_at_sqrt(start.end)
        self._stand(start.end, tick, liquidity)
        return True

    def _stand(self, price: int, tick: int, liquidity: int) -> None:
        group, end = self._groups[-1], None
        if price != self._stretch.stop:
            end, passing = self._fees.bound(group, self._target(), liquidity)
            self._passing.append(passing)
        self._standings.append(Standing(price, tick, liquidity, self._fees.fee(group), end))

    def _target(self) -> int:
        inside = self._next <= self._stretch.last
        return self._stretch.steps.edges[self._next] if inside else self._stretch.stop

    def _last_group(self, step: int, price: int) -> int:
        """The group that a step is in once it has got to ``price``."""
        if not self._passing[step]:
            return self._groups[step]
        tick = tick_at_sqrt(price)
        return self._fees.traversed(self._groups[step], tick, sqrt_at_tick(tick) == price)

    def _most(self, sums: list[int], amount: int) -> Reached:
        at = bisect_right(sums, amount) - 1
        return self._reached(bisect_left(sums, amount) if sums[at] == amount else at)

    def _reached(self, steps: int) -> Reached:
        return Reached(steps, self._paid[steps], self._got[steps])
