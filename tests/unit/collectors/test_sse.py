"""Server-sent events out of bytes, however they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import aiohttp
import pytest

from bot.collectors.sse import events
from bot.errors import SourceError, SourceSilent


class Parts:
    """A server that says these parts, the last one again and again if it is to ``trickle``."""

    def __init__(self, parts: Iterable[bytes], *, trickle: bool = False) -> None:
        self._parts, self._trickle, self._last = list(parts), trickle, b""

    async def readany(self) -> bytes:
        await asyncio.sleep(0)
        if self._parts:
            self._last = self._parts.pop(0)
            return self._last
        if not self._trickle:
            return b""
        await asyncio.sleep(0.005)
        return self._last


def read(parts: Parts, silence_seconds: float = 20.0) -> Any:
    return events(cast(aiohttp.StreamReader, parts), silence_seconds)


async def test_an_event_is_its_data_lines_whatever_parts_they_come_in() -> None:
    stream = read(Parts([b": hello\n\nda", b"ta: one\r\ndata:two\r\n", b"\r\ndata: three\n\n"]))
    assert [await anext(stream), await anext(stream)] == [b"one\ntwo", b"three"]
    with pytest.raises(SourceError, match="ended by the server"):
        await anext(stream)


async def test_a_server_that_trickles_bytes_without_an_end_of_line_is_silent() -> None:
    with pytest.raises(SourceSilent, match="the stream is silent"):
        async for _ in read(Parts([b"data: one\n\n", b"x"], trickle=True), silence_seconds=0.1):
            pass


async def test_comments_are_signs_of_life() -> None:
    stream = read(Parts([b":\n\n"], trickle=True), silence_seconds=5.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(stream)
    await stream.aclose()
