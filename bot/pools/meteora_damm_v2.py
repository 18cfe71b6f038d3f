"""Meteora DAMM v2 (cp-amm) pools, equal to the program to the last unit: one range, so a quote costs O(1).

Source: ``get_swap_result_from_exact_input``, ``…_exact_output``, ``apply_swap_result`` in ``state/pool.rs``
of MeteoraAg/damm-v2. How protocol, partner and referrer share a fee changes nothing for who trades.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

from msgspec import Struct

from bot.pools.meteora_damm_v2_curve import Compounding, Concentrated, Move
from bot.pools.meteora_damm_v2_fee import BaseFee, DynamicFee, Question
from bot.pools.meteora_dlmm_fee import BASIS, FEE_UNITS, ONE, U64, fee_of, fee_on
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need

BOTH, ONLY_B, COMPOUNDING = range(3)
"""What fees are taken in: whatever comes out, B, or B with a part of them added to the reserves."""
MAX_RATES = (500_000_000, 990_000_000)
"""By ``fee_version``, in billionths."""


class MeteoraDammV2State(PoolState, frozen=True, kw_only=True, tag="meteora_damm_v2"):
    """Numbers are named as in the program's ``Pool``. ``point`` is the slot or the Unix time that the pool
    counts in, ``timestamp`` Unix seconds. Prices and ``liquidity`` matter for ranges, the two amounts for
    compounding pools."""

    collect_fee_mode: int
    fee_version: int
    base_fee: BaseFee
    dynamic_fee: DynamicFee | None = None
    activation_point: int = 0
    point: int
    timestamp: int
    sqrt_price: Raw
    sqrt_min_price: Raw = 0
    sqrt_max_price: Raw = 0
    liquidity: Raw = 0
    token_a_amount: Raw = 0
    token_b_amount: Raw = 0
    protocol_fee_percent: int = 0
    compounding_fee_bps: int = 0

    def pool(self) -> MeteoraDammV2:
        """See :class:`~bot.pools.state.PoolState`."""
        need(
            self.collect_fee_mode in (BOTH, ONLY_B, COMPOUNDING), f"collect_fee_mode {self.collect_fee_mode}"
        )
        need(self.fee_version in (0, 1), "fee_version {}", self.fee_version)
        need(0 <= self.base_fee.cliff <= FEE_UNITS, "a base fee of {} billionths", self.base_fee.cliff)
        need(0 <= self.protocol_fee_percent <= 100, "protocol_fee_percent {}", self.protocol_fee_percent)
        need(0 <= self.compounding_fee_bps <= BASIS, "compounding_fee_bps {}", self.compounding_fee_bps)
        curve: Compounding | Concentrated
        if self.collect_fee_mode == COMPOUNDING:
            curve = Compounding(int(self.token_a_amount), int(self.token_b_amount))
            need(0 < curve.reserve_a <= U64 and 0 < curve.reserve_b <= U64, "a reserve is empty or too large")
        else:
            low, high, price = int(self.sqrt_min_price), int(self.sqrt_max_price), int(self.sqrt_price)
            need(0 < low <= price <= high, "√price {} is not between {} and {}", price, low, high)
            curve = Concentrated(price, low, high, int(self.liquidity))
            need(curve.liquidity > 0, "no liquidity")
        dynamic = self.dynamic_fee
        need(dynamic is None or int(dynamic.bin_step_u128) > 0, "a dynamic fee without a bin step")
        return MeteoraDammV2(
            curve=curve,
            sqrt_price=int(self.sqrt_price),
            base_fee=self.base_fee,
            dynamic_fee=dynamic,
            most=MAX_RATES[self.fee_version],
            only_b=self.collect_fee_mode != BOTH,
            opened=self.activation_point,
            point=self.point,
            now=self.timestamp,
            protocol_percent=self.protocol_fee_percent,
            compounding_bps=self.compounding_fee_bps,
            token_index=self.token_index,
        )


class DammSwap(NamedTuple):
    """Raw amounts, fee included, and what the curve is after."""

    amount_in: int
    amount_out: int
    fee: int
    curve: Compounding | Concentrated


class MeteoraDammV2(Struct, frozen=True, kw_only=True):
    """A pool at a ``point`` in slots or seconds, and at ``now`` in Unix seconds. Rates are in billionths."""

    curve: Compounding | Concentrated
    sqrt_price: int
    base_fee: BaseFee
    dynamic_fee: DynamicFee | None
    most: int
    only_b: bool
    opened: int
    point: int
    now: int
    protocol_percent: int
    compounding_bps: int
    token_index: int

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._price(self.sqrt_price)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        rate = self.rate(1, self._a_to_b(sell), with_fee=True)
        return 1.0 if rate is None else rate / FEE_UNITS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_in(amount, self._a_to_b(sell)))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_out(amount, self._a_to_b(sell)))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; found by trying sizes around the obvious one."""
        if price <= 0:
            return None

        def within(amount: int) -> bool:
            swap = self.exact_in(amount, sell)
            return swap is not None and (swap.price_after >= price if sell else swap.price_after <= price)

        return self.exact_in(_largest(within, max(self._about(price, sell), 1)), sell)

    def after(self, amount: int, sell: bool) -> MeteoraDammV2 | None:
        """See :class:`~bot.pools.raw.RawPool`, a moment later in the same second."""
        swap = self.swap_in(amount, self._a_to_b(sell))
        if swap is None:
            return None
        price, dynamic = swap.curve.sqrt_price, self.dynamic_fee
        if dynamic is not None:
            dynamic = dynamic.after(self.sqrt_price, price, self.now)
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return MeteoraDammV2(**fields | {"curve": swap.curve, "sqrt_price": price, "dynamic_fee": dynamic})

    def swap_in(self, amount: int, a_to_b: bool) -> DammSwap | None:
        """Swap exactly ``amount`` in; ``None`` where the program refuses."""
        if not 0 < amount <= U64:
            return None
        rate = self.rate(amount, a_to_b, with_fee=True)
        if rate is None:
            return None
        if self.fee_on_input(a_to_b):
            fee = fee_of(amount, rate)
            move = self.curve.given(amount - fee, a_to_b)
            return None if move is None else self._done(amount, amount - fee, move.amount, fee, move, a_to_b)
        move = self.curve.given(amount, a_to_b)
        if move is None:
            return None
        fee = fee_of(move.amount, rate)
        return self._done(amount, amount, move.amount - fee, fee, move, a_to_b)

    def swap_out(self, amount: int, a_to_b: bool) -> DammSwap | None:
        """Swap for exactly ``amount`` out; ``None`` where the program refuses."""
        if not 0 < amount <= U64:
            return None
        if self.fee_on_input(a_to_b):
            move = self.curve.needed(amount, a_to_b)
            rate = None if move is None else self.rate(move.amount, a_to_b, with_fee=False)
            if move is None or rate is None:
                return None
            fee = fee_on(move.amount, rate)
            needs = move.amount + fee
            return self._done(needs, move.amount, amount, fee, move, a_to_b) if needs <= U64 else None
        rate = self.rate(amount, a_to_b, with_fee=False)
        if rate is None:
            return None
        fee = fee_on(amount, rate)
        move = self.curve.needed(amount + fee, a_to_b) if amount + fee <= U64 else None
        return None if move is None else self._done(move.amount, move.amount, amount, fee, move, a_to_b)

    def rate(self, amount: int, a_to_b: bool, *, with_fee: bool) -> int | None:
        """What a swap of ``amount``, with its fee or without, pays; ``None`` if there is no such fee."""
        ask = Question(self.point, self.opened, a_to_b, amount, with_fee, self.sqrt_price)
        base = self.base_fee.rate(ask)
        if base is None:
            return None
        return min(base + (0 if self.dynamic_fee is None else self.dynamic_fee.rate()), self.most)

    def fee_on_input(self, a_to_b: bool) -> bool:
        """Whether the fee is part of what goes in; else of what comes out."""
        return self.only_b and not a_to_b

    def _done(self, paid: int, kept_in: int, got: int, fee: int, move: Move, a_to_b: bool) -> DammSwap:
        """``paid`` with fee, of which the curve gets ``kept_in``; ``got`` without fee."""
        given = got if self.fee_on_input(a_to_b) else got + fee
        providers = fee - fee * self.protocol_percent // 100
        compounded = providers * self.compounding_bps // BASIS
        curve = self.curve.moved(kept_in, given, a_to_b, compounded, move.sqrt_price)
        return DammSwap(paid, got, fee, curve)

    def _about(self, price: float, sell: bool) -> int:
        """The size that leaves the price at about ``price``, by the curve without rounding."""
        a_to_b = self._a_to_b(sell)
        target = max(isqrt(int((price if self.token_index == 0 else 1 / price) * 2.0**64) << 64), 1)
        curve, now = self.curve, self.sqrt_price
        if isinstance(curve, Compounding):
            root = isqrt(curve.reserve_a * curve.reserve_b)
            size = (
                (root << 64) // target - curve.reserve_a
                if a_to_b
                else (root * target >> 64) - curve.reserve_b
            )
        else:
            target = min(max(target, curve.sqrt_min), curve.sqrt_max)
            moved = now - target if a_to_b else target - now
            size = curve.liquidity * moved // (now * target) if a_to_b else curve.liquidity * moved >> 128
        if size <= 0:
            return 0
        rate = self.rate(min(size, U64), a_to_b, with_fee=False) if self.fee_on_input(a_to_b) else 0
        return min(size + (0 if rate is None else fee_on(size, rate)), U64)

    def _price(self, sqrt_price: int) -> float:
        ratio = (sqrt_price / ONE) ** 2
        return ratio if self.token_index == 0 else 1 / ratio

    def _a_to_b(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _raw(self, swap: DammSwap | None) -> Swap | None:
        return (
            None
            if swap is None
            else Swap(swap.amount_in, swap.amount_out, self._price(swap.curve.sqrt_price))
        )


def _largest(fits: Callable[[int], bool], guess: int) -> int:
    """The largest number that fits, 0 if none does, where all below one that fits do too."""
    width = 1
    if fits(guess):
        low = guess
        while fits(low + width):
            low, width = low + width, width * 2
        high = low + width
    else:
        high = guess
        while high - width > 0 and not fits(high - width):
            high, width = high - width, width * 2
        low = max(high - width, 0)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
