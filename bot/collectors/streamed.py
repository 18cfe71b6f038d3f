"""A source with a socket, behind a watchdog of our own, and with polling while the socket is away."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from bot.collectors.base import Backoff, OnBad
from bot.errors import DataError, SourceError, SourceRefused, SourceSilent
from bot.timefmt import NS, duration
from bot.types import Ns, Quarantined, Session, Tick

NEW_YORK = ZoneInfo("America/New_York")
PATIENCE: dict[Session, float] = {"regular": 1.0, "pre": 5.0, "post": 5.0}
"""How many times ``silence_seconds`` the socket may be silent, by session; in others for as long as it
likes: nothing need trade, and the WebSocket's own pings (every 20 s) show that it is there."""
LOOK_SECONDS = 15.0
"""How often a silent socket is looked at: the session may have changed."""
HEALTHY_SECONDS = 30.0
CHANCE_SECONDS = 5.0
"""A socket that has delivered may come back within so long before it counts that polling fails, too."""
WAITING_TICKS = 1024


class Connection(Protocol):
    """A socket that is good for one connection."""

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`SourceError`."""

    async def receive(self, seconds: float) -> Any:
        """The next message; ``None`` if none came within ``seconds``. Raises :class:`DataError` for one that
        cannot be decoded, :class:`SourceError` once the connection is lost."""

    async def close(self) -> None:
        """Free it, within seconds."""


class Streamed(ABC):
    """What sources of share prices have in common; each says how it connects, understands and polls.

    On start everything is polled once, so that there is a price while the market sleeps. Then the socket
    delivers; each lost or silent one is replaced by a new one after a back-off, and until it delivers,
    everything is polled every ``poll_seconds``. It raises (the supervisor then starts it again) only
    when neither way works. What was seen already, or is older, is not yielded again.
    """

    def __init__(
        self,
        name: str,
        instruments: Iterable[str],
        *,
        poll_seconds: float,
        silence_seconds: float,
        clock: Callable[[], Ns] = time.time_ns,
        session: Callable[[Ns], Session] | None = None,
        on_bad: OnBad | None = None,
        backoff_initial: float = 0.5,
        backoff_max: float = 60.0,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.instruments = list(instruments)
        self.sockets = 0
        """Connections made since the start."""
        self.polled = 0
        """Prices polled since the start."""
        self._poll_seconds, self._silence_seconds = poll_seconds, silence_seconds
        self._clock = clock
        self._session = session or usual_session
        self._on_bad = on_bad
        self._backoff = Backoff(backoff_initial, backoff_max, rng)
        self._last: dict[str, Tick] = {}
        self._found: asyncio.Queue[Tick | None] = asyncio.Queue(WAITING_TICKS)
        self._connected = self._proven = False
        self._fault: SourceError | None = None
        self._chance_until = 0.0
        self._lost = asyncio.Event()

    @abstractmethod
    def connection(self) -> Connection:
        """A new connection, not yet open."""

    @abstractmethod
    def understood(self, message: Any) -> Iterable[Tick]:
        """What a message says. Raises :class:`DataError`."""

    def standing(self) -> Iterable[Tick]:
        """What was told before and still holds, as far as is known: told again with each connection, since
        whoever listens may have been told otherwise while there was none."""
        return ()

    @abstractmethod
    async def poll(self, *, every: bool) -> None:
        """Ask for all prices and hand them on; unless ``every``, no longer than until the socket delivers.

        Raises :class:`SourceError` if nothing came of it.
        """

    @property
    def detail(self) -> str:
        """How prices come at the moment."""
        if self._proven:
            return "socket"
        if self._connected:
            return "socket, quiet so far"
        return f"polling; {self._fault}" if self._fault else "connecting"

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Quotes as they come. Raises :class:`SourceError` when neither socket nor polling works."""
        found: asyncio.Queue[Tick | None] = asyncio.Queue(WAITING_TICKS)
        self._found = found
        work = asyncio.create_task(self._work(), name=f"{self.name} work")
        work.add_done_callback(lambda _: None if found.full() else found.put_nowait(None))
        try:
            while not (work.done() and found.empty()):
                tick = await found.get()
                if tick is not None:
                    yield tick
            await work
        finally:
            work.cancel()
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()  # raised above, unless nobody wanted to know any more

    async def _work(self) -> None:
        self._fault = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(), name=f"{self.name} socket")
                group.create_task(self._keep_polling(), name=f"{self.name} polling")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    # -- the socket --------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            connection = self.connection()
            began = time.monotonic()
            try:
                await connection.open()
                self.sockets += 1
                self._connected, self._fault = True, None
                for tick in self.standing():
                    await self.hand_on(tick)
                await self._read(connection)
            except SourceError as error:
                self._fault = error
                self._chance_until = time.monotonic() + CHANCE_SECONDS if self._proven else 0.0
            finally:
                if self._proven and time.monotonic() - began >= HEALTHY_SECONDS:
                    self._backoff.reset()
                self._connected = self._proven = False
                await connection.close()
            self._lost.set()
            await asyncio.sleep(self._backoff.next())

    async def _read(self, connection: Connection) -> None:
        heard = time.monotonic()
        while True:
            patience = PATIENCE.get(self._session(self._clock()))
            limit = None if patience is None else patience * self._silence_seconds
            try:
                message = await connection.receive(min(limit or LOOK_SECONDS, LOOK_SECONDS))
                if message is not None:
                    heard = time.monotonic()
                    for tick in self.understood(message):
                        self._proven = True
                        await self.hand_on(tick)
                    continue
            except DataError as error:
                self.set_aside(error)
                continue
            if limit is None:
                heard = time.monotonic()
            elif time.monotonic() - heard >= limit:
                raise SourceSilent(f"socket silent for {duration(limit)}")

    # -- polling -----------------------------------------------------------------------------------

    @property
    def carried(self) -> bool:
        """The socket does it: it delivers, or nothing is to be expected of it now."""
        return self._proven or (self._connected and self._session(self._clock()) not in PATIENCE)

    async def _keep_polling(self) -> None:
        primed = False
        while True:
            self._lost.clear()
            pause = self._poll_seconds
            if not (primed and self.carried):
                try:
                    await self.poll(every=not primed)
                    primed = True
                except SourceError as error:
                    if self._fault is not None and time.monotonic() >= self._chance_until:
                        raise _both(self._fault, error) from None
                    pause = min(pause, CHANCE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._lost.wait()

    # -- both --------------------------------------------------------------------------------------

    async def hand_on(self, tick: Tick) -> None:
        """Yield it, unless it is old news."""
        if tick.kind != "status":
            last = self._last.get(tick.instrument)
            if last is not None:
                same = (last.price, last.bid, last.ask) == (tick.price, tick.bid, tick.ask)
                if tick.ts < last.ts or (tick.ts == last.ts and same):
                    return
            self._last[tick.instrument] = tick
        await self._found.put(tick)

    def set_aside(self, error: DataError, instrument: str = "") -> None:
        """Tell of a datum that cannot be used."""
        if self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), instrument or self.name, error.reason, error.detail))


def _both(socket: SourceError, polling: SourceError) -> SourceError:
    refused = isinstance(socket, SourceRefused) and isinstance(polling, SourceRefused)
    return (SourceRefused if refused else SourceError)(f"{socket}; polling: {polling}")


def usual_session(ts: Ns) -> Session:
    """The session by New York's clock alone, holidays unknown: enough to judge a silence by."""
    now = datetime.fromtimestamp(ts / NS, UTC).astimezone(NEW_YORK)
    minutes = now.hour * 60 + now.minute
    if now.weekday() >= 5:
        return "weekend"
    if not 4 * 60 <= minutes < 20 * 60:
        return "overnight"
    if minutes < 9 * 60 + 30:
        return "pre"
    return "regular" if minutes < 16 * 60 else "post"
