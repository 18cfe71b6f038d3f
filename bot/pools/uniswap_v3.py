"""Uniswap v3 pools: exact swaps in O(log ticks), equal to the contract to the last unit.

Source: ``UniswapV3Pool.swap`` and ``SwapMath.computeSwapStep`` of ``@uniswap/v3-core``. A whole step is
crossed exactly when what remains covers its cost with fee (exact in) or its output (exact out), so the
cumulative sums of :mod:`bot.pools.steps` decide where a swap ends; only its first step, begun at the pool's
price, and its last, partial one are computed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import pairwise
from math import isqrt, sqrt

from msgspec import Struct

from bot.pools.ladder import LIMITS, Ladder, falling, ladder, rising
from bot.pools.ranges import Range, ranges
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need
from bot.pools.steps import Run, Start, Steps
from bot.pools.tick_math import (
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    PIPS,
    Q96,
    next_from_input,
    next_from_output,
    sqrt_at_tick,
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
        at = tick_at_sqrt(price)
        # A price that fell to a tick's stands for the tick below.
        fallen = self.tick == at - 1 and price == sqrt_at_tick(at)
        need(self.tick == at or fallen, f"sqrt_price_x96 {price} is not at tick {self.tick}")
        need(liquidity >= 0, f"liquidity {liquidity}")
        ticks = tuple([(tick, int(net)) for tick, net in self.ticks])
        need(all(MIN_TICK <= tick <= MAX_TICK for tick, _ in ticks), "a tick is out of range")
        need(all(a[0] < b[0] for a, b in pairwise(ticks)), "ticks are not rising")
        need(sum(net for _, net in ticks) == 0, "the ticks' liquidity does not add up to nothing")
        steps = ladder(ticks, 0, self.tick_spacing, self.fee)
        need(steps.liquidity_at(self.tick) == liquidity, "liquidity is not what the ticks add up to")
        return UniswapV3(price, self.tick, liquidity, steps, self.token_index)


class V3Swap(Struct, frozen=True, gc=False):
    """A swap's raw amounts (fee in ``amount_in``) and the state it leaves."""

    amount_in: int
    amount_out: int
    sqrt_price: int
    tick: int
    liquidity: int


class UniswapV3(Struct, frozen=True):
    """State of one pool: a value. ``token_index`` says which of the two tokens is ours (0 or 1)."""

    sqrt_price: int
    tick: int
    liquidity: int
    ladder: Ladder
    token_index: int

    @property
    def fee(self) -> int:
        """In millionths of what goes in; of token0 where the two differ."""
        return self.ladder.fee

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._price(self.sqrt_price)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.ladder.fees[0 if self._zero_for_one(sell) else 1] / PIPS

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
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if amount <= 0 or start is None else _swap_in(steps, start, amount)

    def quotes(self, amounts: Sequence[int], zero_for_one: bool) -> list[V3Swap | None]:
        """:meth:`swap_in` of each amount by itself, all from the present state."""
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        if start is None:
            return [None] * len(amounts)
        return [_swap_in(steps, start, amount) if amount > 0 else None for amount in amounts]

    def swap_out(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap for exactly ``amount`` out; ``None`` if the pool does not hold it."""
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if amount <= 0 or start is None else _swap_out(steps, start, amount)

    def swap_to(self, target: int, zero_for_one: bool) -> V3Swap | None:
        """Swap until the price is ``target``, or liquidity ends; ``None`` if it is not that way."""
        if (target >= self.sqrt_price) if zero_for_one else (target <= self.sqrt_price):
            return None
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if start is None else _swap_to(steps, start, target)

    def after(self, amount: int, sell: bool) -> UniswapV3 | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.swap_in(amount, self._zero_for_one(sell))
        return None if swap is None else self.moved(swap)

    def moved(self, swap: V3Swap) -> UniswapV3:
        """The pool after a swap; its ladder is shared."""
        return UniswapV3(swap.sqrt_price, swap.tick, swap.liquidity, self.ladder, self.token_index)

    def with_position(self, lower: int, upper: int, liquidity: int, kept: Collection[int] = ()) -> UniswapV3:
        """The pool after ``liquidity`` was added to (or, negative, taken from) a position; ``kept`` as in
        :meth:`~bot.pools.ladder.Ladder.changed`. What did not change of the ladder is shared."""
        fresh = self.ladder.changed(lower, upper, liquidity, kept)
        active = self.liquidity + (liquidity if lower <= self.tick < upper else 0)
        return UniswapV3(self.sqrt_price, self.tick, active, fresh, self.token_index)

    def ranges(self) -> list[Range]:
        """The liquidity distribution: price ranges with liquidity, rising, and what each holds."""
        return ranges(self.ladder, self.sqrt_price)

    def _zero_for_one(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _price(self, sqrt_price: int) -> float:
        ratio = (sqrt_price / Q96) ** 2
        return ratio if self.token_index == 0 else 1 / ratio

    def _raw(self, swap: V3Swap | None) -> Swap | None:
        return None if swap is None else Swap(swap.amount_in, swap.amount_out, self._price(swap.sqrt_price))


def _swap_in(steps: Steps, start: Start, amount: int) -> V3Swap | None:
    index, run, at, price, position, paid, got = start
    if amount < paid:
        return _part_in(steps, price, position, run.liquidity[at], amount, amount, 0)
    keys, edges, liquidity, costs, gives = run
    # Counted from the beginning of the run, as its sums are.
    spent, got = amount - paid + costs[at + 1], got - gives[at + 1]
    edge = at + 1
    if spent > costs[-1]:
        found = steps.find(index, spent, False)
        if found is None:
            return None
        index, run, before, more = found
        keys, edges, liquidity, costs, gives = run
        spent, got = spent - before, got + more
        edge = 1
    # The first edge at which nothing is left is where the contract stops.
    edge = bisect_left(costs, spent, edge)
    if costs[edge] == spent:
        return _on_edge(steps, index, run, edge, amount, got + gives[edge])
    edge -= 1
    return _part_in(
        steps, edges[edge], keys[edge], liquidity[edge], spent - costs[edge], amount, got + gives[edge]
    )


def _swap_out(steps: Steps, start: Start, amount: int) -> V3Swap | None:
    index, run, at, price, position, paid, got = start
    if amount < got:
        return _part_out(steps, start, price, position, amount, 0, amount)
    wanted, paid = amount - got + run.got[at + 1], paid - run.paid[at + 1]
    edge = at + 1
    if wanted > run.got[-1]:
        found = steps.find(index, wanted, True)
        if found is None:
            return None
        index, run, more, before = found
        wanted, paid = wanted - before, paid + more
        edge = 1
    edge = bisect_left(run.got, wanted, edge)
    if run.got[edge] == wanted:
        return _on_edge(steps, index, run, edge, paid + run.paid[edge], amount)
    edge -= 1
    part = Start(index, run, edge, run.edges[edge], run.keys[edge], 0, 0)
    return _part_out(
        steps, part, part.price, part.position, wanted - run.got[edge], paid + run.paid[edge], amount
    )


def _swap_to(steps: Steps, start: Start, target: int) -> V3Swap:
    index, run, at, price, position, paid, got = start
    tick = tick_at_sqrt(target)
    end = ~tick if steps.zero_for_one else tick
    if end < position:
        return V3Swap(0, 0, target, tick, 0)  # short of the first stop: nothing is there
    last = min(bisect_right(steps.starts, end), len(steps.runs)) - 1
    if last != index or end >= run.keys[at + 1]:
        costs, gives = steps.between(index, last)
        paid, got = paid - run.paid[at + 1] + costs, got - run.got[at + 1] + gives
        index, run = last, steps.run(last)
        at = min(bisect_right(run.keys, end) - 1, len(run.liquidity))
        paid, got, price = paid + run.paid[at], got + run.got[at], run.edges[at]
        if at == len(run.liquidity) or price == target:
            return _on_edge(steps, index, run, at, paid, got)
    else:
        paid = got = 0
    takes, gives = (falling if steps.zero_for_one else rising)(price, target, run.liquidity[at], steps.fee)
    if target == run.edges[at + 1]:
        return _on_edge(steps, index, run, at + 1, paid + takes, got + gives)
    return V3Swap(paid + takes, got + gives, target, tick, run.liquidity[at])


def _part_in(
    steps: Steps, price: int, position: int, liquidity: int, left: int, amount: int, got: int
) -> V3Swap:
    """The last, partial step of an exact-in swap: all that is ``left`` is used, the rest of it is fee. It
    never comes to the step's end: its cost is the least that does."""
    zero_for_one = steps.zero_for_one
    after = next_from_input(price, liquidity, left * (PIPS - steps.fee) // PIPS, zero_for_one)
    if after == price:
        return V3Swap(amount, got, price, ~position if zero_for_one else position, liquidity)
    if zero_for_one:
        got += liquidity * (price - after) >> 96
    else:
        got += (liquidity * (after - price) << 96) // (after * price)
    return V3Swap(amount, got, after, tick_at_sqrt(after), liquidity)


def _part_out(
    steps: Steps, start: Start, price: int, position: int, left: int, paid: int, amount: int
) -> V3Swap | None:
    """The last step of an exact-out swap: ``left`` is to come out; rounding may take it to the step's end."""
    zero_for_one, run, at = steps.zero_for_one, start.run, start.at
    liquidity = run.liquidity[at]
    after = next_from_output(price, liquidity, left, zero_for_one)
    if after is None:
        return None
    takes, gives = (falling if zero_for_one else rising)(price, after, liquidity, steps.fee)
    paid, got = paid + takes, amount - left + min(gives, left)
    if after == run.edges[at + 1]:
        return _on_edge(steps, start.index, run, at + 1, paid, got)
    if after == price:
        return V3Swap(paid, got, price, ~position if zero_for_one else position, liquidity)
    return V3Swap(paid, got, after, tick_at_sqrt(after), liquidity)


def _on_edge(steps: Steps, index: int, run: Run, edge: int, paid: int, got: int) -> V3Swap:
    """A swap that ends exactly on an edge has crossed it: the next step's liquidity is in force.

    At the ends of all prices it stops short of the tick.
    """
    price = run.edges[edge]
    if price in LIMITS:
        return V3Swap(paid, got, price, tick_at_sqrt(price), run.liquidity[edge - 1])
    key = run.keys[edge]
    tick = ~key if steps.zero_for_one else key
    return V3Swap(paid, got, price, tick, steps.liquidity_beyond(index, run, edge))
