"""The initialised ticks of a Raydium CLMM as a ladder, with cumulative exact amounts per direction.

A swap goes from one initialised tick to the next (there are no stops between) and fills the limit orders that
wait there. Under a constant fee a *whole* step depends only on its two ticks, so it is summed once; a quote
computes its first step, bisects for the last one that is surely whole, and computes the rest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate

from bot.pools.raydium_math import LIMITS, U64, Terms, fill, least_beyond, sqrt_at_tick, whole

FOREVER = 1 << 200

Ticks = tuple[tuple[int, int], ...]


class Steps:
    """One direction. ``ticks``, their prices ``edges``, the ``orders`` that wait at each and the
    ``liquidity`` after each stand in the order a swap meets them; ``paid`` and ``got`` are what all steps
    from the first tick on take and give, fee included; ``needed`` is what exact in must bring for them all
    to be whole. ``keys`` are the ticks and ``_prices`` the prices in an order that bisect can use.
    """

    __slots__ = (
        "_prices", "edges", "got", "keys", "liquidity", "needed", "orders", "paid", "ticks", "zero_for_one",
    )  # fmt: skip

    def __init__(self, ticks: Ticks, orders: dict[int, int], terms: Terms) -> None:
        self.zero_for_one = terms.zero_for_one
        nets = dict(ticks)
        rising = sorted(nets.keys() | orders.keys())
        above = list(accumulate(nets.get(tick, 0) for tick in rising))
        if terms.zero_for_one:
            self.ticks = rising[::-1]
            self.liquidity = [*above[-2::-1], 0] if rising else []
        else:
            self.ticks = rising
            self.liquidity = above
        self.keys = [-tick for tick in self.ticks] if terms.zero_for_one else self.ticks
        self.edges = [sqrt_at_tick(tick) for tick in self.ticks]
        self._prices = [-edge for edge in self.edges] if terms.zero_for_one else self.edges
        self.orders = [orders.get(tick, 0) for tick in self.ticks]
        self.paid, self.got, self.needed = [0], [0], [1]
        for at in range(len(self.ticks) - 1):
            self._add(at, terms)

    def next(self, tick: int) -> int:
        """The first edge that lies ahead of a pool at ``tick``; its own one included if the price falls."""
        return bisect_left(self.keys, -tick) if self.zero_for_one else bisect_right(self.keys, tick)

    def last(self, limit: int) -> int:
        """The last edge that does not lie beyond the price ``limit``; -1 if all do."""
        return bisect_right(self._prices, -limit if self.zero_for_one else limit) - 1

    def skip(self, at: int, remaining: int, exact_in: bool) -> int:
        """The edge until which a swap that has crossed ``at`` takes whole steps and has something left."""
        if exact_in:
            return max(bisect_right(self.needed, remaining + self.paid[at]) - 1, at)
        return max(bisect_left(self.got, remaining + self.got[at]) - 1, at)

    def _add(self, at: int, terms: Terms) -> None:
        start, end = self.edges[at], self.edges[at + 1]
        way = None
        if LIMITS[0] <= end <= LIMITS[1]:
            way = whole(start, end, self.liquidity[at], terms)
        orders = self.orders[at + 1]
        filled = fill(orders, end, U64, terms._replace(exact_in=False))
        if way is None or filled is None:
            # Never to be gone through without being looked at.
            paid, got, least = FOREVER, FOREVER, FOREVER
        else:
            paid, got = way[0] + filled[0], way[1] + filled[1]
            least = way[0] + least_beyond(orders, end, terms) if orders else paid + 1
        self.needed.append(max(self.needed[-1], self.paid[-1] + max(least, paid + 1)))
        self.paid.append(self.paid[-1] + paid)
        self.got.append(self.got[-1] + got)


class Ladder:
    """Both directions, made when first asked for; shared by all states of a pool with these ticks.

    ``ticks`` are those with liquidity, ``(tick, liquidity_net)``, rising; ``orders`` what limit orders want
    to sell at a tick, ``(tick, amount)``; ``fee`` in millionths; ``fee_on`` 0 for the token that goes in, 1
    for always token0, 2 for always token1.
    """

    __slots__ = ("_steps", "fee", "fee_on", "orders", "ticks")

    def __init__(self, ticks: Ticks, orders: Ticks, fee: int, fee_on: int) -> None:
        self.ticks = ticks
        self.orders = orders
        self.fee = fee
        self.fee_on = fee_on
        self._steps: dict[bool, Steps] = {}

    def terms(self, exact_in: bool, zero_for_one: bool) -> Terms:
        """What a step is done under."""
        on_input = self.fee_on not in (1, 2) or (self.fee_on == 1) == zero_for_one
        return Terms(self.fee, exact_in, zero_for_one, on_input)

    def steps(self, zero_for_one: bool) -> Steps:
        """The whole steps of one direction."""
        found = self._steps.get(zero_for_one)
        if found is None:
            found = Steps(self.ticks, dict(self.orders), self.terms(True, zero_for_one))
            self._steps[zero_for_one] = found
        return found

    def liquidity_at(self, tick: int) -> int:
        """The liquidity in force at ``tick``."""
        return sum(net for lower, net in self.ticks if lower <= tick)


@lru_cache(maxsize=512)
def ladder(ticks: Ticks, orders: Ticks, fee: int, fee_on: int) -> Ladder:
    """The ladder of these ticks; the same one for each state of a pool until its ticks change."""
    return Ladder(ticks, orders, fee, fee_on)
