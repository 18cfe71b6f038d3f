"""The one queue between all sources and the engine: bounded, and honest about what it let go."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from bot.types import Tick

LOOSE = frozenset({"quote", "trade", "bar"})
"""Kinds that a later tick of the same instrument makes up for; others change state and are never let go."""


class TickQueue:
    """Many producers, one consumer, at most ``maxsize`` ticks, each with the name of its source.

    A tick that finds the queue full takes the place of the oldest loose one: of its own instrument if it is
    loose itself and there is one, else of any. ``pool``, ``multiplier`` and ``status`` ticks are never
    let go: where nothing else waits, they wait outside (:meth:`put`), and a loose tick is dropped itself.
    ``dropped`` counts by reason: ``same_instrument``, ``oldest``, ``no_room``. Every operation is O(1).
    Not safe across threads.
    """

    def __init__(self, maxsize: int) -> None:
        if maxsize < 1:
            raise ValueError("maxsize must be at least 1")
        self.maxsize = maxsize
        self.dropped = {"same_instrument": 0, "oldest": 0, "no_room": 0}
        self.taken = 0
        """Ticks put in since the start, those later dropped included."""
        self._items: OrderedDict[int, tuple[str, Tick]] = OrderedDict()
        self._loose: OrderedDict[int, str] = OrderedDict()  # sequence number → instrument, oldest first
        self._by_instrument: dict[str, deque[int]] = {}
        self._consumer: asyncio.Future[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def depth(self) -> int:
        """Ticks waiting."""
        return len(self._items)

    @property
    def full(self) -> bool:
        """Nothing more fits without letting something go."""
        return len(self._items) >= self.maxsize

    @property
    def dropped_total(self) -> int:
        """Ticks let go, for all reasons."""
        return sum(self.dropped.values())

    def offer(self, source: str, tick: Tick) -> bool:
        """Put ``tick`` in without waiting. False: it must not be lost and nothing else may be; wait."""
        loose = tick.kind in LOOSE
        if len(self._items) >= self.maxsize and not self._make_room(tick.instrument if loose else None):
            if loose:
                self.dropped["no_room"] += 1
            return loose
        self.taken = number = self.taken + 1
        self._items[number] = (source, tick)
        if loose:
            instrument = tick.instrument
            self._loose[number] = instrument
            mine = self._by_instrument.get(instrument)
            if mine is None:
                self._by_instrument[instrument] = deque((number,))
            else:
                mine.append(number)
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)
        return True

    async def put(self, source: str, tick: Tick) -> None:
        """Put ``tick`` in; waits only if it must not be lost and nothing that waits may be."""
        while not self.offer(source, tick):
            await self._room()

    async def put_wait(self, source: str, tick: Tick) -> None:
        """Put ``tick`` in, waiting for room: nothing is let go for it. For tapes."""
        while len(self._items) >= self.maxsize:
            await self._room()
        self.offer(source, tick)

    async def get_batch(self, most: int) -> list[tuple[str, Tick]]:
        """The oldest ticks, at least one and at most ``most``, each with its source; waits for the first.

        Cancelling the wait loses nothing. One consumer only: a second waiting one is a RuntimeError.
        """
        items = self._items
        while not items:
            if self._consumer is not None:
                raise RuntimeError("a TickQueue has one consumer")
            self._consumer = asyncio.get_running_loop().create_future()
            try:
                await self._consumer
            finally:
                self._consumer = None
        popitem, loose, by_instrument = items.popitem, self._loose, self._by_instrument
        batch = []
        for _ in range(min(most, len(items))):
            number, item = popitem(last=False)
            batch.append(item)
            instrument = loose.pop(number, None)
            if instrument is not None:
                # First in, first out: the oldest of all is the oldest of its instrument.
                mine = by_instrument[instrument]
                mine.popleft()
                if not mine:
                    del by_instrument[instrument]
        self._wake()
        return batch

    def _make_room(self, instrument: str | None) -> bool:
        """Let the oldest loose tick go, of ``instrument`` first; False if none waits."""
        mine = self._by_instrument.get(instrument) if instrument is not None else None
        if mine:
            number, reason = mine[0], "same_instrument"
        elif self._loose:
            number, reason = next(iter(self._loose)), "oldest"
        else:
            return False
        owner = self._loose.pop(number)
        del self._items[number]
        waiting = self._by_instrument[owner]
        waiting.popleft()
        if not waiting:
            del self._by_instrument[owner]
        self.dropped[reason] += 1
        return True

    async def _room(self) -> None:
        """Wait until the consumer has taken something."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place

    def _wake(self) -> None:
        """Let all producers try again; those that find it full wait in the same order."""
        waiting, self._waiting = self._waiting, deque()
        for place in waiting:
            if not place.done():
                place.set_result(None)
