"""Pools of Solana programs: every account they depend on subscribed to, each pool shown as of one slot.

First subscribed, then read: what changes in between is told. A slot's notifications come in pieces; a pool is
shown when a later slot has begun. Accounts of one pool are read in one call, so at one slot; one after the
other all are read again, and a change that no notification told shows that a subscription is silent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from urllib.parse import urlsplit, urlunsplit

import structlog

from bot.collectors.solana_book import Book
from bot.collectors.solana_rpc import ACCOUNTS_PER_CALL, SLOT_SECONDS, Rpc
from bot.collectors.solana_stream import Changed, SlotMoved, Stream, opened
from bot.config import SolanaSource, secret
from bot.errors import ConfigError, PoolError, SourceError, SourceSilent
from bot.pools.codec import decode_state
from bot.pools.layouts import by_amm
from bot.pools.layouts.base import CLOCK, Layout
from bot.pools.state import PoolState
from bot.registry.model import PoolEntry, Registry
from bot.timefmt import NS, duration
from bot.types import Ns, Tick

ROUNDS = 8
"""So many times accounts may lead to further accounts."""
SLOTS_KEPT = 512
STREAM_AGAIN_SECONDS = 60.0
"""While there are no subscriptions, they are tried again after so long."""


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
        self.detail = ""
        self._source = source
        self._clock = clock
        self._book = Book(_pools(source, registry, by_amm() if layouts is None else layouts))
        self._url = 0
        self._streamless = 0
        self._log = structlog.get_logger("pegbot.solana").bind(source=source.name)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """A tick per pool that a slot changed, and one where it cannot be quoted any more or again."""
        urls = self._source.urls
        number = self._url % len(urls)
        try:
            async with Rpc(
                value(urls[number]), self._source.commitment, self._source.requests_per_second
            ) as rpc:
                await self._check_cluster(rpc)
                while True:
                    async with AsyncExitStack() as stack:
                        stream = await self._streamed(stack, number)
                        self._book.restart()
                        session = Session(self._source, self._book, rpc, stream, self._clock)
                        ticks = await stack.enter_async_context(aclosing(session.ticks()))
                        async for tick in ticks:
                            self.detail = session.detail
                            yield tick
        except SourceError:
            self._url += 1  # the next attempt goes to the next endpoint
            raise

    def state(self, address: str) -> PoolState | None:
        """The pool's state as last told; ``None`` if it is not ours, or not quotable now."""
        for pool in self._book.pools.values():
            if pool.entry.address == address and pool.state == "up":
                return decode_state(pool.data)
        return None

    async def _check_cluster(self, rpc: Rpc) -> None:
        expected = self._source.genesis_hash
        found = await rpc.genesis_hash() if expected else expected
        if found != expected:
            raise ConfigError(
                f"collectors.solana[{self.name}]: the node is of the cluster {found}, configured is "
                f"{expected}; correct urls or genesis_hash"
            )

    async def _streamed(self, stack: AsyncExitStack, number: int) -> Stream | None:
        """Subscriptions; ``None`` once every endpoint has failed to give any."""
        try:
            stream = await stack.enter_async_context(
                opened(websocket_url(self._source, number), self._source.commitment)
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


class Session:
    """One connection's work: what was subscribed, what is expected, what was last heard."""

    def __init__(
        self, source: SolanaSource, book: Book, rpc: Rpc, stream: Stream | None, clock: Callable[[], Ns]
    ) -> None:
        self.detail = ""
        self._source, self._book, self._rpc, self._stream, self._clock = source, book, rpc, stream, clock
        self._open = 0
        self._seen: deque[int] = deque(maxlen=SLOTS_KEPT)
        self._expected: dict[str, int] = {}
        """Accounts that a reading found changed, and its slot: their notification is to come."""
        self._checked = time.monotonic()
        self._next_checked = 0
        self._log = structlog.get_logger("pegbot.solana").bind(source=source.name)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """All pools, then what changes. Ends, if there is no stream, when one should be tried again."""
        names = list(self._book.pools)
        await self._gather(names)
        async for tick in self._show(names):
            yield tick
        if self._stream is None:
            until = time.monotonic() + STREAM_AGAIN_SECONDS
            while time.monotonic() < until:
                await asyncio.sleep(self._source.poll_seconds)
                await self._gather(names)
                async for tick in self._show(names):
                    yield tick
            return
        while True:
            event = await self._stream.next(self._source.silence_seconds)
            if isinstance(event, SlotMoved):
                self._moved(event)
                continue
            if event.slot > self._open:
                for name in await self._closed():
                    async for tick in self._show([name]):
                        yield tick
                self._open = event.slot
            self._take(event)

    # -- events ------------------------------------------------------------------------------------

    def _moved(self, event: SlotMoved) -> None:
        if self._seen and event.parent not in self._seen and event.slot not in self._seen:
            self._log.warning("slots were missed: reading all pools anew", slot=event.slot)
            self._book.torn |= self._book.pools.keys()
        self._seen.append(event.slot)

    def _take(self, event: Changed) -> None:
        self._expected.pop(event.address, None)
        self._book.take(event.slot, event.address, event.account)

    async def _closed(self) -> list[str]:
        """The open slot has been told in full: pools to be shown."""
        book = self._book
        missed = [one for one, slot in self._expected.items() if slot <= self._open]
        if missed:
            raise SourceSilent(f"a change of account {missed[0]} was not told: its subscription is silent")
        self._check_time()
        shown = book.changed | book.torn
        book.changed.clear()
        torn = [name for name in shown if name in book.torn or self._grown(name)]
        await self._gather(torn)
        book.changed -= set(torn)
        await self._check_some()
        return list(shown | set(book.due(book.clock.unix_timestamp * NS)))

    def _grown(self, name: str) -> bool:
        """Whether a pool has come to need more accounts."""
        before = self._book.pools[name].wanted
        return not self._book.wants(name) <= before

    def _check_time(self) -> None:
        """A node whose clock stands in the past tells of the past."""
        try:
            now = self._book.clock
        except PoolError as error:
            raise SourceError(f"the cluster's clock: {error}") from None
        self.detail = f"slot {now.slot}" if self._stream else f"polling, slot {now.slot}"
        lag = self._clock() / NS - now.unix_timestamp
        if lag > self._source.behind_seconds:
            raise SourceError(f"the node is behind: its clock says {duration(lag)} ago")

    # -- reading -----------------------------------------------------------------------------------

    async def _gather(self, names: Iterable[str]) -> None:
        """Read pools, and what their accounts lead to, until nothing new is wanted."""
        book, waiting = self._book, list(names)
        for _ in range(ROUNDS):
            if not waiting:
                return
            wants = await self._subscribed({name: book.wants(name) for name in waiting})
            for addresses in packed(wants):
                await self._read(addresses)
            book.torn -= wants.keys()
            waiting = [name for name, before in wants.items() if not book.wants(name) <= before]
        for name in waiting:
            book.refuse(name, PoolError("not_quotable", "its accounts lead to ever more accounts"))

    async def _subscribed(self, wants: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        """Those that can be read at one slot and subscribed to; the others are refused."""
        within: dict[str, frozenset[str]] = {}
        held = set() if self._stream is None else set(self._stream.held)
        for name, wanted in wants.items():
            if len(wanted) > ACCOUNTS_PER_CALL:
                why = f"it needs {len(wanted)} accounts, more than a node gives at one slot"
            elif self._stream is not None and len(held | wanted) > self._source.max_subscriptions:
                why = "it is beyond max_subscriptions: make a second source of some of these pools"
            else:
                held |= wanted
                within[name] = wanted
                continue
            self._book.refuse(name, PoolError("not_quotable", why))
        if self._stream is not None:
            await self._stream.subscribe(frozenset().union(*within.values()))
        return within

    async def _read(self, addresses: list[str]) -> None:
        slot, accounts = await self._rpc.accounts(addresses, self._book.slot)
        different = self._book.read(slot, accounts)
        self._expected |= dict.fromkeys(different, slot)
        self._check_time()

    async def _check_some(self) -> None:
        """Read the next hundred accounts again when their turn has come; all within ``poll_seconds``."""
        book = self._book
        groups = packed({name: pool.wanted for name, pool in book.pools.items()})
        if self._stream is None or time.monotonic() - self._checked < self._source.poll_seconds / len(groups):
            return
        self._checked = time.monotonic()
        self._next_checked = (self._next_checked + 1) % len(groups)
        await self._read(groups[self._next_checked])
        if self._next_checked == 0:
            await self._stream.unsubscribe(book.unused())
            await self._check_slot()

    async def _check_slot(self) -> None:
        """Is another endpoint further on by more than a node may lag?"""
        others = [url for url in self._source.urls if value(url) != self._rpc.url]
        if not others:
            return
        try:
            async with Rpc(value(others[0]), self._source.commitment, 1.0) as other:
                ahead = await other.slot() - self._book.slot
        except SourceError as error:
            self._log.info("the other endpoint cannot be compared with", error=str(error))
            return
        if ahead * SLOT_SECONDS > self._source.behind_seconds:
            raise SourceError(f"the node is behind: another endpoint is {ahead} slots further")

    async def _show(self, names: Iterable[str]) -> AsyncGenerator[Tick, None]:
        for name in names:
            for tick in self._book.show(name, self._clock()):
                yield tick
            await asyncio.sleep(0)  # a state may take a millisecond: the others get their turn


def packed(wants: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Calls of at most a hundred accounts, each pool's in one of them, the clock's in all."""
    calls: list[set[str]] = []
    for wanted in wants.values():
        if calls and len(calls[-1] | wanted) <= ACCOUNTS_PER_CALL:
            calls[-1] |= wanted
        else:
            calls.append(set(wanted))
    return [sorted(call | {CLOCK}) for call in calls]


def websocket_url(source: SolanaSource, number: int) -> str:
    """Of the endpoint ``number``; nodes of one's own listen on the port after the HTTP one."""
    if source.websocket_urls:
        return value(source.websocket_urls[number])
    parts = urlsplit(value(source.urls[number]))
    place = parts.netloc
    if parts.port is not None:
        place = f"{place.rpartition(':')[0]}:{parts.port + 1}"
    return urlunsplit(parts._replace(scheme=parts.scheme.replace("http", "ws"), netloc=place))


def value(url: str) -> str:
    """What ``env:NAME`` or ``file:PATH`` stands for; another is itself."""
    return secret(url).get_secret_value() if url.startswith(("env:", "file:")) else url


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
