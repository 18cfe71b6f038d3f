"""Judged prices as columns, and the thresholds that a setting consists of."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from bot.config import Config
from bot.detector import detector as live
from bot.timefmt import NS

FLOATS = ("log_bid", "log_ask", "log_fair", "low", "high", "variance", "noise_var", "own_excess",
          "own_variance", "jump")  # fmt: skip
"""Columns of float64, as :func:`bot.kernel.arrays.episodes` takes them."""


class Columns(Struct, frozen=True):
    """Judged prices, those of one group together, by time; all numpy arrays but the names.

    ``venue`` are positions in ``instruments``; venues of one group follow each other, from
    ``first_venue[group]`` on, as its rows do from ``starts[group]`` on (both with one entry more at the end).
    """

    instruments: list[str]
    groups: list[str]
    starts: Any
    first_venue: Any
    ts: Any
    venue: Any
    flags: Any
    floats: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ts)

    def listed(self) -> Columns:
        """The same as plain Python lists of plain numbers: to run the plain functions on."""
        return Columns(
            self.instruments, self.groups, self.starts.tolist(), self.first_venue.tolist(), self.ts.tolist(),
            self.venue.tolist(), self.flags.tolist(),
            {name: values.tolist() for name, values in self.floats.items()},
        )  # fmt: skip


class Thresholds(Struct, frozen=True):
    """What a price is judged by, in the order in which :func:`bot.kernel.arrays.episodes` takes it."""

    open_sigmas: float
    close_sigmas: float
    spike_sigmas: float
    spike_basis: float
    jump_basis: float
    jump_scales: float
    lone_spike: float
    still_out: float
    cusum_drift: float
    cusum_open: float
    cusum_cap: float
    confirm_ticks: int
    confirm_ns: int
    resolve_ns: int
    reopen_ns: int


SWEPT = frozenset(
    f"detector.{name}"
    for name in ("open_sigmas", "close_sigmas", "spike_basis", "confirm_seconds", "resolve_seconds",
                 "reopen_seconds")
)  # fmt: skip
"""Settings that change only :class:`Thresholds`, and so can be tried without running the engine again."""


def thresholds(config: Config) -> Thresholds:
    """Those of the live detector under this configuration."""
    section = config.detector
    return Thresholds(
        open_sigmas=section.open_sigmas,
        close_sigmas=section.close_sigmas,
        spike_sigmas=live.SPIKE_SIGMAS * section.open_sigmas,
        spike_basis=section.spike_basis,
        jump_basis=live.JUMP_BASIS,
        jump_scales=live.JUMP_SCALES,
        lone_spike=live.LONE_SPIKE,
        still_out=live.STILL_OUT,
        cusum_drift=live.CUSUM_DRIFT,
        cusum_open=live.CUSUM_OPEN,
        cusum_cap=live.CUSUM_CAP_SECONDS,
        confirm_ticks=live.CONFIRM_TICKS,
        confirm_ns=int(section.confirm_seconds * NS),
        resolve_ns=int(section.resolve_seconds * NS),
        reopen_ns=int(section.reopen_seconds * NS),
    )
