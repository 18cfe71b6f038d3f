"""What a DAMM v2 (cp-amm) pool charges: schedules by time or price, a limiter by size, and volatility on top.

Source: ``base_fee/*.rs``, ``state/fee.rs``, ``math/fee_math.rs`` of MeteoraAg/damm-v2. Fees are in
billionths; ``None`` stands for a fee that the program cannot work out: the swap fails.
"""

from __future__ import annotations

from math import isqrt

from msgspec import Struct

from bot.pools.meteora_dlmm_fee import BASIS, FEE_UNITS, ONE, U64
from bot.pools.state import Raw


class Question(Struct, frozen=True):
    """A swap that a fee is asked for. ``point`` is a slot or Unix time, as is ``opened``; ``with_fee`` says
    whether ``amount`` is with the fee or without."""

    point: int
    opened: int
    a_to_b: bool
    amount: int
    with_fee: bool
    sqrt_price: int


class TimeSchedule(Struct, frozen=True, tag="time"):
    """A fee that falls from ``cliff`` with each of ``periods`` that take ``frequency`` slots or seconds."""

    cliff: int
    periods: int = 0
    frequency: Raw = 0
    reduction: Raw = 0
    exponential: bool = False

    def rate(self, ask: Question) -> int | None:
        """In billionths."""
        frequency = int(self.frequency)
        if frequency == 0:
            return self.cliff
        passed = self.periods
        if ask.point >= ask.opened:
            passed = min((ask.point - ask.opened) // frequency, passed)
        return _reduced(self.cliff, int(self.reduction), passed, self.exponential)


class PriceSchedule(Struct, frozen=True, tag="market_cap"):
    """A fee that falls with each ``step_bps`` that √price is above ``initial_sqrt_price``, and is at its
    lowest once ``duration`` has gone by."""

    cliff: int
    periods: int
    step_bps: int
    duration: int
    reduction: Raw
    exponential: bool
    initial_sqrt_price: Raw

    def rate(self, ask: Question) -> int | None:
        """In billionths."""
        passed = self.periods
        if ask.opened <= ask.point <= ask.opened + self.duration:
            initial = int(self.initial_sqrt_price)
            if ask.sqrt_price <= initial:
                passed = 0
            elif initial == 0 or self.step_bps == 0:
                return None
            else:
                passed = min((ask.sqrt_price - initial) * BASIS // initial // self.step_bps, passed)
        return _reduced(self.cliff, int(self.reduction), passed, self.exponential)


class RateLimiter(Struct, frozen=True, tag="rate_limiter"):
    """A fee on buying A that rises by ``increment_bps`` with each ``reference`` of B that a swap is larger,
    up to ``most_bps``, until ``duration`` has gone by."""

    cliff: int
    increment_bps: int
    duration: int
    most_bps: int
    reference: Raw

    def rate(self, ask: Question) -> int | None:
        """In billionths."""
        parts = (self.increment_bps, self.duration, self.most_bps, int(self.reference))
        if not any(parts) or ask.a_to_b or not ask.opened <= ask.point <= ask.opened + self.duration:
            return self.cliff
        if not all(parts) or self.most < self.cliff:
            return None
        return self._of_whole(ask.amount) if ask.with_fee else self._of_rest(ask.amount)

    @property
    def most(self) -> int:
        """In billionths."""
        return self.most_bps * FEE_UNITS // BASIS

    @property
    def increment(self) -> int:
        """In billionths."""
        return self.increment_bps * FEE_UNITS // BASIS

    def _of_whole(self, amount: int) -> int:
        """Each further ``reference`` pays its own, higher fee; the rate is that of all of them together."""
        unit, cliff, step = int(self.reference), self.cliff, self.increment
        if amount <= unit:
            return cliff
        whole, part = divmod(amount - unit, unit)
        steps = min(whole, (self.most - cliff) // step)
        full = unit * (cliff + cliff * steps + step * steps * (steps + 1) // 2)
        if steps == whole and whole < (self.most - cliff) // step:
            full += part * (cliff + step * (whole + 1))
        else:
            full += ((whole - steps) * unit + part) * self.most
        return -(-(-(-full // FEE_UNITS) * FEE_UNITS) // amount)

    def _of_rest(self, amount: int) -> int | None:
        unit, cliff, step = int(self.reference), self.cliff, self.increment
        if amount <= self._rest(unit):
            return cliff
        highest = ((self.most - cliff) // step + 1) * unit
        whole = min(highest, U64)
        rest = self._rest(whole)
        if amount == rest:
            return self._of_whole(whole)
        if amount < rest:
            middle = 2 * FEE_UNITS * unit + step * unit - 2 * cliff * unit
            whole = (middle - isqrt(middle * middle - 8 * step * amount * FEE_UNITS * unit)) // (2 * step)
            rate = cliff + step * (whole // unit)
            rest = self._rest(whole)
        elif highest > U64:
            return None
        else:
            rate = self.most
        if rate >= FEE_UNITS or amount < rest:
            return None
        whole += -(-(amount - rest) * FEE_UNITS // (FEE_UNITS - rate))
        found = -(-(whole - amount) * FEE_UNITS // whole)
        return found if found >= cliff and whole <= U64 else None

    def _rest(self, amount: int) -> int:
        return amount - -(-amount * self._of_whole(amount) // FEE_UNITS)


BaseFee = TimeSchedule | PriceSchedule | RateLimiter


class DynamicFee(Struct, frozen=True):
    """Named as the program's ``DynamicFeeStruct``; prices are √price as Q64.64, periods in seconds."""

    bin_step: int
    bin_step_u128: Raw
    variable_fee_control: int
    max_volatility_accumulator: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    last_update_timestamp: Raw
    sqrt_price_reference: Raw
    volatility_accumulator: Raw
    volatility_reference: Raw

    def rate(self) -> int:
        """In billionths, of the volatility that the last swap left: time alone does not lower it."""
        square = (int(self.volatility_accumulator) * self.bin_step) ** 2 * self.variable_fee_control
        return -(-square // 100_000_000_000)

    def after(self, was: int, sqrt_price: int, now: int) -> DynamicFee:
        """Once a swap has moved √price from ``was``."""
        updated, origin = int(self.last_update_timestamp), int(self.sqrt_price_reference)
        reference, elapsed = int(self.volatility_reference), max(now - updated, 0)
        if elapsed >= self.filter_period:
            origin, reference = was, 0
            if elapsed < self.decay_period:
                reference = int(self.volatility_accumulator) * self.reduction_factor // BASIS
        moved = self._bins(origin, sqrt_price)
        return DynamicFee(
            self.bin_step,
            self.bin_step_u128,
            self.variable_fee_control,
            self.max_volatility_accumulator,
            self.filter_period,
            self.decay_period,
            self.reduction_factor,
            now if self._bins(was, sqrt_price) else updated,
            origin,
            min(reference + moved * BASIS, self.max_volatility_accumulator),
            reference,
        )

    def _bins(self, one: int, other: int) -> int:
        upper, lower = max(one, other), min(one, other)
        return ((upper << 64) // lower - ONE) // int(self.bin_step_u128) * 2


def _reduced(cliff: int, reduction: int, periods: int, exponential: bool) -> int | None:
    if not exponential:
        return cliff - reduction * periods if reduction * periods <= cliff else None
    if reduction == 0:
        return cliff
    base = ONE - (reduction << 64) // BASIS
    if base < 0:
        return None
    share = ONE
    left = periods
    while left:
        if left & 1:
            share = share * base >> 64
        base = base * base >> 64
        left >>= 1
    return share * cliff >> 64 if share else None
