"""Constant product as both of Raydium's programs round it: CPMM and AMM v4.

Source: ``curve/calculator.rs`` of raydium-io/raydium-cp-swap and ``process_swap_base_in_v2``, ``_out_v2`` of
raydium-io/raydium-amm. They agree but for the creator's fee, which AMM v4 does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from msgspec import Struct

from bot.pools.raw import Swap

U64 = (1 << 64) - 1


class ProductFees(Struct, frozen=True, kw_only=True):
    """Parts of ``unit``: ``trade`` and ``creator`` of what is swapped, ``protocol`` (in millionths) of the
    trade fee, which with the creator's leaves the reserves. ``creator_on`` 0: of what goes in, 1: token0, 2:
    token1."""

    trade: int
    unit: int
    creator: int = 0
    creator_on: int = 0
    protocol: int = 0
    fund: int = 0


class Moves(Struct, frozen=True):
    """What a swap does: the trader's two amounts, and what the two reserves gain and lose."""

    amount_in: int
    amount_out: int
    reserve_gain: int
    reserve_loss: int


class RaydiumProduct(Struct, frozen=True):
    """Reserves in base units, as the pool orders them; ``token_index`` says which is our token's."""

    reserves: tuple[int, int]
    fees: ProductFees
    token_index: int

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self.reserves[1 - self.token_index] / self.reserves[self.token_index]

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`; with what the creator takes of what comes out."""
        trade, creator = self.fees.trade / self.fees.unit, self.fees.creator / self.fees.unit
        return trade + creator * (1 if self._creator_on_input(self._side(sell)) else 1 - trade)

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`; ``None`` also where nothing would come out, as there."""
        return self._raw(self.moves_in(amount, self._side(sell)), sell)

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        return self._raw(self.moves_out(amount, self._side(sell)), sell)

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        side = self._side(sell)
        quote, token = price.as_integer_ratio()

        def within(amount: int) -> bool:
            moves = self.moves_in(amount, side)
            if moves is None:
                # Too little for anything to come out, or more than the program can count.
                return amount < self.reserves[side]
            after = self._moved(moves, side)
            ours, theirs = after[self.token_index], after[1 - self.token_index]
            return theirs * token >= quote * ours if sell else theirs * token <= quote * ours

        reserve_in = self.reserves[side]
        product = self.reserves[0] * self.reserves[1] * (token if sell else quote)
        guess = isqrt(product // (quote if sell else token)) - reserve_in if quote > 0 else reserve_in
        amount = _largest(within, guess)
        return self.exact_in(amount, sell) if amount else None

    def after(self, amount: int, sell: bool) -> RaydiumProduct | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        side = self._side(sell)
        moves = self.moves_in(amount, side)
        return (
            None if moves is None else RaydiumProduct(self._moved(moves, side), self.fees, self.token_index)
        )

    def moves_in(self, amount: int, side: int) -> Moves | None:
        """``swap_base_input`` of the pool's token ``side``; ``None`` where the program fails."""
        fees, unit = self.fees, self.fees.unit
        if not 0 < amount <= U64:
            return None
        on_input = self._creator_on_input(side)
        fee = _up(amount * (fees.trade + (fees.creator if on_input else 0)), unit)
        kept = amount - fee
        swapped = kept * self.reserves[1 - side] // (self.reserves[side] + kept)
        out = swapped if on_input else swapped - _up(swapped * fees.creator, unit)
        return self._moves(amount, kept, swapped, out, on_input) if out > 0 else None

    def moves_out(self, amount: int, side: int) -> Moves | None:
        """``swap_base_output`` for the pool's token ``side`` in; ``None`` where the program fails."""
        fees = self.fees
        on_input = self._creator_on_input(side)
        swapped = amount if on_input else self._before_fee(amount, fees.creator)
        left = self.reserves[1 - side] - swapped
        if amount <= 0 or left <= 0:
            return None
        kept = _up(self.reserves[side] * swapped, left)
        paid = self._before_fee(kept, fees.trade + (fees.creator if on_input else 0))
        return self._moves(paid, kept, swapped, amount, on_input) if paid <= U64 else None

    def _moves(self, paid: int, kept: int, swapped: int, out: int, on_input: bool) -> Moves:
        fees = self.fees
        trade, creator = paid - kept, 0
        if on_input and fees.creator:
            creator = trade * fees.creator // (fees.trade + fees.creator)
            trade -= creator
        leaves = trade * fees.protocol // 1_000_000 + trade * fees.fund // 1_000_000
        return Moves(paid, out, paid - creator - leaves, swapped)

    def _before_fee(self, amount: int, fee: int) -> int:
        return _up(amount * self.fees.unit, self.fees.unit - fee)

    def _creator_on_input(self, side: int) -> bool:
        return self.fees.creator_on == 0 or self.fees.creator_on - 1 == side

    def _side(self, sell: bool) -> int:
        return self.token_index if sell else 1 - self.token_index

    def _moved(self, moves: Moves, side: int) -> tuple[int, int]:
        gain, loss = self.reserves[side] + moves.reserve_gain, self.reserves[1 - side] - moves.reserve_loss
        return (gain, loss) if side == 0 else (loss, gain)

    def _raw(self, moves: Moves | None, sell: bool) -> Swap | None:
        if moves is None:
            return None
        after = self._moved(moves, self._side(sell))
        price = after[1 - self.token_index] / max(after[self.token_index], 1)
        return Swap(moves.amount_in, moves.amount_out, price)


def _up(numerator: int, denominator: int) -> int:
    """Division rounded up."""
    return -(-numerator // denominator)


def _largest(within: Callable[[int], bool], guess: int) -> int:
    """The largest amount of 64 bits that is within, found by galloping from a guess; 0 if none is."""
    low, high, width = 0, U64 + 1, max(guess >> 10, 1)
    probe = min(max(guess, 1), U64)
    while high - low > 1:
        if within(probe):
            low, ahead = probe, probe + width
        else:
            high, ahead = probe, probe - width
        width *= 8
        probe = ahead if low < ahead < high else (low + high) // 2
    return low
