"""The size at which a round trip earns most: pool against a price, a book, another pool, or a route of many.

A route is a chain of legs, each a rising concave function of whole units; it begins and ends in the same
asset. Its best size is where one more unit in gives just one unit out. In ranges of constant liquidity
``1 / √(marginal rate)`` is linear in the size, also for a chain of pools (each is a Möbius map, and so is
their composition), so a secant on it lands on the root at once and needs more steps only across ranges.
What rounding leaves open is settled in whole units.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

from bot.pools.legs import Leg

CLOSE_BITS = 30
"""A root is near enough when the next step is this many bits smaller than the size: profit is flat there, and
the rest is settled in whole units."""
PEAK_BITS = 10
ENOUGH_UNITS = 64
"""A difference of fewer units says more about rounding than about a peak."""
RATES_HOLD = 1e-9
MOST_STEPS = 128
SCAN = 256
"""The rounding of few units is searched whole, that of many only around the best."""


class Arbitrage(NamedTuple):
    """The best size of a route. ``amounts`` are what goes into the first leg and comes out of each;
    ``profit`` is after ``cost``; ``marginal_rate`` what one more unit in would give at the end;
    ``neighbours`` the profits of one unit less and one more, ``None`` where that is not allowed: neither
    is higher, which is the proof."""

    amounts: tuple[int, ...]
    profit: int
    marginal_rate: float
    neighbours: tuple[int | None, int | None]


def best_size(
    legs: Sequence[Leg], *, cost: int = 0, minimum: int = 1, maximum: int | None = None
) -> Arbitrage | None:
    """The most profitable size between ``minimum`` and ``maximum`` (what goes in, base units); ``cost`` is
    what the trip costs whatever its size (gas), in the same asset. ``None`` if none earns anything.

    The profit of one unit less or more is not higher. Where the rounding concerns at most :data:`SCAN` sizes
    no size at all earns more; else none earns more than a few base units (as many as legs) more.
    """
    trip = _Trip(legs, cost, max(minimum, 1), maximum)
    size = trip.turning_point()
    return None if size is None else trip.settle(size)


class _Run(NamedTuple):
    """One size tried: what goes into the first leg and comes out of each (short where it does not go
    through), and ``1 / √(marginal rate)`` of the whole, which rises with the size: 1 at the best."""

    amounts: list[int]
    slow: float


class _Trip:
    """One search; every size is tried once."""

    def __init__(self, legs: Sequence[Leg], cost: int, minimum: int, maximum: int | None) -> None:
        self.legs = legs
        self.cost = cost
        self.minimum = minimum
        self.maximum = maximum
        self.start = minimum if minimum > 1 else 0
        self.seen: dict[int, _Run] = {}

    def run(self, size: int) -> _Run:
        """What becomes of a size."""
        found = self.seen.get(size)
        if found is None:
            amount, rate = size, 1.0
            amounts = [size]
            for leg in self.legs:
                given = leg.give(amount)
                if given is None:
                    rate = 0.0
                    break
                amount = given[0]
                rate *= given[1]
                amounts.append(amount)
            found = self.seen[size] = _Run(amounts, 1 / sqrt(rate) if rate > 0 else inf)
        return found

    def profit(self, size: int) -> int | None:
        """After costs; ``None`` if the size is out of bounds or does not go through."""
        if size < self.minimum or (self.maximum is not None and size > self.maximum):
            return None
        amounts = self.run(size).amounts
        return amounts[-1] - size - self.cost if len(amounts) > len(self.legs) else None

    def turning_point(self) -> int | None:
        """Where the marginal rate falls through 1, within bounds; ``None`` if nothing goes through."""
        first = self.run(self.start)
        if len(first.amounts) <= len(self.legs):
            return None
        if first.slow >= 1.0:
            return self.start or None
        self._kinks()
        return self._root()

    def _kinks(self) -> None:
        """Where rates jump, bisect for the kink behind which the best size is not; the search then runs
        between two kinks, where all is smooth."""
        for index, leg in enumerate(self.legs):
            start, end = 0, len(leg.kinks)
            while start < end:
                middle = (start + end) // 2
                size = self._size_for(index, leg.kinks[middle])
                slow = inf if size is None else self.run(size).slow
                if slow < 1.0:
                    start = middle + 1
                else:
                    end = middle
                    if size is not None and size > 1 and slow < inf:
                        self.run(size - 1)

    def _size_for(self, index: int, amount: int) -> int | None:
        """The least size of the trip with which ``amount`` goes into a leg."""
        wanted: int | None = amount
        for leg in reversed(self.legs[:index]):
            wanted = None if wanted is None else leg.need(wanted)
        return wanted

    def _root(self) -> int:
        """Between what has been seen on both sides of the best, by Illinois' rule."""
        low, high = self._bracket()
        if high is None:
            return low
        below, above = self.run(low).slow - 1.0, self.run(high).slow - 1.0
        side = 0
        for step in range(MOST_STEPS):
            gap = high - low
            if gap <= 1:
                break
            if above == inf or step % 16 == 15:
                size = low + gap // 2
            else:
                size = min(max(low + int(gap * (below / (below - above))), low + 1), high - 1)
                if min(size - low, high - size) <= size >> CLOSE_BITS:
                    return size
            miss = self.run(size).slow - 1.0
            if miss < 0:
                low, below = size, miss
                above *= 0.5 if side < 0 else 1
                side = -1
            else:
                high, above = size, miss
                below *= 0.5 if side > 0 else 1
                side = 1
        return low if abs(below) < abs(above) else high

    def _bracket(self) -> tuple[int, int | None]:
        """The last size seen before the best and the first behind it, by extrapolation if there is none;
        no size behind it if bounds end the search first."""
        low = max(size for size, run in self.seen.items() if run.slow < 1.0)
        high = min((size for size, run in self.seen.items() if 1.0 <= run.slow < inf), default=None)
        if high is not None:
            return low, high
        before = self.run(low).slow
        size = low + max(1, self._probe())
        for _ in range(MOST_STEPS):
            size = size if self.maximum is None else min(size, self.maximum)
            slow = self.run(size).slow
            if slow >= 1.0:
                return low, size
            if size == self.maximum:
                break
            rise = slow - before
            further = (1.0 - slow) / rise * (size - low) if rise > 0 else inf
            # A hair too far, so that the next is likely behind it; never out of all proportion.
            step = int(min(further * 1.0001, size * 64.0)) + 1
            low, before, size = size, slow, size + step
        return size, None

    def _probe(self) -> int:
        """The size that moves the first leg that moves at all a little; 0 if there is none."""
        for index, leg in enumerate(self.legs):
            if probe := leg.probe():
                return self._size_for(index, probe) or 0
        return 0

    def settle(self, size: int) -> Arbitrage | None:
        """The best in whole units near ``size``, with its proof."""
        best = self._least(size if self._rates_hold(size) else self._peak(size))
        found = self.profit(best)
        if found is None:
            return None
        for near in self._rounding(best):
            other = self.profit(near)
            if other is not None and other > found:
                best, found = near, other
        while True:
            less, more = self.profit(best - 1), self.profit(best + 1)
            if less is not None and less > found and (more is None or less >= more):
                best, found = best - 1, less
            elif more is not None and more > found:
                best, found = best + 1, more
            else:
                break
        if found <= 0:
            return None
        run = self.run(best)
        return Arbitrage(tuple(run.amounts), found, run.slow**-2, (less, more))

    def _rates_hold(self, size: int) -> bool:
        """Whether the marginal rates are those of what really comes out, by the nearest other size tried:
        between two sizes of one range the average rate is the geometric mean of the marginal ones."""
        apart = ENOUGH_UNITS << PEAK_BITS
        others = [each for each, run in self.seen.items()
                  if abs(each - size) >= apart and len(run.amounts) > len(self.legs)]  # fmt: skip
        if not others:
            return False
        other = min(others, key=lambda each: abs(each - size))
        here, there = self.run(size), self.run(other)
        average = (here.amounts[-1] - there.amounts[-1]) / (size - other)
        return abs(average * here.slow * there.slow - 1) < RATES_HOLD

    def _peak(self, size: int) -> int:
        """``size``, or better: the peak of the parabola through the profits a little less and more give.

        A pool that keeps its fee in its reserves, or changes it on the way, gives other than its price says;
        profits are exact. A second, finer one corrects the first, unless rounding is all that it would see.
        """
        found = self.profit(size)
        bits = PEAK_BITS
        for _ in range(MOST_STEPS):
            step = size >> bits
            less, more = self.profit(size - step), self.profit(size + step)
            if not step or found is None or less is None or more is None:
                break
            bend = 2 * found - less - more
            if bend < ENOUGH_UNITS:
                break
            shift = step * (more - less) // (2 * bend)
            other = size + min(max(shift, -8 * step), 8 * step)
            profit = self.profit(other)
            if profit is not None and profit > found:
                size, found = other, profit
                if abs(shift) > step:
                    continue
            if bits > PEAK_BITS and abs(shift) <= step >> PEAK_BITS:
                break
            bits += PEAK_BITS
        return size

    def _least(self, size: int) -> int:
        """The least size that gives as much as this one."""
        run = self.run(size)
        complete = len(run.amounts) > len(self.legs)
        least = self._size_for(len(self.legs), run.amounts[-1]) if complete else None
        return size if least is None else min(max(least, self.minimum), size)

    def _rounding(self, best: int) -> range:
        """Sizes that rounding could make better than ``best``, if they are few; else none."""
        amounts = self.run(best).amounts
        if 0 in amounts:
            return range(0)
        # A unit lost at a leg is worth what the legs behind it would have made of it.
        lost = sum(amounts[-1] / amount for amount in amounts[1:])
        bend = (1 - self.run(self.start).slow) / best
        if bend <= 0 or lost / bend > SCAN**2:
            return range(0)
        step = max(best >> 3, 1)
        bend = (self.run(best + step).slow - self.run(best).slow) / step
        reach = int(sqrt(2 * lost / bend)) + 2 if 0 < bend < inf else SCAN + 1
        return range(max(best - reach, 1), best + reach + 1) if reach <= SCAN else range(0)
