"""What a node's refusal means: asked too often, asked for too much, or the contract could not do it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from bot.collectors.evm_chain import LEAST_BLOCKS, Chain
from bot.collectors.evm_rpc import RpcError


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (429, "Too Many Requests"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32005, "project ID request rate exceeded"),
        (-32000, "your plan's capacity exceeded"),
    ],
)
def test_asked_too_often(code: int, text: str) -> None:
    assert RpcError(code, text).limited


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
        (-32005, "eth_getLogs block range limit exceeded"),
        (-32602, "Log response size exceeded."),
        (-32000, "exceed maximum block range: 5000"),
    ],
)
async def test_asked_for_too_much_is_asked_in_halves(code: int, text: str) -> None:
    spans = []

    class Node:
        async def ask(self, method: str, where: dict[str, str]) -> list[Any]:
            start, end = int(where["fromBlock"], 16), int(where["toBlock"], 16)
            spans.append((start, end))
            if end - start >= LEAST_BLOCKS:
                raise RpcError(code, text)
            return []

    chain = Chain(Node())  # type: ignore[arg-type]  # all that is asked of it
    assert await chain.history("0x01", [], 0, 3 * LEAST_BLOCKS) == []
    answered = [(start, end) for start, end in spans if end - start < LEAST_BLOCKS]
    assert answered[0][0] == 0
    assert answered[-1][1] == 3 * LEAST_BLOCKS
    assert all(before[1] + 1 == after[0] for before, after in pairwise(answered))
