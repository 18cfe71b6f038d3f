"""A raw pool as a curve in USD: decimals, which of the two is ours, and what the quote token is worth."""

from __future__ import annotations

from bot.pools.curve import Executed
from bot.pools.raw import RawPool, Swap


class PoolCurve:
    """``quote_usd`` is the price of one quote token in USD, always given, never assumed here;
    ``token_scale`` how many tokens one whole unit of the pool's own token is."""

    __slots__ = ("_quote_unit", "_token_unit", "pool")

    def __init__(
        self,
        pool: RawPool,
        token_decimals: int,
        quote_decimals: int,
        quote_usd: float,
        token_scale: float = 1.0,
    ) -> None:
        self.pool = pool
        self._token_unit = 10.0**-token_decimals * token_scale
        self._quote_unit = 10.0**-quote_decimals * quote_usd

    def spot(self) -> float:
        """See :class:`~bot.pools.curve.Curve`."""
        return self.pool.price() * self._quote_unit / self._token_unit

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.curve.Curve`."""
        return self.pool.fee_ratio(sell)

    def buy(self, usd: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return self._bought(self.pool.exact_in(int(usd / self._quote_unit), sell=False))

    def sell(self, usd: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return self._sold(self.pool.exact_out(int(usd / self._quote_unit), sell=True))

    def buy_tokens(self, tokens: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return self._bought(self.pool.exact_out(int(tokens / self._token_unit), sell=False))

    def sell_tokens(self, tokens: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return self._sold(self.pool.exact_in(int(tokens / self._token_unit), sell=True))

    def depth(self, ratio: float) -> tuple[float, float]:
        """See :class:`~bot.pools.curve.Curve`."""
        spot = self.spot()
        down, up = self.to_price(spot * (1 - ratio)), self.to_price(spot * (1 + ratio))
        return (0.0 if down is None else down.usd), (0.0 if up is None else up.usd)

    def to_price(self, price: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        sell = price < self.spot()
        swap = self.pool.to_price(price * self._token_unit / self._quote_unit, sell)
        return self._sold(swap) if sell else self._bought(swap)

    def after(self, tokens: float, sell: bool) -> PoolCurve | None:
        """See :class:`~bot.pools.curve.Curve`."""
        amount = int(tokens / self._token_unit)
        if not sell:
            swap = self.pool.exact_out(amount, sell=False)
            if swap is None:
                return None
            amount = swap.amount_in
        pool = self.pool.after(amount, sell)
        if pool is None:
            return None
        left = PoolCurve.__new__(PoolCurve)
        left.pool, left._quote_unit, left._token_unit = pool, self._quote_unit, self._token_unit
        return left

    def _sold(self, swap: Swap | None) -> Executed | None:
        return None if swap is None else self._executed(swap.amount_out, swap.amount_in, swap.price_after)

    def _bought(self, swap: Swap | None) -> Executed | None:
        return None if swap is None else self._executed(swap.amount_in, swap.amount_out, swap.price_after)

    def _executed(self, quote: int, token: int, price_after: float) -> Executed | None:
        if quote <= 0 or token <= 0:
            return None
        usd, tokens = quote * self._quote_unit, token * self._token_unit
        return Executed(usd, tokens, usd / tokens, price_after * self._quote_unit / self._token_unit)


def worth(curve: PoolCurve) -> float:
    """USD that lies in the pool at its marginal price."""
    spot = curve.spot()
    down, up = curve.to_price(spot * 1e-6), curve.to_price(spot * 1e6)
    return (0.0 if down is None else down.usd) + (0.0 if up is None else up.tokens * spot)
