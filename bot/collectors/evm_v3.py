"""Uniswap v3 pools and those like them, moved on by the contract's own events. Pure.

Source: ``IUniswapV3PoolEvents`` and ``Tick.update`` of ``@uniswap/v3-core``; ``IPancakeV3PoolEvents`` of
``@pancakeswap/v3-core``, whose Swap has two more fields; ``CLPool`` of Slipstream (Aerodrome, Velodrome),
whose fee is asked of its factory and may change in any block. The words that are read of slot0 and of a tick
are the same in all three. Only what swaps depend on is kept: Collect, Flash and the protocol's share of the
fee change no amount that a trader gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.evm_abi import address, answered, call, signed, topic, word
from bot.collectors.evm_chain import Log, LogQuery, Reads
from bot.collectors.evm_kinds import expected_tokens, wrong_tokens
from bot.errors import PoolError
from bot.pools.state import PoolState
from bot.pools.uniswap_v3 import UniswapV3State
from bot.pools.v3_forks import PancakeV3State, SlipstreamState
from bot.registry.model import Factory, PoolEntry

SWAP = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
SWAP_PANCAKE = topic("Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)")
MINT = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
INITIALIZE = topic("Initialize(uint160,int24)")
POOL_CREATED = topic("PoolCreated(address,address,uint24,int24,address)")
MAX_TICK = 887_272
STATES = {"pancakeswap_v3": PancakeV3State, "slipstream": SlipstreamState}

Ticks = Mapping[int, tuple[int, int]]
"""Each initialised tick's gross and net liquidity. One whose net is nothing while positions end and begin
there is initialised all the same: the contract stops at it, and rounds."""


class V3State(Struct, frozen=True):
    """A pool at one block; ``fee`` in millionths."""

    fee: int
    tick_spacing: int
    sqrt_price: int
    tick: int
    liquidity: int
    ticks: Ticks

    def after(self, log: Log) -> V3State:
        """See :class:`~bot.collectors.evm_kinds.State`."""
        kind, data = log.topics[0], log.data
        if kind in (SWAP, SWAP_PANCAKE):
            return replace(self, sqrt_price=word(data, 2), liquidity=word(data, 3), tick=signed(data, 4))
        if kind == INITIALIZE:
            return replace(self, sqrt_price=word(data, 0), tick=signed(data, 1))
        if kind in (MINT, BURN):
            amount = word(data, 1) if kind == MINT else -word(data, 0)
            return self.moved(signed(log.topics[2], 0), signed(log.topics[3], 0), amount)
        return self

    def moved(self, lower: int, upper: int, amount: int) -> V3State:
        """After ``amount`` of liquidity came to (or, negative, left) the range."""
        active = self.liquidity + (amount if lower <= self.tick < upper else 0)
        return replace(self, ticks=moved(self.ticks, lower, upper, amount), liquidity=active)

    def encoded(self, entry: PoolEntry, common: Mapping[str, Any]) -> PoolState:
        """See :class:`~bot.collectors.evm_kinds.State`."""
        if self.sqrt_price == 0:
            raise PoolError("not_initialised", "the pool has no price yet")
        kind = STATES.get(entry.amm, UniswapV3State)
        return kind(
            **common,
            fee=self.fee,
            tick_spacing=self.tick_spacing,
            sqrt_price_x96=str(self.sqrt_price),
            liquidity=str(self.liquidity),
            tick=self.tick,
            ticks=nets(self.ticks),
        )


class V3(Struct, frozen=True):
    """See :class:`~bot.collectors.evm_kinds.Kind`. ``by_spacing``: the factory knows pools by their spacing,
    and the fee is dynamic."""

    swap: bytes
    by_spacing: bool = False

    def query(self, entry: PoolEntry) -> LogQuery:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        return LogQuery((entry.address.lower(),), (self.swap, MINT, BURN, INITIALIZE))

    def snapshot(self, entry: PoolEntry) -> Reads[V3State]:
        """See :class:`~bot.collectors.evm_kinds.Kind`; three rounds: prices, the bitmap, ticks."""
        at = entry.address
        slot0, liquidity, fee, spacing = yield [
            call(at, name) for name in ("slot0()", "liquidity()", "fee()", "tickSpacing()")
        ]
        price = answered(slot0, 2, "slot0")
        every = words(signed(answered(spacing, 1, "tickSpacing"), 0))
        maps = yield [call(at, "tickBitmap(int16)", index) for index in every]
        ticks = initialised(maps, every, signed(answered(spacing, 1, "tickSpacing"), 0))
        infos = yield [call(at, "ticks(int24)", tick) for tick in ticks]
        found = [answered(info, 2, "ticks") for info in infos]
        return V3State(
            fee=word(answered(fee, 1, "fee"), 0),
            tick_spacing=signed(answered(spacing, 1, "tickSpacing"), 0),
            sqrt_price=word(price, 0),
            tick=signed(price, 1),
            liquidity=word(answered(liquidity, 1, "liquidity"), 0),
            ticks={tick: (word(info, 0), signed(info, 1)) for tick, info in zip(ticks, found, strict=True)},
        )

    def poll(self, entry: PoolEntry, state: V3State) -> Reads[V3State] | None:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        return self._fee(entry, state) if self.by_spacing else None

    def _fee(self, entry: PoolEntry, state: V3State) -> Reads[V3State]:
        (fee,) = yield [call(entry.address, "fee()")]
        found = word(answered(fee, 1, "fee"), 0)
        return state if found == state.fee else replace(state, fee=found)

    def identity(self, entry: PoolEntry) -> Reads[list[str]]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        names = ("token0()", "token1()", "fee()", "tickSpacing()")
        first, second, fee, spacing = yield [call(entry.address, name) for name in names]
        found = (address(answered(first, 1, "token0")), address(answered(second, 1, "token1")))
        problems = wrong_tokens(entry, found)
        pips, ticks = word(answered(fee, 1, "fee"), 0), signed(answered(spacing, 1, "tickSpacing"), 0)
        if not self.by_spacing and pips != entry.fee_pips:
            problems.append(f"its fee is {pips} millionths, the registry says {entry.fee_pips}")
        if entry.tick_spacing and ticks != entry.tick_spacing:
            problems.append(f"its tick spacing is {ticks}, the registry says {entry.tick_spacing}")
        return problems

    def made_by(self, entry: PoolEntry, factory: Factory) -> Reads[bool]:
        """See :class:`~bot.collectors.evm_kinds.Kind`."""
        tokens = expected_tokens(entry)
        if self.by_spacing:
            (spacing,) = yield [call(entry.address, "tickSpacing()")]
            key = signed(answered(spacing, 1, "tickSpacing"), 0)
            asked = call(factory.address, "getPool(address,address,int24)", *tokens, key)
        else:
            asked = call(factory.address, "getPool(address,address,uint24)", *tokens, entry.fee_pips)
        (pool,) = yield [asked]
        return address(answered(pool, 1, "getPool")) == entry.address.lower()


UNISWAP = V3(SWAP)
PANCAKESWAP = V3(SWAP_PANCAKE)
SLIPSTREAM = V3(SWAP, by_spacing=True)


def moved(ticks: Ticks, lower: int, upper: int, amount: int) -> Ticks:
    """Ticks after a change of liquidity between two of them. PoolError ``missing_log`` if that cannot be."""
    out = dict(ticks)
    for tick, net in ((lower, amount), (upper, -amount)):
        gross_before, net_before = out.get(tick, (0, 0))
        gross = gross_before + amount
        if gross < 0:
            raise PoolError("missing_log", f"tick {tick} would hold negative liquidity")
        out[tick] = (gross, net_before + net)
        if gross == 0:
            del out[tick]
    return out


def nets(ticks: Ticks) -> list[tuple[int, int | str]]:
    """As a state carries them: rising, with their net liquidity."""
    return [(tick, str(net)) for tick, (_, net) in sorted(ticks.items())]


def words(spacing: int) -> range:
    """Words of the tick bitmap that can hold an initialised tick."""
    if spacing <= 0:
        raise PoolError("bad_pool_state", f"tick spacing {spacing}")
    most = MAX_TICK // spacing
    return range(-most - 1 >> 8, (most >> 8) + 1)


def initialised(maps: Sequence[bytes | None], every: range, spacing: int) -> list[int]:
    """Ticks in words of the bitmap."""
    out = []
    for index, answer in zip(every, maps, strict=True):
        bitmap = word(answered(answer, 1, "tickBitmap"), 0)
        while bitmap:
            bit = bitmap & -bitmap
            out.append(((index << 8) + bit.bit_length() - 1) * spacing)
            bitmap ^= bit
    return out
