"""One swap through a Raydium CLMM, from tick to tick, as the program goes.

Source: ``swap_internal`` in ``instructions/swap.rs`` of raydium-io/raydium-clmm (July 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from bot.pools.raydium_fee import DynamicFee
from bot.pools.raydium_ladder import Steps
from bot.pools.raydium_math import MAX_TICK, MIN_TICK, Terms, fill, sqrt_at_tick, step, tick_at_sqrt

if TYPE_CHECKING:
    from bot.pools.raydium_clmm import RaydiumClmm


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


class Walk:
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
