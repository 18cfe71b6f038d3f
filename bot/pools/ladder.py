"""The liquidity of a concentrated pool: its initialised ticks, and the steps a swap takes over them.

A ladder is shared by all states of a pool until its ticks change; :meth:`Ladder.changed` then makes the next
one, which shares with it whatever did not change. How steps are summed and searched is in
:mod:`bot.pools.steps`. Uniswap v3's own steps end at initialised ticks and at the edges of the words of its
tick bitmap. Another program's pools use the same ladder with :class:`~bot.pools.steps.Rules` of their own::

    RULES = Rules(price=sqrt_at_tick_x64, falling=whole_down, rising=whole_up)
    Ladder(ticks, 0, spacing, fee, RULES).steps(zero_for_one).start(sqrt_price, tick)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import cast

from bot.pools.state import Raw, need
from bot.pools.steps import Rules, Steps
from bot.pools.stops import Ticks
from bot.pools.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, PIPS, sqrt_at_tick

LIMITS = (MIN_SQRT + 1, MAX_SQRT - 1)
"""The last prices that a swap can reach: a unit short of those of the outermost ticks."""

Fee = int | tuple[int, int]


class Ladder:
    """``ticks`` are the initialised ones, ``(tick, liquidity_net)``, rising; ``base`` is the liquidity below
    the first of them (0 where all ticks are known). ``fee`` is in millionths of what goes in: one, or that
    of token0 in (the price falls) and that of token1 in.
    """

    __slots__ = ("_falling", "_in_force", "_rising", "base", "fees", "rules", "spacing", "ticks")

    def __init__(self, ticks: Ticks, base: int, spacing: int, fee: Fee, rules: Rules | None = None) -> None:
        self.ticks = ticks
        self.base = base
        self.spacing = spacing
        self.fees = (fee, fee) if isinstance(fee, int) else fee
        self.rules = V3 if rules is None else rules
        self._falling: Steps | None = None
        self._rising: Steps | None = None
        self._in_force: tuple[list[int], list[int]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ladder) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def fee(self) -> int:
        """That of token0 in; of both where they are the same."""
        return self.fees[0]

    def steps(self, zero_for_one: bool) -> Steps:
        """The steps of one direction, made when first asked for."""
        found = self._falling if zero_for_one else self._rising
        if found is None:
            fee = self.fees[0 if zero_for_one else 1]
            found = Steps(self.ticks, self.base, self.spacing, fee, self.rules, zero_for_one)
            if zero_for_one:
                self._falling = found
            else:
                self._rising = found
        return found

    def liquidity_at(self, tick: int) -> int:
        """The liquidity in force at ``tick``."""
        if self._in_force is None:
            ticks = [at for at, _ in self.ticks]
            self._in_force = ticks, [*accumulate([net for _, net in self.ticks], initial=self.base)]
        ticks, in_force = self._in_force
        return in_force[bisect_right(ticks, tick)]

    def changed(self, lower: int, upper: int, liquidity: int, kept: Collection[int] = ()) -> Ladder:
        """The ladder after ``liquidity`` was added to, or, negative, taken from a position.

        A tick at which nothing is left in sum is no longer initialised once liquidity was taken, unless it is
        one of ``kept``: as much may begin there as ends.
        """
        ticks = self.ticks
        for tick, net in ((lower, liquidity), (upper, -liquidity)):
            at = bisect_left(ticks, (tick,))
            here = at < len(ticks) and ticks[at][0] == tick
            net += ticks[at][1] if here else 0
            gone = net == 0 and liquidity < 0 and tick not in kept
            ticks = ticks[:at] + (() if gone else ((tick, net),)) + ticks[at + here :]
        made = Ladder(ticks, self.base, self.spacing, self.fees, self.rules)
        if self.ticks and ticks:
            made._falling = self._falling and self._falling.changed(ticks, lower, upper, liquidity)
            made._rising = self._rising and self._rising.changed(ticks, lower, upper, liquidity)
        return made

    def _key(self) -> tuple[object, ...]:
        return self.ticks, self.base, self.spacing, self.fees, self.rules


@lru_cache(maxsize=512)
def ladder(told: tuple[tuple[int, Raw], ...], spacing: int, fee: Fee) -> Ladder:
    """The ladder of all ticks of a pool; the same one for each of its states until they change. For states
    that come as text, each with all its ticks; a pool kept as a value needs none. Raises :class:`PoolError`,
    and :class:`ValueError` for what is no number.
    """
    ticks = tuple([(tick, int(net)) for tick, net in told])
    if ticks == told:  # whole numbers already: they are remembered once
        ticks = cast(Ticks, told)
    need(all(MIN_TICK <= tick <= MAX_TICK for tick, _ in ticks), "a tick is out of range")
    need(all(a[0] < b[0] for a, b in pairwise(ticks)), "ticks are not rising")
    need(sum(net for _, net in ticks) == 0, "the ticks' liquidity does not add up to nothing")
    return Ladder(ticks, 0, spacing, fee)


def reachable(tick: int) -> int:
    """The price of a tick, or the last one before it that a swap can reach."""
    if MIN_TICK < tick < MAX_TICK:
        return sqrt_at_tick(tick)
    return LIMITS[0] if tick == MIN_TICK else LIMITS[1]


def falling(start: int, end: int, liquidity: int, fee: int) -> tuple[int, int]:
    """Token0 that a whole step down takes, fee included, and token1 that it gives.

    ``SwapMath.computeSwapStep`` of ``@uniswap/v3-core``: the amounts of :mod:`bot.pools.tick_math`, where
    rounding up twice is rounding the quotient by the product up once, and the fee on top likewise.
    """
    part = liquidity * (start - end)
    return -((-part << 96) // (start * end) * PIPS // (PIPS - fee)), part >> 96


def rising(start: int, end: int, liquidity: int, fee: int) -> tuple[int, int]:
    """Token1 that a whole step up takes, fee included, and token0 that it gives."""
    part = liquidity * (end - start)
    return -((-part >> 96) * PIPS // (PIPS - fee)), (part << 96) // (start * end)


V3 = Rules(reachable, falling, rising, word=256, offsets=(0, 255))
