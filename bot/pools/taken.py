"""Depth is spent only once: what we had of a market is gone for us. Pure.

A recorded book does not know of our trades, nor does a live one of trades on paper: both would offer the same
again with the next tick. So what was taken since a market was observed is gone for every plan; and what was
taken before is gone for as long as the incident lasts that we trade on: nobody puts a mispriced order back
because it was hit. Then only on the same side: what we bought makes it no dearer to sell once a market was
observed anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from bot.types import Ns, Side

if TYPE_CHECKING:
    from bot.pools.curve import Curve

REMEMBERED = 4_096
"""Instruments, and incidents of each, remembered at most; the longest untouched is forgotten first."""


class Taken(Struct):
    """Tokens bought and sold on one instrument since it was observed at ``ts``."""

    ts: Ns
    bought: float = 0.0
    sold: float = 0.0

    def add(self, side: Side, tokens: float, one_curve: bool) -> None:
        """Note a trade. A pool is one curve, on which the two sides cancel; what was taken of a book's asks
        does not deepen its bids."""
        if side == "buy":
            self.bought += tokens
        else:
            self.sold += tokens
        if one_curve:
            both = min(self.bought, self.sold)
            self.bought -= both
            self.sold -= both


class Had(Struct):
    """What one incident's plans have had of one instrument: ``now``, and ``before`` it was last observed."""

    now: Taken
    before: Taken

    def as_of(self, ts: Ns) -> None:
        """It was observed anew."""
        if ts != self.now.ts:
            self.before.bought += self.now.bought
            self.before.sold += self.now.sold
            self.now = Taken(ts)


class Spent:
    """What plans have had of each instrument's depth, by instrument and incident."""

    def __init__(self) -> None:
        self._had: dict[str, dict[str, Had]] = {}

    def take(self, instrument: str, incident: str, ts: Ns, side: Side, tokens: float,
             one_curve: bool) -> None:  # fmt: skip
        """A plan for the incident traded on the instrument as it was observed at ``ts``."""
        mine = self._had.pop(instrument, {})
        had = mine.pop(incident, None) or Had(Taken(ts), Taken(0))
        had.as_of(ts)
        had.now.add(side, tokens, one_curve)
        mine[incident] = had
        self._had[instrument] = mine
        while len(mine) > REMEMBERED:
            del mine[next(iter(mine))]
        while len(self._had) > REMEMBERED:
            del self._had[next(iter(self._had))]

    def gone(self, instrument: str, incident: str, ts: Ns, side: Side) -> Taken | None:
        """What a trade for the incident finds gone of the instrument as observed at ``ts``."""
        known = self._had.get(instrument)
        if known is None:
            return None
        found = Taken(ts)
        for had in known.values():
            if had.now.ts == ts:
                found.bought += had.now.bought
                found.sold += had.now.sold
        own = known.get(incident)
        for earlier in () if own is None else (own.before, own.now):
            if earlier.ts == ts:
                continue
            if side == "buy":
                found.bought += earlier.bought
            else:
                found.sold += earlier.sold
        return found if found.bought or found.sold else None

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data."""
        plain: dict[str, Any] = msgspec.to_builtins(self._had)
        return plain

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        self._had = msgspec.convert(state, dict[str, dict[str, Had]])


def behind(curve: Curve, taken: Taken | None) -> Curve | None:
    """What is left of a curve; ``None`` if not so much was there."""
    left: Curve | None = curve
    if taken is not None and taken.sold > 0:
        left = curve.after(taken.sold, True)
    if left is not None and taken is not None and taken.bought > 0:
        left = left.after(taken.bought, False)
    return left
