"""JSON over HTTP at a pace: limits heeded, answers bounded in size and time, faults turned into ours.

Shared by the sources that are asked over HTTP; each of them says in its own words what it asks for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import msgspec

from bot import __version__
from bot.collectors.retry_after import retry_after
from bot.errors import DataError, SourceError, SourceRefused
from bot.timefmt import duration

REQUEST_SECONDS = 20.0
OPEN_SECONDS = 10.0
TRIES = 4
"""How often a request that met a rate limit is made again."""
LONGEST_WAIT_SECONDS = 120.0
"""A server that asks us to wait for longer is taken to have refused."""
MAX_BYTES = 16 * 2**20
MISSING = (404, 410)
LIMITED = (429, 503)
"""Statuses that may come with Retry-After; without one, 503 is a failure like any other."""
MAX_WORDS = 200


class Forbidden(SourceRefused):
    """HTTP 403: not this, though perhaps something else."""


Params = Mapping[str, str] | Sequence[tuple[str, str]]
Sleep = Callable[[float], Any]


class Http:
    """Asks one server; used as ``async with``. Secrets go into ``headers``: no error shows those.

    At most ``per_second`` requests leave it. Every method may raise :class:`SourceError`,
    :class:`SourceRefused` (401, 403, or a limit that outlasts our patience) and, for what the server does not
    have (404), :class:`DataError` ``not_found``.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        per_second: float,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = 0
        """Sent since the start."""
        self._name, self._url = name, url.rstrip("/")
        self._headers = {"User-Agent": f"pegbot/{__version__}", "Accept": "application/json"} | dict(
            headers or {}
        )
        self._pause = 1 / per_second
        self._next = 0.0
        self._sleep, self._monotonic = sleep, monotonic
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, connect=OPEN_SECONDS)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, params: Params = ()) -> Any:
        """The decoded answer."""
        return await self._ask("GET", path, params, None)

    async def post(self, path: str, body: Any) -> Any:
        """The decoded answer to a body of JSON."""
        return await self._ask("POST", path, (), msgspec.json.encode(body))

    @asynccontextmanager
    async def stream(self, path: str, params: Params = ()) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that goes on; whoever reads it bounds the silence in it."""
        assert self._session is not None
        await self._turn()
        timeout = aiohttp.ClientTimeout(total=None, connect=OPEN_SECONDS, sock_read=None)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                self.requests += 1
                response = await self._session.get(
                    self._url + path,
                    params=params,
                    headers={"Accept": "text/event-stream"},
                    timeout=timeout,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceError(f"{self._name}: {said(error)}") from None
        try:
            if response.status != 200:
                content = await self._content(response)
                if response.status in LIMITED:
                    self._barred(response, 0)
                self._judged(response.status, path, content)
                raise SourceError(f"{self._name}: HTTP {response.status} for a stream")
            yield response.content
        except (aiohttp.ClientError, OSError) as error:
            raise SourceError(f"{self._name}: {said(error)}") from None
        finally:
            response.close()

    async def _ask(self, method: str, path: str, params: Params, body: bytes | None) -> Any:
        assert self._session is not None
        headers = {"Content-Type": "application/json"} if body is not None else None
        for attempt in range(TRIES):
            await self._turn()
            self.requests += 1
            try:
                async with self._session.request(
                    method, self._url + path, params=params, data=body, headers=headers
                ) as response:
                    content = await self._content(response)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceError(f"{self._name}: {said(error)}") from None
            if response.status == 429 or (response.status in LIMITED and response.headers.get("Retry-After")):
                self._barred(response, attempt)
                continue
            return self._judged(response.status, path, content)
        raise SourceError(f"{self._name}: rate-limited {TRIES} times in a row; ask less often")

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, whole; SourceError if there is no end to it."""
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > MAX_BYTES:
                raise SourceError(f"{self._name}: an answer of more than {MAX_BYTES // 2**20} MiB")
            parts.append(part)
        return b"".join(parts)

    def _judged(self, status: int, path: str, content: bytes) -> Any:
        """The decoded answer, or what its status means."""
        if status in (401, 403):
            raise (Forbidden if status == 403 else SourceRefused)(
                f"{self._name} refuses the request (HTTP {status}{_words(content)}): check the key"
            )
        if status in MISSING:
            raise DataError("not_found", f"{self._name} has no {path}{_words(content)}")
        if status != 200:
            raise SourceError(f"{self._name}: HTTP {status}{_words(content)}")
        try:
            return msgspec.json.decode(content)
        except msgspec.DecodeError:
            raise SourceError(f"{self._name}: no JSON in the answer to {path}") from None

    async def _turn(self) -> None:
        now = self._monotonic()
        mine = max(now, self._next)
        self._next = mine + self._pause
        if mine > now:
            await self._sleep(mine - now)

    def _barred(self, response: aiohttp.ClientResponse, attempt: int) -> None:
        """Nobody asks before the server allows it again."""
        wait = retry_after(response.headers)
        seconds = float(2**attempt) if wait is None else wait
        if seconds > LONGEST_WAIT_SECONDS:
            raise SourceRefused(f"{self._name} wants no request for {duration(seconds)}")
        self._next = max(self._next, self._monotonic() + seconds)


def said(error: BaseException) -> str:
    """An error of the connection in words, without the URL that may be in its own."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return "the URL is malformed"
    if isinstance(error, TimeoutError):
        return f"no answer within {REQUEST_SECONDS:g} s"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "its answer was cut short"
    return str(error) or type(error).__name__


def number(value: Any) -> float | None:
    """A finite number, given as one or as text; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def _words(content: bytes) -> str:
    """What an error's body says, if it says anything."""
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    told = [str(body[key]) for key in ("code", "error", "message") if body.get(key)]
    return f": {' '.join(told)}"[:MAX_WORDS] if told else ""
