"""Where the steps of a swap in one direction end.

Both directions are the same in one coordinate, the *position*: the tick while the price rises, its
complement ``~tick`` while it falls; a stop's *key* is its tick, or its negative. A swap meets keys in rising
order, and a pool that has just crossed a stop stands at the position that is the stop's key, either way.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

SIZE = 8
"""Steps in a run when it is cut; one with edges of bitmap words in it may have twice as many."""

Ticks = tuple[tuple[int, int], ...]


class Stops(NamedTuple):
    """The initialised ``ticks``, ``(tick, liquidity_net)``, rising, and every ``period``-th key, those that
    leave ``phase``, between the outermost of them; none of these if ``period`` is 0."""

    ticks: Ticks
    zero_for_one: bool
    period: int
    phase: int

    def cut(self, left: int, right: int, liquidity: int) -> tuple[list[int], list[int]]:
        """Where runs between two stops begin, and the liquidity of their first steps."""
        starts: list[int] = []
        bases: list[int] = []
        at, count = left, SIZE
        word = next(iter(self.words(left, right)), right)
        for key, net in (*self.between(left, right), (right, 0)):
            if count >= SIZE:
                starts.append(at)
                bases.append(liquidity)
                count = 0
            if word <= key:
                words = self.words(at, key)
                if len(words) > SIZE:
                    more = words[SIZE - 1 :: SIZE]
                    starts += more
                    bases += [liquidity] * len(more)
                    count = -len(more) * SIZE
                count += len(words)
                word = next(iter(self.words(key, right)), right)
            count += 1
            liquidity += net
            at = key
        return starts, bases

    def words(self, left: int, right: int) -> range:
        """Keys strictly between two at which steps end though no tick is initialised there."""
        if not self.period:
            return range(0)
        return range(left + 1 + (self.phase - left - 1) % self.period, right, self.period)

    def between(self, left: int, right: int) -> list[tuple[int, int]]:
        """Initialised ticks strictly between two keys: their keys, and what crossing them adds."""
        ticks = self.ticks
        if self.zero_for_one:
            part = ticks[bisect_left(ticks, (1 - right,)) : bisect_left(ticks, (-left,))]
            return [(-tick, -net) for tick, net in reversed(part)]
        return [*ticks[bisect_left(ticks, (left + 1,)) : bisect_left(ticks, (right,))]]

    def ends(self) -> tuple[int, int]:
        """Keys of the first stop and the last."""
        first, last = self.ticks[0][0], self.ticks[-1][0]
        return (-last, -first) if self.zero_for_one else (first, last)

    def holds(self, key: int) -> bool:
        """Whether the tick at ``key`` is initialised."""
        tick = -key if self.zero_for_one else key
        at = bisect_left(self.ticks, (tick,))
        return at < len(self.ticks) and self.ticks[at][0] == tick

    def first_net(self) -> int:
        """What crossing the first stop adds."""
        return -self.ticks[-1][1] if self.zero_for_one else self.ticks[0][1]
