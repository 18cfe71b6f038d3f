"""The size at which a round trip earns most: pool against a price, a book, another pool, or a route of many.

A route is a chain of legs, each a rising concave function of whole units; it begins and ends in the same
asset. Its best size is where one more unit in gives just one unit out. In ranges of constant liquidity
``1 / √(marginal rate)`` is linear in the size, also for a chain of pools (each is a Möbius map, and so is their
composition), so a secant on it lands on the root at once and needs a few steps more only across ranges.
What rounding leaves open is settled in whole units.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple, Protocol

from bot.pools.raw import RawPool

PROBE = 1e-3
"""How far the first probe moves a pool's price, as a ratio."""
CLOSE = 1e-9
"""A marginal rate this near to 1 is settled in whole units: the profit differs by the square of it."""
MOST_STEPS = 128
SCAN = 64
"""The rounding of few units is searched whole, that of many only around the best."""


class Leg(Protocol):
    """One trade of a route, as a function of what goes in, in base units."""

    kinks: Sequence[int]
    """What goes in where the marginal rate jumps, rising."""

    def give(self, amount: int) -> tuple[int, float] | None:
        """What comes out, and how much one more unit would add; ``None`` if that much cannot go in."""

    def need(self, amount_out: int) -> int | None:
        """The least that must go in for at least ``amount_out``; ``None`` if it cannot be had."""

    def probe(self) -> int:
        """An amount that moves the marginal rate by about :data:`PROBE`; 0 where none does."""


class Arbitrage(NamedTuple):
    """The best size of a route. ``amounts`` are what goes into the first leg and comes out of each;
    ``profit`` is after ``cost``; ``marginal_rate`` what one more unit in would give at the end;
    ``neighbours`` the profits of one unit less and one more, ``None`` where that is not allowed: neither
    is higher, which is the proof."""

    amounts: tuple[int, ...]
    profit: int
    marginal_rate: float
    neighbours: tuple[int | None, int | None]


class PoolLeg:
    """A pool in one direction; ``sell``: the token goes in. Where its fee changes along the way, the marginal
    rate is a guess that the last whole units put right."""

    __slots__ = ("_keeps", "_pool", "_sell", "kinks")

    def __init__(self, pool: RawPool, sell: bool) -> None:
        self._pool = pool
        self._sell = sell
        self._keeps = 1 - pool.fee_ratio(sell)
        self.kinks: Sequence[int] = ()

    def give(self, amount: int) -> tuple[int, float] | None:
        """See :class:`Leg`."""
        if amount == 0:
            price = self._pool.price()
            return 0, (price if self._sell else 1 / price) * self._keeps
        swap = self._pool.exact_in(amount, self._sell)
        if swap is None:
            return None
        price = swap.price_after if self._sell else 1 / swap.price_after if swap.price_after else inf
        return swap.amount_out, price * self._keeps

    def need(self, amount_out: int) -> int | None:
        """See :class:`Leg`."""
        swap = self._pool.exact_out(amount_out, self._sell)
        return None if swap is None else swap.amount_in

    def probe(self) -> int:
        """See :class:`Leg`."""
        price = self._pool.price()
        swap = self._pool.to_price(price * (1 - PROBE if self._sell else 1 + PROBE), self._sell)
        return 0 if swap is None else swap.amount_in


class StepLeg:
    """A trade at fixed rates, the best first: one price, or a book's levels.

    ``steps`` are ``(in, out)`` in base units, their rates falling; a part of a step gives its part, rounded
    down. See :func:`at_price`, :func:`into_bids` and :func:`from_asks`.
    """

    __slots__ = ("_given", "_steps", "_taken", "kinks")

    def __init__(self, steps: Sequence[tuple[int, int]]) -> None:
        self._steps = [step for step in steps if step[0] > 0 and step[1] > 0]
        self._taken, self._given = [0], [0]
        for amount_in, amount_out in self._steps:
            self._taken.append(self._taken[-1] + amount_in)
            self._given.append(self._given[-1] + amount_out)
        self.kinks: Sequence[int] = self._taken[1:]

    def give(self, amount: int) -> tuple[int, float] | None:
        """See :class:`Leg`."""
        at = bisect_right(self._taken, amount) - 1
        if at == len(self._steps):
            return (self._given[at], 0.0) if amount == self._taken[at] else None
        amount_in, amount_out = self._steps[at]
        part = (amount - self._taken[at]) * amount_out // amount_in
        return self._given[at] + part, amount_out / amount_in

    def need(self, amount_out: int) -> int | None:
        """See :class:`Leg`."""
        at = bisect_right(self._given, amount_out) - 1
        left = amount_out - self._given[at]
        if left == 0:
            return self._taken[at]
        if at == len(self._steps):
            return None
        step_in, step_out = self._steps[at]
        return self._taken[at] - (-left * step_in // step_out)

    def probe(self) -> int:
        """See :class:`Leg`."""
        return 0


def at_price(rate_out: int, rate_in: int, maximum: int) -> StepLeg:
    """``rate_out`` units out for ``rate_in`` in, fees included, for at most ``maximum`` in."""
    return StepLeg([(maximum, maximum * rate_out // rate_in)])


def into_bids(bids: Sequence[Sequence[float]], fee_ratio: float, token_unit: float, usd_unit: float) -> StepLeg:
    """Tokens into a book's bids ``(USD, tokens)``, best first. Units: what one base unit is worth."""
    return StepLeg([
        (int(tokens / token_unit), int(tokens * price * (1 - fee_ratio) / usd_unit)) for price, tokens in bids
    ])  # fmt: skip


def from_asks(asks: Sequence[Sequence[float]], fee_ratio: float, token_unit: float, usd_unit: float) -> StepLeg:
    """USD into a book's asks ``(USD, tokens)``, best first. Units: what one base unit is worth."""
    return StepLeg([
        (-int(-tokens * price * (1 + fee_ratio) / usd_unit), int(tokens / token_unit)) for price, tokens in asks
    ])  # fmt: skip


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


class _Point(NamedTuple):
    size: int
    slow: float
    """``1 / √(marginal rate)``: 1 at the best size, less before it."""


class _Trip:
    def __init__(self, legs: Sequence[Leg], cost: int, minimum: int, maximum: int | None) -> None:
        self.legs = legs
        self.cost = cost
        self.minimum = minimum
        self.maximum = maximum

    def run(self, size: int) -> tuple[int, float] | None:
        """What comes out of the last leg, and the marginal rate of the whole."""
        amount, rate = size, 1.0
        for leg in self.legs:
            given = leg.give(amount)
            if given is None:
                return None
            amount = given[0]
            rate *= given[1]
        return amount, rate

    def profit(self, size: int) -> int | None:
        """After costs; ``None`` if the size is out of bounds or does not go through."""
        if size < self.minimum or (self.maximum is not None and size > self.maximum):
            return None
        done = self.run(size)
        return None if done is None else done[0] - size - self.cost

    def slow(self, size: int) -> float:
        done = self.run(size)
        return inf if done is None or done[1] <= 0 else 1 / sqrt(done[1])

    def turning_point(self) -> int | None:
        """Where the marginal rate falls through 1, within bounds; ``None`` if nothing goes through."""
        low = _Point(self.minimum, self.slow(self.minimum))
        if low.slow >= 1:
            return None if low.slow == inf else low.size
        high = self._kink(low)
        if high is None:
            high, low = self._beyond(low)
        elif low.size < high.size - 1:
            before = _Point(high.size - 1, self.slow(high.size - 1))
            if before.slow < 1:
                return high.size if self.run(high.size) is not None else before.size
            high = before
        return low.size if high is None else self._between(low, high)

    def _kink(self, low: _Point) -> _Point | None:
        """Of the sizes at which a rate jumps: bisect for the first at which the best size is behind.

        Narrows nothing where the legs are smooth. The first leg that has kinks decides; others are few.
        """
        first: _Point | None = None
        for index, leg in enumerate(self.legs):
            kinks = leg.kinks
            start, end = 0, len(kinks)
            while start < end:
                middle = (start + end) // 2
                size = self._size_for(index, kinks[middle])
                slow = inf if size is None else self.slow(size)
                if slow < 1:
                    start = middle + 1
                else:
                    end = middle
                    if size is not None and (first is None or size < first.size):
                        first = _Point(size, slow)
        return first if first is None or first.size > low.size else None

    def _size_for(self, index: int, amount: int) -> int | None:
        """The least size of the trip with which ``amount`` goes into a leg."""
        wanted: int | None = amount
        for leg in reversed(self.legs[:index]):
            wanted = None if wanted is None else leg.need(wanted)
        return wanted

    def _beyond(self, low: _Point) -> tuple[_Point | None, _Point]:
        """A size behind the best one, found by extrapolation, and the last one before it."""
        size = max(low.size + 1, min((leg.probe() or low.size + 1) for leg in self.legs))
        for _ in range(MOST_STEPS):
            if self.maximum is not None and size >= self.maximum:
                size = self.maximum
            found = _Point(size, self.slow(size))
            if found.slow >= 1:
                return found, low
            if size == self.maximum:
                return None, found
            rise = found.slow - low.slow
            further = (1 - found.slow) / rise * (found.size - low.size) if rise > 0 else inf
            # A little too far, so that the next is likely behind it; never out of all proportion.
            step = int(min(further * 1.001, found.size * 64.0)) + 1
            low, size = found, found.size + step
        return None, low

    def _between(self, low: _Point, high: _Point) -> int:
        """Illinois' rule on ``slow - 1``, halving where it does not help."""
        side, weight_low, weight_high = 0, low.slow - 1, high.slow - 1
        for step in range(MOST_STEPS):
            gap = high.size - low.size
            if gap <= 1:
                break
            if weight_high == inf or step % 12 == 11:
                size = low.size + gap // 2
            else:
                size = low.size + int(gap * (weight_low / (weight_low - weight_high)))
                size = min(max(size, low.size + 1), high.size - 1)
            found = _Point(size, self.slow(size))
            miss = found.slow - 1
            if abs(miss) < CLOSE:
                return size
            if miss < 0:
                low, weight_low = found, miss
                weight_high *= 0.5 if side < 0 else 1
                side = -1
            else:
                high, weight_high = found, miss
                weight_low *= 0.5 if side > 0 else 1
                side = 1
        return low.size if abs(low.slow - 1) < abs(high.slow - 1) else high.size

    def settle(self, size: int) -> Arbitrage | None:
        """The best in whole units near ``size``, with its proof."""
        best = self._climbed(size)
        found = self.profit(best)
        if found is None or found <= 0:
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
        amounts = [best]
        rate = 1.0
        for leg in self.legs:
            given = leg.give(amounts[-1])
            assert given is not None
            amounts.append(given[0])
            rate *= given[1]
        return Arbitrage(tuple(amounts), found, rate, (less, more))

    def _climbed(self, size: int) -> int:
        """``size``, or better: what a wrong marginal rate has left, by steps that halve; then the least size
        that gives as much."""
        found = self.profit(size)
        step = size >> 12
        while step:
            moved = False
            for other in (size - step, size + step):
                profit = self.profit(other)
                if profit is not None and (found is None or profit > found):
                    size, found, moved = other, profit, True
                    break
            if not moved:
                step >>= 6
        done = self.run(size)
        least = None if done is None else self._size_for(len(self.legs), done[0])
        return size if least is None else min(max(least, self.minimum), size)

    def _rounding(self, best: int) -> range:
        """Sizes that rounding could make better than ``best``, if they are few; else none."""
        step = max(best >> 8, 1)
        here, there = self.slow(best), self.slow(best + step)
        bend = (there - here) / step
        if not 0 < bend < inf:
            return range(0)
        reach = int(sqrt((2 + len(self.legs)) / bend)) + 2
        return range(max(best - reach, 1), best + reach + 1) if reach <= SCAN else range(0)
