"""Uniswap v2 pools and forks: the reserves, as each ``Sync`` tells them. Pure.

Source: ``UniswapV2Pair`` and ``UniswapV2Factory`` of ``@uniswap/v2-core``. The fee is no number of the
contract: forks differ, so the registry says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.evm_abi import address, answered, call, topic, word
from bot.collectors.evm_chain import Log, LogQuery, Reads
from bot.collectors.evm_kinds import expected_tokens, index_of, wrong_tokens
from bot.pools.constant_product import ConstantProductState
from bot.pools.state import PoolState
from bot.registry.model import REBASING, Factory, PoolEntry

SYNC = topic("Sync(uint112,uint112)")
PAIR_CREATED = topic("PairCreated(address,address,address,uint256)")


class V2State(Struct, frozen=True):
    """Reserves of token0 and token1, base units. ``held`` is what the pair has of our token, where that moves
    by itself: a balance below the reserve makes swaps fail until ``sync`` takes it over, so the lesser
    counts."""

    reserve0: int
    reserve1: int
    held: int | None = None

    def after(self, log: Log) -> V2State:
        """See :class:`~bot.collectors.evm_kinds.State`."""
        if log.topics[0] != SYNC:
            return self
        return replace(self, reserve0=word(log.data, 0), reserve1=word(log.data, 1))

    def encoded(self, entry: PoolEntry, common: Mapping[str, Any]) -> PoolState:
        """See :class:`~bot.collectors.evm_kinds.State`; our token comes first, as this kind wants it."""
        ours, other = self.reserve0, self.reserve1
        fields = dict(common)
        if index_of(entry) == 1:
            ours, other = other, ours
            for name in ("decimals", "transfer_fees"):
                fields[name] = fields[name][::-1]
        ours = ours if self.held is None else min(ours, self.held)
        return ConstantProductState(
            **{**fields, "token_index": 0},
            token_reserve=str(ours),
            quote_reserve=str(other),
            fee_pips=entry.fee_pips,
        )


class V2:
    """See :class:`~bot.collectors.evm_kinds.Kind`."""

    def query(self, entry: PoolEntry) -> LogQuery:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        return LogQuery((entry.address.lower(),), (SYNC,))

    def snapshot(self, entry: PoolEntry) -> Reads[V2State]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        (reserves,) = yield [call(entry.address, "getReserves()")]
        found = answered(reserves, 3, "reserves")
        state = V2State(word(found, 0), word(found, 1))
        return (yield from _held(entry, state)) if entry.token_form == REBASING else state

    def poll(self, entry: PoolEntry, state: V2State) -> Reads[V2State] | None:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        return _held(entry, state) if entry.token_form == REBASING else None

    def identity(self, entry: PoolEntry) -> Reads[list[str]]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        first, second = yield [call(entry.address, "token0()"), call(entry.address, "token1()")]
        found = (address(answered(first, 1, "token0")), address(answered(second, 1, "token1")))
        return wrong_tokens(entry, found)

    def made_by(self, entry: PoolEntry, factory: Factory) -> Reads[bool]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        (pair,) = yield [call(factory.address, "getPair(address,address)", *expected_tokens(entry))]
        return address(answered(pair, 1, "getPair")) == entry.address.lower()


def _held(entry: PoolEntry, state: V2State) -> Reads[V2State]:
    (balance,) = yield [call(entry.token_address, "balanceOf(address)", entry.address)]
    found = word(answered(balance, 1, "balanceOf"), 0)
    return state if found == state.held else replace(state, held=found)
