"""What every pool's state says beside its own kind's numbers, and how a curve is made of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bot.errors import PoolError
from bot.pools.raw import RawPool
from bot.pools.transfer_fee import TaxedPool, TransferFee
from bot.pools.usd import PoolCurve

Raw = int | str
"""A whole number; one that may exceed 53 bits is text in JSON."""

Index = Annotated[int, Meta(ge=0, le=1)]

NO_FEE = TransferFee(0)
NO_FEES = (None, None)


class PoolState(Struct, frozen=True, kw_only=True, tag_field="amm", omit_defaults=True):
    """Base of all kinds, one subclass and tag each.

    ``decimals`` are those of the pool's first and second token; ``token_index`` says which of them is
    ours. ``quote_usd`` is what one whole quote token is worth. ``token_scale`` is how many of the registry's
    tokens one whole unit of the pool's own token is: 1, but 1/multiplier for one that rebases and so counts
    shares. ``transfer_fees`` are what the two tokens keep back when moved. ``block`` is the block or slot.
    """

    decimals: tuple[int, int]
    token_index: Index = 0
    quote_usd: float = 1.0
    token_scale: float = 1.0
    transfer_fees: tuple[TransferFee | None, TransferFee | None] = (None, None)
    block: int | None = None

    def pool(self) -> RawPool:
        """The pool's mathematics. Raises :class:`PoolError` naming what is wrong with the state."""
        raise PoolError("bad_pool_state", "a pool of no kind")

    def curve(self) -> PoolCurve:
        """The pool in USD per token of the registry. Raises :class:`PoolError`."""
        token, quote = self.decimals if self.token_index == 0 else self.decimals[::-1]
        need(0 <= token <= 36 and 0 <= quote <= 36, "decimals {}", self.decimals)
        need(0 < self.quote_usd < 1e6, "quote_usd {!r}", self.quote_usd)
        need(0 < self.token_scale < 1e6, "token_scale {!r}", self.token_scale)
        pool = self.pool()
        if self.transfer_fees != NO_FEES:
            fees = self.transfer_fees if self.token_index == 0 else self.transfer_fees[::-1]
            pool = TaxedPool(pool, fees[0] or NO_FEE, fees[1] or NO_FEE)
        return PoolCurve(pool, token, quote, self.quote_usd, self.token_scale)


def need(condition: bool, what: str, *values: object) -> None:
    """Raise :class:`PoolError` ``bad_pool_state`` unless the condition holds; ``values`` go into ``what``, as
    by ``str.format``, only then: states are read often and hardly ever wrong."""
    if not condition:
        raise PoolError("bad_pool_state", what.format(*values) if values else what)
