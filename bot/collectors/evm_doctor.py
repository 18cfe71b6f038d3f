"""Whether pools are what the registry says they are: asked of one endpoint, for ``pegbot doctor``."""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.evm_chain import connected
from bot.collectors.evm_verify import verify
from bot.errors import PoolError
from bot.registry.model import PoolEntry, Registry


async def mistakes(url: str, entries: Sequence[PoolEntry], registry: Registry) -> list[str]:
    """Each in words, with the pool's instrument; none if all is well. Raises SourceError."""
    chain = registry.chains[entries[0].chain]
    async with connected(url, multicall=chain.multicall) as node:
        head = await node.header("latest")
        found = await node.read({one.instrument: verify(one, registry) for one in entries}, head.hash)
    out = []
    for name, answer in found.items():
        words = [answer.detail] if isinstance(answer, PoolError) else answer
        out += [f"{name}: {one}" for one in words]
    return out
