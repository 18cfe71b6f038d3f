"""One connection to Alpaca's socket: opened, subscribed, read until it fails, closed, never used again.

alpaca-py 0.44's own loop (``DataStream._run_forever``) cannot be left alone: a wrong key, a second connection
and a missing subscription are logged and tried again every few seconds without a word to the caller, errors
that come later (a symbol too many, a client too slow) are only logged, and nothing limits how long connecting
may take. Its connecting, authenticating and subscribing are sound and are used here, in MessagePack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.collectors.alpaca_client import load
from bot.collectors.threads import in_thread
from bot.errors import DataError, SourceError, SourceRefused

OPEN_SECONDS = 15.0
CLOSE_SECONDS = 1.0
PING_SECONDS = 10.0
CHANNELS = ("trades", "quotes", "statuses", "lulds")
REFUSALS = ("auth failed", "not authenticated", "insufficient subscription", "symbol limit exceeded",
            "connection limit exceeded", "invalid subscribe action for this feed")  # fmt: skip
"""Alpaca's words (codes 402, 401, 409, 405, 406, 410) for what will not pass by itself."""
HINTS = {
    "auth failed": "check api_key and api_secret",
    "insufficient subscription": "the plan does not have this feed",
    "symbol limit exceeded": "30 symbols at most without a plan",
    "connection limit exceeded": "another program is connected with these keys",
}
REFUSED_STATUSES = frozenset({401, 403, 429, 451})


class Stream:
    """A socket that is good for one connection."""

    def __init__(self, url: str, feed: str, key: str, password: str, symbols: Sequence[str]) -> None:
        self._url = f"{url.rstrip('/')}/{feed}"
        self._feed = feed
        self._keys = key, password
        self._symbols = tuple(symbols)
        self._client: Any = None

    async def open(self) -> None:
        """Connect, authenticate and subscribe. Raises :class:`SourceError`; :class:`SourceRefused` where the
        answer is no."""
        await in_thread(load)
        from websockets.exceptions import WebSocketException
        from websockets.legacy.exceptions import InvalidStatusCode

        self._client = self._made()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._client._start_ws()
                await self._client._send_subscribe_msg()
        except InvalidStatusCode as error:
            refused = SourceRefused if error.status_code in REFUSED_STATUSES else SourceError
            raise refused(f"socket answered HTTP {error.status_code}") from None
        except TimeoutError:
            raise SourceError(f"socket did not open within {OPEN_SECONDS:g} s") from None
        except (OSError, WebSocketException) as error:
            raise SourceError(f"socket cannot be opened: {error or type(error).__name__}") from None
        except ValueError as error:  # all that alpaca-py says of a greeting it does not like
            raise _meant(str(error)) from None
        except (KeyError, IndexError, TypeError) as error:
            raise SourceError(f"socket greets in no known way: {type(error).__name__}") from None

    def _made(self) -> Any:
        from alpaca.data.enums import DataFeed
        from alpaca.data.live import StockDataStream

        limits = {"ping_interval": PING_SECONDS, "ping_timeout": PING_SECONDS, "close_timeout": CLOSE_SECONDS,
                  "max_queue": 1024}  # fmt: skip
        client = StockDataStream(
            *self._keys, raw_data=True, feed=DataFeed(self._feed), url_override=self._url,
            websocket_params=limits,
        )  # fmt: skip
        for channel in CHANNELS:  # it has no method to subscribe to price bands, but passes them on
            client._handlers[channel] = dict.fromkeys(self._symbols, _unused)
        return client

    async def receive(self, seconds: float) -> list[dict[str, Any]] | None:
        """The messages of the next frame, as told; ``None`` if none came within ``seconds``.

        Raises :class:`DataError` for a frame that cannot be decoded (the next one may be), and
        :class:`SourceError` once the connection is lost or Alpaca says that it is of no use.
        """
        import msgpack
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

        try:
            async with asyncio.timeout(seconds):
                frame = await self._client._ws.recv()
        except TimeoutError:
            return None
        except ConnectionClosedOK:
            raise SourceError("socket closed by the server") from None
        except ConnectionClosed as error:
            raise SourceError(f"socket dropped: {error}") from None
        try:
            messages = msgpack.unpackb(frame)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise DataError("malformed", f"{error or type(error).__name__}: {frame[:60]!r}") from None
        if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
            raise DataError("malformed", f"no list of messages: {frame[:60]!r}")
        for message in messages:
            if message.get("T") == "error":
                raise _meant(str(message.get("msg", message.get("code"))))
        return messages

    async def close(self) -> None:
        """Free the connection, politely if the other side answers within a second."""
        client, self._client = self._client, None
        socket = client._ws if client is not None else None
        if socket is None:
            return
        # In a task of its own: websockets' legacy close() swallows the cancellation of whoever waits for it.
        closing = asyncio.create_task(socket.close())
        try:
            await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        finally:
            if socket.transport is not None:
                socket.transport.abort()
            closing.add_done_callback(_heard)
            closing.cancel()


def _heard(closing: asyncio.Task[None]) -> None:
    """It ends with the error of a lost connection, which we know; asyncio would complain."""
    if not closing.cancelled():
        closing.exception()


def _meant(words: str) -> SourceError:
    hint = HINTS.get(words)
    refused = SourceRefused if words in REFUSALS else SourceError
    return refused(f"socket says: {words}{f' ({hint})' if hint else ''}")


async def _unused(_message: Any) -> None:
    """In place of a handler: messages are read as they come."""
