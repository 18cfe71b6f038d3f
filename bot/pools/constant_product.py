"""Constant product pools, ``x · y = k``: Uniswap v2 and its forks, to the last unit.

Source: ``UniswapV2Library.getAmountOut`` and ``getAmountIn`` (v2-periphery), with the fee in millionths
instead of 3/1000; multiplying both sides by the same factor leaves the rounding unchanged.
"""

from __future__ import annotations

from math import isqrt

from msgspec import Struct

from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need

PIPS = 1_000_000


class ConstantProductState(PoolState, frozen=True, kw_only=True, tag="constant_product"):
    """Reserves of our token and of the quote, in this order whatever the pool's own is, as are ``decimals``;
    ``fee_pips`` in millionths of what goes in."""

    token_reserve: Raw
    quote_reserve: Raw
    fee_pips: int

    def pool(self) -> ConstantProduct:
        """See :class:`~bot.pools.state.PoolState`."""
        need(self.token_index == 0, "the token comes first in a constant_product state")
        need(0 <= self.fee_pips < PIPS, f"fee {self.fee_pips} is not in millionths")
        token, quote = int(self.token_reserve), int(self.quote_reserve)
        need(token > 0 and quote > 0, "a reserve is empty")
        return ConstantProduct(token, quote, self.fee_pips)


class ConstantProduct(Struct, frozen=True):
    """Reserves in base units; ``fee_pips`` in millionths of what goes in."""

    token_reserve: int
    quote_reserve: int
    fee_pips: int

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.quote_reserve / self.token_reserve

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        if amount <= 0:
            return None
        reserve_in, reserve_out = self._reserves(sell)
        kept = amount * (PIPS - self.fee_pips)
        amount_out = kept * reserve_out // (reserve_in * PIPS + kept)
        return self._swap(amount, amount_out, sell)

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        reserve_in, reserve_out = self._reserves(sell)
        if not 0 < amount < reserve_out:
            return None
        amount_in = reserve_in * amount * PIPS // ((reserve_out - amount) * (PIPS - self.fee_pips)) + 1
        return self._swap(amount_in, amount, sell)

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; exact but for the fee that stays in the reserves."""
        reserve_in, _ = self._reserves(sell)
        product = self.token_reserve * self.quote_reserve
        # With k fixed the reserve that goes in must become √(k / price), or √(k · price) for the quote.
        target = isqrt(int(product / price)) if sell else isqrt(int(product * price))
        needed = target - reserve_in
        return self.exact_in(needed * PIPS // (PIPS - self.fee_pips), sell) if needed > 0 else None

    def after(self, amount: int, sell: bool) -> ConstantProduct | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.exact_in(amount, sell)
        if swap is None:
            return None
        token, quote = (amount, -swap.amount_out) if sell else (-swap.amount_out, amount)
        return ConstantProduct(self.token_reserve + token, self.quote_reserve + quote, self.fee_pips)

    def _reserves(self, sell: bool) -> tuple[int, int]:
        return (self.token_reserve, self.quote_reserve) if sell else (self.quote_reserve, self.token_reserve)

    def _swap(self, amount_in: int, amount_out: int, sell: bool) -> Swap:
        if sell:
            after = (self.quote_reserve - amount_out) / (self.token_reserve + amount_in)
        else:
            after = (self.quote_reserve + amount_in) / max(self.token_reserve - amount_out, 1)
        return Swap(amount_in, amount_out, after)
