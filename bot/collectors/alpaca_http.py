"""The HTTP session given to alpaca-py: at a pace, bounded in time and size, its faults turned into ours.

Imported only where it is used: it needs requests, which alpaca-py is built on.
"""

from __future__ import annotations

import re
import time
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from bot.collectors.alpaca_client import RateLimited
from bot.collectors.retry_after import retry_after
from bot.errors import SourceError, SourceRefused

OPEN_SECONDS, READ_SECONDS = 5.0, 10.0
REQUEST_SECONDS = 20.0
"""For one request, however slowly its answer drips."""
RATE_SECONDS = 15.0
"""After an HTTP 429 that does not say for how long: Alpaca counts by the minute."""
MAX_BYTES = 32 * 2**20
PART_BYTES = 65_536
MAX_WORDS = 200
POOL = re.compile(r"^HTTPS?Connection\(.*?\): ")
"""How urllib3 begins what it says, with the address in it."""


class AlpacaSession(requests.Session):
    """At most ``per_second`` requests leave it.

    Raises :class:`SourceError`, :class:`SourceRefused` (401, 403) and :class:`RateLimited` (429), whose words
    never hold what was sent."""

    def __init__(self, per_second: float) -> None:
        super().__init__()
        self._pause = 1 / per_second
        self._next = 0.0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """As the base class, but the answer is read and judged."""
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + self._pause
        deadline = time.monotonic() + REQUEST_SECONDS
        kwargs |= {"timeout": (OPEN_SECONDS, READ_SECONDS), "stream": True}
        try:
            with super().request(method, url, *args, **kwargs) as response:
                # Read by now, so that .text and .json() need not: requests itself would wait for ever.
                response._content = _content(response, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise SourceError(f"Alpaca: {_said(error)}") from None
        _judge(response)
        return response


def _content(response: requests.Response, deadline: float) -> bytes:
    parts, size = [], 0
    while part := response.raw.read1(PART_BYTES, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise SourceError(f"Alpaca: an answer of more than {MAX_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            raise SourceError(f"Alpaca: no whole answer within {REQUEST_SECONDS:g} s")
    if (
        int(response.headers.get("Content-Length", size)) > size
        and "Content-Encoding" not in response.headers
    ):
        raise SourceError("Alpaca: its answer was cut short")
    return b"".join(parts)


def _judge(response: requests.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    if status == 429:
        raise RateLimited(_wait(response))
    if status in (401, 403):
        raise SourceRefused(
            f"Alpaca refuses the request (HTTP {status}{_words(response)}): check keys, feed and subscription"
        )
    raise SourceError(f"Alpaca: HTTP {status}{_words(response)}")


def _wait(response: requests.Response) -> float:
    """Seconds, by Retry-After, or by ``X-RateLimit-Reset`` (seconds since the epoch), as Alpaca has it."""
    seconds = retry_after(response.headers)
    if seconds is None:
        try:
            seconds = float(response.headers["X-RateLimit-Reset"]) - time.time()
        except (KeyError, ValueError):
            return RATE_SECONDS
    return max(1.0, seconds)


def _words(response: requests.Response) -> str:
    """What an error's body says, if it says anything."""
    try:
        body = response.json()
    except ValueError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return f": {str(message)[:MAX_WORDS]}" if message else ""


def _said(error: Exception) -> str:
    """An error of the connection in words, without the URL that may be in its own."""
    if isinstance(error, requests.Timeout | TimeoutError):
        return f"no answer within {READ_SECONDS:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | HTTPError):
        return "its answer was cut short"
    inner: BaseException = error
    while causes := [one for one in (getattr(inner, "reason", None), *inner.args)
                     if isinstance(one, BaseException)]:  # fmt: skip
        inner = causes[0]
    return POOL.sub("", str(inner)) or type(inner).__name__
