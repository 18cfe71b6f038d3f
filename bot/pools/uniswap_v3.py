"""Uniswap v3 pools: exact swaps in O(log ticks), equal to the contract to the last unit.

Source: ``UniswapV3Pool.swap`` and ``SwapMath.computeSwapStep`` of ``@uniswap/v3-core``. A whole step is
crossed exactly when what remains covers its cost with fee (exact in) or its output (exact out), so the
cumulative sums of :mod:`bot.pools.ladder` decide where a swap ends.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import isqrt, sqrt

from msgspec import Struct

from bot.pools.ladder import LIMITS, Ladder, Steps, ladder
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need
from bot.pools.tick_math import (
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    PIPS,
    Q96,
    amount0,
    amount1,
    next_from_input,
    next_from_output,
    tick_at_sqrt,
)


class UniswapV3State(PoolState, frozen=True, kw_only=True, tag="uniswap_v3"):
    """``ticks`` are all initialised ones, ``(tick, liquidity_net)``; ``fee`` in millionths."""

    fee: int
    tick_spacing: int
    sqrt_price_x96: Raw
    liquidity: Raw
    tick: int
    ticks: list[tuple[int, Raw]]

    def pool(self) -> UniswapV3:
        """See :class:`~bot.pools.state.PoolState`."""
        need(0 <= self.fee < PIPS, f"fee {self.fee} is not in millionths")
        need(self.tick_spacing > 0, f"tick_spacing {self.tick_spacing}")
        price, liquidity = int(self.sqrt_price_x96), int(self.liquidity)
        need(MIN_SQRT <= price < MAX_SQRT, f"sqrt_price_x96 {price}")
        need(liquidity >= 0, f"liquidity {liquidity}")
        ticks = tuple([(tick, int(net)) for tick, net in self.ticks])
        need(all(MIN_TICK <= tick <= MAX_TICK for tick, _ in ticks), "a tick is out of range")
        need(all(a[0] < b[0] for a, b in pairwise(ticks)), "ticks are not rising")
        need(sum(net for _, net in ticks) == 0, "the ticks' liquidity does not add up to nothing")
        steps = ladder(ticks, 0, self.tick_spacing, self.fee)
        need(steps.liquidity_at(self.tick) == liquidity, "liquidity is not what the ticks add up to")
        return UniswapV3(price, self.tick, liquidity, steps, self.token_index)


class V3Swap(Struct, frozen=True):
    """A swap's raw amounts (fee in ``amount_in``) and the state it leaves."""

    amount_in: int
    amount_out: int
    sqrt_price: int
    tick: int
    liquidity: int


class UniswapV3(Struct, frozen=True):
    """State of one pool. ``fee`` in millionths; ``ticks`` of the ladder are all initialised ones.

    ``token_index`` says which of the two tokens is ours (0 or 1).
    """

    sqrt_price: int
    tick: int
    liquidity: int
    ladder: Ladder
    token_index: int

    @property
    def fee(self) -> int:
        """In millionths of what goes in."""
        return self.ladder.fee

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._price(self.sqrt_price)

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_in(amount, self._zero_for_one(sell)))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_out(amount, self._zero_for_one(sell)))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; as far towards ``price`` as there is liquidity."""
        raw = price if self.token_index == 0 else 1 / price
        target = isqrt(int(raw * 2.0**64) << 128) if raw < 2.0**64 else int(sqrt(raw) * Q96)
        return self._raw(self.swap_to(min(max(target, LIMITS[0]), LIMITS[1]), self._zero_for_one(sell)))

    def swap_in(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap exactly ``amount`` in; ``None`` if the liquidity does not take all of it."""
        if amount <= 0:
            return None
        steps = self.ladder.steps(zero_for_one)
        start = self._start(steps)
        if start is None:
            return None
        at, price, tick = start
        edge = steps.edges[at + 1]
        taken, given = _whole(price, edge, steps.liquidity[at], self.fee, zero_for_one)
        if amount < taken:
            return self._part_in(price, tick, at, steps, amount, 0, 0)
        # Whole steps after the first, as many as what remains pays for.
        spent = amount - taken + steps.paid[at + 1]
        last = bisect_right(steps.paid, spent, lo=at + 1) - 1
        paid = taken + steps.paid[last] - steps.paid[at + 1]
        got = given + steps.got[last] - steps.got[at + 1]
        if paid == amount:
            # Nothing is left: the contract stops on the first edge at which that is so.
            while last > at + 1 and steps.paid[last - 1] == steps.paid[last]:
                last -= 1
            return self._on_edge(steps, last, amount, got)
        if last >= len(steps.liquidity):
            return None
        return self._part_in(steps.edges[last], steps.crossed(last), last, steps, amount - paid, paid, got)

    def swap_out(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap for exactly ``amount`` out; ``None`` if the pool does not hold it."""
        if amount <= 0:
            return None
        steps = self.ladder.steps(zero_for_one)
        start = self._start(steps)
        if start is None:
            return None
        at, price, tick = start
        edge = steps.edges[at + 1]
        taken, given = _whole(price, edge, steps.liquidity[at], self.fee, zero_for_one)
        if amount < given:
            return self._part_out(price, tick, at, steps, amount, 0, 0)
        wanted = amount - given + steps.got[at + 1]
        last = bisect_right(steps.got, wanted, lo=at + 1) - 1
        paid = taken + steps.paid[last] - steps.paid[at + 1]
        got = given + steps.got[last] - steps.got[at + 1]
        if got == amount:
            while last > at + 1 and steps.got[last - 1] == steps.got[last]:
                last -= 1
            paid = taken + steps.paid[last] - steps.paid[at + 1]
            return self._on_edge(steps, last, paid, amount)
        if last >= len(steps.liquidity):
            return None
        return self._part_out(steps.edges[last], steps.crossed(last), last, steps, amount - got, paid, got)

    def swap_to(self, target: int, zero_for_one: bool) -> V3Swap | None:
        """Swap until the price is ``target``, or liquidity ends; ``None`` if it is not that way."""
        if (target >= self.sqrt_price) if zero_for_one else (target <= self.sqrt_price):
            return None
        steps = self.ladder.steps(zero_for_one)
        start = self._start(steps)
        if start is None:
            return None
        at, price, _ = start
        last = steps.step_of(target)
        if last < 0:
            return _state(0, 0, target, None, 0)
        if last == at:
            paid, got = _whole(price, target, steps.liquidity[at], self.fee, zero_for_one)
            return self._towards(steps, last, target, paid, got)
        paid, got = _whole(price, steps.edges[at + 1], steps.liquidity[at], self.fee, zero_for_one)
        last = min(last, len(steps.liquidity))
        paid += steps.paid[last] - steps.paid[at + 1]
        got += steps.got[last] - steps.got[at + 1]
        if last == len(steps.liquidity):
            return self._on_edge(steps, last, paid, got)
        more, gives = _whole(steps.edges[last], target, steps.liquidity[last], self.fee, zero_for_one)
        return self._towards(steps, last, target, paid + more, got + gives)

    def after(self, amount: int, sell: bool) -> UniswapV3 | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.swap_in(amount, self._zero_for_one(sell))
        return None if swap is None else self.moved(swap)

    def moved(self, swap: V3Swap) -> UniswapV3:
        """The pool after a swap; its ladder is shared."""
        return UniswapV3(swap.sqrt_price, swap.tick, swap.liquidity, self.ladder, self.token_index)

    def with_position(self, lower: int, upper: int, liquidity: int) -> UniswapV3:
        """The pool after ``liquidity`` was added to (or, negative, taken from) a position."""
        nets = dict(self.ladder.ticks)
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
        ticks = tuple(sorted((tick, net) for tick, net in nets.items() if net))
        fresh = ladder(ticks, self.ladder.base, self.ladder.spacing, self.fee)
        active = self.liquidity + (liquidity if lower <= self.tick < upper else 0)
        return UniswapV3(self.sqrt_price, self.tick, active, fresh, self.token_index)

    def _start(self, steps: Steps) -> tuple[int, int, int] | None:
        """Step, price and tick a swap begins with; ``None`` if no liquidity lies that way.

        Nothing is paid for the way to the first edge, and an edge that the price is on is crossed at once.
        """
        inside = steps.step_of(self.sqrt_price)
        at = max(inside, 0)
        if at >= len(steps.liquidity):
            return None
        if inside < 0 or self.sqrt_price == steps.edges[at]:
            return at, steps.edges[at], steps.crossed(at)
        return at, self.sqrt_price, self.tick

    def _towards(self, steps: Steps, step: int, target: int, paid: int, got: int) -> V3Swap:
        """A swap that a limit ends in ``step``, or on the edge where it begins."""
        if target == steps.edges[step]:
            return self._on_edge(steps, step, paid, got)
        return _state(paid, got, target, None, steps.liquidity[step])

    def _part_in(
        self, price: int, tick: int, step: int, steps: Steps, amount: int, paid: int, got: int
    ) -> V3Swap:
        """The last, partial step of an exact-in swap: all of ``amount`` is used, the rest of it is fee."""
        liquidity, zero_for_one = steps.liquidity[step], steps.zero_for_one
        edge = steps.edges[step + 1]
        after = next_from_input(price, liquidity, amount * (PIPS - self.fee) // PIPS, zero_for_one)
        if zero_for_one:
            after = max(after, edge)
            gives = amount1(after, price, liquidity, False)
        else:
            after = min(after, edge)
            gives = amount0(price, after, liquidity, False)
        return _state(paid + amount, got + gives, after, tick if after == price else None, liquidity)

    def _part_out(
        self, price: int, tick: int, step: int, steps: Steps, amount: int, paid: int, got: int
    ) -> V3Swap | None:
        liquidity, zero_for_one = steps.liquidity[step], steps.zero_for_one
        after = next_from_output(price, liquidity, amount, zero_for_one)
        if after is None:
            return None
        if zero_for_one:
            takes, gives = amount0(after, price, liquidity, True), amount1(after, price, liquidity, False)
        else:
            takes, gives = amount1(price, after, liquidity, True), amount0(price, after, liquidity, False)
        paid += takes + -(-takes * self.fee // (PIPS - self.fee))
        got += min(gives, amount)
        if after == steps.edges[step + 1]:
            # Rounding has taken it there, with less than all of the step.
            return self._on_edge(steps, step + 1, paid, got)
        return _state(paid, got, after, tick if after == price else None, liquidity)

    def _on_edge(self, steps: Steps, edge: int, paid: int, got: int) -> V3Swap:
        """A swap that ends exactly on an edge has crossed it: the next step's liquidity is in force.

        At the ends of all prices it stops short of the tick.
        """
        if edge > 0 and steps.edges[edge] in LIMITS:
            return _state(paid, got, steps.edges[edge], None, steps.liquidity[edge - 1])
        liquidity = steps.liquidity[edge] if edge < len(steps.liquidity) else 0
        return V3Swap(paid, got, steps.edges[edge], steps.crossed(edge), liquidity)

    def _zero_for_one(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _price(self, sqrt_price: int) -> float:
        ratio = (sqrt_price / Q96) ** 2
        return ratio if self.token_index == 0 else 1 / ratio

    def _raw(self, swap: V3Swap | None) -> Swap | None:
        return None if swap is None else Swap(swap.amount_in, swap.amount_out, self._price(swap.sqrt_price))


def _state(paid: int, got: int, price: int, tick: int | None, liquidity: int) -> V3Swap:
    """``tick`` is known where the last step did not move the price: where that step began."""
    return V3Swap(paid, got, price, tick_at_sqrt(price) if tick is None else tick, liquidity)


def _whole(start: int, end: int, liquidity: int, fee: int, zero_for_one: bool) -> tuple[int, int]:
    """Cost with fee, and output, of a step that reaches its end."""
    if zero_for_one:
        taken, given = amount0(end, start, liquidity, True), amount1(end, start, liquidity, False)
    else:
        taken, given = amount1(start, end, liquidity, True), amount0(start, end, liquidity, False)
    return taken + -(-taken * fee // (PIPS - fee)), given
