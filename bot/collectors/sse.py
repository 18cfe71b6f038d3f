"""Server-sent events out of an HTTP answer that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from bot.errors import SourceError, SourceSilent
from bot.timefmt import duration

MAX_EVENT = 4 * 2**20
"""Bytes of one event; a longer one is no event."""


async def events(content: aiohttp.StreamReader, silence_seconds: float) -> AsyncGenerator[bytes, None]:
    """The data of each server-sent event (WHATWG HTML, 9.2): lines until an empty one, comments left out.

    A whole line is a sign of life, a byte is none: SourceSilent after so long without one, however slowly
    bytes come. SourceError where it ends.
    """
    buffer, data, size = b"", list[bytes](), 0
    loop = asyncio.get_running_loop()
    heard = loop.time()
    while True:
        try:
            async with asyncio.timeout_at(heard + silence_seconds):
                part = await content.readany()
        except TimeoutError:
            raise SourceSilent(f"the stream is silent for {duration(silence_seconds)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SourceError(f"the stream was lost: {error or type(error).__name__}") from None
        if not part:
            raise SourceError("the stream was ended by the server")
        size += len(part)
        if size > MAX_EVENT:
            raise SourceError(f"an event of more than {MAX_EVENT // 2**20} MiB")
        *lines, buffer = (buffer + part).replace(b"\r\n", b"\n").split(b"\n")
        if lines:
            heard = loop.time()
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line:
                size = len(buffer)
                if data:
                    yield b"\n".join(data)
                    data = []
