"""The detector over arrays: loops around :mod:`bot.detector.scalars`, to be run as they are or compiled.

A row is one judged price of one venue. Rows of one group (an underlying) lie together, by time; groups are
independent of each other. A price or fair value that is missing is NaN, and its row is passed over: what is
not known neither opens an incident nor closes one.

These are plain functions of numbers and arrays (numpy's, or lists in plain Python), written so that numba
compiles them unchanged: see :mod:`bot.kernel.compiled`.
"""

from __future__ import annotations

from typing import Any

from bot.detector.scalars import (
    AT_ONCE,
    INSIDE,
    LASTED,
    beyond,
    cusum_step,
    decide,
    follow,
    lasting_step,
    sigmas_beyond,
)

Array = Any
"""A numpy array, or in plain Python anything that is indexed like one."""

CONFIRMED = 1
"""Something else than this venue says where fair value is."""
WITHHELD = 2
"""Not to be told from this row: the wait for the share after a split, a bar whose neighbours come first."""
FAIR_MOVED = 4
"""Fair value went away from the venue: nothing opens at once, it has time to follow."""
TOGETHER = 8
"""All venues have jumped together and this one with them: it joins at once, or stays outside."""
ABOVE = 16
"""The side of :data:`TOGETHER`: above if set."""
OWN_ABOVE = 32
"""The side of ``own_excess``: above if set."""

SECOND = 1e9


def scores(
    log_bid: Array, log_ask: Array, log_fair: Array, low: Array, high: Array, variance: Array,
    noise_var: Array, excess: Array, direction: Array, basis: Array, sigmas: Array,
) -> None:  # fmt: skip
    """Fill ``excess``, ``direction``, ``basis``, ``sigmas`` of each row; NaN and 0 where one is missing."""
    for row in range(len(log_bid)):
        over, side, off = beyond(log_bid[row], log_ask[row], log_fair[row], low[row], high[row])
        if off != off:
            excess[row], direction[row], basis[row], sigmas[row] = off, 0, off, off
            continue
        excess[row], direction[row], basis[row] = over, side, off
        sigmas[row] = sigmas_beyond(over, variance[row], noise_var[row])


def episodes(
    starts: Array, first_venue: Array,
    ts: Array, venue: Array, log_bid: Array, log_ask: Array, log_fair: Array, low: Array, high: Array,
    variance: Array, noise_var: Array, own_excess: Array, own_variance: Array, jump: Array, flags: Array,
    open_sigmas: float, close_sigmas: float, spike_sigmas: float, spike_basis: float, jump_basis: float,
    jump_scales: float, lone_spike: float, still_out: float, cusum_drift: float, cusum_open: float,
    cusum_cap: float, confirm_ticks: int, confirm_ns: int, resolve_ns: int, reopen_ns: int,
    side: Array, count: Array, since: Array, peak: Array, cusum: Array, cusum_side: Array, seen: Array,
    member: Array, outside: Array, last: Array, is_open: Array, out_now: Array, back: Array,
    opened: Array, ended: Array, sides: Array, told_incident: Array, told_venue: Array,
) -> tuple[int, int]:  # fmt: skip
    """Incidents of all groups under one setting: (how many, how many times a venue joined one).

    Group ``g`` has rows ``starts[g]`` to ``starts[g + 1]`` and venues ``first_venue[g]`` to the next.
    A price beyond the band is judged by ``own_excess``, what of its excess is this venue's own (NaN: all of
    it), and ``own_variance`` while its venue is in no incident, by ``variance`` once it is in one.

    Zero before: the state of venues (``side`` to ``outside``; ``member`` is the direction of the incident a
    venue is in) and of groups, two each, below and above (``last`` incident, whether it ``is_open``, venues
    ``out_now``, when the last came ``back``).

    Results, at most one a row: ``opened``, ``ended`` and the side (2 × group, + 1 above) by incident, from 1,
    and who joined which.
    """
    incidents = told = 0
    for group in range(len(starts) - 1):
        for row in range(starts[group], starts[group + 1]):
            now, who, flag = ts[row], venue[row], flags[row]
            for slot in range(2 * group, 2 * group + 2):
                if is_open[slot] and out_now[slot] == 0 and back[slot] + resolve_ns <= now:
                    is_open[slot] = 0
                    ended[last[slot]] = back[slot]
                    for one in range(first_venue[group], first_venue[group + 1]):
                        if member[one] == 2 * (slot - 2 * group) - 1:
                            member[one] = 0
            excess, direction, basis = beyond(log_bid[row], log_ask[row], log_fair[row], low[row], high[row])
            if basis != basis:
                continue
            before, seen[who] = seen[who], now
            sided = member[who]
            together = flag & TOGETHER != 0
            if sided:
                sigmas = sigmas_beyond(excess, variance[row], noise_var[row])
                slot = 2 * group + (sided > 0)
                if not together and follow(sided, direction, sigmas, close_sigmas) == INSIDE:
                    if outside[who]:
                        outside[who] = 0
                        out_now[slot] -= 1
                        back[slot] = now
                elif not outside[who]:
                    outside[who] = 1
                    out_now[slot] += 1
                continue
            if together:
                joins = True
                direction = 1 if flag & ABOVE else -1
            elif excess <= 0.0 and cusum[who] == 0.0 and own_excess[row] != own_excess[row]:
                count[who] = 0
                continue
            else:
                beyond_band = excess > 0.0
                if own_excess[row] == own_excess[row]:
                    beyond_band = True
                    excess, direction = own_excess[row], 1 if flag & OWN_ABOVE else -1
                sigmas = sigmas_beyond(excess, own_variance[row], noise_var[row])
                stepped = sigmas
                if beyond_band:
                    stepped = min(sigmas, open_sigmas) if own_variance[row] <= noise_var[row] else -1.0
                if cusum_side[who] != direction:
                    cusum[who], cusum_side[who] = 0.0, direction
                seconds = (now - before) / SECOND if before else 0.0
                cusum[who] = cusum_step(cusum[who], stepped, cusum_drift, seconds, cusum_cap)
                if sigmas >= open_sigmas:
                    if count[who] and side[who] == direction and excess < still_out * peak[who]:
                        count[who] = 0
                    if count[who] == 0 or side[who] != direction or excess > peak[who]:
                        peak[who] = excess
                    side[who], count[who], since[who] = lasting_step(
                        side[who], count[who], since[who], direction, now
                    )
                elif sigmas < close_sigmas:
                    count[who] = 0
                if sigmas < close_sigmas or flag & WITHHELD:
                    continue
                verdict = decide(
                    excess, sigmas, direction, jump[row], (flag & CONFIRMED) != 0, (flag & FAIR_MOVED) != 0,
                    side[who], count[who], now - since[who], cusum[who], open_sigmas, spike_sigmas,
                    spike_basis, jump_basis, jump_scales, lone_spike, confirm_ticks, confirm_ns, cusum_open,
                )  # fmt: skip
                joins = verdict in (LASTED, AT_ONCE)
            if not joins:
                continue
            slot = 2 * group + (direction > 0)
            if not is_open[slot]:
                if not opened_before(last[slot], ended, now, reopen_ns):
                    incidents += 1
                    last[slot] = incidents
                    opened[incidents], sides[incidents] = now, slot
                is_open[slot] = 1
                ended[last[slot]] = 0
            told_incident[told], told_venue[told] = last[slot], who
            told += 1
            member[who], outside[who] = direction, 1
            out_now[slot] += 1
            count[who], cusum[who] = 0, 0.0
        for slot in range(2 * group, 2 * group + 2):
            if is_open[slot] and out_now[slot] == 0:
                ended[last[slot]] = back[slot]
    return incidents, told


def opened_before(last: int, ended: Array, now: int, reopen_ns: int) -> bool:
    """Whether the last incident goes on, since it resolved so short a time ago (0: there was none)."""
    return last > 0 and now - ended[last] <= reopen_ns
