"""The liquidity of a concentrated pool as a ladder of price ranges with cumulative exact amounts.

A swap in the contract goes step by step: to the next initialised tick, or to the edge of a word of the tick
bitmap, and rounds in each step. Every *whole* step's amounts depend only on its two edges and its
liquidity, so they are summed once, from one end of the ladder, per direction; a quote then bisects for
the step in which it ends and computes only its first and last, partial steps.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise

from bot.pools.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, PIPS, amount0, amount1, sqrt_at_tick

WORD = 256
LIMITS = (MIN_SQRT + 1, MAX_SQRT - 1)
"""The last prices that a swap can reach: a unit short of those of the outermost ticks."""


class Steps:
    """All whole steps of one direction.

    ``edges`` are square-root prices in the order a swap meets them (falling for token0 in); step ``k``
    leads from ``edges[k]`` to ``edges[k + 1]`` with ``liquidity[k]``. ``paid[k]`` and ``got[k]`` are what
    all steps before ``k`` take, fee included, and give.
    """

    __slots__ = ("edges", "got", "keys", "liquidity", "paid", "ticks", "zero_for_one")

    def __init__(
        self, ticks: tuple[tuple[int, int], ...], base: int, spacing: int, fee: int, zero_for_one: bool
    ) -> None:
        self.zero_for_one = zero_for_one
        stops = _stops([tick for tick, _ in ticks], spacing, zero_for_one)
        initialised = [tick for tick, _ in ticks]
        below = [base, *accumulate((net for _, net in ticks), initial=base)][1:]
        self.ticks = stops[::-1] if zero_for_one else stops
        self.edges = [_reachable(tick) for tick in self.ticks]
        # bisect wants rising keys, also for the falling direction.
        self.keys = [-edge for edge in self.edges] if zero_for_one else self.edges
        self.liquidity: list[int] = []
        paid, got = [0], [0]
        for start, end in pairwise(self.ticks):
            low, high = min(start, end), max(start, end)
            liquidity = below[bisect_right(initialised, low)]
            self.liquidity.append(liquidity)
            low_price, high_price = _reachable(low), _reachable(high)
            if zero_for_one:
                taken = amount0(low_price, high_price, liquidity, True)
                given = amount1(low_price, high_price, liquidity, False)
            else:
                taken = amount1(low_price, high_price, liquidity, True)
                given = amount0(low_price, high_price, liquidity, False)
            paid.append(paid[-1] + taken + -(-taken * fee // (PIPS - fee)))
            got.append(got[-1] + given)
        self.paid, self.got = paid, got

    def step_of(self, price: int) -> int:
        """The step a swap starting at ``price`` is in; -1 or ``len(liquidity)`` outside the ladder."""
        key = -price if self.zero_for_one else price
        # Standing on an edge belongs to the step that begins there.
        return bisect_right(self.keys, key) - 1

    def crossed(self, edge: int) -> int:
        """The pool's tick once the edge is crossed: one below it if the price falls."""
        return self.ticks[edge] - 1 if self.zero_for_one else self.ticks[edge]


def _reachable(tick: int) -> int:
    """The price of a tick, or the last one before it that a swap can reach."""
    return min(max(sqrt_at_tick(tick), LIMITS[0]), LIMITS[1])


def _stops(initialised: list[int], spacing: int, zero_for_one: bool) -> list[int]:
    """Where steps end: initialised ticks, and between the outermost of them the edges of bitmap words."""
    if not initialised:
        return []
    first, last = initialised[0], initialised[-1]
    offset = 0 if zero_for_one else WORD - 1
    word = -(-(first // spacing - offset) // WORD)
    stops = set(initialised)
    while (edge := (word * WORD + offset) * spacing) < last:
        if edge > first:
            stops.add(edge)
        word += 1
    return sorted(stop for stop in stops if MIN_TICK <= stop <= MAX_TICK)


class Ladder:
    """Both directions, made when first asked for; shared by all states of a pool with these ticks.

    ``ticks`` are the initialised ones, ``(tick, liquidity_net)``, rising; ``base`` is the liquidity below
    the first of them (0 where all ticks are known).
    """

    __slots__ = ("_down", "_up", "base", "fee", "spacing", "ticks")

    def __init__(self, ticks: tuple[tuple[int, int], ...], base: int, spacing: int, fee: int) -> None:
        self.ticks = ticks
        self.base = base
        self.spacing = spacing
        self.fee = fee
        self._down: Steps | None = None
        self._up: Steps | None = None

    def steps(self, zero_for_one: bool) -> Steps:
        """The whole steps of one direction."""
        found = self._down if zero_for_one else self._up
        if found is None:
            found = Steps(self.ticks, self.base, self.spacing, self.fee, zero_for_one)
            if zero_for_one:
                self._down = found
            else:
                self._up = found
        return found

    def liquidity_at(self, tick: int) -> int:
        """The liquidity in force at ``tick``."""
        index = bisect_left(self.ticks, (tick + 1,))
        return self.base + sum(net for _, net in self.ticks[:index])


@lru_cache(maxsize=512)  # one of 400 ticks takes 0.2 MB, and pools whose ticks change leave old ones behind
def ladder(ticks: tuple[tuple[int, int], ...], base: int, spacing: int, fee: int) -> Ladder:
    """The ladder of these ticks; the same one for each state of a pool until its ticks change."""
    return Ladder(ticks, base, spacing, fee)
