"""Uniswap v4 pools: one contract holds them all, each known by the hash of its key. Pure.

Source: ``IPoolManager``, ``StateLibrary`` and ``PoolId`` of ``@uniswap/v4-core``. State is read from the
manager's storage by ``extsload``; no event tells when a hook sets another fee, so a dynamic one is asked for
in each block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.evm_abi import Call, answered, call, encoded, keccak, signed, topic, word
from bot.collectors.evm_chain import Log, LogQuery, Reads
from bot.collectors.evm_kinds import expected_tokens
from bot.collectors.evm_v3 import Ticks, initialised, moved, nets, words
from bot.errors import PoolError
from bot.pools.state import PoolState
from bot.pools.uniswap_v4 import DYNAMIC_FEE, NO_HOOKS, UniswapV4State
from bot.registry.model import Factory, PoolEntry

INITIALIZE = topic("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")
MODIFY = topic("ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)")
SWAP = topic("Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)")
PROTOCOL_FEE = topic("ProtocolFeeUpdated(bytes32,uint24)")
POOLS_SLOT = 6
LIQUIDITY, TICKS, BITMAP = 3, 4, 5
"""Where a pool's struct has them, from its first slot."""


class V4State(Struct, frozen=True):
    """A pool at one block. ``protocol_fees`` are those with token0 in and token1 in, millionths."""

    sqrt_price: int
    tick: int
    protocol_fees: tuple[int, int]
    lp_fee: int
    liquidity: int
    ticks: Ticks

    def after(self, log: Log) -> V4State:
        """See :class:`~bot.collectors.evm_kinds.State`."""
        kind, data = log.topics[0], log.data
        if kind == SWAP:
            return replace(self, sqrt_price=word(data, 2), liquidity=word(data, 3), tick=signed(data, 4))
        if kind == MODIFY:
            lower, upper, amount = signed(data, 0), signed(data, 1), signed(data, 2)
            if amount == 0:
                return self
            active = self.liquidity + (amount if lower <= self.tick < upper else 0)
            return replace(self, ticks=moved(self.ticks, lower, upper, amount), liquidity=active)
        if kind == INITIALIZE:
            raise PoolError("missing_log", "the pool was made")  # its fees are not in the event
        if kind == PROTOCOL_FEE:
            return replace(self, protocol_fees=_protocol_fees(word(data, 0)))
        return self

    def encoded(self, entry: PoolEntry, common: Mapping[str, Any]) -> PoolState:
        """See :class:`~bot.collectors.evm_kinds.State`."""
        if self.sqrt_price == 0:
            raise PoolError("not_initialised", "the pool has no price yet")
        return UniswapV4State(
            **common,
            fee=entry.fee_pips,
            lp_fee=self.lp_fee,
            protocol_fee=self.protocol_fees,
            hooks=entry.hooks or NO_HOOKS,
            tick_spacing=entry.tick_spacing,
            sqrt_price_x96=str(self.sqrt_price),
            liquidity=str(self.liquidity),
            tick=self.tick,
            ticks=nets(self.ticks),
        )


class V4:
    """See :class:`~bot.collectors.evm_kinds.Kind`."""

    def query(self, entry: PoolEntry) -> LogQuery:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        topics = (SWAP, MODIFY, INITIALIZE, PROTOCOL_FEE)
        return LogQuery((entry.manager.lower(),), topics, (_id(entry),))

    def snapshot(self, entry: PoolEntry) -> Reads[V4State]:
        """See :class:`~bot.collectors.evm_kinds.Kind`; three rounds: slot0, the bitmap, ticks."""
        base = _base(_id(entry))
        slot0, liquidity = yield [_load(entry, base), _load(entry, base + LIQUIDITY)]
        every = words(entry.tick_spacing)
        maps = yield [_load(entry, _inside(base + BITMAP, index)) for index in every]
        ticks = initialised(maps, every, entry.tick_spacing)
        infos = yield [_load(entry, _inside(base + TICKS, tick)) for tick in ticks]
        packed = word(answered(slot0, 1, "slot0"), 0)
        found = [word(answered(info, 1, "ticks"), 0) for info in infos]
        return V4State(
            sqrt_price=packed % 2**160,
            tick=_int(packed >> 160, 24),
            protocol_fees=_protocol_fees(packed >> 184),
            lp_fee=(packed >> 208) % 2**24,
            liquidity=word(answered(liquidity, 1, "liquidity"), 0) % 2**128,
            ticks={
                tick: (info % 2**128, _int(info >> 128, 128)) for tick, info in zip(ticks, found, strict=True)
            },
        )

    def poll(self, entry: PoolEntry, state: V4State) -> Reads[V4State] | None:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        return self._fee(entry, state) if entry.fee_pips == DYNAMIC_FEE else None

    def _fee(self, entry: PoolEntry, state: V4State) -> Reads[V4State]:
        (slot0,) = yield [_load(entry, _base(_id(entry)))]
        found = (word(answered(slot0, 1, "slot0"), 0) >> 208) % 2**24
        return state if found == state.lp_fee else replace(state, lp_fee=found)

    def identity(self, entry: PoolEntry) -> Reads[list[str]]:
        """See :class:`~bot.collectors.evm_kinds.Kind`: the id is the hash of all that the registry says."""
        (slot0,) = yield [_load(entry, _base(_id(entry)))]
        answered(slot0, 1, "slot0")
        hooks = entry.hooks or NO_HOOKS
        if _id(entry) == pool_id(expected_tokens(entry), entry.fee_pips, entry.tick_spacing, hooks):
            return []
        return ["its id is not the hash of the tokens, fee_pips, tick_spacing and hooks in the registry"]

    def made_by(self, entry: PoolEntry, factory: Factory) -> Reads[bool]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        yield []
        return entry.manager.lower() == factory.address.lower()


def pool_id(tokens: tuple[str, str], fee: int, spacing: int, hooks: str) -> bytes:
    """``PoolId.toId``: the hash of the key."""
    return keccak(b"".join(encoded(part) for part in (*tokens, fee, spacing, hooks)))


def _id(entry: PoolEntry) -> bytes:
    return encoded(entry.address)


def _base(pool: bytes) -> int:
    return int.from_bytes(keccak(pool + encoded(POOLS_SLOT)), "big")


def _inside(mapping: int, key: int) -> int:
    return int.from_bytes(keccak(encoded(key) + encoded(mapping)), "big")


def _load(entry: PoolEntry, slot: int) -> Call:
    return call(entry.manager, "extsload(bytes32)", slot)


def _protocol_fees(packed: int) -> tuple[int, int]:
    return packed % 2**12, (packed >> 12) % 2**12


def _int(value: int, bits: int) -> int:
    value %= 2**bits
    return value - 2**bits if value >= 2 ** (bits - 1) else value
