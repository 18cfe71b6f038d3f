"""One bin of a DLMM pair: what it gives at its one price, and what it holds after.

Source: ``get_exact_in_fill_amount_result`` and ``get_excluded_fee_amount_in`` in ``commons/src/quote.rs`` of
MeteoraAg/dlmm-sdk. Amounts are without fee; where the program's 64 bits overflow, and the swap fails, there
is ``None``.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.pools.meteora_dlmm_fee import U64


class Bin(NamedTuple):
    """Amounts in base units. ``processed`` and ``open`` are limit orders, of X if ``sells_x``, else of Y."""

    x: int
    y: int
    sells_x: bool = False
    processed: int = 0
    open: int = 0

    def layers(self, for_y: bool) -> tuple[int, ...]:
        """What can be bought, in the order in which it is: liquidity, orders under way, orders not yet."""
        held = self.y if for_y else self.x
        return (held,) if self.sells_x == for_y else (held, self.processed, self.open)

    def needs(self, wanted: int, price: int, for_y: bool) -> int | None:
        """What must go in for ``wanted`` (no more than all) to come out."""
        total = 0
        for layer in self.layers(for_y):
            taken = min(wanted, layer)
            needed = _in_for(taken, price, for_y)
            if needed > U64:
                return None
            total += needed
            wanted -= taken
        return total if total <= U64 else None

    def gives(self, amount: int, price: int, for_y: bool) -> int | None:
        """What comes out for ``amount`` (no more than all takes)."""
        total = 0
        for layer in self.layers(for_y):
            needed = _in_for(layer, price, for_y)
            if needed > U64:
                return None
            if amount < needed:
                return total + _out_for(amount, price, for_y)
            total += layer
            amount -= needed
            if amount == 0:
                break
        return total

    def filled(self, amount: int, price: int, for_y: bool) -> Bin:
        """The bin once ``amount`` has gone in. What fills orders is kept for those who placed them; what
        is left of open orders is then under way."""
        layers = list(self.layers(for_y))
        added = 0
        for at, layer in enumerate(layers):
            needed = _in_for(layer, price, for_y)
            taken = min(amount, needed)
            layers[at] = 0 if amount >= needed else layer - _out_for(taken, price, for_y)
            amount -= taken
            if at == 0:
                added = taken
        x, y = (self.x + added, layers[0]) if for_y else (layers[0], self.y + added)
        if len(layers) == 1:
            return self._replace(x=x, y=y)
        under_way = layers[1] + layers[2] if layers[2] < self.open else layers[1]
        waiting = layers[2] if layers[2] == self.open else 0
        return Bin(x, y, self.sells_x and under_way + waiting > 0, under_way, waiting)


NO_BIN = Bin(0, 0)


def _in_for(amount_out: int, price: int, for_y: bool) -> int:
    return -(-(amount_out << 64) // price) if for_y else -(-amount_out * price >> 64)


def _out_for(amount_in: int, price: int, for_y: bool) -> int:
    return amount_in * price >> 64 if for_y else (amount_in << 64) // price
