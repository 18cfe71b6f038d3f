"""One WebSocket to a Solana node's pubsub: slots and changed accounts, in the order the node sends them.

Source of messages: the RPC WebSocket reference of Agave (``accountSubscribe``, ``slotSubscribe``). A node
notifies slot after slot; within one slot in any order. The clock's account changes in every slot, so one
notification of a later slot says that an earlier one has been told in full.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from bot.collectors.solana_rpc import account
from bot.errors import SourceError, SourceRefused, SourceSilent
from bot.pools.layouts.base import CLOCK, Account
from bot.timefmt import duration

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
AT_ONCE = 64
"""Subscriptions asked for before the first of them must have been answered."""
WAITING_EVENTS = 100_000
"""Notifications that wait to be taken in; one more, and the connection is given up."""
LARGEST_MESSAGE = 16 * 2**20


class SlotMoved(Struct, frozen=True):
    """The node works on ``slot`` now, which follows ``parent``."""

    slot: int
    parent: int


class Changed(Struct, frozen=True):
    """An account as of a slot, ``None`` if it was closed."""

    slot: int
    address: str
    account: Account | None


Event = SlotMoved | Changed


class Stream:
    """Good for one connection; see :func:`opened`."""

    def __init__(self, socket: ClientConnection, commitment: str, silence_seconds: float) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue(WAITING_EVENTS)
        """``None`` is the end."""
        self.fault: SourceError | None = None
        self.held: dict[str, int] = {}
        """Subscriptions, by address."""
        self.heard = {"slots": time.monotonic(), "the clock": time.monotonic()}
        """When each that never rests was last heard of."""
        self._socket = socket
        self._commitment = commitment
        self._silence_seconds = silence_seconds
        self._addresses: dict[int, str] = {}
        self._ids = itertools.count(1)
        self._asked: dict[int, tuple[str | None, asyncio.Future[int]]] = {}
        self._window = asyncio.Semaphore(AT_ONCE)

    async def next(self) -> Event:
        """The next event. Raises :class:`SourceSilent` if slots or clock were not heard of for too long, and
        why the connection ended."""
        what = min(self.heard, key=lambda one: self.heard[one])
        left = self.heard[what] + self._silence_seconds - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left)):
                event = await self.events.get()
        except TimeoutError:
            event, left = None, 0.0
        if self.fault is not None:
            raise self.fault
        if event is None or left <= 0:
            raise SourceSilent(f"no notification of {what} for {duration(self._silence_seconds)}")
        return event

    async def subscribe_slots(self) -> None:
        """Slots as the node moves on. Raises :class:`SourceError`."""
        await self._ask("slotSubscribe", [], None)

    async def subscribe(self, addresses: Iterable[str]) -> None:
        """Changes of accounts, as many as are not subscribed yet. Raises :class:`SourceError`."""
        options = {"encoding": "base64", "commitment": self._commitment}
        new = [one for one in addresses if one not in self.held]
        await _all(self._ask("accountSubscribe", [one, options], one) for one in new)

    async def unsubscribe(self, addresses: Iterable[str]) -> None:
        """No further changes of accounts."""
        numbers = [self.held.pop(one) for one in list(addresses) if one in self.held]
        for number in numbers:
            self._addresses.pop(number, None)
        await _all(self._ask("accountUnsubscribe", [number], None) for number in numbers)

    async def _ask(self, method: str, params: list[Any], address: str | None) -> None:
        async with self._window:
            if self.fault is not None:
                raise self.fault
            number = next(self._ids)
            done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._asked[number] = address, done
            question = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            try:
                await self._socket.send(msgspec.json.encode(question).decode())
                async with asyncio.timeout(self._silence_seconds):
                    await done
            except TimeoutError:
                raise SourceSilent(f"{method}: no answer within {duration(self._silence_seconds)}") from None
            except WebSocketException as error:
                raise self.fault or _ours(error) from None
            finally:
                del self._asked[number]
                if done.done() and not done.cancelled():
                    done.exception()  # the connection may have ended while we were still sending

    async def read(self) -> None:
        """Take in whatever comes until the connection ends; :attr:`fault` says why."""
        try:
            while True:
                self._take(await self._socket.recv())
        except (WebSocketException, OSError) as error:
            self.fault = _ours(error)
        except asyncio.QueueFull:
            self.fault = SourceError(f"more than {WAITING_EVENTS} notifications wait: we cannot keep up")
        except (msgspec.DecodeError, TypeError, KeyError, ValueError, AttributeError) as error:
            self.fault = SourceError(f"malformed message from the node: {error!r}")
        for _, done in self._asked.values():
            if not done.done():
                done.set_exception(self.fault)
        while self.events.full():
            self.events.get_nowait()
        self.events.put_nowait(None)

    def _take(self, frame: str | bytes) -> None:
        message = msgspec.json.decode(frame)
        if "id" in message:
            self._answered(message)
            return
        params = message["params"]
        number, result = params["subscription"], params["result"]
        if message["method"] == "slotNotification":
            self.heard["slots"] = time.monotonic()
            self.events.put_nowait(SlotMoved(int(result["slot"]), int(result["parent"])))
        elif number in self._addresses:
            value = account(result["value"])
            if self._addresses[number] == CLOCK:
                self.heard["the clock"] = time.monotonic()
            self.events.put_nowait(Changed(int(result["context"]["slot"]), self._addresses[number], value))

    def _answered(self, message: dict[str, Any]) -> None:
        address, done = self._asked.get(message["id"] or 0, (None, None))
        if done is None or done.done():
            return
        if message.get("error") is not None:
            done.set_exception(SourceError(f"subscription refused: {message['error'].get('message', '')}"))
            return
        number = message["result"]
        if address is not None:
            # Here, not where it is waited for: the next message may be of this very subscription.
            self.held[address] = number
            self._addresses[number] = address
        done.set_result(number)


@asynccontextmanager
async def opened(url: str, commitment: str, silence_seconds: float) -> AsyncIterator[Stream]:
    """A connection, closed on leaving within a second whatever the node does. Raises :class:`SourceError`.

    ``silence_seconds``: how long slots, the clock, or an answer may be waited for.
    """
    try:
        socket = await connect(
            url, open_timeout=OPEN_SECONDS, close_timeout=CLOSE_SECONDS, max_size=LARGEST_MESSAGE
        )
    except (WebSocketException, OSError, TimeoutError) as error:
        raise _ours(error) from None
    stream = Stream(socket, commitment, silence_seconds)
    reader = asyncio.create_task(stream.read(), name="solana pubsub")
    try:
        yield stream
    finally:
        reader.cancel()
        await asyncio.wait({reader})
        with suppress(WebSocketException, OSError, TimeoutError):
            await socket.close()


async def _all(questions: Iterable[Any]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for question in questions:
                group.create_task(question)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


def _ours(error: BaseException) -> SourceError:
    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
    if status in (401, 403):
        return SourceRefused(f"the node refuses the subscription (HTTP {status}): check the key in the URL")
    if isinstance(error, InvalidURI):
        return SourceError("the WebSocket URL is malformed")
    return SourceError(f"pubsub: {str(error) or type(error).__name__}")
