"""The past of one instrument in a few kilobytes: fine for the last hours, coarse for the last week.

Points fall into minutes, ten minutes and hours. A bucket keeps the lowest and highest basis seen
in it beside the last one, so that thinning out never hides a spike. Each tier is a ring of packed records
(float32: seven figures, enough for a picture, never used for a decision).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import nan
from typing import Final, NamedTuple, get_args

from bot.timefmt import NS
from bot.types import Basis, Ns, Session

SESSIONS: Final[tuple[Session, ...]] = get_args(Session)
STATES: Final = ("ok", "pending", "incident", "stale", "unpriced", "halted")
TIERS: Final = ((60 * NS, 240), (600 * NS, 180), (3600 * NS, 180))
"""Width of a bucket in nanoseconds, and how many are kept."""

_RECORD: Final = struct.Struct("<q8f2B")
_FLOAT32_MAX: Final = 3.4e38
_SESSION_CODE: Final = {name: code for code, name in enumerate(SESSIONS)}
_STATE_CODE: Final = {name: code for code, name in enumerate(STATES)}


class Point(NamedTuple):
    """One bucket: ``ts`` and all else are those of its last basis, but for ``low`` and ``high``,
    the range of the basis in it. A ``None`` was not known."""

    ts: Ns
    low: float | None
    high: float | None
    basis: float | None
    price: float | None
    fair_value: float | None
    fair_value_sd: float | None
    band_low: float | None
    band_high: float | None
    session: Session
    state: str


class _Ring:
    """Packed records; once full, the oldest is overwritten."""

    __slots__ = ("_buffer", "_capacity", "_next", "size")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._buffer = bytearray()
        self._next = 0
        self.size = 0

    def append(self, record: bytes) -> None:
        if self.size < self._capacity:
            self._buffer += record
            self.size += 1
            return
        offset = self._next * _RECORD.size
        self._buffer[offset : offset + _RECORD.size] = record
        self._next = (self._next + 1) % self._capacity

    @property
    def full(self) -> bool:
        return self.size == self._capacity

    def __iter__(self) -> Iterator[Point]:
        for n in range(self.size):
            yield _unpack(self._buffer, (self._next + n) % self.size * _RECORD.size)


class _Tier:
    """One resolution: closed buckets in a ring, the open one in plain slots."""

    __slots__ = ("bucket", "high", "last", "low", "ring", "width")

    def __init__(self, width: Ns, capacity: int) -> None:
        self.width = width
        self.ring = _Ring(capacity)
        self.bucket = -1
        self.last: Basis | None = None
        self.low: float | None = None
        self.high: float | None = None

    def points(self) -> Iterator[Point]:
        yield from self.ring
        if self.last is not None:
            yield _unpack(_pack(self.last, self.low, self.high), 0)

    def close(self) -> None:
        if self.last is not None:
            self.ring.append(_pack(self.last, self.low, self.high))

    def open(self, bucket: int, basis: Basis, low: float | None, high: float | None) -> None:
        self.bucket, self.last, self.low, self.high = bucket, basis, low, high

    def widen(self, basis: Basis, low: float | None, high: float | None) -> None:
        self.last = basis
        if low is not None and (self.low is None or low < self.low):
            self.low = low
        if high is not None and (self.high is None or high > self.high):
            self.high = high


class History:
    """The bounded past of one instrument: at most 600 points in about 25 kB."""

    __slots__ = ("_fine", "_tiers")

    def __init__(self) -> None:
        self._tiers = [_Tier(width, capacity) for width, capacity in TIERS]
        self._fine = self._tiers[0]

    def add(self, basis: Basis) -> None:
        """Take one basis; constant time. One older than the last is passed over."""
        fine = self._fine
        if fine.last is not None and basis.ts < fine.last.ts:
            return
        bucket = basis.ts // fine.width
        value = basis.basis
        if bucket == fine.bucket:
            fine.widen(basis, value, value)
            return
        closed, low, high = fine.last, fine.low, fine.high
        fine.close()
        fine.open(bucket, basis, value, value)
        for tier in self._tiers[1:]:
            if closed is None:
                return
            parent = closed.ts // tier.width
            if parent == tier.bucket:
                tier.widen(closed, low, high)
                return
            tier.close()
            full, full_low, full_high = tier.last, tier.low, tier.high
            tier.open(parent, closed, low, high)
            closed, low, high = full, full_low, full_high

    def points(self, since: Ns = 0) -> list[Point]:
        """Oldest first, each moment in the finest resolution that is still kept."""
        merged: list[Point] = []
        edge: Ns | None = None
        finer_forgot = False
        for tier in self._tiers:
            found: list[Point] = []
            for point in tier.points():
                if edge is None or point.ts < edge:
                    found.append(point)
                elif finer_forgot and point.ts // tier.width * tier.width < edge:
                    # It straddles the edge: what the finer tier forgot of it must not go unseen.
                    found.append(point._replace(ts=edge - 1))
            if found:
                edge = found[0].ts // tier.width * tier.width
            finer_forgot = tier.ring.full
            merged[:0] = found
        return [point for point in merged if point.ts >= since]

    @property
    def size(self) -> int:
        """Records kept, the open ones included."""
        return sum(tier.ring.size + (tier.last is not None) for tier in self._tiers)


def _pack(basis: Basis, low: float | None, high: float | None) -> bytes:
    return _RECORD.pack(
        basis.ts,
        _single(low),
        _single(high),
        _single(basis.basis),
        _single(basis.price),
        _single(basis.fair_value),
        _single(basis.fair_value_sd),
        _single(basis.band_low),
        _single(basis.band_high),
        _SESSION_CODE[basis.session],
        _STATE_CODE[basis.state],
    )


def _unpack(buffer: bytes | bytearray, offset: int) -> Point:
    ts, low, high, basis, price, fair, sd, band_low, band_high, session, state = _RECORD.unpack_from(
        buffer, offset
    )
    return Point(
        ts,
        _known(low),
        _known(high),
        _known(basis),
        _known(price),
        _known(fair),
        _known(sd),
        _known(band_low),
        _known(band_high),
        SESSIONS[session],
        STATES[state],
    )


def _known(number: float) -> float | None:
    """Seven figures are what a float32 holds; the rest would be noise in the JSON."""
    return float(f"{number:.7g}") if number == number else None


def _single(value: float | None) -> float:
    """Missing, and what a float32 cannot hold, as NaN."""
    return value if value is not None and -_FLOAT32_MAX < value < _FLOAT32_MAX else nan
