"""ccxt, made to behave inside a daemon: watched, verified, and its errors told in our words.

Imported only where it is used: loading ccxt takes about a second.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import ccxt.pro

from bot.collectors.exchange_rules import options, rules
from bot.collectors.exchange_sequence import Sequence
from bot.collectors.kraken_xstocks import Kraken
from bot.config import ExchangeSource, secret
from bot.errors import ConfigError, DataError, PegbotError, SourceError, SourceRefused
from bot.logs import redact

REFUSALS = frozenset({401, 403, 451})
RATE_LIMITS = frozenset({418, 429})
REQUEST_SECONDS = 15.0
CLOSE_SECONDS = 2.0
GAPS = (5, 60.0)
"""More gaps than the first within the second, in seconds: it is no accident, start again."""
BAD_FRAMES = 50
"""So many in a row and nothing else: no use in listening on."""
MOST_SAID = 200
PINGS = 3
"""At least so many within ``silence_seconds``."""


class RateLimited(SourceError):
    """Asked to wait ``seconds``, and said how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"rate-limited: asked to wait {seconds:.0f} s")
        self.seconds = seconds


class Gap(ccxt.NetworkError):  # type: ignore[misc]  # ccxt's types are not followed
    """Messages of a book were missed: subscribe anew."""


class Watched:
    """Mixed into a ccxt exchange: notes when it was last heard, survives bad frames, finds gaps.

    ccxt 4.5.90 ends its receiving, for good and without a word, when a frame cannot be decoded or handled.
    """

    clients: dict[str, Any]
    orderbooks: dict[str, Any]

    def watch_over(self, exchange: str, on_bad: Callable[[DataError], None]) -> None:
        """Before the first request."""
        self.heard = time.monotonic()
        self.gaps = self.stale = self.bad_frames = 0
        self.fault: SourceError | None = None
        self.http_status = 0
        self.retry_after: float | None = None
        self._on_bad_frame = on_bad
        self._bad_in_row = 0
        self._gap_times: deque[float] = deque(maxlen=GAPS[0])
        self._step_of = rules(exchange).step_of
        self._sequence = Sequence()

    def client(self, url: str) -> Any:
        """As ccxt's, its frames passing through :meth:`_frame`."""
        client = super().client(url)  # type: ignore[misc]  # of ccxt's Exchange, which comes after
        if "handle_message" not in vars(client):
            # A new connection begins with snapshots.
            self._sequence.clear()
            self.orderbooks.clear()
            handle = client.handle_message
            client.handle_message = lambda message: self._frame(client, handle, message)
        return client

    def _frame(self, client: Any, handle: Callable[[Any], None], message: Any) -> None:
        if isinstance(client.error, Gap):
            return
        self.heard = time.monotonic()
        try:
            handle(message)
            self._bad_in_row = 0
        except Exception as error:  # whatever a frame that is not as it should be makes ccxt trip over
            self.bad_frames += 1
            self._bad_in_row += 1
            said = str(message.data)[:80]
            self._on_bad_frame(DataError("malformed", f"{type(error).__name__}: {error}: {said!r}"))
            if self._bad_in_row >= BAD_FRAMES:
                self.fault = SourceError(f"{BAD_FRAMES} malformed frames in a row")

    def handle_message(self, client: Any, message: Any) -> None:
        """As ccxt's, for messages whose turn it is."""
        step = self._step_of(message) if self._step_of is not None and isinstance(message, Mapping) else None
        if step is not None:
            verdict = self._sequence.take(step)
            if verdict == "drop":
                self.stale += 1
                return
            if verdict == "gap":
                self.lose(client, step.key)
                return
        super().handle_message(client, message)  # type: ignore[misc]  # as above

    def lose(self, client: Any, what: str) -> None:
        """Give the connection up: its books are no longer what the exchange has."""
        self.count_gap()
        self._sequence.clear()
        self.orderbooks.clear()
        client.on_error(Gap(f"messages of {what} were missed"))

    def count_gap(self) -> None:
        """A book is to be had anew; too often is a fault."""
        self.gaps += 1
        now = time.monotonic()
        if len(self._gap_times) == GAPS[0] and now - self._gap_times[0] < GAPS[1]:
            self.fault = SourceError(f"messages of a book were missed {GAPS[0] + 1} times in {GAPS[1]:.0f} s")
        self._gap_times.append(now)

    def on_rest_response(self, code: int, reason: str, url: str, method: str, headers: Mapping[str, str],
                         body: str, *asked: Any) -> str:  # fmt: skip
        """Notes the status, which ccxt's errors do not tell, and how long to wait."""
        self.http_status = code
        self.retry_after = seconds_of({name.lower(): value for name, value in headers.items()})
        return body.strip()

    def meant(self, error: BaseException) -> PegbotError:
        """ccxt's error as one of ours."""
        if isinstance(error, PegbotError):
            return error
        status, wait = self.http_status, self.retry_after
        for cause in (error, *error.args[:1]):
            if isinstance(cause, aiohttp.WSServerHandshakeError):
                status = cause.status
                wait = seconds_of({name.lower(): value for name, value in (cause.headers or {}).items()})
        cause = error.__cause__
        # ccxt says which request failed, and what it failed of only in the cause: a name, a certificate.
        why = f": {cause}" if isinstance(cause, aiohttp.ClientError | OSError) and str(cause) else ""
        said = redact(str(error))[:MOST_SAID] or type(error).__name__
        said += redact(why)[:MOST_SAID]
        limited = isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection)
        if status in RATE_LIMITS or (limited and status not in REFUSALS):
            return SourceRefused(f"rate-limited: {said}") if wait is None else RateLimited(wait)
        if status in REFUSALS or isinstance(error, ccxt.AuthenticationError | ccxt.PermissionDenied):
            return SourceRefused(f"refused: {said}")
        return SourceError(f"{type(error).__name__}: {said}")


def seconds_of(headers: Mapping[str, str]) -> float | None:
    """What ``retry-after`` says, seconds or a date; ``None``: nothing."""
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def make(source: ExchangeSource, on_bad: Callable[[DataError], None]) -> Any:
    """A ccxt exchange as configured; it opens nothing. Raises :class:`ConfigError` for a secret that is not
    there."""
    name = source.exchange
    base: Any = Kraken if name == "kraken" else getattr(ccxt.pro, name, None)
    if base is None:
        raise ConfigError(f"collectors.exchange[{source.name}].exchange: ccxt has no socket for {name!r}")
    settings: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": int(REQUEST_SECONDS * 1000),
        "options": options(name, list(source.markets.values())),
    }
    if source.requests_per_second:
        settings["rateLimit"] = 1000 / source.requests_per_second
    for ours, theirs in (("api_key", "apiKey"), ("api_secret", "secret"), ("api_password", "password")):
        if getattr(source, ours):
            settings[theirs] = secret(getattr(source, ours)).get_secret_value()
    exchange: Any = type(f"Watched{base.__name__.title()}", (Watched, base), {})(settings)
    exchange.urls["api"] = _moved(exchange.urls["api"], source.rest_url, source.websocket_url)
    if not rules(name).currencies:
        exchange.has["fetchCurrencies"] = False
    # Quiet markets say nothing: only the answer to a ping shows that the socket is alive.
    keep_alive = int(source.silence_seconds * 1000 / PINGS)
    exchange.streaming["keepAlive"] = min(exchange.streaming.get("keepAlive", keep_alive), keep_alive)
    exchange.watch_over(name, on_bad)
    return exchange


async def close(exchange: Any) -> None:
    """Free all it opened, within seconds."""
    work = asyncio.ensure_future(exchange.close())
    await asyncio.wait({work}, timeout=CLOSE_SECONDS)
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
    elif not work.cancelled():
        work.exception()


def _moved(urls: Any, rest: str, websocket: str) -> Any:
    """ccxt's addresses with another host, paths kept."""
    if isinstance(urls, Mapping):
        return {name: _moved(url, rest, websocket) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    base = websocket if urls.startswith("ws") else rest
    if not base:
        return urls
    old, new = urlsplit(urls), urlsplit(base)
    return urlunsplit((new.scheme, new.netloc, new.path.rstrip("/") + old.path, old.query, ""))
