"""The same questions to contracts of one EVM chain, asked together at its new blocks.

For what changes rarely and is small: oracles' answers, tokens' terms. Each reading is of one block. Of
several endpoints the first is used; one that fails gives way to the next.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Generic, TypeVar

from bot.collectors.endpoint import spelt_out
from bot.collectors.evm_chain import Chain, Header, Reads, connected
from bot.errors import ConfigError, PoolError, SourceError
from bot.timefmt import NS, duration
from bot.types import Ns

T = TypeVar("T")
BEHIND_SECONDS = 120.0
"""A head older than this: the node is behind."""

Answered = Mapping[str, T | PoolError]
"""What each question gave, by its name; why not, where the contract does not answer as it should."""


class Asked(Generic[T]):
    """``questions`` makes them anew for each block. Nothing is opened before :meth:`readings`."""

    def __init__(
        self,
        name: str,
        urls: list[str],
        chain_id: int,
        questions: Callable[[Header], Mapping[str, Reads[T]]],
        *,
        multicall: str,
        every_seconds: float,
        silence_seconds: float,
        per_second: float,
        clock: Callable[[], Ns] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._urls, self._chain_id = name, urls, chain_id
        self._questions = questions
        self._multicall = multicall
        self._every, self._silence, self._per_second = every_seconds, silence_seconds, per_second
        self._clock, self._monotonic = clock, monotonic
        self._url = 0

    async def readings(self) -> AsyncGenerator[tuple[Header, Answered[T]], None]:
        """Each block that was asked about, at most one in ``every_seconds``, and the answers.

        Raises :class:`SourceError`; :class:`ConfigError` where the only endpoint is on another chain.
        """
        url = spelt_out(self._urls[self._url])
        due = float("-inf")
        try:
            async with connected(url, multicall=self._multicall, per_second=self._per_second) as chain:
                await self._check(chain)
                async for head in chain.heads(self._silence):
                    age = self._clock() / NS - head.timestamp
                    if age > BEHIND_SECONDS:
                        raise SourceError(f"the node is behind: block {head.number} is {duration(age)} old")
                    if self._monotonic() >= due:
                        due = self._monotonic() + self._every
                        yield head, await chain.read(self._questions(head), head.hash)
        except SourceError:
            self._url = (self._url + 1) % len(self._urls)  # the next attempt goes there
            raise

    async def _check(self, chain: Chain) -> None:
        found = await chain.chain_id()
        if found != self._chain_id:
            what: Any = f"{self._name}: the node is on chain {found}, configured is {self._chain_id}"
            raise ConfigError(what) if len(self._urls) == 1 else SourceError(what)
