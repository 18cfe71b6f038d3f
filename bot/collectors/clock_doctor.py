"""Whether this machine's clock is right, by the ``Date`` that the configured servers send, and what a
pegbot that is running already says of its sources; for ``pegbot doctor``. HTTP/1.1 in a few lines, so that
it needs no library that may not be installed."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from bot.errors import SourceError

SECONDS = 4.0
"""For each server; all are asked at once."""
LOCAL_SECONDS = 2.0
SERVERS = 5
TOLERATED_SECONDS = 2.0
MAX_BYTES = 4 * 2**20


class Told(NamedTuple):
    """What a server answered: header fields in small letters, and the body."""

    headers: dict[str, str]
    body: bytes


class Offset(NamedTuple):
    """How far this machine's clock is ahead of the servers' (seconds, median), and whose were asked."""

    seconds: float
    hosts: list[str]


async def offset(urls: Iterable[str], clock: Callable[[], float] = time.time) -> Offset | None:
    """``None`` if nobody told the time. ``clock`` is this machine's, in seconds since 1970."""
    hosts: dict[str, SplitResult] = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.hostname:
            # Any answer has a Date: no endpoint that does work, or counts requests, need be asked.
            hosts.setdefault(parts.hostname, parts._replace(path="/", query=""))
    asked = list(hosts.items())[:SERVERS]
    answers = await asyncio.gather(*(_ahead(parts, clock) for _, parts in asked))
    told = {host: ahead for (host, _), ahead in zip(asked, answers, strict=True) if ahead is not None}
    return Offset(median(told.values()), list(told)) if told else None


async def _ahead(parts: SplitResult, clock: Callable[[], float]) -> float | None:
    before = clock()
    try:
        answer = await request(parts, "HEAD")
        date = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (OSError, TimeoutError, SourceError, LookupError, ValueError, TypeError):
        return None
    # A Date has whole seconds, cut off: it is half a second later on average.
    return (before + clock()) / 2 - (date + 0.5)


async def status(host: str, port: int) -> dict[str, Any] | None:
    """What the pegbot on this port says of itself; ``None`` if there is none."""
    try:
        url = urlsplit(f"http://{host or '127.0.0.1'}:{port}/api/status")
        answer = await request(url, "GET", LOCAL_SECONDS)
        said = msgspec.json.decode(answer.body)
    except (OSError, TimeoutError, SourceError, msgspec.DecodeError):
        return None
    return said if isinstance(said, dict) and "references" in said and "version" in said else None


async def request(parts: SplitResult, method: str, seconds: float = SECONDS) -> Told:
    """One request on a connection of its own. Raises OSError, TimeoutError, or SourceError for no HTTP."""
    secure = parts.scheme in ("https", "wss")
    port = parts.port or (443 if secure else 80)
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(
            parts.hostname, port, ssl=ssl.create_default_context() if secure else None
        )
        try:
            host = parts.netloc.rpartition("@")[2]
            writer.write(
                f"{method} {parts.path or '/'} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pegbot\r\n"
                "Accept: */*\r\nConnection: close\r\n\r\n".encode()
            )
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                raise SourceError(f"{host} does not speak HTTP") from None
            lines = head.decode("latin-1").split("\r\n")[1:]
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            body = b"" if method == "HEAD" else await reader.read(MAX_BYTES)
            while body and len(body) < MAX_BYTES and (more := await reader.read(MAX_BYTES)):
                body += more
        finally:
            writer.close()
    return Told({name.strip().lower(): text.strip() for name, text in fields.items()}, body)
