"""Raydium CPMM pools: constant product with a fee for the pool's creator on either side.

Source: ``states/pool.rs`` and ``curve/`` of raydium-io/raydium-cp-swap (December 2025).
"""

from __future__ import annotations

from bot.pools.raydium_product import ProductFees, RaydiumProduct
from bot.pools.state import PoolState, Raw, need

PIPS = 1_000_000


class RaydiumCpmmState(PoolState, frozen=True, kw_only=True, tag="raydium_cpmm"):
    """``reserves`` are the vaults without what is owed to protocol, fund and creator, in the pool's order.

    Fees in millionths: ``trade_fee`` and ``creator_fee`` of what is swapped, ``protocol_fee`` and
    ``fund_fee`` of the trade fee. ``creator_fee_on`` 0: of what goes in, 1: always token0, 2: token1."""

    reserves: tuple[Raw, Raw]
    trade_fee: int
    creator_fee: int = 0
    creator_fee_on: int = 0
    protocol_fee: int = 0
    fund_fee: int = 0

    def pool(self) -> RaydiumProduct:
        """See :class:`~bot.pools.state.PoolState`."""
        first, second = int(self.reserves[0]), int(self.reserves[1])
        need(first > 0 and second > 0, "a reserve is empty")
        need(min(self.trade_fee, self.creator_fee) >= 0, "a fee is below nothing")
        # With no fee at all the program divides by it, and every swap fails.
        need(0 < self.trade_fee + self.creator_fee < PIPS, "the fees are nothing, or not in millionths")
        need(self.creator_fee_on in (0, 1, 2), "creator_fee_on {}", self.creator_fee_on)
        need(min(self.protocol_fee, self.fund_fee) >= 0, "a share of the fee is below nothing")
        need(self.protocol_fee + self.fund_fee <= PIPS, "the shares of the fee are not in millionths")
        fees = ProductFees(
            trade=self.trade_fee,
            unit=PIPS,
            creator=self.creator_fee,
            creator_on=self.creator_fee_on,
            protocol=self.protocol_fee,
            fund=self.fund_fee,
        )
        return RaydiumProduct((first, second), fees, self.token_index)
