"""Orca Whirlpools: exact swaps with static or adaptive fees, equal to the program to the last unit.

Source: ``manager/swap_manager.rs`` and ``math/swap_math.rs`` of the Whirlpool program. A whole step is taken
exactly when what remains covers its cost with fee (exact in) or its output (exact out), so cumulative sums
decide where a swap ends. A quote goes as far as one transaction can, through three tick arrays in its
direction (supplemental ones are only spares), and no further than ticks are known. Beyond that, and where the
program would fill a swap in part (at the end of all prices), it is ``None``.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import sqrt

from bot.pools.orca_adaptive_fee import AdaptiveFee
from bot.pools.orca_ladder import ARRAY, Ladder, ladder
from bot.pools.orca_math import (
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    PIPS,
    Q64,
    TOP,
    U64,
    sqrt_at_tick,
    tick_at_sqrt,
)
from bot.pools.orca_path import Path, StaticPath, Stretch
from bot.pools.orca_swap import End, OrcaSwap, end_at, end_in, end_out, left_by
from bot.pools.orca_walk import AdaptivePath
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need

MAX_FEE = 60_000


class OrcaWhirlpoolState(PoolState, frozen=True, kw_only=True, tag="orca_whirlpool"):
    """``ticks`` are the initialised ones, ``(tick, liquidity_net)``, among the ``known`` ticks
    ``[first, end)``: those of the tick arrays that were read. ``sqrt_price`` is of B per A in Q64.64;
    ``fee_rate`` in millionths; ``adaptive_fee`` where the pool has one."""

    sqrt_price: Raw
    liquidity: Raw
    tick_current_index: int
    tick_spacing: int
    fee_rate: int
    ticks: list[tuple[int, Raw]]
    known: tuple[int, int]
    adaptive_fee: AdaptiveFee | None = None

    def pool(self) -> OrcaWhirlpool:
        """See :class:`~bot.pools.state.PoolState`."""
        price, liquidity, tick = int(self.sqrt_price), int(self.liquidity), self.tick_current_index
        need(0 < self.tick_spacing < 1 << 16, "tick_spacing {}", self.tick_spacing)
        need(0 <= self.fee_rate <= MAX_FEE, "fee_rate {}", self.fee_rate)
        need(MIN_SQRT <= price <= MAX_SQRT, "sqrt_price {}", price)
        need(liquidity >= 0, "liquidity {}", liquidity)
        need(tick in _ticks_of(price), "tick_current_index {} at sqrt_price {}", tick, price)
        first, end = self.known
        length = ARRAY * self.tick_spacing
        need(first % length == 0 and end % length == 0 and first <= tick < end, "known ticks {}", self.known)
        ticks = tuple([(tick, int(net)) for tick, net in self.ticks])
        need(
            all(max(first, MIN_TICK) <= tick <= MAX_TICK and tick < end for tick, _ in ticks),
            "a tick is out of range",
        )
        need(all(tick % self.tick_spacing == 0 for tick, _ in ticks), "a tick is not at the pool's spacing")
        need(all(a[0] < b[0] for a, b in pairwise(ticks)), "ticks are not rising")
        base = liquidity - sum(net for at, net in ticks if at <= tick)
        between = list(accumulate((net for _, net in ticks), initial=base))
        need(min(between) >= 0, "the ticks' liquidity does not add up to the pool's")
        low, high = sqrt_at_tick(max(first, MIN_TICK)), sqrt_at_tick(min(end, MAX_TICK))
        need(max(between) * (high - low) >> TOP == 0, "more liquidity than the program can multiply")
        if self.adaptive_fee is not None:
            self.adaptive_fee.check(self.tick_spacing)
        steps = ladder(ticks, base, self.known, self.tick_spacing, self.fee_rate)
        return OrcaWhirlpool(price, tick, liquidity, steps, self.token_index, self.adaptive_fee)


class OrcaWhirlpool:
    """State of one pool, square-root price in Q64.64. ``token_index`` says which of A and B is ours (0 or 1).

    A value, though it keeps the paths it has walked; two of the same state share all they can.
    """

    __slots__ = ("_paths", "adaptive_fee", "ladder", "liquidity", "sqrt_price", "tick", "token_index")

    def __init__(
        self,
        sqrt_price: int,
        tick: int,
        liquidity: int,
        ladder: Ladder,
        token_index: int,
        adaptive_fee: AdaptiveFee | None = None,
    ) -> None:
        self.sqrt_price = sqrt_price
        self.tick = tick
        self.liquidity = liquidity
        self.ladder = ladder
        self.token_index = token_index
        self.adaptive_fee = adaptive_fee
        self._paths: dict[bool, Path | None] = {}

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._price(self.sqrt_price)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        path = self._path(self._a_to_b(sell))
        if path is None:
            return self.ladder.fee / PIPS
        steps = 0
        while path.standing(steps).end == self.sqrt_price:
            steps += 1
        return path.standing(steps).fee / PIPS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        path = self._path(self._a_to_b(sell))
        return None if path is None else self._raw(end_in(path, amount))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        path = self._path(self._a_to_b(sell))
        return None if path is None else self._raw(end_out(path, amount))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; as far towards ``price`` as a swap can go."""
        raw = price if self.token_index == 0 else 1 / price
        target = min(max(int(sqrt(raw) * Q64), MIN_SQRT), MAX_SQRT)
        a_to_b = self._a_to_b(sell)
        path = self._path(a_to_b)
        if path is None or not self._ahead(target, a_to_b):
            return None
        end = end_at(path, target)
        if end is None:  # the amounts do not fit: the largest that does
            end = end_in(path, U64) or end_out(path, U64)
        return self._raw(end)

    def after(self, amount: int, sell: bool) -> OrcaWhirlpool | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.swap_in(amount, self._a_to_b(sell))
        return None if swap is None else self.moved(swap)

    def swap_in(self, amount: int, a_to_b: bool) -> OrcaSwap | None:
        """Swap exactly ``amount`` in; ``None`` if the pool does not take all of it."""
        path = self._path(a_to_b)
        return None if path is None else left_by(path, end_in(path, amount))

    def swap_out(self, amount: int, a_to_b: bool) -> OrcaSwap | None:
        """Swap for exactly ``amount`` out; ``None`` if the pool does not give it."""
        path = self._path(a_to_b)
        return None if path is None else left_by(path, end_out(path, amount))

    def swap_to(self, target: int, a_to_b: bool) -> OrcaSwap | None:
        """Swap until the price is ``target`` or nothing further can be; ``None`` if it is not that way."""
        path = self._path(a_to_b)
        return (
            None if path is None or not self._ahead(target, a_to_b) else left_by(path, end_at(path, target))
        )

    def moved(self, swap: OrcaSwap) -> OrcaWhirlpool:
        """The pool after a swap; its ladder is shared."""
        return OrcaWhirlpool(
            swap.sqrt_price, swap.tick, swap.liquidity, self.ladder, self.token_index, swap.adaptive_fee
        )

    def _path(self, a_to_b: bool) -> Path | None:
        """``None`` if there is no step to take."""
        if a_to_b not in self._paths:
            stretch = Stretch(self.ladder, self.tick, self.sqrt_price, a_to_b)
            path: Path | None = None
            if stretch.open():
                path = (
                    StaticPath(stretch, self.ladder.fee)
                    if self.adaptive_fee is None
                    else AdaptivePath(stretch, self.liquidity, self.ladder.fee, self.adaptive_fee)
                )
            self._paths[a_to_b] = path
        return self._paths[a_to_b]

    def _ahead(self, target: int, a_to_b: bool) -> bool:
        return target < self.sqrt_price if a_to_b else target > self.sqrt_price

    def _a_to_b(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _price(self, sqrt_price: int) -> float:
        ratio = (sqrt_price / Q64) ** 2
        return ratio if self.token_index == 0 else 1 / ratio

    def _raw(self, end: End | None) -> Swap | None:
        return None if end is None else Swap(end.paid, end.got, self._price(end.sqrt_price))


def _ticks_of(sqrt_price: int) -> tuple[int, ...]:
    """The ticks at which a pool can stand at a price: on a tick's own price also that below it."""
    tick = tick_at_sqrt(sqrt_price)
    return (tick, tick - 1) if sqrt_at_tick(tick) == sqrt_price else (tick,)
