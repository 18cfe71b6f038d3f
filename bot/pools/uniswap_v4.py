"""Uniswap v4 pools: v3's ranges with a fee per direction and hooks, equal to the contract to the last unit.

Source: ``Pool.swap``, ``SwapMath``, ``ProtocolFeeLibrary``, ``LPFeeLibrary`` and ``Hooks`` of
``@uniswap/v4-core``. A step moves the price and rounds as in v3, so :mod:`bot.pools.uniswap_v3` computes it.
What differs: the protocol's fee is taken before the providers', may differ per direction and adds to what a
swap costs; either may reach 100 %; amounts are int128; a hook may change fee or amounts of a swap.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from msgspec import Struct

from bot.errors import PoolError
from bot.pools.ladder import ladder
from bot.pools.ranges import Range
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need
from bot.pools.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, PIPS, sqrt_at_tick
from bot.pools.uniswap_v3 import UniswapV3, V3Swap

DYNAMIC_FEE = 0x800000
"""``fee`` of a pool whose hook contract may set the providers' fee at any time."""
MAX_PROTOCOL_FEE = 1000
MAX_SPACING = 32_767
MOST = (1 << 127) - 1
"""The greatest amount of a swap (int128)."""
NO_HOOKS = "0x" + "0" * 40
ADDRESS = re.compile("0x[0-9a-fA-F]{40}")

BEFORE_SWAP, AFTER_SWAP, BEFORE_SWAP_DELTA, AFTER_SWAP_DELTA = 1 << 7, 1 << 6, 1 << 3, 1 << 2
POWERS = {
    BEFORE_SWAP: "act before a swap",
    AFTER_SWAP: "act after a swap",
    BEFORE_SWAP_DELTA: "take or give a part of what goes in or is asked for",
    AFTER_SWAP_DELTA: "take or give a part of what the swap leaves",
}
"""What the flags in the last bits of a hook's address let it do to a swap."""


class UniswapV4State(PoolState, frozen=True, kw_only=True, tag="uniswap_v4"):
    """``ticks`` are all initialised ones, ``(tick, liquidity_net)``; fees in millionths.

    ``fee`` is that of the pool's key, :data:`DYNAMIC_FEE` where it may change; ``lp_fee`` and
    ``protocol_fee`` (token0 in, token1 in) are in force now, as slot0 has them; ``hooks`` is the hook
    contract's address.
    """

    fee: int
    lp_fee: int
    protocol_fee: tuple[int, int] = (0, 0)
    hooks: str = NO_HOOKS
    tick_spacing: int
    sqrt_price_x96: Raw
    liquidity: Raw
    tick: int
    ticks: list[tuple[int, Raw]]

    def pool(self) -> UniswapV4:
        """See :class:`~bot.pools.state.PoolState`. Reason ``not_quotable``: a hook may change what a swap
        gets."""
        need(0 <= self.lp_fee <= PIPS, "lp_fee {} is not in millionths", self.lp_fee)
        need(
            self.fee in (DYNAMIC_FEE, self.lp_fee),
            "fee {} is static, yet lp_fee is {}",
            self.fee,
            self.lp_fee,
        )
        need(
            all(0 <= fee <= MAX_PROTOCOL_FEE for fee in self.protocol_fee),
            f"protocol_fee {self.protocol_fee}",
        )
        need(0 < self.tick_spacing <= MAX_SPACING, "tick_spacing {}", self.tick_spacing)
        refuse_swap_hooks(self.hooks, self.fee == DYNAMIC_FEE)
        price, liquidity = int(self.sqrt_price_x96), int(self.liquidity)
        need(MIN_SQRT <= price < MAX_SQRT, "sqrt_price_x96 {}", price)
        need(liquidity >= 0, "liquidity {}", liquidity)
        need(MIN_TICK <= self.tick < MAX_TICK, "tick {}", self.tick)
        # A price that fell to a tick's stands for the tick below.
        need(
            sqrt_at_tick(self.tick) <= price <= sqrt_at_tick(self.tick + 1),
            f"sqrt_price_x96 {price} is not at tick {self.tick}",
        )
        down, up = (swap_fee(self.lp_fee, protocol) for protocol in self.protocol_fee)
        # Where all is fee nothing is quoted, so that direction's steps are never made.
        steps = ladder(tuple(self.ticks), self.tick_spacing, (down, up))
        need(steps.liquidity_at(self.tick) == liquidity, "liquidity is not what the ticks add up to")
        return UniswapV4(UniswapV3(price, self.tick, liquidity, steps, self.token_index))


def swap_fee(lp_fee: int, protocol_fee: int) -> int:
    """``calculateSwapFee``: both fees together, in millionths of what goes in."""
    return protocol_fee + lp_fee - protocol_fee * lp_fee // PIPS


def refuse_swap_hooks(hooks: str, dynamic_fee: bool) -> None:
    """Raise :class:`PoolError` ``not_quotable`` if the contract at the address may touch a swap; hooks on
    liquidity, donations and the pool's making change nothing that a quote depends on."""
    need(ADDRESS.fullmatch(hooks) is not None, "hooks {!r} is not an address", hooks)
    flags = int(hooks, 16)
    powers = [words for flag, words in POWERS.items() if flags & flag]
    if flags & BEFORE_SWAP and dynamic_fee:
        powers.append("set the fee of each swap")
    if powers:
        raise PoolError("not_quotable", f"the hook {hooks} may {', '.join(powers)}")


class UniswapV4(Struct, frozen=True):
    """State of one pool: a v3 pool whose ladder has two fees, within v4's limits."""

    v3: UniswapV3

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.v3.price()

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`; the protocol's and the providers' together."""
        return self.v3.ladder.fees[0 if self._zero_for_one(sell) else 1] / PIPS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_in(amount, self._zero_for_one(sell)))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_out(amount, self._zero_for_one(sell)))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; as far towards ``price`` as there is liquidity."""
        swap = None if self._all_fee(self._zero_for_one(sell)) else self.v3.to_price(price, sell)
        return None if swap is None or max(swap.amount_in, swap.amount_out) > MOST else swap

    def after(self, amount: int, sell: bool) -> UniswapV4 | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.swap_in(amount, self._zero_for_one(sell))
        return None if swap is None else self.moved(swap)

    def swap_in(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap exactly ``amount`` in; ``None`` if the liquidity does not take all of it, or all is fee."""
        return None if self._all_fee(zero_for_one) else _fits(self.v3.swap_in(amount, zero_for_one))

    def quotes(self, amounts: Sequence[int], zero_for_one: bool) -> list[V3Swap | None]:
        """:meth:`swap_in` of each amount by itself, all from the present state."""
        if self._all_fee(zero_for_one):
            return [None] * len(amounts)
        return [_fits(swap) for swap in self.v3.quotes(amounts, zero_for_one)]

    def swap_out(self, amount: int, zero_for_one: bool) -> V3Swap | None:
        """Swap for exactly ``amount`` out; ``None`` if the pool does not hold it, or all would be fee."""
        return None if self._all_fee(zero_for_one) else _fits(self.v3.swap_out(amount, zero_for_one))

    def swap_to(self, target: int, zero_for_one: bool) -> V3Swap | None:
        """Swap until the price is ``target``, or liquidity ends; ``None`` if it is not that way."""
        return None if self._all_fee(zero_for_one) else _fits(self.v3.swap_to(target, zero_for_one))

    def moved(self, swap: V3Swap) -> UniswapV4:
        """The pool after a swap; its ladder is shared."""
        return UniswapV4(self.v3.moved(swap))

    def with_position(self, lower: int, upper: int, liquidity: int, kept: Collection[int] = ()) -> UniswapV4:
        """The pool after ``liquidity`` was added to (or, negative, taken from) a position; ``kept`` as in
        :meth:`~bot.pools.ladder.Ladder.changed`."""
        return UniswapV4(self.v3.with_position(lower, upper, liquidity, kept))

    def ranges(self) -> list[Range]:
        """The liquidity distribution: price ranges with liquidity, rising, and what each holds."""
        return self.v3.ranges()

    def _all_fee(self, zero_for_one: bool) -> bool:
        return self.v3.ladder.fees[0 if zero_for_one else 1] == PIPS

    def _zero_for_one(self, sell: bool) -> bool:
        return sell == (self.v3.token_index == 0)

    def _raw(self, swap: V3Swap | None) -> Swap | None:
        if swap is None:
            return None
        return Swap(swap.amount_in, swap.amount_out, self.v3.moved(swap).price())


def _fits(swap: V3Swap | None) -> V3Swap | None:
    return None if swap is None or max(swap.amount_in, swap.amount_out) > MOST else swap
