"""Forks of Uniswap v3 whose swaps are Uniswap's: kinds of their own, for their contracts are read otherwise.

Their SwapMath, SqrtPriceMath, TickMath and TickBitmap are v3-core's statement for statement, and their loops
give a trader the same amounts; who gets the fee differs, not how much of it there is.
"""

from __future__ import annotations

from bot.pools.uniswap_v3 import UniswapV3State


class PancakeV3State(UniswapV3State, frozen=True, kw_only=True, tag="pancakeswap_v3"):
    """PancakeSwap v3. The protocol's share comes out of the fee. Its fee of 2500 has a spacing of 50; slot0
    packs the share in 32 bits, and the Swap event carries two more numbers, so its topic is another.

    Source: ``PancakeV3Pool.sol`` of pancakeswap/pancake-v3-contracts.
    """


class SlipstreamState(UniswapV3State, frozen=True, kw_only=True, tag="slipstream"):
    """Aerodrome and Velodrome Slipstream. ``fee`` is what the pool's ``fee()`` says at that block.

    The factory's fee module may make it depend on the distance of the tick from its average over time, on
    whether somebody has swapped in this block, and on who asks (discounts by ``tx.origin``). So the fee of
    the next block, or after a swap, may be another; within a swap it does not change. What unstaked positions
    owe to staked ones comes out of the fee. slot0 has no protocol share; ``ticks`` has staked liquidity too.

    Source: ``CLPool.sol``, ``CLFactory.getSwapFee`` and ``fees/`` of velodrome-finance/slipstream.
    """
