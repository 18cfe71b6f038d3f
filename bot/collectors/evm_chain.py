"""One WebSocket to an EVM node: the few questions the collector has, errors turned into ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from msgspec import Struct
from web3 import AsyncWeb3, WebSocketProvider
from web3.exceptions import Web3Exception
from websockets.exceptions import InvalidStatus, WebSocketException

from bot.collectors.evm_state import TOPICS, V3State, initialised, words
from bot.errors import ConfigError, SourceError, SourceRefused, SourceSilent
from bot.registry.model import PoolEntry

LIBRARY_ERRORS = (Web3Exception, WebSocketException, OSError, TimeoutError, EOFError)
REQUEST_SECONDS = 20.0
AT_ONCE = 32
"""Calls under way at the same time while a pool is read."""


def _function(name: str, inputs: Iterable[str], outputs: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "function", "name": name, "stateMutability": "view",
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }  # fmt: skip


POOL_ABI = [
    _function("slot0", (), ("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")),
    _function("liquidity", (), ("uint128",)),
    _function("fee", (), ("uint24",)),
    _function("tickSpacing", (), ("int24",)),
    _function("token0", (), ("address",)),
    _function("token1", (), ("address",)),
    _function("tickBitmap", ("int16",), ("uint256",)),
    _function(
        "ticks", ("int24",),
        ("uint128", "int128", "uint256", "uint256", "int56", "uint160", "uint32", "bool"),
    ),
]  # fmt: skip


class Header(Struct, frozen=True):
    """A block as others refer to it; ``timestamp`` in seconds, Unix time."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


class Chain:
    """Asks one node. Every method may raise :class:`SourceError` or :class:`SourceRefused`."""

    def __init__(self, w3: Any) -> None:
        self._w3 = w3
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def chain_id(self) -> int:
        """The chain the node is on."""
        with translated():
            return int(await self._w3.eth.chain_id)

    async def header(self, block: int | str | bytes) -> Header:
        """By number, hash, or ``"latest"``."""
        with translated():
            return _header(await self._w3.eth.get_block(block))

    async def logs(self, block: bytes, addresses: Sequence[str]) -> list[Any]:
        """The pools' logs of the block with this hash, in order; no other block's, whatever happens."""
        with translated():
            query = {"blockHash": block, "address": list(addresses), "topics": [list(TOPICS)]}
            return list(await self._w3.eth.get_logs(query))

    async def has_code(self, address: str) -> bool:
        """Whether there is a contract."""
        with translated():
            return bool(await self._w3.eth.get_code(self._w3.to_checksum_address(address)))

    async def heads(self, silence_seconds: float) -> AsyncIterator[Header]:
        """The latest block, then new ones as the node announces them; SourceSilent after so long without."""
        with translated():
            await self._w3.eth.subscribe("newHeads")
            stream = aiter(self._w3.socket.process_subscriptions())
        yield await self.header("latest")
        while True:
            try:
                async with asyncio.timeout(silence_seconds):
                    with translated():
                        message = await anext(stream)
            except TimeoutError:
                raise SourceSilent(f"no new block for {silence_seconds:g} s") from None
            except StopAsyncIteration:
                raise SourceError("the node ended the subscription") from None
            yield _header(message["result"])

    async def pool(self, entry: PoolEntry, block: int) -> V3State:
        """The pool's whole state as of a block. ConfigError if it is not the registry's pool."""
        with translated(entry.instrument):
            address = self._w3.to_checksum_address(entry.address)
            if not await self._w3.eth.get_code(address, block):
                raise SourceError(f"{entry.instrument}: no contract at {entry.address} in block {block}")
            pool = self._w3.eth.contract(address=address, abi=POOL_ABI)
            tokens = [
                str(await self._call(pool.functions[name](), block)).lower() for name in ("token0", "token1")
            ]
            index = _which(entry, tokens)
            spacing = await self._call(pool.functions.tickSpacing(), block)
            slot0 = await self._call(pool.functions.slot0(), block)
            return V3State(
                token_index=index,
                fee=await self._call(pool.functions.fee(), block),
                tick_spacing=spacing,
                sqrt_price=slot0[0],
                tick=slot0[1],
                liquidity=await self._call(pool.functions.liquidity(), block),
                ticks=await self._ticks(pool, spacing, block),
            )

    async def _ticks(self, pool: Any, spacing: int, block: int) -> dict[int, tuple[int, int]]:
        every = words(spacing)
        async with asyncio.TaskGroup() as group:
            maps = [group.create_task(self._call(pool.functions.tickBitmap(word), block)) for word in every]
        ticks = [
            tick
            for word, bitmap in zip(every, maps, strict=True)
            for tick in initialised(bitmap.result(), word, spacing)
        ]
        async with asyncio.TaskGroup() as group:
            infos = [group.create_task(self._call(pool.functions.ticks(tick), block)) for tick in ticks]
        return {tick: info.result()[:2] for tick, info in zip(ticks, infos, strict=True)}

    async def _call(self, function: Any, block: int) -> Any:
        async with self._slots:
            result = await function.call(block_identifier=block)
            return tuple(result) if isinstance(result, list) else result


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Chain]:
    """A connection to ``url``, closed on leaving. It is never rebuilt: who made it makes another."""
    provider = WebSocketProvider(
        url, max_connection_retries=1, request_timeout=REQUEST_SECONDS, silence_listener_task_exceptions=False
    )
    w3: Any = AsyncWeb3(provider)
    with translated():
        await provider.connect()
    try:
        yield Chain(w3)
    finally:
        with translated(quiet=True):
            await provider.disconnect()


@contextmanager
def translated(what: str = "", *, quiet: bool = False) -> Iterator[None]:
    """Errors of the libraries as ours; ``quiet``: none at all, where it is over anyway."""
    try:
        yield
        # web3 waits in asyncio.wait_for, which before Python 3.12 may swallow a cancellation.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
    except (*LIBRARY_ERRORS, ExceptionGroup) as group:
        error = _first(group)
        if not isinstance(error, LIBRARY_ERRORS):
            raise
        if not quiet:
            raise _ours(error, what) from None


def _ours(error: BaseException, what: str) -> SourceError:
    cause = error.__cause__ or error
    status = cause.response.status_code if isinstance(cause, InvalidStatus) else 0
    if status in (401, 403):
        return SourceRefused(f"the node refuses the connection (HTTP {status}): check the key in the URL")
    text = str(cause) or type(cause).__name__
    return SourceError(f"{what}: {text}" if what else text)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _header(block: Any) -> Header:
    return Header(
        number=int(block["number"]),
        hash=bytes(block["hash"]),
        parent=bytes(block["parentHash"]),
        timestamp=int(block["timestamp"]),
    )


def _which(entry: PoolEntry, tokens: list[str]) -> int:
    """Which of the pool's two tokens is ours. ConfigError if the registry says other ones."""
    expected = {entry.token_address.lower(), entry.quote_address.lower()}
    if expected != set(tokens):
        raise ConfigError(
            f"pool {entry.instrument}: its contract trades {' and '.join(tokens)}, the registry says "
            f"{' and '.join(sorted(expected))}; correct the entry in config/registry"
        )
    return tokens.index(entry.token_address.lower())
