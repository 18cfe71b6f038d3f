"""One connection to Yahoo's socket: opened, subscribed, read until it fails, closed, never used again.

yfinance 1.7.0's own ``AsyncWebSocket.listen`` cannot be left alone: after an abrupt drop it never
reconnects (``_connect`` returns because ``_ws`` is set), and after a graceful close it spins without giving
any other task a turn, so that not even a time-out can stop it. Its connecting, subscribing, resubscribing
every 15 s and decoding are sound and are used here; only the loop around ``recv`` is ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.collectors.threads import in_thread
from bot.collectors.yahoo_client import CACHE, REFUSALS, load
from bot.errors import DataError, SourceError, SourceRefused

OPEN_SECONDS = 15.0
CLOSE_SECONDS = 1.0


class Stream:
    """A socket that is good for one connection."""

    def __init__(self, url: str, symbols: Sequence[str], cache: Path = CACHE) -> None:
        self._url = url
        self._cache = cache
        self._symbols = list(symbols)
        self._client: Any = None

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`SourceError`; :class:`SourceRefused`, as for a 403."""
        from websockets.exceptions import InvalidStatus, WebSocketException

        yfinance = await in_thread(load, self._cache)
        self._client = yfinance.AsyncWebSocket(url=self._url, verbose=False)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._client.subscribe(self._symbols)
        except InvalidStatus as error:
            status = error.response.status_code
            refused = SourceRefused if status in REFUSALS else SourceError
            raise refused(f"socket answered HTTP {status}") from None
        except TimeoutError:
            raise SourceError(f"socket did not open within {OPEN_SECONDS:g} s") from None
        except (OSError, WebSocketException) as error:
            raise SourceError(f"socket cannot be opened: {error or type(error).__name__}") from None

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message, decoded; ``None`` if none came within ``seconds``.

        Raises :class:`DataError` for a frame that cannot be decoded (the next one may be), and
        :class:`SourceError` once the connection is lost.
        """
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
        return self._decode(frame)

    def _decode(self, frame: str | bytes) -> dict[str, Any] | None:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types

        try:
            envelope = json.loads(frame)
            if not isinstance(envelope, dict) or "message" not in envelope:
                raise ValueError("no message in it")
            message: dict[str, Any] = self._client._decode_message(envelope["message"])
        except (ValueError, TypeError, DecodeError) as error:
            raise DataError("malformed", f"{error}: {frame[:60]!r}") from None
        return message

    async def close(self) -> None:
        """Free the connection, politely if the other side answers within a second."""
        client, self._client = self._client, None
        if client is None:
            return
        connection, heartbeat = client._ws, client._heartbeat_task
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()
                if heartbeat is not None:
                    await asyncio.wait({heartbeat})
        except TimeoutError:
            pass
        finally:
            if connection is not None:
                connection.transport.abort()
            if heartbeat is not None and heartbeat.done() and not heartbeat.cancelled():
                # It ends with the error of a lost connection, which we know; asyncio would complain.
                heartbeat.exception()
