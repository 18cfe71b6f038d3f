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
from bot.pools.raydium_ladder import Ladder, Steps, ladder
from bot.pools.raydium_math import (
    LIMITS,
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    PIPS,
    Q64,
    U64,
    Terms,
    fill,
    sqrt_at_tick,
    step,
    tick_at_sqrt,
)
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
        need(0 <= self.fee < PIPS, f"fee {self.fee} is not in millionths")
        need(self.tick_spacing > 0, f"tick_spacing {self.tick_spacing}")
        price, liquidity = int(self.sqrt_price_x64), int(self.liquidity)
        need(MIN_SQRT <= price < MAX_SQRT, f"sqrt_price_x64 {price}")
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


class ClmmSwap(Struct, frozen=True):
    """A swap's raw amounts (a fee on input within, one on output off) and the state it leaves. ``left`` are
    the limit orders that were met last, and not all filled: ``(tick, amount)``."""

    amount_in: int
    amount_out: int
    sqrt_price: int
    tick: int
    liquidity: int
    left: tuple[int, int] | None
    dynamic_fee: DynamicFee | None


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
        walk = _Walk(self, amount, zero_for_one, exact_in, LIMITS[0 if zero_for_one else 1])
        if not walk.done() or walk.remaining:
            return None
        swap = walk.swap()
        return swap if 0 < swap.amount_in <= U64 and 0 < swap.amount_out <= U64 else None

    def swap_to(self, limit: int, zero_for_one: bool) -> ClmmSwap | None:
        """Swap until the price is ``limit``, or liquidity ends; ``None`` if it is not that way, or nothing
        would move: the program refuses that."""
        if (limit >= self.sqrt_price) if zero_for_one else (limit <= self.sqrt_price):
            return None
        walk = _Walk(self, U64, zero_for_one, True, limit)
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


class _Walk:
    """A swap on its way: the program's ``SwapState``."""

    __slots__ = (
        "_amount", "_exact_in", "_index", "_limit", "_pool", "_steps", "_terms",
        "calculated", "fee", "left", "liquidity", "price", "remaining", "tick",
    )  # fmt: skip

    def __init__(
        self, pool: RaydiumClmm, amount: int, zero_for_one: bool, exact_in: bool, limit: int
    ) -> None:
        self._pool, self._amount, self._exact_in, self._limit = pool, amount, exact_in, limit
        self._steps: Steps = pool.ladder.steps(zero_for_one)
        self._terms: Terms = pool.ladder.terms(exact_in, zero_for_one)
        self.price, self.tick, self.liquidity = pool.sqrt_price, pool.tick, pool.liquidity
        self.remaining, self.calculated = amount, 0
        self.left: tuple[int, int] | None = None
        self._index = pool.tick // pool.spacing
        self.fee = None if pool.dynamic_fee is None else pool.dynamic_fee.at(self._index, pool.time)

    def swap(self) -> ClmmSwap:
        """What has happened so far."""
        specified = self._amount - self.remaining
        paid, got = (specified, self.calculated) if self._exact_in else (self.calculated, specified)
        return ClmmSwap(paid, got, self.price, self.tick, self.liquidity, self.left, self.fee)

    def done(self) -> bool:
        """Go on until nothing remains or the price is the limit; false where the program fails before."""
        if (self.price <= self._limit) if self._terms.zero_for_one else (self.price >= self._limit):
            return False
        steps, skips = self._steps, self.fee is None
        at = steps.next(self.tick)
        last = steps.last(self._limit) if skips else 0
        while self.remaining and self.price != self._limit:
            if at >= len(steps.ticks) or not self._to_edge(at):
                return False
            if skips and self.remaining and at < last:
                to = min(steps.skip(at, self.remaining, self._exact_in), last)
                if to > at:
                    self._take(steps.paid[to] - steps.paid[at], steps.got[to] - steps.got[at])
                    self.price, self.liquidity = steps.edges[to], steps.liquidity[to]
                    self.tick = steps.ticks[to] - self._terms.zero_for_one
                    at = to
            at += 1
        return True

    def _take(self, paid: int, got: int) -> None:
        specified, other = (paid, got) if self._exact_in else (got, paid)
        self.remaining -= specified
        self.calculated += other

    def _to_edge(self, at: int) -> bool:
        """Up to an initialised tick, its limit orders and past it, or as far as remains."""
        edge, zero_for_one = self._steps.edges[at], self._terms.zero_for_one
        target = max(edge, self._limit) if zero_for_one else min(edge, self._limit)
        while True:
            bound, terms = self._bound(target), self._terms
            if self.price != bound[1]:
                moved = step(self.price, bound[1], self.liquidity, self.remaining, terms)
                if moved is None:
                    return False
                self._take(moved.paid, moved.got)
                price = moved.sqrt_price
            else:
                price = bound[1]
            liquidity = self.liquidity
            if price == edge:
                filled = fill(self._steps.orders[at], edge, self.remaining, terms)
                if filled is None:
                    return False
                paid, got, left = filled
                self._take(paid, got)
                self.left = (self._steps.ticks[at], left) if left else None
                if not left:
                    liquidity = self._steps.liquidity[at]
                self.tick = self._steps.ticks[at] - (zero_for_one != bool(left))
            elif price != self.price:
                self.tick = tick_at_sqrt(price)
            self.price = price
            self._turn(at, bound[0])
            if not self.remaining or price == target:
                self.liquidity = liquidity
                return True

    def _bound(self, target: int) -> tuple[bool, int]:
        """Where the fee next changes on the way to ``target``, and whether it does not; sets the fee."""
        if self.fee is None:
            return True, target
        self.fee = self.fee.moved(self._index)
        spacing, zero_for_one = self._pool.spacing, self._terms.zero_for_one
        self._terms = self._terms._replace(fee=self.fee.rate(self._pool.ladder.fee, spacing))
        if not self.liquidity or self.fee.saturated:
            return True, target
        tick = (self._index if zero_for_one else self._index + 1) * spacing
        bound = sqrt_at_tick(min(max(tick, MIN_TICK), MAX_TICK))
        return False, max(target, bound) if zero_for_one else min(target, bound)

    def _turn(self, at: int, skipped: bool) -> None:
        """Enter the next spacing; ``skipped``: several may lie behind."""
        if self.fee is None:
            return
        zero_for_one, spacing = self._terms.zero_for_one, self._pool.spacing
        if skipped:
            tick = self._steps.ticks[at] if self.price == self._steps.edges[at] else self.tick
            self._index = tick // spacing
            if not zero_for_one and tick % spacing == 0:
                self._index -= 1
            if not self.fee.saturated:
                self.fee = self.fee.moved(self._index)
        self._index += -1 if zero_for_one else 1
