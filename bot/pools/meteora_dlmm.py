"""Meteora DLMM pairs: liquidity in bins of one price each, equal to the program to the last unit.

Source: ``commons/src/quote.rs`` of MeteoraAg/dlmm-sdk and, where that says nothing or something else, what
the closed program does (release 0.12, run in a Solana VM): it gives nothing for nothing, asks to be paid for
bins whose output is all fee, and keeps the time of the last swap that left a bin.

A bin gives what liquidity providers hold, then what is left of limit orders under way, then open orders, each
rounded alone. Between two swaps the fee of a bin depends on the bin alone, so cumulative sums from the active
bin outwards decide where a swap ends: a quote costs O(log bins) whatever it crosses, after O(bins) once for
each direction of each state.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

import msgspec

from bot.pools.meteora_dlmm_bin import NO_BIN, Bin
from bot.pools.meteora_dlmm_fee import (
    FEE_UNITS,
    MAX_BIN,
    ONE,
    U64,
    DlmmFee,
    Volatility,
    fee_of,
    fee_on,
    price_at,
)
from bot.pools.meteora_dlmm_steps import Steps, walk
from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need


class MeteoraDlmmState(PoolState, frozen=True, kw_only=True, tag="meteora_dlmm"):
    """Numbers are named as in the program's ``LbPair``; ``timestamp`` is the cluster's, Unix seconds.

    ``bins`` are ``(id, amount_x, amount_y)``, ``orders`` ``(id, sells_x, processed_remaining, open)``, rising
    and without empty ones; what was not loaded is not there, and a swap that would reach it is refused.
    ``collect_fee_mode``: 0 on what goes in, 1 in Y only.
    """

    bin_step: int
    active_id: int
    base_factor: int
    base_fee_power_factor: int = 0
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int
    volatility_accumulator: int
    volatility_reference: int
    index_reference: int
    last_update_timestamp: int
    timestamp: int
    collect_fee_mode: int = 0
    bins: list[tuple[int, Raw, Raw]]
    orders: list[tuple[int, bool, Raw, Raw]] = msgspec.field(default_factory=list)

    def pool(self) -> MeteoraDlmm:
        """See :class:`~bot.pools.state.PoolState`."""
        need(0 < self.bin_step <= 10_000, "bin_step {}", self.bin_step)
        need(abs(self.active_id) <= MAX_BIN, "active_id {}", self.active_id)
        need(self.collect_fee_mode in (0, 1), "collect_fee_mode {}", self.collect_fee_mode)
        need(0 <= self.base_fee_power_factor <= 9, "base_fee_power_factor {}", self.base_fee_power_factor)
        bins = {at: Bin(int(x), int(y)) for at, x, y in self.bins}
        need(all(a[0] < b[0] for a, b in pairwise(self.bins)), "bins are not rising")
        need(all(a[0] < b[0] for a, b in pairwise(self.orders)), "orders are not rising")
        for at, sells_x, processed, opened in self.orders:
            held = bins.get(at, NO_BIN)
            bins[at] = Bin(held.x, held.y, sells_x, int(processed), int(opened))
        need(all(abs(at) <= MAX_BIN for at in bins), "a bin is out of range")
        for held in bins.values():
            need(all(0 <= amount <= U64 for amount in held), "an amount is not of 64 bits")
        fee = DlmmFee(
            self.bin_step,
            self.base_factor,
            self.base_fee_power_factor,
            self.filter_period,
            self.decay_period,
            self.reduction_factor,
            self.variable_fee_control,
            self.max_volatility_accumulator,
        )
        numbers = (*(getattr(fee, name) for name in fee.__struct_fields__), self.volatility_accumulator)
        need(min(*numbers, self.volatility_reference) >= 0, "a fee parameter is below nothing")
        volatility = Volatility(
            self.volatility_accumulator,
            self.volatility_reference,
            self.index_reference,
            self.last_update_timestamp,
        )
        volatility = fee.refreshed(volatility, self.active_id, self.timestamp)
        return MeteoraDlmm(
            fee,
            volatility,
            self.active_id,
            bins,
            self.timestamp,
            self.collect_fee_mode == 1,
            self.token_index,
        )


class DlmmSwap(NamedTuple):
    """Raw amounts, fee included, and the bin that is active after."""

    amount_in: int
    amount_out: int
    bin_id: int


class MeteoraDlmm:
    """A pair at one time: ``volatility`` is as a swap at ``now`` (Unix seconds) begins with it.

    ``token_index`` says which of X and Y is ours (0 or 1). Nothing changes it but what it remembers of sums.
    """

    __slots__ = ("_steps", "active_id", "bins", "fee", "fee_in_y", "now", "token_index", "volatility")

    def __init__(
        self,
        fee: DlmmFee,
        volatility: Volatility,
        active_id: int,
        bins: dict[int, Bin],
        now: int,
        fee_in_y: bool,
        token_index: int,
    ) -> None:
        self.fee = fee
        self.volatility = volatility
        self.active_id = active_id
        self.bins = bins
        self.now = now
        self.fee_in_y = fee_in_y
        self.token_index = token_index
        self._steps: dict[bool, Steps] = {}

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`; of the active bin."""
        return self._price(self.active_id)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        rates = self.steps(self._for_y(sell)).rates
        rate = rates[0] if rates else self.fee.rate(self.fee.accumulator(self.volatility, self.active_id))
        return rate / FEE_UNITS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_in(amount, self._for_y(sell)))

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.swap_out(amount, self._for_y(sell)))

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`: drains every bin whose price is not beyond ``price``."""
        steps = self.steps(self._for_y(sell))
        sign = -1 if sell else 1
        count = bisect_left(steps.bins, True, key=lambda at: (self._price(at) - price) * sign > 0)
        count = min(count, len(steps.paid) - 1)
        if count == 0:
            return None
        return Swap(steps.paid[count], steps.got[count], self._price(steps.bins[count - 1]))

    def after(self, amount: int, sell: bool) -> MeteoraDlmm | None:
        """See :class:`~bot.pools.raw.RawPool`, a moment later in the same second."""
        for_y = self._for_y(sell)
        last = self._end(amount, for_y)
        if last is None or self.swap_in(amount, for_y) is None:
            return None
        steps = self.steps(for_y)
        bins = dict(self.bins)
        for at in steps.bins[:last]:
            bins[at] = bins[at].filled(U64, self._q64(at), for_y)
        at, kept = steps.bins[last], amount - steps.paid[last]
        if self.fee_on_input(for_y):
            kept -= fee_of(kept, steps.rates[last])
        bins[at] = bins[at].filled(kept, self._q64(at), for_y)
        was = self.volatility
        # The program keeps the old time where no bin was left: small swaps cannot hold off the decay.
        updated = was.updated if at == self.active_id else self.now
        fresh = Volatility(self.fee.accumulator(was, at), was.reference, was.index, updated)
        fresh = self.fee.refreshed(fresh, at, self.now)
        return MeteoraDlmm(self.fee, fresh, at, bins, self.now, self.fee_in_y, self.token_index)

    def swap_in(self, amount: int, for_y: bool) -> DlmmSwap | None:
        """Swap exactly ``amount`` in, X for Y or Y for X; ``None`` if the bins do not take all of it, or
        give nothing: the program refuses that."""
        last = self._end(amount, for_y)
        if last is None:
            return None
        steps = self.steps(for_y)
        at, rate, kept = steps.bins[last], steps.rates[last], amount - steps.paid[last]
        on_input = self.fee_on_input(for_y)
        if on_input:
            kept -= fee_of(kept, rate)
        gives = self.bins[at].gives(kept, self._q64(at), for_y)
        if gives is None:
            return None
        got = steps.got[last] + gives - (0 if on_input else fee_of(gives, rate))
        return DlmmSwap(amount, got, at) if got else None

    def swap_out(self, amount: int, for_y: bool) -> DlmmSwap | None:
        """Swap for exactly ``amount`` out; ``None`` if the bins do not hold it."""
        if not 0 < amount <= U64:
            return None
        steps = self.steps(for_y)
        last = bisect_left(steps.got, amount) - 1
        if last >= len(steps.bins):
            return None
        at, rate, wanted = steps.bins[last], steps.rates[last], amount - steps.got[last]
        on_input = self.fee_on_input(for_y)
        if not on_input:
            wanted += fee_on(wanted, rate)
        if wanted >= sum(self.bins[at].layers(for_y)):
            if last + 1 >= len(steps.paid):
                return None
            needs = steps.paid[last + 1]
        else:
            more = self.bins[at].needs(wanted, self._q64(at), for_y)
            if more is None:
                return None
            needs = steps.paid[last] + more + (fee_on(more, rate) if on_input else 0)
        return DlmmSwap(needs, amount, at) if needs <= U64 else None

    def steps(self, for_y: bool) -> Steps:
        """The way down (X for Y) or up from the active bin."""
        steps = self._steps.get(for_y)
        if steps is None:
            on_input = self.fee_on_input(for_y)
            steps = walk(self.fee, self.volatility, self.active_id, self.bins, for_y, on_input)
            self._steps[for_y] = steps
        return steps

    def fee_on_input(self, for_y: bool) -> bool:
        """Whether the fee is part of what goes in; else of what comes out."""
        return not (self.fee_in_y and for_y)

    def _end(self, amount: int, for_y: bool) -> int | None:
        """The step in which exactly ``amount`` in ends."""
        if not 0 < amount <= U64:
            return None
        steps = self.steps(for_y)
        last = bisect_left(steps.paid, amount) - 1
        if last > 0 and amount - steps.paid[last] == 1 and self.fee_on_input(for_y):
            # One unit more than a bin costs may be no more than its fee: then the bin takes it.
            before, rate = amount - steps.paid[last - 1], steps.rates[last - 1]
            cost = steps.paid[last] - steps.paid[last - 1]
            last -= before * (FEE_UNITS - rate) // FEE_UNITS == cost * (FEE_UNITS - rate) // FEE_UNITS
        return last if last < len(steps.bins) else None

    def _q64(self, bin_id: int) -> int:
        return price_at(bin_id, self.fee.bin_step)

    def _price(self, bin_id: int) -> float:
        return self._q64(bin_id) / ONE if self.token_index == 0 else ONE / self._q64(bin_id)

    def _for_y(self, sell: bool) -> bool:
        return sell == (self.token_index == 0)

    def _raw(self, swap: DlmmSwap | None) -> Swap | None:
        return None if swap is None else Swap(swap.amount_in, swap.amount_out, self._price(swap.bin_id))
