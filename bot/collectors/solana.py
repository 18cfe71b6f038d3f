"""Pools of Solana programs: every account they depend on subscribed to, each pool shown as of one slot."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from urllib.parse import urlsplit, urlunsplit

import structlog

from bot.collectors.endpoint import spelt_out
from bot.collectors.solana_book import Book
from bot.collectors.solana_rpc import Rpc
from bot.collectors.solana_session import Session
from bot.collectors.solana_stream import Stream, opened
from bot.config import SolanaSource
from bot.errors import ConfigError, SourceError, SourceRefused
from bot.pools.codec import decode_state
from bot.pools.layouts import by_amm
from bot.pools.layouts.base import CLOCK, Layout
from bot.pools.state import PoolState
from bot.registry.model import PoolEntry, Registry
from bot.types import Ns, Tick


class SolanaCollector:
    """One source of pools; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self,
        source: SolanaSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        layouts: Mapping[str, Layout] | None = None,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(source.pools)
        self._session: Session | None = None
        self._source = source
        self._clock = clock
        self.book = Book(_pools(source, registry, by_amm() if layouts is None else layouts))
        self._url = 0
        self._streamless = 0
        self._refusals = 0
        self._log = structlog.get_logger("pegbot.solana").bind(source=source.name)

    @property
    def detail(self) -> str:
        """The slot that was last taken in."""
        return "" if self._session is None else self._session.detail

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """A tick per pool that a slot changed, and one where it cannot be quoted any more or again."""
        urls = self._source.urls
        number = self._url % len(urls)
        try:
            async with Rpc(
                spelt_out(urls[number]), self._source.commitment, self._source.requests_per_second
            ) as rpc:
                await self.check_cluster(rpc)
                while True:
                    async with AsyncExitStack() as stack:
                        stream = await self._streamed(stack, number)
                        self.book.restart()
                        others = [spelt_out(url) for url in urls[number + 1 :] + urls[:number]]
                        session = self._session = Session(
                            self._source, self.book, rpc, stream, self._clock, others
                        )
                        ticks = await stack.enter_async_context(aclosing(session.ticks()))
                        async for tick in ticks:
                            self._refusals = 0
                            yield tick
        except SourceError as error:
            self._url += 1  # the next attempt goes to the next endpoint
            self._refusals += isinstance(error, SourceRefused)
            if isinstance(error, SourceRefused) and self._refusals < len(urls):
                raise SourceError(str(error)) from None  # the next one need not wait as long
            raise

    def state(self, address: str) -> PoolState | None:
        """The pool's state as last told; ``None`` if it is not ours, or not quotable now."""
        for pool in self.book.pools.values():
            if pool.entry.address == address and pool.state == "up":
                return decode_state(pool.data)
        return None

    async def check_cluster(self, rpc: Rpc) -> None:
        """Raise if the node is of another cluster than the configured one: :class:`ConfigError` if it is the
        only one, :class:`SourceError` if there are others."""
        expected = self._source.genesis_hash
        found = await rpc.genesis_hash() if expected else expected
        if found != expected:
            what = (
                f"collectors.solana[{self.name}]: the node is of the cluster {found}, configured is "
                f"{expected}; correct urls or genesis_hash"
            )
            raise ConfigError(what) if len(self._source.urls) == 1 else SourceError(what)

    async def _streamed(self, stack: AsyncExitStack, number: int) -> Stream | None:
        """Subscriptions; ``None`` once every endpoint has failed to give any."""
        source = self._source
        try:
            stream = await stack.enter_async_context(
                opened(websocket_url(source, number), source.commitment, source.silence_seconds)
            )
            await stream.subscribe_slots()
            await stream.subscribe([CLOCK])
        except SourceError as error:
            self._streamless += 1
            if self._streamless < len(self._source.urls):
                raise
            self._log.warning("no subscriptions: polling", error=str(error))
            return None
        self._streamless = 0
        return stream


def websocket_url(source: SolanaSource, number: int) -> str:
    """Of the endpoint ``number``; nodes of one's own listen on the port after the HTTP one."""
    if source.websocket_urls:
        return spelt_out(source.websocket_urls[number])
    try:
        parts = urlsplit(spelt_out(source.urls[number]))
        place, port = parts.netloc, parts.port
    except ValueError:  # its text holds what may be a key
        raise ConfigError(f"collectors.solana[{source.name}].urls: number {number + 1} is no URL") from None
    if port is not None:
        place = f"{place.rpartition(':')[0]}:{port + 1}"
    return urlunsplit(parts._replace(scheme=parts.scheme.replace("http", "ws"), netloc=place))


def _pools(
    source: SolanaSource, registry: Registry, layouts: Mapping[str, Layout]
) -> dict[str, tuple[PoolEntry, Layout]]:
    """The source's pools. ConfigError for one of no program we know."""
    unknown = [name for name in source.pools if registry.pools[name].amm not in layouts]
    if unknown:
        raise ConfigError(
            [
                f"pool {name}: amm {registry.pools[name].amm!r} is none of {', '.join(layouts)}"
                for name in unknown
            ]
        )
    return {name: (registry.pools[name], layouts[registry.pools[name].amm]) for name in source.pools}
