"""Raydium CLMM pools: exact swaps through liquidity and limit orders, under a constant or a dynamic fee.

Source: ``swap_internal`` of raydium-io/raydium-clmm (July 2026). A constant fee is quoted in O(log ticks) by
the sums of :mod:`bot.pools.raydium_ladder`; a dynamic one changes with every spacing that is crossed, so it
is walked step by step.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import isqrt

from msgspec import Struct, field

from bot.pools.raw import Swap
from bot.pools.raydium_fee import DynamicFee
from bot.pools.raydium_ladder import Ladder, ladder
from bot.pools.raydium_math import LIMITS, MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, PIPS, Q64, U64
from bot.pools.raydium_walk import ClmmSwap, Walk
from bot.pools.state import PoolState, Raw, need


class RaydiumClmmState(PoolState, frozen=True, kw_only=True, tag="raydium_clmm"):
    """``ticks`` are all that hold liquidity, ``(tick, liquidity_net)``, also where the net is 0; ``orders``
    what limit orders sell at a tick, ``(tick, amount)``. ``fee`` in millionths; ``fee_on`` 0: of what goes
    in, 1: token0, 2: token1. ``time`` is the cluster's, in seconds; only a dynamic fee depends on it."""

    fee: int
    tick_spacing: int
    sqrt_price_x64: Raw
    liquidity: Raw
    tick: int
    ticks: list[tuple[int, Raw]]
    orders: list[tuple[int, Raw]] = field(default_factory=list)
    fee_on: int = 0
    dynamic_fee: DynamicFee | None = None
    time: int = 0

    def pool(self) -> RaydiumClmm:
        """See :class:`~bot.pools.state.PoolState`."""
        need(0 <= self.fee < PIPS, "fee {} is not in millionths", self.fee)
        need(self.tick_spacing > 0, "tick_spacing {}", self.tick_spacing)
        price, liquidity = int(self.sqrt_price_x64), int(self.liquidity)
        need(MIN_SQRT <= price < MAX_SQRT, "sqrt_price_x64 {}", price)
        ticks = tuple([(tick, int(net)) for tick, net in self.ticks])
        orders = tuple([(tick, int(amount)) for tick, amount in self.orders])
        for listed in (ticks, orders):
            need(all(MIN_TICK <= tick <= MAX_TICK for tick, _ in listed), "a tick is out of range")
            need(all(a[0] < b[0] for a, b in pairwise(listed)), "ticks are not rising")
        need(all(0 < amount <= U64 for _, amount in orders), "a limit order of nothing, or of too much")
        in_force = list(accumulate(net for _, net in ticks))
        need(all(amount >= 0 for amount in in_force), "the ticks' liquidity falls below nothing")
        need(not in_force or in_force[-1] == 0, "the ticks' liquidity does not add up to nothing")
        steps = ladder(ticks, orders, self.fee, self.fee_on)
        need(steps.liquidity_at(self.tick) == liquidity, "liquidity is not what the ticks add up to")
        return RaydiumClmm(
            price,
            self.tick,
            liquidity,
            steps,
            self.token_index,
            self.tick_spacing,
            self.dynamic_fee,
            self.time,
        )


class RaydiumClmm(Struct, frozen=True):
    """State of one pool; ``token_index`` says which of the two tokens is ours (0 or 1)."""

    sqrt_price: int
    tick: int
    liquidity: int
    ladder: Ladder
    token_index: int
    spacing: int
    dynamic_fee: DynamicFee | None = None
    time: int = 0

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._price(self.sqrt_price)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`; a fee on what comes out weighs as much."""
        if self.dynamic_fee is None:
            return self.ladder.fee / PIPS
        index = self.tick // self.spacing
        return self.dynamic_fee.at(index, self.time).moved(index).rate(self.ladder.fee, self.spacing) / PIPS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; ``None`` also where nothing would come out, as the program."""
        return self._raw(self.swap(amount, self._zero_for_one(sell), exact_in=True))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap(amount, self._zero_for_one(sell), exact_in=False))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; as far towards ``price`` as there is liquidity."""
        zero_for_one = self._zero_for_one(sell)
        one, zero = price.as_integer_ratio() if self.token_index == 0 else price.as_integer_ratio()[::-1]
        # Rounded towards where the pool is now, so that the price is not passed.
        square = max((one << 128) // zero if zero > 0 else MAX_SQRT * MAX_SQRT, 0)
        limit = min(max(isqrt(square) + zero_for_one, LIMITS[0]), LIMITS[1])
        return self._raw(self.swap_to(limit, zero_for_one))

    def after(self, amount: int, sell: bool) -> RaydiumClmm | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        zero_for_one = self._zero_for_one(sell)
        swap = self.swap(amount, zero_for_one, exact_in=True)
        return None if swap is None else self.moved(swap, zero_for_one)

    def swap(self, amount: int, zero_for_one: bool, exact_in: bool) -> ClmmSwap | None:
        """Swap exactly ``amount`` in, or out; ``None`` where the program fails."""
        if not 0 < amount <= U64:
            return None
        walk = Walk(self, amount, zero_for_one, exact_in, LIMITS[0 if zero_for_one else 1])
        if not walk.done() or walk.remaining:
            return None
        swap = walk.swap()
        return swap if 0 < swap.amount_in <= U64 and 0 < swap.amount_out <= U64 else None

    def swap_to(self, limit: int, zero_for_one: bool) -> ClmmSwap | None:
        """Swap until the price is ``limit``, or liquidity ends; ``None`` if it is not that way, or nothing
        would move: the program refuses that."""
        if (limit >= self.sqrt_price) if zero_for_one else (limit <= self.sqrt_price):
            return None
        walk = Walk(self, U64, zero_for_one, True, limit)
        walk.done()
        swap = walk.swap()
        return swap if swap.amount_in and 0 < swap.amount_out <= U64 else None

    def moved(self, swap: ClmmSwap, zero_for_one: bool) -> RaydiumClmm:
        """The pool after a swap; its ladder is shared unless limit orders were filled."""
        steps = self.ladder
        low, high = (swap.tick, self.tick) if zero_for_one else (self.tick, swap.tick)
        orders = {tick: amount for tick, amount in steps.orders if not low < tick <= high}
        orders.update([swap.left] if swap.left else [])
        rising = tuple(sorted(orders.items()))
        if rising != steps.orders:
            steps = ladder(steps.ticks, rising, steps.fee, steps.fee_on)
        return RaydiumClmm(
            swap.sqrt_price,
            swap.tick,
            swap.liquidity,
            steps,
            self.token_index,
            self.spacing,
            swap.dynamic_fee,
            self.time,
        )

    def _zero_for_one(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _price(self, sqrt_price: int) -> float:
        root = sqrt_price / Q64
        return root * root if self.token_index == 0 else 1 / (root * root)

    def _raw(self, swap: ClmmSwap | None) -> Swap | None:
        return None if swap is None else Swap(swap.amount_in, swap.amount_out, self._price(swap.sqrt_price))
