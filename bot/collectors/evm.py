"""Pools of one EVM chain: state read once, then kept from each block's logs; see
:mod:`bot.collectors.evm_follow`.

New heads come over a subscription. Of several endpoints the first that answers is used; one that fails, falls
silent or behind, or limits how often it is asked gives way to the next, and the preferred one is gone back to
once it is well again. A pool that cannot be quoted is told to be ``down``, one whose token is paused
``halted``, with the reason, and ``up`` when that is over; others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import msgspec
import structlog
from msgspec.structs import replace

from bot.collectors.base import OnBad
from bot.collectors.endpoint import spelt_out
from bot.collectors.evm_chain import Chain, Header, connected
from bot.collectors.evm_follow import Follower
from bot.collectors.evm_gas import GasTold
from bot.collectors.evm_rpc import TooMany
from bot.collectors.evm_token import Terms
from bot.config import EvmSource
from bot.errors import ConfigError, PegbotError, SourceError, SourceRefused
from bot.pools.codec import encode
from bot.registry.model import PoolEntry, Registry
from bot.timefmt import NS, duration
from bot.types import Ns, Quarantined, Tick

REFRESH_SECONDS = 3
"""A pool in which nothing happened is told again after so long: no log is news too."""
TRIES = 5
PROBE_SECONDS = 10.0

Health = tuple[Literal["up", "down", "halted"], str]
UP: Health = ("up", "")


class EvmCollector:
    """One source of pools; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self,
        source: EvmSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        on_bad: OnBad | None = None,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(source.pools)
        self.detail = ""
        self._source = source
        self._clock = clock
        self._on_bad = on_bad
        self._entries: dict[str, PoolEntry] = {name: registry.pools[name] for name in source.pools}
        chain = registry.chains.get(next(iter(self._entries.values())).chain)
        self._multicall = "" if chain is None else chain.multicall
        self._gas = GasTold(chain, clock)
        self._follower = Follower(
            self._entries,
            registry,
            reorg_depth=source.reorg_depth,
            verify_blocks=source.verify_blocks,
            token_seconds=source.token_seconds,
            bad=self._set_aside,
        )
        self._url = 0
        self._away: dict[int, Ns] = {}
        self._refusals = 0
        self._newest = 0
        self._shown: dict[str, tuple[Any, Ns]] = {}
        self._told: dict[str, Health] = {}
        self._untold: set[str] = set()
        self._multipliers: dict[tuple[str, str], Terms] = {}
        """What was last told, by the token's name and the contract it is from: two may differ for a while."""
        self._doubted: set[tuple[str, str]] = set()
        self._log = structlog.get_logger("pegbot.evm").bind(source=source.name)

    async def ticks(self) -> AsyncIterator[Tick]:
        """A tick per pool whose state a block changed, priced as of that block."""
        self._follower.forget()
        # Whoever listens may have been told otherwise meanwhile.
        self._doubted = set(self._multipliers)
        self._untold = {name for name, health in self._told.items() if health != UP}
        while True:
            self._pick()
            probe: asyncio.Task[bool] | None = None
            due = self._clock() + int(self._source.prefer_seconds * NS)
            try:
                async with self._connected(self._url) as chain:
                    await self._check_chain(chain)
                    async for head in chain.heads(self._source.silence_seconds):
                        self._check_age(head)
                        for tick in await self._follow(chain, await self._target(chain, head)):
                            yield tick
                        self._refusals = 0
                        if self._url and probe is None and self._clock() >= due:
                            probe = asyncio.create_task(self._is_well(0), name=f"{self.name} probe")
                        if probe is not None and probe.done():
                            if probe.result():
                                break
                            probe, due = None, self._clock() + int(self._source.prefer_seconds * NS)
                self._log.info("back to the preferred endpoint")
                self._url = 0
            except SourceError as error:
                if isinstance(error, TooMany):
                    self._away[self._url] = self._clock() + int(error.seconds * NS)
                self._url = (self._url + 1) % len(self._source.urls)  # the next attempt goes there
                self._refusals += isinstance(error, SourceRefused)
                if isinstance(error, SourceRefused) and self._refusals < len(self._source.urls):
                    raise SourceError(str(error)) from None  # the next one need not wait as long
                raise
            finally:
                if probe is not None:
                    probe.cancel()

    # -- endpoints -----------------------------------------------------------------------------------------

    def _connected(self, index: int) -> AbstractAsyncContextManager[Chain]:
        source = self._source
        return connected(
            spelt_out(source.urls[index]),
            multicall=self._multicall,
            calls_per_request=source.calls_per_request,
            per_second=source.requests_per_second,
        )

    def _pick(self) -> None:
        """The next endpoint that has not asked to be left alone."""
        count, now = len(self._source.urls), self._clock()
        for step in range(count):
            index = (self._url + step) % count
            if self._away.get(index, 0) <= now:
                self._url = index
                return
        wait = (min(self._away.values()) - now) / NS
        raise SourceError(f"every endpoint limits how often it is asked: again in {wait:.0f} s")

    async def _is_well(self, index: int) -> bool:
        """Whether an endpoint could be used now."""
        try:
            async with asyncio.timeout(PROBE_SECONDS), self._connected(index) as chain:
                await self._check_chain(chain)
                self._check_age(await chain.header("latest"))
        except (PegbotError, TimeoutError):
            return False
        return True

    async def _check_chain(self, chain: Chain) -> None:
        found = await chain.chain_id()
        if found == self._source.chain_id:
            return
        what = (
            f"collectors.evm[{self.name}]: the node is on chain {found}, configured is "
            f"{self._source.chain_id}; correct urls or chain_id"
        )
        raise ConfigError(what) if len(self._source.urls) == 1 else SourceError(what)

    def _check_age(self, head: Header) -> None:
        """A node may be behind our clock, or behind what another node had."""
        now = self._clock() // NS
        if head.timestamp <= now + self._source.behind_seconds:  # a time far ahead is nobody's
            self._newest = max(self._newest, head.timestamp)
        age = max(now, self._newest) - head.timestamp
        if age > self._source.behind_seconds:
            raise SourceError(f"the node is behind: its head, block {head.number}, is {duration(age)} old")

    # -- blocks --------------------------------------------------------------------------------------------

    async def _target(self, chain: Chain, head: Header) -> Header:
        behind = self._source.confirmations
        return head if behind == 0 else await chain.header(max(0, head.number - behind))

    async def _follow(self, chain: Chain, target: Header) -> list[Tick]:
        """Take in everything up to ``target``; the ticks that follow."""
        for _ in range(TRIES):
            try:
                await self._follower.advance(chain, target)
                break
            except SourceError:
                # The branch may have been replaced while it was read: then there is another head to go to.
                latest = await self._target(chain, await chain.header("latest"))
                if latest.hash == target.hash:
                    raise
                target = latest
        else:
            raise SourceError("the chain is reorganised faster than it can be read")
        refused = self._follower.refused
        if len(refused) == len(self._entries):
            raise ConfigError(
                [f"pool {name}: {words}; correct it in config/registry" for name, words in refused.items()]
            )
        return self._ticks(self._follower.head)

    def _ticks(self, head: Header) -> list[Tick]:
        out: list[Tick] = self._gas.news(head)
        for name in self._entries:
            # A reorganisation may lead to an earlier time; what is seen now is not older than what was.
            ts = max(head.timestamp * NS, self._shown.get(name, (None, 0))[1])
            out += self._multiplier(name, ts)
            fault, terms = self._follower.fault(name), self._follower.terms(name)
            health: Health = ("down", fault) if fault else ("halted", terms.halted) if terms.halted else UP
            if health != self._told.get(name, UP) or name in self._untold:
                self._untold.discard(name)
                self._told[name] = health
                self._shown.pop(name, None)
                out.append(self._tick(ts, name, "status", {"state": health[0], "reason": health[1]}))
            if health == UP:
                out += self._pool(name, head.number, ts)
        down = sum(health != UP for health in self._told.values())
        self.detail = f"block {head.number}" + (
            f", {down} of {len(self._entries)} not quotable" if down else ""
        )
        return out

    def _pool(self, name: str, block: int, ts: Ns) -> list[Tick]:
        view = self._follower.view(name)
        shown, when = self._shown.get(name, (None, 0))
        if (view is shown and ts - when < REFRESH_SECONDS * NS) or view.state is None:
            return []
        self._shown[name] = (view, ts)
        data = encode(replace(view.state, block=block))
        return [Tick(ts, name, "pool", size=view.worth, data=data, received=self._clock())]

    def _multiplier(self, name: str, ts: Ns) -> list[Tick]:
        """What the token's contract says of shares per token, once and whenever it changes."""
        entry, terms = self._entries[name], self._follower.terms(name)
        token = f"{name.partition('@')[0]}@{entry.chain}"
        of = token, entry.token_address.lower()
        before = self._multipliers.get(of)
        same = before is not None and before.shares == terms.shares and of not in self._doubted
        if terms.multiplier is None or same:
            return []
        self._multipliers[of] = terms
        self._doubted.discard(of)
        data: dict[str, Any] = {"multiplier": terms.multiplier}
        if terms.announced is not None:
            data |= {"new_multiplier": terms.announced, "effective_ns": terms.effective * NS}
        elif before is not None and before.announced is not None and before.effective * NS > ts:
            # What was announced is called off: what is in force takes its place, at once.
            data |= {"new_multiplier": terms.multiplier, "effective_ns": ts}
        return [self._tick(ts, token, "multiplier", data)]

    def _tick(self, ts: Ns, name: str, kind: Literal["status", "multiplier"], data: dict[str, Any]) -> Tick:
        return Tick(ts, name, kind, data=msgspec.json.encode(data).decode(), received=self._clock())

    def _set_aside(self, name: str, reason: str, detail: str) -> None:
        self._log.warning("a pool is read anew", instrument=name, reason=reason, detail=detail)
        if self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), name, reason, detail))
