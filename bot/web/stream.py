"""``/api/stream``: what changed, as server-sent events.

A client costs one integer: the version of the replica it has been told. A few times a second it is told the
latest state of everything that changed since; while it is too slow to take that, nothing piles up.

Events: ``hello`` (fetch everything now), then ``changes`` whenever something changed, and at least every
``beat_seconds`` with nothing but the time, so that the client knows the connection is alive.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.web import views
from bot.web.http import Problem
from bot.web.replica import Key, Replica

MAX_CLIENTS = 64
MAX_KEYS_AN_EVENT = 2_000


class Stream:
    """The endpoint; ``closing`` ends every client's stream when the server stops."""

    def __init__(
        self,
        replica: Replica,
        ready: Callable[[], tuple[bool, str]],
        closing: asyncio.Event,
        *,
        poll_seconds: float = 0.25,
        beat_seconds: float = 2.0,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._replica = replica
        self._ready = ready
        self._closing = closing
        self._poll_seconds = poll_seconds
        self._beats = max(1, round(beat_seconds / poll_seconds))
        self._max_clients = max_clients
        self.clients = 0

    async def __call__(self, request: Request) -> Response:
        if self.clients >= self._max_clients:
            raise Problem(503, "too_many_streams", "too many pages are open; close one and reload")
        return StreamingResponse(
            self._events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _events(self) -> AsyncIterator[bytes]:
        self.clients += 1
        try:
            seen = self._replica.version
            yield b"retry: 1000\n" + self._event("hello", [])
            quiet = 0
            while not self._closing.is_set():
                await self._pause()
                keys = self._replica.changes(seen, MAX_KEYS_AN_EVENT)
                quiet = 0 if keys else quiet + 1
                if keys or quiet >= self._beats:
                    quiet = 0
                    seen = self._replica.version
                    yield self._event("changes", keys)
        finally:
            self.clients -= 1

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._closing.wait()

    def _event(self, name: str, keys: list[Key]) -> bytes:
        ready, reason = self._ready()
        body = {**views.changes(self._replica, keys), "ready": ready, "reason": reason}
        return f"event: {name}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"
