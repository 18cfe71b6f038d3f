"""The way through a DLMM pair's bins, with cumulative sums: a bisection finds where a swap ends."""

from __future__ import annotations

from typing import NamedTuple

from bot.pools.meteora_dlmm_bin import Bin
from bot.pools.meteora_dlmm_fee import U64, DlmmFee, Volatility, fee_of, fee_on, price_at


class Steps(NamedTuple):
    """The bins that a swap goes through, and sums over the first *n* of them.

    ``paid`` is what draining them takes, ``got`` what it gives. There is one bin more than sums where the
    last cannot be drained with 64 bits.
    """

    bins: list[int]
    rates: list[int]
    paid: list[int]
    got: list[int]


def walk(
    fee: DlmmFee,
    volatility: Volatility,
    active_id: int,
    bins: dict[int, Bin],
    for_y: bool,
    fee_on_input: bool,
) -> Steps:
    """Down from the active bin (X for Y), or up."""
    steps = Steps([], [], [0], [0])
    for at in sorted(bins, reverse=for_y):
        if at > active_id if for_y else at < active_id:
            continue
        gives = sum(bins[at].layers(for_y))
        if gives == 0:
            continue
        rate = fee.rate(fee.accumulator(volatility, at))
        steps.bins.append(at)
        steps.rates.append(rate)
        needs = bins[at].needs(gives, price_at(at, fee.bin_step), for_y)
        if needs is None:
            break
        if fee_on_input:
            needs += fee_on(needs, rate)
        else:
            gives -= fee_of(gives, rate)
        if steps.paid[-1] + needs > U64:
            break
        steps.paid.append(steps.paid[-1] + needs)
        steps.got.append(steps.got[-1] + gives)
    return steps
