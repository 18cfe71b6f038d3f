"""The steps before a Whirlpool with an adaptive fee: tick group by tick group, each with its own fee.

They depend on where the swap starts, so they are walked as in the program, once, as far as ever asked for,
and bisected from then on. Groups are passed over together only where the program does so. Source: the loop of
``manager/swap_manager.rs``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from bot.pools.orca_adaptive_fee import AdaptiveFee, GroupFees
from bot.pools.orca_math import sqrt_at_tick, tick_at_sqrt, whole
from bot.pools.orca_path import Reached, Standing, Stretch


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
        "a_to_b",
        "closed",
    )

    def __init__(self, stretch: Stretch, liquidity: int, fee: int, adaptive: AdaptiveFee) -> None:
        ladder = stretch.steps
        self._stretch, self._adaptive, self.closed = stretch, adaptive, stretch.closed
        self.a_to_b = ladder.a_to_b
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
        """See :class:`~bot.pools.orca_path.Path`."""
        while self._paid[-1] < amount and self._step():
            pass
        return self._most(self._paid, amount)

    def for_output(self, amount: int) -> Reached:
        """See :class:`~bot.pools.orca_path.Path`."""
        while self._got[-1] < amount and self._step():
            pass
        return self._most(self._got, amount)

    def towards(self, price: int) -> Reached:
        """See :class:`~bot.pools.orca_path.Path`."""
        sign = -1 if self._fees.a_to_b else 1
        while sign * self._standings[-1].sqrt_price < sign * price and self._step():
            pass
        at = bisect_right(self._standings, sign * price, key=lambda one: sign * one.sqrt_price) - 1
        return self._reached(max(at, 0))

    def standing(self, steps: int) -> Standing:
        """See :class:`~bot.pools.orca_path.Path`."""
        while len(self._standings) <= steps:
            self._step()
        return self._standings[steps]

    def left(self, steps: int, sqrt_price: int, *, within: bool) -> AdaptiveFee:
        """See :class:`~bot.pools.orca_path.Path`."""
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
