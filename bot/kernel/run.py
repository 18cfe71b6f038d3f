"""One pass of the array functions over columns: compiled, or as plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from bot.detector import scalars
from bot.kernel import arrays
from bot.kernel.columns import FLOATS, Columns, Thresholds
from bot.kernel.compiled import compiled
from bot.types import Ns

PER_VENUE = (("i8", 3), ("f8", 2), ("i8", 4))
"""State of a venue: side, count, since; peak, cusum; cusum_side, seen, member, outside."""
PER_SIDE = 4
"""State of either side of a group: last, is_open, out_now, back."""


class Episode(Struct, frozen=True):
    """One incident: its instruments in the order in which they joined, and ``ended`` if it has."""

    group: str
    direction: int
    opened: Ns
    ended: Ns | None
    instruments: tuple[str, ...]


class Scores(Struct, frozen=True):
    """Per row; NaN (direction 0) where a price or fair value is missing."""

    excess: Any
    direction: Any
    basis: Any
    sigmas: Any


def score(columns: Columns, plain: bool = False) -> Scores:
    """How far out each row is. ``plain``: by Python itself instead of compiled code, on lists."""
    names = ("log_bid", "log_ask", "log_fair", "low", "high", "variance", "noise_var")
    floats = (columns.listed() if plain else columns).floats
    count = len(columns)
    made = Scores(_new(count, "f8", plain), _new(count, "i8", plain), _new(count, "f8", plain),
                  _new(count, "f8", plain))  # fmt: skip
    _function("scores", plain)(*(floats[name] for name in names), *msgspec.structs.astuple(made))
    return made


def episodes(columns: Columns, setting: Thresholds, plain: bool = False) -> list[Episode]:
    """The incidents of all groups under one setting, by group and time."""
    data = columns.listed() if plain else columns
    venues, sides, rows = len(columns.instruments), 2 * len(columns.groups), len(columns)
    state = [_new(venues, kind, plain) for kind, times in PER_VENUE for _ in range(times)]
    state += [_new(sides, "i8", plain) for _ in range(PER_SIDE)]
    opened, ended, side = (_new(rows + 1, "i8", plain) for _ in range(3))
    incident, joined = _new(rows, "i8", plain), _new(rows, "i8", plain)
    count, told = _function("episodes", plain)(
        data.starts, data.first_venue, data.ts, data.venue, *(data.floats[name] for name in FLOATS),
        data.flags, *msgspec.structs.astuple(setting), *state, opened, ended, side, incident, joined,
    )  # fmt: skip
    members: list[dict[str, None]] = [{} for _ in range(count + 1)]
    for index in range(told):
        members[incident[index]][columns.instruments[joined[index]]] = None
    return [
        Episode(
            columns.groups[side[number] // 2], 1 if side[number] % 2 else -1, int(opened[number]),
            int(ended[number]) or None, tuple(members[number]),
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


def _function(name: str, plain: bool) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(arrays if plain else compiled(scalars, arrays), name)
    return found


def _new(count: int, kind: str, plain: bool) -> Any:
    if plain:
        return [0 if kind == "i8" else 0.0] * count
    import numpy as np

    return np.zeros(count, kind)
