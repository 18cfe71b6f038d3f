"""What the collector asks of an EVM node: blocks, logs, and many contract calls at one block."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Coroutine,
    Generator,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from msgspec import Struct

from bot.collectors.evm_abi import Call, aggregated, separated
from bot.collectors.evm_rpc import Rpc, RpcError, rpc
from bot.errors import PoolError, SourceError

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")

Answers = list[bytes | None]
Reads = Generator[Sequence[Call], Answers, T]
"""What is to be asked at one block, round by round, as a generator: it yields calls, is sent their answers
(``None`` for a call that failed) and returns what it made of them, or raises :class:`PoolError`."""

ADDRESSES_PER_QUERY = 500
LEAST_BLOCKS = 1000
"""A question for events of fewer blocks is not made smaller."""
BATCH = 100
"""Calls in one message where the chain has no Multicall3."""


class Header(Struct, frozen=True):
    """A block as others refer to it; ``timestamp`` in seconds, Unix time; ``base_fee`` in wei for a unit of
    gas (EIP-1559), 0 where the chain has none."""

    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int = 0


class Log(Struct, frozen=True):
    """One event of a contract; ``address`` in small letters."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


class LogQuery(Struct, frozen=True):
    """Whose events and which; ``ids`` are second topics to take, all if there are none."""

    addresses: tuple[str, ...]
    topics: tuple[bytes, ...]
    ids: tuple[bytes, ...] = ()


class Chain:
    """Asks one node. Every method may raise :class:`SourceError` or :class:`SourceRefused`."""

    def __init__(self, node: Rpc, multicall: str = "", calls_per_request: int = 500) -> None:
        self.node = node
        self._multicall = multicall
        self._multicall_is_there: bool | None = None if multicall else False
        self._per_request = calls_per_request

    async def chain_id(self) -> int:
        """The chain the node is on."""
        found = await self.node.ask("eth_chainId")
        with _understood("chain id"):
            return int(found, 16)

    async def header(self, block: int | str) -> Header:
        """By number, hash, or ``"latest"``."""
        if isinstance(block, str) and block.startswith("0x"):
            found = await self.node.ask("eth_getBlockByHash", block, False)
        else:
            name = block if isinstance(block, str) else hex(block)
            found = await self.node.ask("eth_getBlockByNumber", name, False)
        if found is None:
            raise SourceError(f"the node has no block {block}")
        return _header(found)

    async def heads(self, silence_seconds: float) -> AsyncIterator[Header]:
        """The latest block, then new ones as the node announces them; SourceSilent after so long without."""
        await self.node.ask("eth_subscribe", "newHeads")
        yield await self.header("latest")
        while True:
            yield _header(await self.node.news(silence_seconds))

    async def logs_of(self, blocks: Sequence[str], queries: Sequence[LogQuery]) -> list[list[Log]]:
        """:meth:`logs` of each of these blocks."""
        return await _all(self.logs(block, queries) for block in blocks)

    async def logs(self, block: str, queries: Sequence[LogQuery]) -> list[Log]:
        """Events of the block with this hash, in order; no other block's, whatever happens."""
        asked = []
        for query in queries:
            topics: list[Any] = [[_hex(one) for one in query.topics]]
            if query.ids:
                topics.append([_hex(one) for one in query.ids])
            for start in range(0, len(query.addresses), ADDRESSES_PER_QUERY):
                addresses = query.addresses[start : start + ADDRESSES_PER_QUERY]
                asked.append({"blockHash": block, "address": list(addresses), "topics": topics})
        found = await _all(self.node.ask("eth_getLogs", one) for one in asked)
        with _understood("logs"):
            rows = [row for rows in found for row in rows or ()]
            if any(row["blockHash"] != block for row in rows):
                raise SourceError("the node gives logs of another block than it was asked for")
            rows.sort(key=lambda row: int(row["logIndex"], 16))
            return [_log(row) for row in rows]

    async def history(self, address: str, topics: Sequence[Any], start: int, end: int) -> list[Log]:
        """Events of a contract in these blocks. Nodes bound how many a question may span: it is halved until
        they answer. Raises what they said at last."""
        where = {"address": address, "topics": topics, "fromBlock": hex(start), "toBlock": hex(end)}
        try:
            rows = await self.node.ask("eth_getLogs", where)
        except RpcError as error:
            if end - start < LEAST_BLOCKS or error.limited:
                raise
            middle = (start + end) // 2
            first = await self.history(address, topics, start, middle)
            return first + await self.history(address, topics, middle + 1, end)
        with _understood("logs"):
            return [_log(row) for row in rows or ()]

    async def read(self, reads: Mapping[Key, Reads[T]], block: str) -> dict[Key, T | PoolError]:
        """Run all of them at the block with this hash, together: one round of calls for all at a time."""
        done: dict[Key, T | PoolError] = {}
        waiting: dict[Key, Sequence[Call]] = {}

        def go_on(key: Key, answers: Answers | None) -> None:
            try:
                waiting[key] = reads[key].send(answers)  # type: ignore[arg-type]  # the first is sent None
            except StopIteration as end:
                done[key] = end.value
            except PoolError as error:
                done[key] = error

        for key in reads:
            go_on(key, None)
        while waiting:
            asked, waiting = waiting, {}
            answers = await self.calls([one for calls in asked.values() for one in calls], block)
            at = 0
            for key, calls in asked.items():
                go_on(key, answers[at : at + len(calls)])
                at += len(calls)
        return done

    async def calls(self, calls: Sequence[Call], block: str) -> Answers:
        """Answers of all, at the block with this hash; in as few requests as the chain's contracts allow."""
        together = await self._has_multicall(block)
        size = self._per_request if together else min(self._per_request, BATCH)
        parts = [calls[start : start + size] for start in range(0, len(calls), size)]
        ask = self._together if together else self._singly
        return [answer for answers in await _all(ask(part, block) for part in parts) for answer in answers]

    async def _has_multicall(self, block: str) -> bool:
        if self._multicall_is_there is None:
            code = await self.node.ask("eth_getCode", self._multicall, {"blockHash": block})
            self._multicall_is_there = len(_bytes(code)) > 0
        return self._multicall_is_there

    async def _together(self, calls: Sequence[Call], block: str) -> Answers:
        try:
            result = await self.node.ask(*_eth_call(aggregated(self._multicall, calls), block))
        except RpcError as error:
            if not error.failed:
                raise
            if len(calls) == 1:
                return [None]
            # All of it was too much at once, or one of it used up everything: halves find out.
            middle = len(calls) // 2
            first = await self._together(calls[:middle], block)
            return first + await self._together(calls[middle:], block)
        return separated(_bytes(result), len(calls))

    async def _singly(self, calls: Sequence[Call], block: str) -> Answers:
        out: Answers = []
        for answer in await self.node.batch([_question(one, block) for one in calls]):
            if isinstance(answer, RpcError):
                if not answer.failed:
                    raise answer
                out.append(None)
            else:
                out.append(_bytes(answer))
        return out


@asynccontextmanager
async def connected(
    url: str, *, multicall: str = "", calls_per_request: int = 500, per_second: float = 0.0
) -> AsyncIterator[Chain]:
    """A connection to ``url``, closed on leaving. It is never rebuilt: who made it makes another."""
    async with rpc(url, per_second) as node:
        yield Chain(node, multicall, calls_per_request)


async def _all(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them give; the first failure ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asked]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


@contextmanager
def _understood(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"the node's {what} cannot be read: {error!r}") from None


def _eth_call(call: Call, block: str) -> tuple[Any, ...]:
    return ("eth_call", {"to": call.to, "data": _hex(call.data)}, {"blockHash": block})


def _question(call: Call, block: str) -> tuple[str, list[Any]]:
    method, *params = _eth_call(call, block)
    return method, params


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    with _understood("answer"):
        return bytes.fromhex(text[2:])


def _header(block: Any) -> Header:
    with _understood("block"):
        number, seconds = int(block["number"], 16), int(block["timestamp"], 16)
        base_fee = int(block.get("baseFeePerGas") or "0x0", 16)
        return Header(number, str(block["hash"]), str(block["parentHash"]), seconds, base_fee)


def _log(row: Any) -> Log:
    return Log(row["address"].lower(), tuple(map(_bytes, row["topics"])), _bytes(row["data"]))
