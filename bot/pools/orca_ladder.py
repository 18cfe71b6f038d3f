"""The liquidity that is known of a Whirlpool as whole steps with cumulative exact amounts, per direction.

A swap goes from initialised tick to initialised tick and rounds at each, and nowhere between (Uniswap v3
also does at the edges of bitmap words). Few arrays of ticks are known of a pool, so a change sums all anew.
Source: ``manager/swap_manager.rs``, ``util/sparse_swap.rs`` and ``swap_tick_sequence.rs`` of the program.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise

from bot.pools.orca_math import MAX_TICK, MIN_TICK, sqrt_at_tick, whole

ARRAY = 88
"""Ticks in an array, each ``spacing`` apart."""
ARRAYS = 3
"""Arrays that one swap goes through at most; further ones in a transaction are only there in case the price
moves before it lands."""

Ticks = tuple[tuple[int, int], ...]


def array_start(tick: int, spacing: int) -> int:
    """The first tick of the array that ``tick`` is in."""
    return tick // (ARRAY * spacing) * (ARRAY * spacing)


def first_array(tick: int, spacing: int, a_to_b: bool) -> int:
    """Where the first array of a swap starts: the next one if a rising price has no more ticks in its own."""
    start, length = array_start(tick, spacing), ARRAY * spacing
    return start + length if not a_to_b and tick + spacing >= start + length else start


def reach(tick: int, spacing: int, a_to_b: bool) -> int | None:
    """The tick at which a swap's arrays end; ``None`` if it has no array at all."""
    first, length = first_array(tick, spacing, a_to_b), ARRAY * spacing
    if a_to_b:
        return max(first - (ARRAYS - 1) * length, MIN_TICK)
    return None if first > MAX_TICK else min(first + ARRAYS * length - 1, MAX_TICK)


class Steps:
    """All whole steps of one direction.

    ``edges`` are square-root prices in the order a swap meets them; step ``k`` leads from ``edges[k]`` to
    ``edges[k + 1]`` with ``liquidity[k]``; the last liquidity is that beyond. ``paid[k]`` and ``got[k]`` are
    what all steps before ``k`` take, fee included, and give. Beyond the outermost edges nothing is known.
    """

    __slots__ = ("a_to_b", "edges", "got", "initialised", "keys", "liquidity", "paid", "ticks")

    def __init__(self, ticks: Ticks, base: int, known: tuple[int, int], fee: int, a_to_b: bool) -> None:
        self.a_to_b = a_to_b
        first, end = known
        # A rising swap stops one tick short of the next array, a falling one can begin anywhere before it.
        last = min(end if a_to_b else end - 1, MAX_TICK)
        stops = sorted({max(first, MIN_TICK), last} | {tick for tick, _ in ticks})
        nets = dict(ticks)
        between = list(accumulate((nets.get(tick, 0) for tick in stops), initial=base))
        self.ticks = stops[::-1] if a_to_b else stops
        self.liquidity = between[-2::-1] if a_to_b else between[1:]
        self.initialised = [tick in nets for tick in self.ticks]
        self.edges = [sqrt_at_tick(tick) for tick in self.ticks]
        # bisect wants rising keys, also for the falling direction.
        self.keys = [-edge for edge in self.edges] if a_to_b else self.edges
        self.paid, self.got = [0], [0]
        for (start, stop), amount in zip(pairwise(self.edges), self.liquidity, strict=False):
            paid, got = whole(start, stop, amount, fee, a_to_b)
            self.paid.append(self.paid[-1] + paid)
            self.got.append(self.got[-1] + got)

    def step_of(self, price: int) -> int:
        """The step a swap starting at ``price`` is in; -1, or the last edge, outside of what is known."""
        # Standing on an edge belongs to the step that begins there.
        return bisect_right(self.keys, -price if self.a_to_b else price) - 1

    def crossed(self, edge: int) -> int:
        """The pool's tick once the edge is crossed: one below it if the price falls."""
        return self.ticks[edge] - 1 if self.a_to_b else self.ticks[edge]


class Ladder:
    """Both directions, made when first asked for; shared by all states of a pool with these ticks.

    ``ticks`` are the initialised ones, ``(tick, liquidity_net)``, rising, among the ``known`` ticks
    ``[first, end)``; ``base`` is the liquidity below them; ``fee`` in millionths.
    """

    __slots__ = ("_steps", "base", "fee", "known", "spacing", "ticks")

    def __init__(self, ticks: Ticks, base: int, known: tuple[int, int], spacing: int, fee: int) -> None:
        self.ticks = ticks
        self.base = base
        self.known = known
        self.spacing = spacing
        self.fee = fee
        self._steps: dict[bool, Steps] = {}

    def steps(self, a_to_b: bool) -> Steps:
        """The whole steps of one direction."""
        found = self._steps.get(a_to_b)
        if found is None:
            found = self._steps[a_to_b] = Steps(self.ticks, self.base, self.known, self.fee, a_to_b)
        return found


@lru_cache(maxsize=512)  # pools whose ticks change leave old ones behind
def ladder(ticks: Ticks, base: int, known: tuple[int, int], spacing: int, fee: int) -> Ladder:
    """The ladder of these ticks; the same one for each state of a pool until its ticks change."""
    return Ladder(ticks, base, known, spacing, fee)
