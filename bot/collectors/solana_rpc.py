"""A Solana node asked over HTTP: the few questions the collector has, at a pace, errors turned into ours.

Source of methods, answers and error codes: the JSON-RPC reference of Agave (``rpc-client-api``'s
``custom_error``). A node's pubsub port answers subscriptions only, so questions go over HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import aiohttp
import msgspec

from bot.errors import SourceError, SourceRefused
from bot.pools.layouts.base import Account

REQUEST_SECONDS = 20.0
AT_ONCE = 8
"""Requests under way at the same time."""
ACCOUNTS_PER_CALL = 100
"""What nodes allow for getMultipleAccounts."""
TRIES = 4
LONGEST_WAIT_SECONDS = 30.0
"""A node that asks us to wait for longer is taken to have refused."""
NOT_THERE_YET = -32016
"""The node has not reached the slot asked for."""
BEHIND = -32005
SLOT_SECONDS = 0.4

Sleep = Callable[[float], Any]


class Rpc:
    """Asks one node. Every method may raise :class:`SourceError` or :class:`SourceRefused`.

    At most ``per_second`` requests leave it; a node that answers 429 is left alone for as long as it says.
    """

    def __init__(
        self,
        url: str,
        commitment: str,
        per_second: float,
        *,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = 0
        """Sent since the start."""
        self.url = url
        self._commitment = commitment
        self._pause = 1 / per_second
        self._next = 0.0
        self._sleep, self._monotonic = sleep, monotonic
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def genesis_hash(self) -> str:
        """Which cluster it is."""
        return str(await self.call("getGenesisHash", []))

    async def slot(self) -> int:
        """The last slot at our commitment."""
        found = await self.call("getSlot", [{"commitment": self._commitment}])
        if not isinstance(found, int):
            raise SourceError("getSlot: malformed answer")
        return found

    async def accounts(
        self, addresses: Sequence[str], min_slot: int = 0
    ) -> tuple[int, dict[str, Account | None]]:
        """The slot, not before ``min_slot``, and the accounts as of it; at most a hundred."""
        options: dict[str, Any] = {"commitment": self._commitment, "encoding": "base64"}
        if min_slot:
            options["minContextSlot"] = min_slot
        for _ in range(TRIES):
            answer = await self.call("getMultipleAccounts", [list(addresses), options], none_if=NOT_THERE_YET)
            if answer is not None:
                break
            await self._sleep(SLOT_SECONDS)
        else:
            raise SourceError(f"the node is behind: it has not reached slot {min_slot}")
        try:
            slot, values = answer["context"]["slot"], answer["value"]
            if len(values) != len(addresses) or not isinstance(slot, int):
                raise ValueError(f"{len(values)} accounts for {len(addresses)}")
            if slot < min_slot:  # a node that does not know minContextSlot
                raise SourceError(f"the node is behind: it answers as of slot {slot}, not {min_slot}")
            return slot, {one: account(value) for one, value in zip(addresses, values, strict=True)}
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise SourceError(f"getMultipleAccounts: malformed answer: {error!r}") from None

    async def program_accounts(
        self, program: str, size: int | None, matches: Iterable[tuple[int, bytes]]
    ) -> dict[str, Account]:
        """Accounts of a program that are ``size`` bytes and hold what is given at its offset."""
        filters: list[dict[str, Any]] = [
            {"memcmp": {"offset": at, "bytes": base64.b64encode(wanted).decode(), "encoding": "base64"}}
            for at, wanted in matches
        ]
        if size is not None:
            filters.append({"dataSize": size})
        options = {"commitment": self._commitment, "encoding": "base64", "filters": filters}
        answer = await self.call("getProgramAccounts", [program, options])
        try:
            found = {one["pubkey"]: account(one["account"]) for one in answer}
        except (TypeError, KeyError, AttributeError) as error:
            raise SourceError(f"getProgramAccounts: malformed answer: {error!r}") from None
        return {address: one for address, one in found.items() if one is not None}

    async def call(self, method: str, params: list[Any], *, none_if: int | None = None) -> Any:
        """One request's result; ``None`` for the error code ``none_if``."""
        assert self._http is not None
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        for attempt in range(TRIES):
            try:
                async with self._slots:
                    await self._turn()
                    self.requests += 1
                    async with self._http.post(
                        self.url, data=body, headers={"content-type": "application/json"}
                    ) as response:
                        content = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceError(f"{method}: {_said(error)}") from None
            if response.status == 429:
                self._barred(response.headers.get("retry-after", ""), attempt)
                continue
            return _result(method, response.status, content, none_if)
        raise SourceError(f"{method}: rate-limited {TRIES} times in a row; lower requests_per_second")

    async def _turn(self) -> None:
        now = self._monotonic()
        mine = max(now, self._next)
        self._next = mine + self._pause
        if mine > now:
            await self._sleep(mine - now)

    def _barred(self, retry_after: str, attempt: int) -> None:
        """Nobody asks before the node allows it again."""
        try:
            seconds = max(0.0, float(retry_after))
        except ValueError:
            seconds = float(2**attempt)
        if seconds > LONGEST_WAIT_SECONDS:
            raise SourceRefused(f"rate-limited: the node wants no request for {seconds:g} s")
        self._next = max(self._next, self._monotonic() + seconds)


def account(value: Any) -> Account | None:
    """An account in a node's words. One whose bytes cannot be made out has none, for its reader to refuse."""
    if value is None or value.get("lamports") == 0:
        return None
    try:
        text, encoding = value["data"]
        data = base64.b64decode(text, validate=True) if encoding == "base64" else b""
    except (ValueError, TypeError):
        data = b""
    return Account(str(value["owner"]), data)


def _result(method: str, status: int, content: bytes, none_if: int | None) -> Any:
    if status in (401, 403):
        raise SourceRefused(f"the node refuses {method} (HTTP {status}): check the key in the URL")
    try:
        answer = msgspec.json.decode(content)
    except msgspec.DecodeError:
        raise SourceError(f"{method}: HTTP {status}, no JSON") from None
    error = answer.get("error") if isinstance(answer, dict) else "no object"
    if isinstance(error, dict) and none_if is not None and error.get("code") == none_if:
        return None
    if isinstance(error, dict) and error.get("code") == BEHIND:
        raise SourceError(f"the node is behind: {error.get('message', '')}")
    if error is not None or status != 200 or "result" not in answer:
        said = error.get("message", error) if isinstance(error, dict) else error
        raise SourceError(f"{method}: HTTP {status}: {said or 'no result'}")
    return answer["result"]


def _said(error: BaseException) -> str:
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return "the URL is malformed"  # its own text holds the URL, and that may hold a key
    return str(error) or type(error).__name__
