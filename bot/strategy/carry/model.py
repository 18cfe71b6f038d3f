"""What a simulation of cover sold or bought is told: the pair, the venue's terms, the others, the holder."""

from __future__ import annotations

from msgspec import Struct


class Pair(Struct, frozen=True):
    """A stock token, which is held, and a coin that options are on: USD each, volatilities per year."""

    token: str
    coin: str
    token_usd: float
    token_volatility: float
    coin_usd: float
    coin_volatility: float
    correlation: float


class Terms(Struct, frozen=True):
    """What the venue asks: parts of the funding, ratios of the notional. Not published: assumptions."""

    period_days: float = 7.0
    quoted_volatility: float = 0.6
    markup: float = 2.5
    opening_fee: float = 0.002
    reserve_part: float = 0.1
    protocol_part: float = 0.1
    lock_ratio: float = 0.5


class Demand(Struct, frozen=True):
    """What buyers of cover do: the part of the pool they lock, of calls, and days until they close."""

    utilisation: float = 0.5
    call_part: float = 0.5
    hold_days: float = 5.0


class Holder(Struct, frozen=True):
    """What is done with ``tokens`` over ``days``: ``sold_part`` sells cover, the rest is margin for options
    of ``kind``, on as many coins as it can fund for ``funded_days`` at the prices of the start."""

    tokens: float
    days: float
    sold_part: float
    kind: str = "call"
    funded_days: float = 45.0


class Backing(Struct, frozen=True):
    """Tokens behind a pool: the venue's reserve and public pool, and the ``counterparty`` pool that the
    holder buys from. ``private`` is in the venue's private pools beside the holder's own: the same moves hit
    them, so each has its part of reserve and public pool; 0: the pool looked at is the only one."""

    reserve: float
    public: float
    counterparty: float
    private: float = 0.0

    def behind(self, pool: float, beside: float) -> tuple[float, float]:
        """Reserve and public pool for a pool of so many tokens with so many in others beside it."""
        part = pool / (pool + beside) if pool > 0 else 0.0
        return self.reserve * part, self.public * part


class Jump(Struct, frozen=True):
    """A stress: after so many days the coin jumps by so many of its daily standard deviations at once, the
    token by its correlation with it."""

    days: float
    sigmas: float
