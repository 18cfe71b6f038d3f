"""Ticks from a file: at full speed or paced, once or in a loop with its clock moved on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from bot.collectors.base import OnBad
from bot.config import TapeSource
from bot.errors import SourceError, TapeError
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick

WEEK_NS = 7 * 86_400 * NS
NEW_YORK = ZoneInfo("America/New_York")
SLICE = 512
"""Rows read at once in a thread, and handed on before the other tasks get their turn."""
SHORTEST_WAIT_SECONDS = 0.002
"""Ticks due sooner than this go out now: at 600 × real time a sleep for each costs more than it paces."""

Read = Callable[..., Iterator[Tick]]


class TapeCollector:
    """The ticks of one file, in order; a looping one never ends.

    At ``speed`` s > 0, an hour of the tape takes 1/s hours by the monotonic clock, without drift: late ticks
    go out at once until the schedule is met again. Each round of a loop begins whole weeks after the
    one before on New York's clock, so that sessions line up, whatever the season; ``ts``, ``received`` and
    an ``effective_ns`` in ``data`` move alike. The empty time between two rounds is not waited for.

    ``start`` is where the reader stands already (0: nowhere): earlier ticks are passed over, and a loop
    goes on in the round that ``start`` is in. So does a second call of :meth:`ticks`.
    Raises :class:`SourceError` if the file cannot be opened. Bad rows go to ``on_bad``.
    """

    lossless = True

    def __init__(
        self,
        source: TapeSource,
        base: Path,
        *,
        start: Ns = 0,
        on_bad: OnBad | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        read: Read | None = None,
    ) -> None:
        self.name = source.name
        self.path = (base / source.path).resolve()
        self.speed = source.speed
        self.loop = source.loop
        self.detail = ""
        self.rounds = 0
        self._at = start
        self._on_bad = on_bad
        self._monotonic, self._sleep = monotonic, sleep
        self._read = read

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """The ticks of the file, until its end, or for ever if it loops."""
        weeks, period = await asyncio.to_thread(self._standing) if self.loop and self._at else (0, 0)
        while True:
            first: Ns | None = None
            last: Ns | None = None
            passed = handed = 0
            shift, anchor, began = 0, 0, 0.0
            async with aclosing(self._slices()) as slices:
                async for rows in slices:
                    for tick in rows:
                        if first is None:
                            first = tick.ts
                            shift = _shift(first, weeks)
                        last = tick.ts
                        ts = tick.ts + shift
                        if ts < self._at and not handed:
                            passed += 1
                            continue
                        if self.speed:
                            if not handed:
                                anchor, began = ts, self._monotonic()
                            wait = began + (ts - anchor) / NS / self.speed - self._monotonic()
                            if wait > SHORTEST_WAIT_SECONDS:
                                await self._sleep(wait)
                        handed += 1
                        self._at = max(self._at, ts)
                        yield _moved(tick, shift) if shift else tick
                    # The consumer may never have to wait: let the other tasks run between two slices.
                    await asyncio.sleep(0)
            self.rounds += 1
            if first is None or last is None:
                raise SourceError(f"{self.path}: no usable tick in it")
            if not self.loop:
                if not handed:
                    self.detail = f"all {passed} ticks are earlier than what was already seen"
                return
            period = period or _period(first, last)
            weeks += period
            while first + _shift(first, weeks) < self._at:
                weeks += 1

    async def _slices(self) -> AsyncGenerator[list[Tick], None]:
        """Rows as lists, the next one read in a thread while the last is handed on."""
        bad: list[TapeError] = []
        rows = await asyncio.to_thread(self._rows, bad)
        following = asyncio.ensure_future(asyncio.to_thread(_take, rows))
        try:
            while True:
                # Shielded: a thread cannot be stopped, so it is waited for below, and only there.
                taken = await asyncio.shield(following)
                self._set_aside(bad)
                if not taken:
                    return
                following = asyncio.ensure_future(asyncio.to_thread(_take, rows))
                yield taken
        except OSError as error:
            raise SourceError(f"{self.path}: {error.strerror or error}") from None
        finally:
            await asyncio.wait({following})
            if not following.cancelled():
                following.exception()
            _end(rows)

    def _rows(self, bad: list[TapeError]) -> Iterator[Tick]:
        if self._read is not None:
            return self._read(self.path, on_bad=bad.append)
        from bot import tape

        return tape.read(self.path, on_bad=bad.append)

    def _standing(self) -> tuple[int, int]:
        """Weeks by which the round that ``start`` is in is moved on, and weeks from round to round.

        Reads all of the file. Runs in a thread.
        """
        first = last = None
        for tick in self._rows([]):
            first = tick.ts if first is None else first
            last = tick.ts
        if first is None or last is None:
            return 0, 0
        period, weeks = _period(first, last), 0
        while first + _shift(first, weeks + period) <= self._at:
            weeks += period
        return weeks, period

    def _set_aside(self, bad: list[TapeError]) -> None:
        found = bad[:]
        del bad[: len(found)]
        if self._on_bad is not None:
            for error in found:
                self._on_bad(Quarantined(self._at, self.name, error.reason, error.detail))


def _take(rows: Iterator[Tick]) -> list[Tick]:
    return list(islice(rows, SLICE))


def _end(rows: Iterator[Tick]) -> None:
    close = getattr(rows, "close", None)
    if close is not None:
        close()


def _period(first: Ns, last: Ns) -> int:
    """Weeks, at least one, that a tape from ``first`` to ``last`` fits into."""
    return max(1, -(-(last - first) // WEEK_NS))


def _shift(first: Ns, weeks: int) -> Ns:
    """Nanoseconds from ``first`` to the same time of day in New York, so many weeks later."""
    if not weeks:
        return 0
    here = datetime.fromtimestamp(first / NS, UTC).astimezone(NEW_YORK)
    there = (here.replace(tzinfo=None) + timedelta(weeks=weeks)).replace(tzinfo=NEW_YORK)
    before, after = here.utcoffset() or timedelta(), there.utcoffset() or timedelta()
    return weeks * WEEK_NS + int((before - after).total_seconds()) * NS


def _moved(tick: Tick, shift: Ns) -> Tick:
    data = tick.data
    if data is not None and '"effective_ns"' in data:
        decoded = msgspec.json.decode(data)
        if isinstance(decoded, dict) and isinstance(decoded.get("effective_ns"), int):
            decoded["effective_ns"] += shift
            data = msgspec.json.encode(decoded).decode()
    return Tick(
        tick.ts + shift,
        tick.instrument,
        tick.kind,
        tick.bid,
        tick.ask,
        tick.price,
        tick.high,
        tick.low,
        tick.size,
        data,
        tick.received + shift if tick.received else 0,
    )
