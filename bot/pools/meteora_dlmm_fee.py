"""What a DLMM pair charges in each bin, and what a bin's price is.

Source: ``get_base_fee``, ``compute_variable_fee``, ``update_references`` and
``update_volatility_accumulator`` in ``commons/src/extensions/lb_pair.rs``, ``pow`` in
``commons/src/math/u64x64_math.rs`` of MeteoraAg/dlmm-sdk.
The volatility that a bin pays for depends on the bin and on the two references alone, never on the way there.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from bot.errors import PoolError

FEE_UNITS = 1_000_000_000
"""Fee rates are in billionths."""
MAX_RATE = 100_000_000
BASIS = 10_000
MAX_BIN = 443_636
"""Bins are numbered from minus this to this."""
U32 = 2**32 - 1
U64 = 2**64 - 1
U128 = 2**128 - 1
ONE = 1 << 64
BITS = 19


class Volatility(Struct, frozen=True):
    """``accumulator`` of the last swap; ``reference`` and ``index`` that the next one is measured from;
    ``updated`` in Unix seconds."""

    accumulator: int
    reference: int
    index: int
    updated: int


class DlmmFee(Struct, frozen=True):
    """A pair's fee parameters, named as the program's; periods in seconds."""

    bin_step: int
    base_factor: int
    base_fee_power_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int

    def refreshed(self, volatility: Volatility, active_id: int, now: int) -> Volatility:
        """The references that a swap at ``now`` begins with. Raises :class:`PoolError` where the program's
        32 bits overflow and every swap fails."""
        elapsed = now - volatility.updated
        if elapsed < self.filter_period:
            return volatility
        reference = 0
        if elapsed < self.decay_period:
            decayed = volatility.accumulator * self.reduction_factor
            if decayed > U32:
                raise PoolError("not_quotable", f"volatility {volatility.accumulator} overflows the program")
            reference = decayed // BASIS
        return Volatility(volatility.accumulator, reference, active_id, volatility.updated)

    def accumulator(self, volatility: Volatility, bin_id: int) -> int:
        """The volatility of a swap in a bin."""
        moved = volatility.reference + abs(volatility.index - bin_id) * BASIS
        return min(moved, self.max_volatility_accumulator)

    def rate(self, accumulator: int) -> int:
        """In billionths of the amount with fee."""
        base: int = self.base_factor * self.bin_step * 10 ** (self.base_fee_power_factor + 1)
        square = (accumulator * self.bin_step) ** 2 * self.variable_fee_control
        return min(base + -(-square // 100_000_000_000), MAX_RATE)


def fee_of(amount: int, rate: int) -> int:
    """The part of ``amount`` that is fee."""
    return -(-amount * rate // FEE_UNITS)


def fee_on(amount: int, rate: int) -> int:
    """The fee that comes on top of ``amount``."""
    return -(-amount * rate // (FEE_UNITS - rate))


@lru_cache(maxsize=1 << 16)
def price_at(bin_id: int, bin_step: int) -> int:
    """Raw Y per raw X in a bin, as Q64.64: ``(1 + bin_step / 10⁴) ^ bin_id``, rounded as there."""
    if bin_id == 0:
        return ONE
    result, left, at = ONE, abs(bin_id), 0
    powers = _powers(bin_step)
    while left:
        if left & 1:
            result = result * powers[at] >> 64
        left >>= 1
        at += 1
    if result == 0:
        raise PoolError("bad_pool_state", f"bin {bin_id} of step {bin_step} has no price in 128 bits")
    # The powers are those of the inverse, so that they fit into 64 bits.
    return U128 // result if bin_id > 0 else result


@lru_cache(maxsize=512)
def _powers(bin_step: int) -> tuple[int, ...]:
    power = U128 // (ONE + (bin_step << 64) // BASIS)
    powers = [power]
    for _ in range(BITS):
        power = power * power >> 64
        powers.append(power)
    return tuple(powers)
