"""A node whose answers are no answers: the source's fault, so that the next endpoint is tried."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.evm_abi import call
from bot.collectors.evm_chain import Chain
from bot.errors import SourceError

CALL = call("0x" + "11" * 20, "symbol()")


class Node:
    """Answers everything with the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def ask(self, method: str, *params: Any) -> Any:
        return self.answer

    async def batch(self, questions: list[Any]) -> list[Any]:
        return [self.answer] * len(questions)


@pytest.mark.parametrize("answer", [None, 7, "0xzz", {}, []])
@pytest.mark.parametrize("multicall", ["", "0x" + "22" * 20])
async def test_what_is_no_answer_is_an_error_of_the_source(answer: Any, multicall: str) -> None:
    chain = Chain(Node(answer), multicall)  # type: ignore[arg-type]  # all that is asked of it
    with pytest.raises(SourceError):
        await chain.chain_id()
    with pytest.raises(SourceError):
        await chain.header("latest")
    with pytest.raises(SourceError):
        await chain.calls([CALL], "0x" + "33" * 32)
