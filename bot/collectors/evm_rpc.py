"""JSON-RPC over one WebSocket: many requests under way, batches, one subscription, rate limits kept.

web3's own socket polls for each answer without a pause and can wait for one batch at a time, which takes a
whole core while hundreds of pools are read; so the framing is done here and web3 used for the rest.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from bot.errors import SourceError, SourceRefused, SourceSilent

REQUEST_SECONDS = 20.0
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
AT_ONCE = 32
"""Requests under way at the same time."""
TRIES = 6
"""How often a request that met a rate limit is made again."""
LONGEST_WAIT = 60.0
LIMIT_CODES = (429, -32005, -32029)
LIMIT_WORDS = ("rate limit", "too many requests", "capacity exceeded", "request limit", "limit exceeded")
TOO_MUCH_WORDS = ("range", "results", "response size")
"""One question was for too much, which some nodes say with a limit's code: later is no better."""
FAILED_WORDS = ("revert", "out of gas", "gas required exceeds", "invalid opcode", "invalid jump", "stack ")
MAX_BYTES = 2**26

Json = Any
Question = tuple[str, list[Json]]


class RpcError(SourceError):
    """The node answered with an error."""

    def __init__(self, code: int, text: str, data: Json = None) -> None:
        self.code = code
        self.data = data
        super().__init__(f"the node says {text!r} ({code})")
        self._text = text.lower()

    @property
    def limited(self) -> bool:
        """Asked too often."""
        if any(words in self._text for words in TOO_MUCH_WORDS):
            return False
        return self.code in LIMIT_CODES or any(words in self._text for words in LIMIT_WORDS)

    @property
    def failed(self) -> bool:
        """The contract, not the node, could not do it."""
        return self.code == 3 or any(words in self._text for words in FAILED_WORDS)

    @property
    def wait_seconds(self) -> float | None:
        """How long the node says to wait."""
        rate = self.data.get("rate", self.data) if isinstance(self.data, dict) else {}
        seconds = rate.get("backoff_seconds", rate.get("retry_after")) if isinstance(rate, dict) else None
        return float(seconds) if isinstance(seconds, int | float) else None


class TooMany(SourceError):
    """A connection was refused for asking too often; ``seconds`` is how long to stay away."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the node limits how often it is asked (HTTP 429): again in {seconds:g} s")


class Answer(Struct):
    """A message of the node: an answer, or news of the subscription."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Json] | None = None
    method: str = ""
    params: dict[str, Json] | None = None


_decode = msgspec.json.Decoder(Answer | list[Answer]).decode
_encode = msgspec.json.Encoder().encode


class Rpc:
    """Asks one node. Every method may raise :class:`SourceError`; a closed connection fails what waits."""

    def __init__(self, socket: ClientConnection, per_second: float = 0.0) -> None:
        self.requests = 0
        self.limited = 0
        self._socket = socket
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Answer | SourceError]] = {}
        self._news: asyncio.Queue[Json | SourceError] = asyncio.Queue()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._interval = 1 / per_second if per_second else 0.0
        self._turn = 0.0
        self._listener = asyncio.create_task(self._listen())

    async def ask(self, method: str, *params: Json) -> Json:
        """One answer. Asked again, later, where the node limits how often."""
        (answer,) = await self.batch([(method, list(params))])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, questions: Sequence[Question]) -> list[Json | RpcError]:
        """Answers of several in one message, in order; an error of one stands in its place."""
        out: list[Json | RpcError] = [None] * len(questions)
        left = list(range(len(questions)))
        async with self._slots:
            for attempt in range(TRIES):
                await self._pace(len(left))
                answers = await self._send([questions[index] for index in left])
                for index, answer in zip(left, answers, strict=True):
                    out[index] = _result(answer)
                left = [index for index in left if isinstance(out[index], RpcError) and out[index].limited]
                if not left:
                    return out
                self._back_off(out[left[0]], attempt)
        raise out[left[0]]

    async def news(self, seconds: float) -> Json:
        """The next message of the subscription. SourceSilent after so long without one."""
        try:
            async with asyncio.timeout(seconds):
                found = await self._news.get()
                while isinstance(found, dict) and not self._news.empty():
                    found = self._news.get_nowait()  # a later block stands for those before it
        except TimeoutError:
            raise SourceSilent(f"no new block for {seconds:g} s") from None
        if isinstance(found, SourceError):
            raise found
        return found

    async def close(self) -> None:
        """Fail whatever waits, and end."""
        self._listener.cancel()
        await asyncio.wait({self._listener})
        with suppress(WebSocketException, OSError, TimeoutError):
            await self._socket.close()

    async def _send(self, questions: Sequence[Question]) -> list[Answer]:
        loop = asyncio.get_running_loop()
        futures = {next(self._ids): loop.create_future() for _ in questions}
        self._waiting |= futures
        self.requests += len(futures)
        messages = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in zip(futures, questions, strict=True)
        ]
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._socket.send(_encode(messages[0] if len(messages) == 1 else messages).decode())
                answers = await asyncio.gather(*futures.values())
        except TimeoutError:
            raise SourceError(f"no answer to {questions[0][0]} within {REQUEST_SECONDS:g} s") from None
        except (WebSocketException, OSError) as error:
            raise SourceError(f"the connection was lost: {error}") from None
        finally:
            for number in futures:
                del self._waiting[number]
        for answer in answers:
            if isinstance(answer, SourceError):
                raise answer
        return answers

    async def _pace(self, weight: int) -> None:
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._turn)
        self._turn = start + self._interval * weight
        if start > loop.time():
            await asyncio.sleep(start - loop.time())

    def _back_off(self, error: RpcError, attempt: int) -> None:
        """Nobody asks until the wait is over."""
        self.limited += 1
        wait = error.wait_seconds
        loop = asyncio.get_running_loop()
        wait = min(0.25 * 2**attempt if wait is None else wait, LONGEST_WAIT)
        self._turn = max(self._turn, loop.time() + wait)

    async def _listen(self) -> None:
        reason = "the node ended the connection"
        try:
            async for message in self._socket:
                found = _decode(message)
                for answer in found if isinstance(found, list) else [found]:
                    self._took(answer)
        except msgspec.DecodeError as error:
            reason = f"the node sent what is no JSON-RPC: {error}"
        except (WebSocketException, OSError) as error:
            reason = f"the connection was lost: {error}"
        finally:
            self._news.put_nowait(SourceError(reason))
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(SourceError(reason))

    def _took(self, answer: Answer) -> None:
        if answer.method == "eth_subscription" and answer.params is not None:
            self._news.put_nowait(answer.params.get("result"))
        elif isinstance(answer.id, int):
            future = self._waiting.get(answer.id)
            if future is not None and not future.done():
                future.set_result(answer)
        elif answer.error is not None:
            # An error of a whole batch names none of its requests.
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(answer)


def _result(answer: Answer) -> Json | RpcError:
    if answer.error is None:
        return msgspec.json.decode(answer.result)
    code, text = answer.error.get("code"), answer.error.get("message")
    return RpcError(code if isinstance(code, int) else 0, str(text), answer.error.get("data"))


@asynccontextmanager
async def rpc(url: str, per_second: float = 0.0) -> AsyncIterator[Rpc]:
    """A connection to ``url``, closed on leaving; who made it makes another when it fails."""
    try:
        socket = await connect(
            url, open_timeout=OPEN_SECONDS, close_timeout=CLOSE_SECONDS, max_size=MAX_BYTES, max_queue=None
        )
    except InvalidStatus as error:
        raise _refused(error) from None
    except ssl.SSLError as error:  # one of a certificate is a ValueError, too
        raise SourceError(f"no TLS with the node: {error.reason or error}") from None
    except ValueError:  # its own words may hold a part of the URL, and so a key
        raise SourceError("the URL is malformed") from None
    except (WebSocketException, OSError, TimeoutError, EOFError) as error:
        raise SourceError(str(error) or type(error).__name__) from None
    found = Rpc(socket, per_second)
    try:
        yield found
    finally:
        await found.close()


def _refused(error: InvalidStatus) -> SourceError:
    status = error.response.status_code
    if status in (401, 403):
        return SourceRefused(f"the node refuses the connection (HTTP {status}): check the key in the URL")
    if status == 429:
        after = error.response.headers.get("Retry-After", "")
        return TooMany(min(float(after), 3600.0) if after.isdigit() else 10.0)
    return SourceError(f"the node answers HTTP {status}")
