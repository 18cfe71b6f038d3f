"""What the stock tokens of one EVM chain say of themselves: shares per token, and whether they are paused.

For Robinhood's (ERC-8056 and ``oraclePaused``; see :mod:`bot.collectors.evm_token` for sources),
whether or not a pool of them is watched. Both are told of ``TOKEN@robinhood``: the issuer's word on its
chain.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from bot.collectors.evm_asked import Asked
from bot.collectors.evm_chain import Header, Reads
from bot.collectors.evm_token import Terms, token_terms
from bot.collectors.told import Told
from bot.config import RobinhoodSource
from bot.errors import PoolError
from bot.registry.model import Registry
from bot.timefmt import NS
from bot.types import Ns, Tick


class RobinhoodCollector:
    """One source of token terms; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self, source: RobinhoodSource, registry: Registry, *, clock: Callable[[], Ns] = time.time_ns
    ) -> None:
        self.name = source.name
        self.detail = ""
        self._places = {f"{token}@{registry.tokens[token].issuer}": address
                        for token, address in addresses(source, registry).items()}  # fmt: skip
        self.instruments = tuple(self._places)
        self._told = Told(clock)
        chain = next((one for one in registry.chains.values() if one.chain_id == source.chain_id), None)
        self._asked = Asked(
            f"collectors.robinhood[{source.name}]", source.urls, source.chain_id, self._questions,
            multicall="" if chain is None else chain.multicall, every_seconds=source.every_seconds,
            silence_seconds=source.silence_seconds, per_second=source.requests_per_second, clock=clock,
        )  # fmt: skip

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Multipliers and pauses as they change. Raises :class:`SourceError`."""
        self._told.forget()
        async with aclosing(self._asked.readings()) as readings:
            async for head, answers in readings:
                for name, answer in answers.items():
                    for tick in self._token(name, answer):
                        yield tick
                self.detail = f"block {head.number}"

    def _questions(self, head: Header) -> Mapping[str, Reads[Terms]]:
        return {name: token_terms(at, head.timestamp) for name, at in self._places.items()}

    def _token(self, name: str, answer: Terms | PoolError) -> list[Tick]:
        if isinstance(answer, PoolError):
            return self._told.status(name, "down", answer.detail)
        if not answer.follows:
            return self._told.status(name, "down", "its contract says nothing of shares per token")
        state = "halted" if answer.halted else "open"
        out = self._told.status(name, state, answer.halted, scope="issuer")
        if answer.multiplier is not None:
            data: dict[str, Any] = {"multiplier": answer.multiplier}
            if answer.announced is not None:
                data |= {"new_multiplier": answer.announced, "effective_ns": answer.effective * NS}
            out += self._told.news("multiplier", name, data)
        return out


def addresses(source: RobinhoodSource, registry: Registry) -> dict[str, str]:
    """Where the configured tokens lie on the chain; those that lie nowhere there are left out."""
    chain = next((one for one in registry.chains.values() if one.chain_id == source.chain_id), None)
    found: dict[str, str] = {}
    for symbol in source.tokens:
        token = registry.tokens.get(symbol)
        if token is None or chain is None:
            continue
        at = token.addresses.get(chain.name) or token.addresses.get(chain.kind)
        if at:
            found[symbol] = at
    return found
