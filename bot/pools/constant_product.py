"""Constant product pools, ``x · y = k``: Uniswap v2 and its forks, to the last unit.

Source: ``UniswapV2Library.getAmountOut`` and ``getAmountIn`` (v2-periphery) and ``UniswapV2Pair.swap``
(v2-core), with the fee in millionths instead of 3/1000; multiplying both sides by the same factor leaves the
rounding unchanged. So SushiSwap (3000), PancakeSwap v2 (2500), Biswap, ApeSwap and others that only changed
the number are exact. Solidly's heirs (Velodrome's and Aerodrome's volatile pools) are not: they round the fee
off the input first, which may give a unit less.
"""

from __future__ import annotations

from math import inf, isqrt

from msgspec import Struct

from bot.pools.raw import Swap
from bot.pools.state import PoolState, Raw, need

PIPS = 1_000_000
MOST = (1 << 112) - 1
"""The greatest reserve (uint112): what would exceed it is reverted."""


class ConstantProductState(PoolState, frozen=True, kw_only=True, tag="constant_product"):
    """Reserves of our token and of the quote, in this order whatever the pool's own is, as are ``decimals``;
    ``fee_pips`` in millionths of what goes in.

    Reserves are what ``getReserves`` says, not balances. The two differ where a token rebases or somebody
    only sent tokens: what a balance has *more* anybody may take with ``skim``, so it counts for nothing. What
    it has *less* (a token that rebased down) makes ``swap`` fail until ``sync`` sets the reserve to the
    balance: then a state must hold the balance. A token that keeps a fee on transfer leaves reserves and
    balances equal; its fee goes into ``transfer_fees``.
    """

    token_reserve: Raw
    quote_reserve: Raw
    fee_pips: int

    def pool(self) -> ConstantProduct:
        """See :class:`~bot.pools.state.PoolState`."""
        need(self.token_index == 0, "the token comes first in a constant_product state")
        need(0 <= self.fee_pips < PIPS, "fee {} is not in millionths", self.fee_pips)
        token, quote = int(self.token_reserve), int(self.quote_reserve)
        need(token > 0 and quote > 0, "a reserve is empty")
        need(max(token, quote) <= MOST, "a reserve exceeds 112 bits")
        return ConstantProduct(token, quote, self.fee_pips)


class ConstantProduct(Struct, frozen=True):
    """Reserves in base units; ``fee_pips`` in millionths of what goes in.

    A swap that would give nothing, or take a reserve beyond 112 bits, is none: the pair reverts it.
    """

    token_reserve: int
    quote_reserve: int
    fee_pips: int

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.quote_reserve / self.token_reserve

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.fee_pips / PIPS

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        reserve_in, reserve_out = self._reserves(sell)
        if not 0 < amount <= MOST - reserve_in:
            return None
        amount_out = self._out(amount, reserve_in, reserve_out)
        return self._swap(amount, amount_out, sell) if amount_out else None

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; what the router asks for, which is at times a unit more than
        the pair would accept."""
        reserve_in, reserve_out = self._reserves(sell)
        if not 0 < amount < reserve_out:
            return None
        amount_in = reserve_in * amount * PIPS // ((reserve_out - amount) * (PIPS - self.fee_pips)) + 1
        return self._swap(amount_in, amount, sell) if amount_in <= MOST - reserve_in else None

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`: a unit more would take the price beyond."""
        if not 0 < price < inf:
            return None
        reserve_in, reserve_out = self._reserves(sell)
        # Out per in: the price is beyond where (reserve_out - out) / (reserve_in + in) is below least / unit.
        least, unit = price.as_integer_ratio() if sell else price.as_integer_ratio()[::-1]
        amount = self._unrounded(reserve_in, reserve_out, least, unit)
        while 0 <= amount < MOST - reserve_in:
            # What rounding keeps in the pool lets a little more in, until the output grows by a unit.
            left = reserve_out - self._out(amount, reserve_in, reserve_out)
            within = left * unit // least - reserve_in
            if left == 1:
                amount = within
                break
            kept = (left - 1) * (PIPS - self.fee_pips)
            same = ((reserve_out - left + 1) * reserve_in * PIPS - 1) // kept
            amount = min(within, same)
            left = reserve_out - self._out(same + 1, reserve_in, reserve_out)
            if within <= same or left * unit < least * (reserve_in + same + 1):
                break
            amount = same + 1
        return self.exact_in(min(amount, MOST - reserve_in), sell)

    def after(self, amount: int, sell: bool) -> ConstantProduct | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        swap = self.exact_in(amount, sell)
        if swap is None:
            return None
        token, quote = (amount, -swap.amount_out) if sell else (-swap.amount_out, amount)
        return ConstantProduct(self.token_reserve + token, self.quote_reserve + quote, self.fee_pips)

    def _unrounded(self, reserve_in: int, reserve_out: int, least: int, unit: int) -> int:
        """What goes in until the price is ``least / unit``, were amounts not rounded; negative if it is
        beyond already.

        With ``x`` in and the share ``g`` of it that is not fee, ``x·y / (x + g·in)`` stays of the output's
        reserve, so ``(x + in) · (x + g·in) = x·y·unit / least``: a quadratic equation, in millionths here.
        """
        kept, fee = PIPS - self.fee_pips, self.fee_pips
        root = isqrt((fee * reserve_in) ** 2 + 4 * kept * PIPS * reserve_in * reserve_out * unit // least)
        return (root - (PIPS + kept) * reserve_in) // (2 * kept)

    def _out(self, amount: int, reserve_in: int, reserve_out: int) -> int:
        kept = amount * (PIPS - self.fee_pips)
        return kept * reserve_out // (reserve_in * PIPS + kept)

    def _reserves(self, sell: bool) -> tuple[int, int]:
        return (self.token_reserve, self.quote_reserve) if sell else (self.quote_reserve, self.token_reserve)

    def _swap(self, amount_in: int, amount_out: int, sell: bool) -> Swap:
        if sell:
            after = (self.quote_reserve - amount_out) / (self.token_reserve + amount_in)
        else:
            after = (self.quote_reserve + amount_in) / (self.token_reserve - amount_out)
        return Swap(amount_in, amount_out, after)
