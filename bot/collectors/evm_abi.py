"""Just enough of the contract ABI: calls with static arguments, words of what comes back, and Multicall3.

Source: the Solidity ABI specification; ``aggregate3((address,bool,bytes)[])`` of ``mds1/multicall3``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from bot.collectors.evm_web3 import Web3
from bot.errors import PoolError, SourceError

MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
"""Where Multicall3 lies on nearly every chain."""
TEXT_MAX = 64
WORD = 32


class Call(NamedTuple):
    """One question to a contract."""

    to: str
    data: bytes


def keccak(data: bytes) -> bytes:
    """The chain's hash."""
    return bytes(Web3.keccak(data))


@cache
def topic(signature: str) -> bytes:
    """The first topic of an event, as in ``Sync(uint112,uint112)``."""
    return keccak(signature.encode())


def call(to: str, signature: str, *arguments: int | str | bytes) -> Call:
    """A call; arguments are whole numbers, addresses as text, or 32 bytes."""
    return Call(to, topic(signature)[:4] + b"".join(map(encoded, arguments)))


def encoded(value: int | str | bytes) -> bytes:
    """One static argument, or a key of a mapping, as 32 bytes."""
    if isinstance(value, bytes):
        return value.rjust(WORD, b"\0")
    number = int(value, 16) if isinstance(value, str) else value
    return (number % 2**256).to_bytes(WORD, "big")


def word(data: bytes, index: int) -> int:
    """The ``index``-th word, unsigned."""
    return int.from_bytes(data[WORD * index : WORD * (index + 1)], "big")


def signed(data: bytes, index: int) -> int:
    """The ``index``-th word, signed."""
    return int.from_bytes(data[WORD * index : WORD * (index + 1)], "big", signed=True)


def address(data: bytes, index: int = 0) -> str:
    """The ``index``-th word as an address in small letters."""
    return f"0x{word(data, index) % 2**160:040x}"


def answered(result: bytes | None, words: int, what: str) -> bytes:
    """The answer, if it has at least so many words. PoolError ``no_answer`` naming ``what`` if it has not."""
    if result is None:
        raise PoolError("no_answer", f"the contract refuses {what}")
    if len(result) < words * WORD:
        raise PoolError("no_answer", f"the contract gives no {what}" if result else "there is no contract")
    return result


def text(result: bytes | None) -> str | None:
    """A ``string``, or the ``bytes32`` of older tokens; ``None`` if it is neither."""
    if result is None or len(result) < WORD:
        return None
    raw = result.rstrip(b"\0")
    if len(result) > WORD:
        start = word(result, 0)
        size = int.from_bytes(result[start : start + WORD], "big")
        raw = result[start + WORD : start + WORD + size]
        if len(raw) != size:
            return None
    try:
        return raw.decode()[:TEXT_MAX]
    except UnicodeDecodeError:
        return None


def aggregated(multicall: str, calls: Sequence[Call]) -> Call:
    """All calls as one; a failing one does not fail the others."""
    heads, tails, offset = [], [], WORD * len(calls)
    for one in calls:
        padded = one.data + bytes(-len(one.data) % WORD)
        tail = encoded(one.to) + encoded(1) + encoded(3 * WORD) + encoded(len(one.data)) + padded
        heads.append(encoded(offset))
        tails.append(tail)
        offset += len(tail)
    data = [topic("aggregate3((address,bool,bytes)[])")[:4], encoded(WORD), encoded(len(calls))]
    return Call(multicall, b"".join([*data, *heads, *tails]))


def separated(result: bytes, count: int) -> list[bytes | None]:
    """Answers of :func:`aggregated`, ``None`` for a call that failed. SourceError if it is no such answer."""
    if len(result) < 2 * WORD or word(result, 1) != count:
        raise SourceError("what lies at the chain's multicall address is no Multicall3")
    out: list[bytes | None] = []
    base = 2 * WORD
    for index in range(count):
        at = base + word(result, 2 + index)
        size = int.from_bytes(result[at + 2 * WORD : at + 3 * WORD], "big")
        data = result[at + 3 * WORD : at + 3 * WORD + size]
        if len(data) != size:
            raise SourceError("an answer of Multicall3 is cut short")
        out.append(data if int.from_bytes(result[at : at + WORD], "big") else None)
    return out
