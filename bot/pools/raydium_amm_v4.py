"""Raydium AMM v4 pools: constant product over two vaults; the order book that it once kept is gone.

Source: ``math.rs`` and ``processor.rs`` of raydium-io/raydium-amm (July 2026).
"""

from __future__ import annotations

from bot.pools.raydium_product import ProductFees, RaydiumProduct
from bot.pools.state import PoolState, Raw, need


class RaydiumAmmV4State(PoolState, frozen=True, kw_only=True, tag="raydium_amm_v4"):
    """``reserves`` are the vaults without profit that is still to be taken, in the pool's order (coin, pc);
    ``fee`` is numerator and denominator of what is kept of what goes in."""

    reserves: tuple[Raw, Raw]
    fee: tuple[int, int] = (25, 10_000)

    def pool(self) -> RaydiumProduct:
        """See :class:`~bot.pools.state.PoolState`."""
        first, second = int(self.reserves[0]), int(self.reserves[1])
        need(first > 0 and second > 0, "a reserve is empty")
        need(0 <= self.fee[0] < self.fee[1], "a fee of {} in {}", self.fee[0], self.fee[1])
        fees = ProductFees(trade=self.fee[0], unit=self.fee[1])
        return RaydiumProduct((first, second), fees, self.token_index)
