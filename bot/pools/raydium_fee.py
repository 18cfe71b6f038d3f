"""Raydium CLMM's dynamic fee: a part on top of the base that grows with how far the price has moved lately.

Source: ``states/pool_fee.rs`` and ``SwapState`` in ``instructions/swap.rs`` of raydium-io/raydium-clmm.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

MAX_FEE = 100_000
"""Base and dynamic part together, in millionths."""
SCALE = 10_000
CONTROL_SCALE = 100_000


class DynamicFee(Struct, frozen=True, kw_only=True):
    """Parameters, and the memory of the last swaps. Periods and ``updated`` in seconds; an *index* is a tick
    divided by the spacing, rounded down."""

    filter_period: int
    decay_period: int
    reduction_factor: int
    control: int
    max_accumulator: int
    reference_index: int = 0
    reference: int = 0
    accumulator: int = 0
    updated: int = 0

    @property
    def saturated(self) -> bool:
        """Whether moving further makes no difference any more."""
        return self.accumulator == self.max_accumulator

    def at(self, index: int, time: int) -> DynamicFee:
        """As a swap finds it that begins at ``index``: kept for a while, then decayed, then forgotten."""
        idle = max(time - self.updated, 0)
        if idle < self.filter_period:
            return self
        reference = self.accumulator * self.reduction_factor // SCALE if idle < self.decay_period else 0
        return replace(self, reference_index=index, reference=reference, updated=time)

    def moved(self, index: int) -> DynamicFee:
        """With the price in the group of ticks ``index``."""
        grown = self.reference + abs(self.reference_index - index) * SCALE
        return replace(self, accumulator=min(grown, self.max_accumulator))

    def rate(self, base: int, spacing: int) -> int:
        """The fee in millionths."""
        squared = (self.accumulator * spacing) ** 2
        dynamic = -(-self.control * squared // (CONTROL_SCALE * SCALE * SCALE))
        return min(base + min(dynamic, MAX_FEE), MAX_FEE)
