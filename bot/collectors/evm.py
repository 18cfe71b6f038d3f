"""Uniswap v3 pools of one EVM chain: state read once, then kept from each block's logs.

New heads come over a subscription. The blocks between the last one known and the head are walked by hash,
parent by parent, so that a gap and a reorganisation are the same thing: back to where the branches part,
then forward, block by block, with the logs of exactly that block. What cannot be connected within
``reorg_depth`` is read from the chain anew; now and then what is kept is compared with the chain.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

import structlog
from msgspec import Struct

from bot.collectors.evm_chain import Chain, Header, connected
from bot.collectors.evm_state import V3State
from bot.config import EvmSource, secret
from bot.errors import ConfigError, PoolError, SourceError
from bot.pools.codec import decode, encode
from bot.pools.usd import PoolCurve
from bot.registry.model import PoolEntry, Registry
from bot.timefmt import NS
from bot.types import Ns, Tick

REFRESH_SECONDS = 3
"""A pool in which nothing happened is told again after so long: no log is news too."""
VERIFY_BLOCKS = 200
"""How often price and liquidity that are kept are compared with the chain's."""
TRIES = 5


class Known(Struct):
    """A block that has been taken in, and the states as they were before it."""

    header: Header
    before: Mapping[str, V3State]


class EvmCollector:
    """One source of pools; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self, source: EvmSource, registry: Registry, *, clock: Callable[[], Ns] = time.time_ns
    ) -> None:
        self.name = source.name
        self.instruments = tuple(source.pools)
        self.detail = ""
        self._source = source
        self._clock = clock
        self._entries: dict[str, PoolEntry] = {name: registry.pools[name] for name in source.pools}
        self._names = {entry.address.lower(): name for name, entry in self._entries.items()}
        self._url = 0
        self._states: dict[str, V3State] = {}
        self._blocks: deque[Known] = deque(maxlen=source.reorg_depth)
        self._shown: dict[str, tuple[V3State, Ns]] = {}
        self._verified = 0
        self._log = structlog.get_logger("pegbot.evm").bind(source=source.name)

    async def ticks(self) -> AsyncIterator[Tick]:
        """A tick per pool whose state a block changed, priced as of that block."""
        url = self._source.urls[self._url % len(self._source.urls)]
        try:
            async with connected(_value(url)) as chain:
                await self._check_chain(chain)
                self._blocks.clear()
                async for head in chain.heads(self._source.silence_seconds):
                    for tick in await self._follow(chain, await self._target(chain, head)):
                        yield tick
        except SourceError:
            self._url += 1  # the next attempt goes to the next endpoint
            raise

    async def _check_chain(self, chain: Chain) -> None:
        found = await chain.chain_id()
        if found != self._source.chain_id:
            raise ConfigError(
                f"collectors.evm[{self.name}]: the node is on chain {found}, configured is "
                f"{self._source.chain_id}; correct urls or chain_id"
            )

    async def _target(self, chain: Chain, head: Header) -> Header:
        behind = self._source.confirmations
        return head if behind == 0 else await chain.header(max(0, head.number - behind))

    async def _follow(self, chain: Chain, target: Header) -> list[Tick]:
        """Take in everything up to ``target``; the ticks that follow."""
        for _ in range(TRIES):
            try:
                await self._advance(chain, target)
                break
            except SourceError:
                # The branch may have been replaced while it was read: then there is another head to go to.
                latest = await self._target(chain, await chain.header("latest"))
                if latest.hash == target.hash:
                    raise
                target = latest
        else:
            raise SourceError("the chain is reorganised faster than it can be read")
        head = self._blocks[-1].header
        self.detail = f"block {head.number}"
        return self._ticks(head)

    async def _advance(self, chain: Chain, target: Header) -> None:
        if self._blocks and self._blocks[-1].header.hash == target.hash:
            return
        branch = await self._branch(chain, target)
        if branch is None:
            await self._sync(chain, target)
            return
        self._roll_back(branch[0].parent)
        for header in branch:
            await self._take(chain, header)
        if target.number - self._verified >= VERIFY_BLOCKS:
            await self._verify(chain, target)

    async def _branch(self, chain: Chain, target: Header) -> list[Header] | None:
        """Headers after the last common block up to ``target``; ``None`` if there is none near enough."""
        known = {block.header.hash for block in self._blocks}
        lowest = self._blocks[0].header.number if self._blocks else 0
        branch = [target]
        while known and branch[-1].parent not in known:
            if branch[-1].number <= lowest or len(branch) > self._source.reorg_depth:
                return None
            branch.append(await chain.header(branch[-1].parent))
        return branch[::-1] if known else None

    def _roll_back(self, ancestor: bytes) -> None:
        undone = 0
        while self._blocks[-1].header.hash != ancestor:
            self._states |= self._blocks.pop().before
            undone += 1
        if undone:
            self._log.warning("the chain was reorganised", blocks=undone)

    async def _take(self, chain: Chain, header: Header) -> None:
        """Apply one block's logs."""
        before: dict[str, V3State] = {}
        addresses = [entry.address for entry in self._entries.values()]
        for log in await chain.logs(header.hash, addresses):
            name = self._names[str(log["address"]).lower()]
            before.setdefault(name, self._states[name])
            self._states[name] = self._states[name].after(
                [bytes(one) for one in log["topics"]], bytes(log["data"])
            )
        self._blocks.append(Known(header, before))

    async def _sync(self, chain: Chain, target: Header) -> None:
        """Read every pool from the chain as of one block, which must not have changed meanwhile."""
        states = {name: await chain.pool(entry, target.number) for name, entry in self._entries.items()}
        if (await chain.header(target.number)).hash != target.hash:
            raise SourceError(f"block {target.number} was replaced while it was read")
        self._states = states
        self._blocks.clear()
        self._blocks.append(Known(target, {}))
        self._verified = target.number
        self._log.info("pools read", block=target.number, pools=len(states))

    async def _verify(self, chain: Chain, target: Header) -> None:
        """Compare what is kept with the chain: a difference is a bug here or a node that lies."""
        for name, entry in self._entries.items():
            if await chain.pool(entry, target.number) != self._states[name]:
                self._blocks.clear()
                raise SourceError(f"{name}: what is kept differs from the chain at block {target.number}")
        self._verified = target.number

    def _ticks(self, head: Header) -> list[Tick]:
        out: list[Tick] = []
        now = head.timestamp * NS
        for name, state in self._states.items():
            shown, when = self._shown.get(name, (None, 0))
            if state is shown and now - when < REFRESH_SECONDS * NS:
                continue
            # A reorganisation may lead to an earlier time; what is seen now is not older than what was.
            ts = max(now, when)
            self._shown[name] = (state, ts)
            data = encode(state.encoded(self._entries[name], head.number))
            out.append(Tick(ts, name, "pool", size=_worth(data), data=data, received=self._clock()))
        return out


def _worth(data: str) -> float | None:
    """USD that lies in the pool at its marginal price; ``None`` where it cannot be quoted."""
    try:
        curve: PoolCurve = decode(data)
    except PoolError:
        return None
    spot = curve.spot()
    down, up = curve.to_price(spot * 1e-6), curve.to_price(spot * 1e6)
    return (0.0 if down is None else down.usd) + (0.0 if up is None else up.tokens * spot)


def _value(url: str) -> str:
    return secret(url).get_secret_value() if url.startswith(("env:", "file:")) else url
