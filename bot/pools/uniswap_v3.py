"""Uniswap v3 pools: exact swaps in O(log ticks), equal to the contract to the last unit.

Source: ``UniswapV3Pool`` of ``@uniswap/v3-core``; the swap itself is in :mod:`bot.pools.v3_swap`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isqrt

from msgspec import Struct

from bot.pools.ladder import LIMITS, Ladder, ladder
from bot.pools.ranges import Range, ranges
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need
from bot.pools.tick_math import (
    MAX_SQRT,
    MIN_SQRT,
    PIPS,
    Q96,
    sqrt_at_tick,
    tick_at_sqrt,
)
from bot.pools.v3_swap import V3Swap, swap_in, swap_out, swap_to

__all__ = ["UniswapV3", "UniswapV3State", "V3Swap"]

PER_Q96 = 1.0 / Q96


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
        need(0 <= self.fee < PIPS, "fee {} is not in millionths", self.fee)
        need(self.tick_spacing > 0, "tick_spacing {}", self.tick_spacing)
        price, liquidity = int(self.sqrt_price_x96), int(self.liquidity)
        need(MIN_SQRT <= price < MAX_SQRT, "sqrt_price_x96 {}", price)
        at = tick_at_sqrt(price)
        # A price that fell to a tick's stands for the tick below.
        here = self.tick == at or (self.tick == at - 1 and price == sqrt_at_tick(at))
        need(here, "sqrt_price_x96 {} is not at tick {}", price, self.tick)
        need(liquidity >= 0, "liquidity {}", liquidity)
        steps = ladder(tuple(self.ticks), self.tick_spacing, self.fee)
        need(steps.liquidity_at(self.tick) == liquidity, "liquidity is not what the ticks add up to")
        return UniswapV3(price, self.tick, liquidity, steps, self.token_index)


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
        swap = self.swap_in(amount, sell == (self.token_index == 0))
        return None if swap is None else Swap(amount, swap.amount_out, self._price(swap.sqrt_price))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.swap_out(amount, sell == (self.token_index == 0))
        return None if swap is None else Swap(swap.amount_in, amount, self._price(swap.sqrt_price))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; as far towards ``price`` as there is liquidity."""
        up, down = price.as_integer_ratio()
        if self.token_index == 1:
            up, down = down, up
        target = isqrt((up << 192) // down) if down else LIMITS[1]
        swap = self.swap_to(target, self._zero_for_one(sell))
        return None if swap is None else Swap(swap.amount_in, swap.amount_out, self._price(swap.sqrt_price))

    def swap_in(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap exactly ``amount`` in; ``None`` if the liquidity does not take all of it."""
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if amount <= 0 or start is None else swap_in(steps, start, amount)

    def quotes(self, amounts: Sequence[int], zero_for_one: bool) -> list[V3Swap | None]:
        """:meth:`swap_in` of each amount by itself, all from the present state."""
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        if start is None:
            return [None] * len(amounts)
        return [swap_in(steps, start, amount) if amount > 0 else None for amount in amounts]

    def swap_out(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap for exactly ``amount`` out; ``None`` if the pool does not hold it."""
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if amount <= 0 or start is None else swap_out(steps, start, amount)

    def swap_to(self, target: int, zero_for_one: bool) -> V3Swap | None:
        """Swap until the price is ``target``, or as near to it as there is liquidity; ``None`` if it is not
        that way."""
        target = min(max(target, LIMITS[0]), LIMITS[1])
        if (target >= self.sqrt_price) if zero_for_one else (target <= self.sqrt_price):
            return None
        steps = self.ladder.steps(zero_for_one)
        start = steps.start(self.sqrt_price, self.tick)
        return None if start is None else swap_to(steps, start, target)

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
        ratio = (float(sqrt_price) * PER_Q96) ** 2  # of the same bits as the quotient
        return ratio if self.token_index == 0 else 1 / ratio
