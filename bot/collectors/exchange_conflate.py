"""Between a socket and the engine: the latest quote of each instrument, not every one of them; all else in
order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from bot.types import Ns, Tick

MakeTick = Callable[[], Tick | None]
"""Makes the quote when it is wanted, of what is then known; ``None``: there is none to tell."""
WAITING_TICKS = 8192


class Conflator:
    """Quotes at most once per instrument in ``seconds``, the latest winning; other ticks at once, in order.

    Bounded: one quote waits per instrument, and of trades the oldest give way beyond ``room`` (``dropped``
    counts them); a ``status`` never does. Time stamps never go back within an instrument: a quote told late
    was still true when the trade before it happened.
    """

    def __init__(self, seconds: float, room: int = WAITING_TICKS, last: dict[str, Ns] | None = None) -> None:
        self.dropped = 0
        self._seconds = seconds
        self._room = room
        self._quotes: dict[str, MakeTick] = {}
        self._free: dict[str, float] = {}
        self._others: deque[Tick] = deque()
        self._last = {} if last is None else last
        self._wake = asyncio.Event()
        self._stopped = False
        self._held = False

    def quote(self, instrument: str, make: MakeTick) -> None:
        """There is news of ``instrument``."""
        self._quotes[instrument] = make
        self._wake.set()

    def forget(self, instrument: str) -> None:
        """What was to be told of ``instrument`` is no longer true."""
        self._quotes.pop(instrument, None)

    def put(self, tick: Tick) -> None:
        """A tick that no later one makes up for."""
        others = self._others
        if len(others) >= self._room:
            for index, one in enumerate(others):
                if one.kind == "trade":
                    del others[index]
                    self.dropped += 1
                    break
        others.append(tick)
        self._wake.set()

    def hold(self) -> None:
        """Tell nothing until released: what a source says before it is proven to work is no sign of life."""
        self._held = True

    def release(self) -> None:
        """Tell what waits."""
        if self._held:
            self._held = False
            self._wake.set()

    def stop(self) -> None:
        """End :meth:`ticks` once it has told what waits; what is held is never told."""
        self._stopped = True
        self._wake.set()

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Until stopped."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        try:
            while True:
                while self._held and not self._stopped:
                    self._wake.clear()
                    await self._wake.wait()
                if self._held:
                    return
                while self._others:
                    yield self._in_order(self._others.popleft())
                now = loop.time()
                for instrument in [name for name in self._quotes if self._free.get(name, 0.0) <= now]:
                    make = self._quotes.pop(instrument, None)
                    tick = make() if make is not None else None
                    if tick is not None:
                        self._free[instrument] = loop.time() + self._seconds
                        yield self._in_order(tick)
                if self._stopped:
                    return
                self._wake.clear()
                if self._others or any(self._free.get(name, 0.0) <= now for name in self._quotes):
                    continue
                if self._quotes:
                    timer = loop.call_at(min(self._free[name] for name in self._quotes), self._wake.set)
                await self._wake.wait()
                if timer is not None:
                    timer.cancel()
                    timer = None
        finally:
            if timer is not None:
                timer.cancel()

    def _in_order(self, tick: Tick) -> Tick:
        last = self._last.get(tick.instrument, 0)
        if tick.ts >= last:
            self._last[tick.instrument] = tick.ts
            return tick
        return Tick(
            last, tick.instrument, tick.kind, bid=tick.bid, ask=tick.ask, price=tick.price, size=tick.size,
            data=tick.data, received=max(last, tick.received),
        )  # fmt: skip
