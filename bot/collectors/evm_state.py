"""State of a Uniswap v3 pool as its contract keeps it, moved on by the contract's own events. Pure.

Source: ``IUniswapV3PoolEvents`` and ``Tick.update`` of ``@uniswap/v3-core``. Only what swaps depend on is
kept: Collect, Flash and the protocol's share of the fee change no amount that a trader gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_utils.abi import event_signature_to_log_topic
from msgspec import Struct
from msgspec.structs import replace

from bot.errors import SourceError
from bot.pools.uniswap_v3 import UniswapV3State
from bot.registry.model import PoolEntry

SWAP = event_signature_to_log_topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
MINT = event_signature_to_log_topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = event_signature_to_log_topic("Burn(address,int24,int24,uint128,uint256,uint256)")
INITIALIZE = event_signature_to_log_topic("Initialize(uint160,int24)")
TOPICS = (SWAP, MINT, BURN, INITIALIZE)


class V3State(Struct, frozen=True):
    """A pool at one block. ``ticks`` maps each initialised tick to its gross and net liquidity.

    A tick whose net is nothing while positions end and begin there is initialised all the same: the contract
    stops at it, and rounds.
    """

    token_index: int
    fee: int
    tick_spacing: int
    sqrt_price: int
    tick: int
    liquidity: int
    ticks: Mapping[int, tuple[int, int]]

    def after(self, topics: Sequence[bytes], data: bytes) -> V3State:
        """The state after one log of the pool. Raises :class:`SourceError` if it cannot follow from this."""
        kind = bytes(topics[0])
        if kind == SWAP:
            return replace(self, sqrt_price=_word(data, 2), liquidity=_word(data, 3), tick=_signed(data, 4))
        if kind == INITIALIZE:
            return replace(self, sqrt_price=_word(data, 0), tick=_signed(data, 1))
        if kind in (MINT, BURN):
            amount = _word(data, 1) if kind == MINT else -_word(data, 0)
            return self._moved(_signed(topics[2], 0), _signed(topics[3], 0), amount)
        return self

    def _moved(self, lower: int, upper: int, amount: int) -> V3State:
        ticks = dict(self.ticks)
        for tick, net in ((lower, amount), (upper, -amount)):
            gross_before, net_before = ticks.get(tick, (0, 0))
            gross = gross_before + amount
            if gross < 0:
                raise SourceError(f"tick {tick} would hold negative liquidity: a log has been missed")
            ticks[tick] = (gross, net_before + net)
            if gross == 0:
                del ticks[tick]
        active = self.liquidity + (amount if lower <= self.tick < upper else 0)
        return replace(self, ticks=ticks, liquidity=active)

    def encoded(self, entry: PoolEntry, block: int) -> UniswapV3State:
        """As a tick carries it."""
        decimals = (entry.token_decimals, entry.quote_decimals)
        return UniswapV3State(
            token_index=self.token_index,
            decimals=decimals if self.token_index == 0 else decimals[::-1],
            fee=self.fee,
            tick_spacing=self.tick_spacing,
            sqrt_price_x96=str(self.sqrt_price),
            liquidity=str(self.liquidity),
            tick=self.tick,
            ticks=[(tick, str(net)) for tick, (_, net) in sorted(self.ticks.items())],
            quote_usd=entry.quote_usd,
            block=block,
        )


def words(spacing: int) -> range:
    """Words of the tick bitmap that can hold an initialised tick."""
    most = 887_272 // spacing
    return range(-most - 1 >> 8, (most >> 8) + 1)


def initialised(bitmap: int, word: int, spacing: int) -> list[int]:
    """Ticks of one word of the bitmap."""
    return [((word << 8) + bit) * spacing for bit in range(256) if bitmap >> bit & 1]


def _word(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big")


def _signed(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big", signed=True)
