"""One connection to a Solana node at work: subscribe, read, take in what changes slot by slot, check.

First subscribed, then read: what changes in between is told. A slot's notifications come in pieces; a pool is
shown when a later slot has begun. Accounts of one pool are read in one call, so at one slot; one after the
other all are read again, and a change that no notification told shows that a subscription is silent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

import structlog

from bot.collectors.solana_book import Book
from bot.collectors.solana_rpc import ACCOUNTS_PER_CALL, SLOT_SECONDS, Rpc
from bot.collectors.solana_stream import Changed, SlotMoved, Stream
from bot.config import SolanaSource
from bot.errors import PoolError, SourceError, SourceSilent
from bot.pools.layouts.base import CLOCK
from bot.timefmt import NS, duration
from bot.types import Ns, Tick

ROUNDS = 8
"""So many times accounts may lead to further accounts."""
SLOTS_KEPT = 512
COMPARE_SECONDS = 3.0
STREAM_AGAIN_SECONDS = 60.0
"""While there are no subscriptions, they are tried again after so long."""


class Session:
    """One connection's work: what was subscribed, what is expected, what was last heard."""

    def __init__(
        self,
        source: SolanaSource,
        book: Book,
        rpc: Rpc,
        stream: Stream | None,
        clock: Callable[[], Ns],
        others: Sequence[str] = (),
    ) -> None:
        self.detail = ""
        self._source, self._book, self._rpc, self._stream, self._clock = source, book, rpc, stream, clock
        self._others = others
        self._open = 0
        self._seen: deque[int] = deque(maxlen=SLOTS_KEPT)
        self._expected: dict[str, int] = {}
        """Accounts that a reading found changed, and its slot: their notification is to come."""
        self._doubtful: set[str] = set()
        self._checked = time.monotonic()
        self._next_checked = 0
        self._log = structlog.get_logger("pegbot.solana").bind(source=source.name)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """All pools, then what changes. Ends, if there is no stream, when one should be tried again."""
        names = list(self._book.pools)
        await self.gather(names)
        async for tick in self._show(names):
            yield tick
        if self._stream is None:
            until = time.monotonic() + STREAM_AGAIN_SECONDS
            while time.monotonic() < until:
                await asyncio.sleep(self._source.poll_seconds)
                await self.gather(names)
                async for tick in self._show(names):
                    yield tick
            return
        while True:
            event = await self._stream.next()
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
        self._doubtful.discard(event.address)
        self._book.take(event.slot, event.address, event.account)

    async def _closed(self) -> list[str]:
        """The open slot has been told in full: pools to be shown."""
        book = self._book
        for missed in [one for one, slot in self._expected.items() if slot <= self._open]:
            # What was read at "processed" may have been of a fork that is gone: once proves nothing.
            if self._source.commitment != "processed" or missed in self._doubtful:
                raise SourceSilent(f"a change of account {missed} was not told: its subscription is silent")
            self._doubtful.add(missed)
            del self._expected[missed]
        self._check_time()
        shown = book.changed | book.torn
        book.changed.clear()
        torn = [name for name in shown if name in book.torn or self._unread(name)]
        await self.gather(torn)
        book.changed -= set(torn)
        await self._check_some()
        return list(shown | set(book.due(book.clock.unix_timestamp * NS)))

    def _unread(self, name: str) -> bool:
        """Whether a pool has come to need more accounts, or others than it was refused for."""
        pool = self._book.pools[name]
        before = pool.wanted
        wanted = self._book.wants(name)
        return not wanted <= before or (pool.refused is not None and wanted != before)

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

    async def gather(self, names: Iterable[str]) -> None:
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
            why = "its accounts lead to ever more accounts"
            book.pools[name].refused = PoolError("not_quotable", why)

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
                self._book.pools[name].refused = None
                continue
            self._book.pools[name].refused = PoolError("not_quotable", why)
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
        book, stream = self._book, self._stream
        waited = time.monotonic() - self._checked
        if stream is None or waited < self._source.poll_seconds / len(book.pools):
            return
        held = stream.held.keys()
        groups = packed({name: pool.wanted for name, pool in book.pools.items() if pool.wanted <= held})
        if not groups or waited < self._source.poll_seconds / len(groups):
            return
        self._checked = time.monotonic()
        self._next_checked = (self._next_checked + 1) % len(groups)
        await self._read(groups[self._next_checked])
        if self._next_checked == 0:
            await stream.unsubscribe(book.unused())
            await self._check_slot()

    async def _check_slot(self) -> None:
        """Is another endpoint further on by more than a node may lag?"""
        if not self._others:
            return
        commitment = self._source.commitment
        try:
            async with asyncio.timeout(COMPARE_SECONDS), Rpc(self._others[0], commitment, 1.0) as other:
                ahead = await other.slot() - self._book.slot
        except (SourceError, TimeoutError) as error:
            self._log.info("the other endpoint cannot be compared with", error=str(error) or "no answer")
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
