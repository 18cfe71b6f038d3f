"""What a token keeps back when it is moved: Token-2022's transfer fee, or an EVM token's fee on transfer.

Source: ``TransferFee::calculate_fee`` and ``calculate_pre_fee_amount`` of spl-token-2022's transfer_fee
extension. The pool sees what is left of what was sent; the trader gets what is left of what the pool gave.
"""

from __future__ import annotations

from msgspec import Struct

from bot.pools.raw import RawPool, Swap

WHOLE = 10_000


class TransferFee(Struct, frozen=True, omit_defaults=True):
    """``basis_points`` of each transfer, at most ``maximum`` base units (``None``: no bound), rounded up as
    Token-2022 does, or ``rounded_down`` as EVM contracts usually do."""

    basis_points: int
    maximum: int | None = None
    rounded_down: bool = False

    def of(self, amount: int) -> int:
        """What is kept back of ``amount``."""
        product = amount * self.basis_points
        fee = product // WHOLE if self.rounded_down else -(-product // WHOLE)
        return fee if self.maximum is None else min(fee, self.maximum)

    def sent_for(self, received: int) -> int | None:
        """The least that must be sent so that ``received`` arrives; ``None`` if nothing ever does."""
        if received == 0 or self.basis_points == 0:
            return received
        if self.basis_points >= WHOLE:
            return None if self.maximum is None else received + self.maximum
        left = WHOLE - self.basis_points
        sent = (received - 1) * WHOLE // left + 1 if self.rounded_down else -(-received * WHOLE // left)
        if self.maximum is not None and sent - received >= self.maximum:
            return received + self.maximum
        return sent


class TaxedPool:
    """A pool whose tokens keep a fee when they move: amounts are what leaves and reaches the trader."""

    __slots__ = ("_pool", "_quote", "_token")

    def __init__(self, pool: RawPool, token: TransferFee, quote: TransferFee) -> None:
        self._pool = pool
        self._token = token
        self._quote = quote

    def price(self) -> float:
        """See :class:`~bot.pools.raw.RawPool`; of the pool itself."""
        return self._pool.price()

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.raw.RawPool`; with what the tokens keep, while that is in proportion."""
        left = 1 - self._pool.fee_ratio(sell)
        for fee in (self._token, self._quote):
            left *= 1 - fee.basis_points / WHOLE
        return 1 - left

    def exact_in(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        fee_in, fee_out = self._fees(sell)
        swap = self._pool.exact_in(amount - fee_in.of(amount), sell)
        if swap is None:
            return None
        return Swap(amount, swap.amount_out - fee_out.of(swap.amount_out), swap.price_after)

    def exact_out(self, amount: int, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        fee_in, fee_out = self._fees(sell)
        given = fee_out.sent_for(amount)
        swap = None if given is None else self._pool.exact_out(given, sell)
        return None if swap is None else self._sent(swap, amount, fee_in)

    def to_price(self, price: float, sell: bool) -> Swap | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        fee_in, fee_out = self._fees(sell)
        swap = self._pool.to_price(price, sell)
        return (
            None if swap is None else self._sent(swap, swap.amount_out - fee_out.of(swap.amount_out), fee_in)
        )

    def after(self, amount: int, sell: bool) -> TaxedPool | None:
        """See :class:`~bot.pools.raw.RawPool`."""
        fee_in, _ = self._fees(sell)
        pool = self._pool.after(amount - fee_in.of(amount), sell)
        return None if pool is None else TaxedPool(pool, self._token, self._quote)

    def _fees(self, sell: bool) -> tuple[TransferFee, TransferFee]:
        return (self._token, self._quote) if sell else (self._quote, self._token)

    @staticmethod
    def _sent(swap: Swap, received: int, fee_in: TransferFee) -> Swap | None:
        sent = fee_in.sent_for(swap.amount_in)
        return None if sent is None else Swap(sent, received, swap.price_after)
