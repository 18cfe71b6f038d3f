"""Pools that pay for liquidity in a token of their own (Mirror's kind): what is left of the yield. Pure.

Half token, half dollars in a constant-product pool. Against keeping both, a move of the price by ``r`` leaves
``2√r / (1 + r)``; without drift ``e^(−σ²t/8)`` of what is kept is expected to be there. The reward token's
supply grows by what is paid out: at an unchanged market value its price falls as
``supply / (supply + paid)``, and what is sold late fetches less.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING

from msgspec import Struct

from bot.errors import DataError

if TYPE_CHECKING:
    from bot.strategy.carry.paths import Array

DAYS = 365.0


class Incentives(Struct, frozen=True):
    """A pool and its rewards. ``rewards_day`` are reward tokens to this pool, ``emission_day`` to all;
    ``sell_ratio`` is what selling them costs; ``volatility`` of the pool's token, per year."""

    pool_usd: float
    volume_day_usd: float
    fee_ratio: float
    volatility: float
    rewards_day: float
    emission_day: float
    reward_usd: float
    reward_supply: float
    sell_ratio: float = 0.005


class Yield(Struct, frozen=True):
    """Over the whole time, as ratios of what was put in; ``headline_year`` is what is advertised."""

    fees: float
    rewards: float
    inflation: float
    impermanent_loss: float
    selling: float
    net: float
    net_year: float
    headline_year: float


def kept(ratio: float) -> float:
    """Of the value of keeping token and dollars, once the price is ``ratio`` times what it was: 1 is all."""
    return 2 * sqrt(ratio) / (1 + ratio)


def expected_loss(volatility: float, days: float) -> float:
    """Expected impermanent loss against keeping both, of a price without drift."""
    return 1 - exp(-volatility * volatility * days / DAYS / 8)


def net_yield(pool: Incentives, deposit_usd: float, days: float) -> Yield:
    """What ``deposit_usd`` is expected to earn; rewards are sold as they come."""
    if deposit_usd <= 0 or pool.pool_usd < 0 or pool.reward_supply <= 0:
        raise DataError("carry_pool", "deposit and reward supply must be more than nothing")
    share = deposit_usd / (pool.pool_usd + deposit_usd)
    fees = share * pool.volume_day_usd * pool.fee_ratio * days / deposit_usd
    gross = share * pool.rewards_day * pool.reward_usd * days / deposit_usd
    growth = pool.emission_day * days / pool.reward_supply
    # The mean of supply / (supply + paid) over the time.
    left = log(1 + growth) / growth if growth > 0 else 1.0
    inflation, rewards = gross * (1 - left), gross * left
    selling = rewards * pool.sell_ratio
    lost = expected_loss(pool.volatility, days)
    net = fees + rewards - selling - lost
    return Yield(fees, gross, inflation, lost, selling, net, net * DAYS / days,
                 (pool.rewards_day * pool.reward_usd + pool.volume_day_usd * pool.fee_ratio) * DAYS
                 / max(pool.pool_usd, deposit_usd))  # fmt: skip


def gains(pool: Incentives, deposit_usd: float, days: float, ratios: Array) -> Array:
    """What is left, as ratios of the deposit, of token and dollars against keeping both, where the token's
    price ends at ``ratios`` of what it was."""
    found = net_yield(pool, deposit_usd, days)
    earned = found.fees + found.rewards - found.inflation - found.selling
    left: Array = earned + ratios**0.5 - (1 + ratios) / 2
    return left
