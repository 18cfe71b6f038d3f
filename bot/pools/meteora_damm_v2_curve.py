"""The two curves of DAMM v2 (cp-amm): liquidity between two prices, and two reserves that fees are added to.

Source: ``liquidity_handler/concentrated_liquidity.rs`` and ``compounding_liquidity.rs`` of MeteoraAg/damm-v2.
Amounts are without fee; √prices are Q64.64 of raw B per raw A; ``None`` where the program refuses.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from msgspec import Struct

from bot.pools.meteora_dlmm_fee import U64


class Move(NamedTuple):
    """The other amount, and √price after."""

    amount: int
    sqrt_price: int


class Concentrated(Struct, frozen=True):
    """``liquidity`` is Q64.64 of √(a·b)."""

    sqrt_price: int
    sqrt_min: int
    sqrt_max: int
    liquidity: int

    def given(self, amount: int, a_to_b: bool) -> Move | None:
        """What comes out for ``amount`` in."""
        price, liquidity = self.sqrt_price, self.liquidity
        if a_to_b:
            after = -(-liquidity * price // (liquidity + amount * price)) if amount else price
            return self._checked(price - after, liquidity * (price - after) >> 128, after)
        after = price + (amount << 128) // liquidity
        return self._checked(after - price, liquidity * (after - price) // (price * after), after)

    def needed(self, amount: int, a_to_b: bool) -> Move | None:
        """What must go in for ``amount`` out."""
        price, liquidity = self.sqrt_price, self.liquidity
        if a_to_b:
            after = price + (-(amount << 128) // liquidity)
            if after <= 0:
                return None
            return self._checked(price - after, -(-liquidity * (price - after) // (price * after)), after)
        left = liquidity - amount * price
        if left <= 0:
            return None
        after = -(-liquidity * price // left)
        return self._checked(after - price, -(-liquidity * (after - price) >> 128), after)

    def moved(
        self, amount_in: int, amount_out: int, a_to_b: bool, kept: int, sqrt_price: int
    ) -> Concentrated:
        """The curve once these have changed hands: only the price is its own."""
        return Concentrated(sqrt_price, self.sqrt_min, self.sqrt_max, self.liquidity)

    def _checked(self, moved: int, amount: int, after: int) -> Move | None:
        inside = self.sqrt_min <= after <= self.sqrt_max
        return Move(amount, after) if moved >= 0 and inside and amount <= U64 else None


class Compounding(Struct, frozen=True):
    """Reserves in base units; a part of each fee is added to that of B."""

    reserve_a: int
    reserve_b: int

    @property
    def sqrt_price(self) -> int:
        """√(b / a), rounded down."""
        return isqrt((self.reserve_b << 128) // self.reserve_a)

    def given(self, amount: int, a_to_b: bool) -> Move | None:
        """What comes out for ``amount`` in; the price after is told by :meth:`moved`."""
        have, give = self._sides(a_to_b)
        return Move(give * amount // (have + amount), 0) if have + amount <= U64 else None

    def needed(self, amount: int, a_to_b: bool) -> Move | None:
        """What must go in for ``amount`` out."""
        have, give = self._sides(a_to_b)
        if amount >= give:
            return None
        needs = -(-have * amount // (give - amount))
        return Move(needs, 0) if needs <= U64 else None

    def moved(self, amount_in: int, amount_out: int, a_to_b: bool, kept: int, sqrt_price: int) -> Compounding:
        """The curve once these have changed hands, and ``kept`` of the fee has been added."""
        a, b = (amount_in, -amount_out) if a_to_b else (-amount_out, amount_in)
        return Compounding(self.reserve_a + a, self.reserve_b + b + kept)

    def _sides(self, a_to_b: bool) -> tuple[int, int]:
        return (self.reserve_a, self.reserve_b) if a_to_b else (self.reserve_b, self.reserve_a)
