"""What a token can be put to work at: coins that options are on, pools that sell them, pools that pay for
liquidity in a token of their own."""

from __future__ import annotations

from math import isfinite

from msgspec import Struct


class Coin(Struct, frozen=True, forbid_unknown_fields=True):
    """A coin that perpetual options are on; ``correlation`` of its moves with a share's."""

    name: str
    annual_volatility: float
    correlation: float
    source: str
    as_of: str


class CoverVenue(Struct, frozen=True, forbid_unknown_fields=True):
    """Pools of one of the ``perpetual_venues`` that lend a stock token to buyers of options on ``coins``.

    It quotes ``volatility_ratio`` of a coin's own volatility and locks ``lock_ratio`` of what is sold.
    ``reserve_part`` and ``protocol_part`` are of funding and fees. Buyers lock ``utilisation`` of a pool,
    ``call_part`` of it for calls, and stay for ``hold_days``. Tokens: in the ``reserve_tokens`` and
    ``public_tokens`` pools, in all ``private_tokens`` beside one's own, and in the one a buyer is dealt to.
    """

    name: str
    coins: list[str]
    source: str
    as_of: str
    volatility_ratio: float = 1.1
    reserve_part: float = 0.1
    protocol_part: float = 0.1
    lock_ratio: float = 0.5
    utilisation: float = 0.5
    call_part: float = 0.5
    hold_days: float = 5.0
    reserve_tokens: float = 50.0
    public_tokens: float = 200.0
    private_tokens: float = 900.0
    dealt_tokens: float = 500.0


class Incentive(Struct, frozen=True, forbid_unknown_fields=True):
    """A pool ``TOKEN@venue`` of token and dollars that is paid for in a token of somebody's own.

    ``rewards_day`` are reward tokens to this pool, ``emission_day`` to all; ``reward_supply`` are those there
    are."""

    instrument: str
    pool_usd: float
    volume_day_usd: float
    fee_ratio: float
    rewards_day: float
    emission_day: float
    reward_usd: float
    reward_supply: float
    source: str
    as_of: str
    reward: str = "reward tokens"
    sell_ratio: float = 0.005


LEAST = {
    "annual_volatility": 1e-4, "volatility_ratio": 1e-2, "lock_ratio": 1e-3, "hold_days": 1e-2,
    "pool_usd": 0.0, "reward_supply": 1e-9,
}  # fmt: skip
MOST = {
    "annual_volatility": 10.0, "volatility_ratio": 10.0, "lock_ratio": 1.0, "utilisation": 1.0,
    "call_part": 1.0, "hold_days": 1e4, "reserve_part": 0.5, "protocol_part": 0.5, "correlation": 1.0,
    "fee_ratio": 0.5, "sell_ratio": 0.5,
}  # fmt: skip


def problems(entry: Coin | CoverVenue | Incentive) -> list[str]:
    """Numbers of an entry that cannot be, as sentences."""
    found = []
    for name in entry.__struct_fields__:
        value = getattr(entry, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = LEAST.get(name, -1.0 if name == "correlation" else 0.0), MOST.get(name, 1e12)
        if not (isfinite(value) and low <= value <= high):
            found.append(f"{name} {value} is not between {low:g} and {high:g}")
    return found
