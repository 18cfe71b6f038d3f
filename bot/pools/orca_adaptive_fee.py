"""Orca's adaptive fee: it rises with the square of the tick groups that lately were crossed.

Source: ``state/oracle.rs`` and ``manager/fee_rate_manager.rs`` of the Whirlpool program. A group is
``tick_group_size`` ticks; in each a swap pays another fee, on top of the pool's own. Times are Unix seconds.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from bot.pools.orca_math import MAX_TICK, MIN_TICK, Q64, sqrt_at_tick
from bot.pools.state import need

HARD_LIMIT = 100_000
"""The highest total fee, in millionths."""
SCALE = 10_000
CONTROL_WHOLE = 100_000
REDUCTION_WHOLE = 10_000
MAX_REFERENCE_AGE = 3_600


class FeeConstants(Struct, frozen=True):
    """What the pool was set up with; named as in the program."""

    filter_period: int
    decay_period: int
    reduction_factor: int
    adaptive_fee_control_factor: int
    max_volatility_accumulator: int
    tick_group_size: int
    major_swap_threshold_ticks: int


class FeeVariables(Struct, frozen=True):
    """What each swap leaves behind; named as in the program."""

    last_reference_update_timestamp: int = 0
    last_major_swap_timestamp: int = 0
    volatility_reference: int = 0
    tick_group_index_reference: int = 0
    volatility_accumulator: int = 0


class AdaptiveFee(Struct, frozen=True):
    """The oracle account of a pool, and the cluster's time at which it is asked."""

    constants: FeeConstants
    variables: FeeVariables
    now: int

    def check(self, spacing: int) -> None:
        """Raise :class:`PoolError` where the program could not have written this, or would refuse to swap."""
        constants, variables = self.constants, self.variables
        size = constants.tick_group_size
        need(0 < size <= spacing and spacing % size == 0, "tick_group_size {} of spacing {}", size, spacing)
        need(0 < constants.filter_period < constants.decay_period, "filter and decay period")
        need(0 <= constants.adaptive_fee_control_factor < CONTROL_WHOLE, "adaptive_fee_control_factor")
        need(0 <= constants.reduction_factor < REDUCTION_WHOLE, "reduction_factor")
        need(0 <= constants.max_volatility_accumulator * size < 1 << 32, "max_volatility_accumulator")
        need(0 < constants.major_swap_threshold_ticks <= MAX_TICK, "major_swap_threshold_ticks")
        need(
            0 <= variables.volatility_reference <= constants.max_volatility_accumulator,
            f"volatility_reference {variables.volatility_reference}",
        )
        reference = variables.tick_group_index_reference
        need(MIN_TICK - size <= reference * size <= MAX_TICK, "tick_group_index_reference {}", reference)
        need(
            self.now >= max(variables.last_reference_update_timestamp, variables.last_major_swap_timestamp),
            f"the time {self.now} is before the pool's last swap",
        )

    def referenced(self, group: int) -> FeeVariables:
        """The variables with which a swap that begins in tick group ``group`` now reckons."""
        constants, variables = self.constants, self.variables
        last = max(variables.last_reference_update_timestamp, variables.last_major_swap_timestamp)
        elapsed = self.now - last
        if self.now - variables.last_reference_update_timestamp > MAX_REFERENCE_AGE:
            reference = 0
        elif elapsed < constants.filter_period:
            return variables
        elif elapsed < constants.decay_period:
            reference = variables.volatility_accumulator * constants.reduction_factor // REDUCTION_WHOLE
        else:
            reference = 0
        return replace(
            variables,
            volatility_reference=reference,
            tick_group_index_reference=group,
            last_reference_update_timestamp=self.now,
        )

    def left(self, reference: FeeVariables, volatility: int, before: int, after: int) -> AdaptiveFee:
        """What a swap between two square-root prices leaves; ``volatility`` is that of the last group."""
        low, high = min(before, after), max(before, after)
        threshold = sqrt_at_tick(self.constants.major_swap_threshold_ticks)
        major = self.now if high >= low * threshold // Q64 else reference.last_major_swap_timestamp
        fresh = replace(reference, volatility_accumulator=volatility, last_major_swap_timestamp=major)
        return AdaptiveFee(self.constants, fresh, self.now)


class GroupFees:
    """The fee of each tick group in one swap, and which steps need not be taken group by group."""

    __slots__ = ("_constants", "_fee", "_high", "_low", "a_to_b", "reference", "size")

    def __init__(self, adaptive: AdaptiveFee, fee: int, tick: int, a_to_b: bool) -> None:
        constants = self._constants = adaptive.constants
        self._fee = fee
        self.a_to_b = a_to_b
        size = self.size = constants.tick_group_size
        reference = self.reference = adaptive.referenced(tick // size)
        # So many groups away from the reference, and further, the volatility is at its maximum.
        distance = -(-(constants.max_volatility_accumulator - reference.volatility_reference) // SCALE)
        low = reference.tick_group_index_reference - distance
        high = reference.tick_group_index_reference + distance
        self._low = (low, sqrt_at_tick(low * size)) if low * size > MIN_TICK else None
        self._high = (high, sqrt_at_tick((high + 1) * size)) if (high + 1) * size < MAX_TICK else None

    def volatility(self, group: int) -> int:
        """The accumulator in a group."""
        away = abs(self.reference.tick_group_index_reference - group)
        return min(
            self.reference.volatility_reference + away * SCALE, self._constants.max_volatility_accumulator
        )

    def fee(self, group: int) -> int:
        """The total fee in a group, in millionths."""
        crossed = self.volatility(group) * self.size
        whole = CONTROL_WHOLE * SCALE * SCALE
        adaptive = -(-self._constants.adaptive_fee_control_factor * crossed * crossed // whole)
        return min(self._fee + adaptive, HARD_LIMIT)

    def bound(self, group: int, target: int, liquidity: int) -> tuple[int, bool]:
        """Where a step towards the price ``target`` ends, and whether it passes over groups."""
        if self._constants.adaptive_fee_control_factor == 0 or liquidity == 0:
            return target, True
        if self._low is not None and group < self._low[0]:
            return (target if self.a_to_b else min(target, self._low[1])), True
        if self._high is not None and group > self._high[0]:
            return (max(target, self._high[1]) if self.a_to_b else target), True
        edge = (group if self.a_to_b else group + 1) * self.size
        price = sqrt_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
        return (max(target, price) if self.a_to_b else min(target, price)), False

    def traversed(self, group: int, tick: int, on_tick: bool) -> int:
        """The last group of a step that passed over groups and ended in ``tick``, or on its very price."""
        on_edge = on_tick and tick % self.size == 0
        last = tick // self.size - (1 if on_edge and not self.a_to_b else 0)
        return min(group, last) if self.a_to_b else max(group, last)
