"""One swap of Jupiter's route through a pool that we know, beside our own quote of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from bot.errors import PoolError
from bot.pools.state import PoolState
from bot.registry.model import PoolEntry

SLOTS_APART = 25
"""Ten seconds: states further apart are not compared."""


class Swapped(Struct, frozen=True):
    """``amount_in`` of ``mint_in`` went into the pool at ``pool``, ``amount_out`` came out; raw units."""

    pool: str
    mint_in: str
    amount_in: int
    amount_out: int


class Check:
    """Counts what was compared and what differs by more than ``tolerance``, a ratio."""

    def __init__(
        self, pools: Mapping[str, PoolEntry], states: Callable[[str], PoolState | None], tolerance: float
    ) -> None:
        self.compared = self.differ = self.unknown = self.apart = self.crossed = 0
        self.last = ""
        self._pools, self._states, self._tolerance = pools, states, tolerance

    def __str__(self) -> str:
        said = f"{self.compared} swaps compared with our own quotes, {self.differ} differ"
        if self.apart:
            said += f", {self.apart} too far apart in time"
        if self.crossed:
            said += f", {self.crossed} quotes crossed"
        return f"{said}; last: {self.last}" if self.last else said

    def compare(self, swap: Swapped, slot: int | None) -> dict[str, Any] | None:
        """What is to be told of a difference; ``None`` if there is none, or nothing to compare with."""
        entry, state = self._pools.get(swap.pool), self._states(swap.pool)
        if entry is None or state is None or not swap.amount_out:
            self.unknown += 1
            return None
        if slot is not None and state.block is not None and abs(slot - state.block) > SLOTS_APART:
            self.apart += 1
            return None
        self.compared += 1
        try:
            ours = state.curve().pool.exact_in(swap.amount_in, swap.mint_in == entry.token_address)
        except (PoolError, ArithmeticError, ValueError) as error:
            return self._differs(entry, swap, None, str(error))
        if ours is None:
            return self._differs(entry, swap, None, "we would not fill it")
        apart = ours.amount_out / swap.amount_out - 1
        if abs(apart) <= self._tolerance:
            return None
        return self._differs(entry, swap, ours.amount_out, f"we say {apart:+.2%}")

    def _differs(self, entry: PoolEntry, swap: Swapped, ours: int | None, why: str) -> dict[str, Any]:
        self.differ += 1
        self.last = f"{entry.instrument}: {why}"
        return {
            "instrument": entry.instrument, "amount_in": swap.amount_in, "theirs": swap.amount_out,
            "ours": ours, "why": why,
        }  # fmt: skip
