"""Meteora DAMM v2 (cp-amm) accounts: everything is in the pool's own.

Source: the IDL in ``@meteora-ag/cp-amm-sdk`` 1.5.0 (``Pool``: bytes as C lays them out) and, for the three
kinds of base fee in it, ``base_fee/*.rs`` of MeteoraAg/damm-v2.
"""

from __future__ import annotations

import struct

from msgspec import Struct
from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Accounts
from bot.pools.layouts.token import Clock, clock, mint, movable
from bot.pools.meteora_damm_v2 import COMPOUNDING, MeteoraDammV2State
from bot.pools.meteora_damm_v2_fee import BaseFee, DynamicFee, PriceSchedule, RateLimiter, TimeSchedule

PROGRAM = "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG"
POOL_TAG = bytes.fromhex("f19a6d0411b16dbc")

POOL = struct.Struct(
    "<8s 32s8x BxB3xH B7x2I4HQ16s16s16s16s 16s 32s32s 128x 16s48x 16s16s16s QBB2xBxBx"
    "64x16x80x32x 2QB7x24x 384x"
)
SCHEDULE = struct.Struct("<QB5xHQQ")
BY_PRICE_OR_SIZE = struct.Struct("<QB5xH2IQ")
BY_SLOT, BY_TIME = 0, 1


class PoolData(Struct, frozen=True):
    """What the account says, as far as a price depends on it, named as there."""

    base_fee: bytes
    protocol_fee_percent: int
    referral_fee_percent: int
    compounding_fee_bps: int
    dynamic_fee_initialized: int
    max_volatility_accumulator: int
    variable_fee_control: int
    bin_step: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    last_update_timestamp: int
    bin_step_u128: bytes
    sqrt_price_reference: bytes
    volatility_accumulator: bytes
    volatility_reference: bytes
    init_sqrt_price: bytes
    token_a_mint: bytes
    token_b_mint: bytes
    liquidity: bytes
    sqrt_min_price: bytes
    sqrt_max_price: bytes
    sqrt_price: bytes
    activation_point: int
    activation_type: int
    pool_status: int
    collect_fee_mode: int
    fee_version: int
    token_a_amount: int
    token_b_amount: int
    layout_version: int


class MeteoraDammV2Layout:
    """DAMM v2 pools. See :class:`~bot.pools.layouts.base.Layout`."""

    amm = "meteora_damm_v2"
    program = PROGRAM

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        known = frozenset({pool, CLOCK})
        if pool not in accounts:
            return known
        data = decode_pool(accounts[pool])
        return known | {_address(data.token_a_mint), _address(data.token_b_mint)}

    def state(
        self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float
    ) -> MeteoraDammV2State:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        data = decode_pool(accounts.get(pool))
        mints = _address(data.token_a_mint), _address(data.token_b_mint)
        if token_mint not in mints:
            raise PoolError("not_this_pool", f"{token_mint} is not one of its mints {mints}")
        now = clock(accounts.get(CLOCK))
        point = _tradable(data, now)
        tokens = [mint(accounts.get(address), now.epoch) for address in mints]
        for token, address in zip(tokens, mints, strict=True):
            movable(token, address)
        return MeteoraDammV2State(
            decimals=(tokens[0].decimals, tokens[1].decimals),
            transfer_fees=(tokens[0].transfer_fee, tokens[1].transfer_fee),
            token_index=mints.index(token_mint),
            quote_usd=quote_usd,
            block=now.slot,
            collect_fee_mode=data.collect_fee_mode,
            fee_version=data.fee_version,
            base_fee=base_fee(data),
            dynamic_fee=_dynamic_fee(data) if data.dynamic_fee_initialized else None,
            activation_point=data.activation_point,
            point=point,
            timestamp=now.unix_timestamp,
            sqrt_price=_large(data.sqrt_price),
            sqrt_min_price=_large(data.sqrt_min_price),
            sqrt_max_price=_large(data.sqrt_max_price),
            liquidity=_large(data.liquidity),
            token_a_amount=_raw(data.token_a_amount),
            token_b_amount=_raw(data.token_b_amount),
            protocol_fee_percent=data.protocol_fee_percent,
            compounding_fee_bps=data.compounding_fee_bps,
        )


def decode_pool(account: Account | None) -> PoolData:
    """The pool's account. Raises :class:`PoolError`."""
    if account is None:
        raise PoolError("closed", "no pool at its address")
    if account.owner != PROGRAM:
        raise PoolError("not_this_pool", f"the pool is owned by {account.owner}")
    if account.data[:8] != POOL_TAG:
        raise PoolError("not_this_pool", "the account is no pool")
    if len(account.data) != POOL.size:
        raise PoolError("bad_account", f"the pool has {len(account.data)} bytes, not {POOL.size}")
    return PoolData(*POOL.unpack(account.data)[1:])


def base_fee(data: PoolData) -> BaseFee:
    """The kind of base fee that the pool's bytes hold. Raises :class:`PoolError`."""
    mode = data.base_fee[8]
    if mode in (0, 1):
        cliff, _, periods, frequency, reduction = SCHEDULE.unpack(data.base_fee)
        return TimeSchedule(cliff, periods, _raw(frequency), _raw(reduction), mode == 1)
    if mode == 2:
        cliff, _, increment, duration, most, reference = BY_PRICE_OR_SIZE.unpack(data.base_fee)
        return RateLimiter(cliff, increment, duration, most, _raw(reference))
    if mode in (3, 4):
        cliff, _, periods, step, duration, reduction = BY_PRICE_OR_SIZE.unpack(data.base_fee)
        initial = _large(data.init_sqrt_price)
        return PriceSchedule(cliff, periods, step, duration, _raw(reduction), mode == 4, initial)
    raise PoolError("not_quotable", f"a base fee of kind {mode}: newer than what we know")


def _dynamic_fee(data: PoolData) -> DynamicFee:
    return DynamicFee(
        bin_step=data.bin_step,
        bin_step_u128=_large(data.bin_step_u128),
        variable_fee_control=data.variable_fee_control,
        max_volatility_accumulator=data.max_volatility_accumulator,
        filter_period=data.filter_period,
        decay_period=data.decay_period,
        reduction_factor=data.reduction_factor,
        last_update_timestamp=_raw(data.last_update_timestamp),
        sqrt_price_reference=_large(data.sqrt_price_reference),
        volatility_accumulator=_large(data.volatility_accumulator),
        volatility_reference=_large(data.volatility_reference),
    )


def _tradable(data: PoolData, now: Clock) -> int:
    """The point in time as the pool counts it."""
    if data.pool_status != 0:
        raise PoolError("paused", "the pool is disabled")
    known = data.collect_fee_mode <= COMPOUNDING and data.fee_version <= 1 and data.layout_version <= 1
    if not known or data.activation_type not in (BY_SLOT, BY_TIME):
        kinds = f"{data.collect_fee_mode}, {data.fee_version}, {data.layout_version}, {data.activation_type}"
        raise PoolError(
            "not_quotable", f"fee mode, fee version, layout and activation {kinds}: newer than we know"
        )
    point = now.slot if data.activation_type == BY_SLOT else now.unix_timestamp
    if point < data.activation_point:
        raise PoolError("paused", f"the pool opens at {data.activation_point}, it is {point}")
    return point


def _address(key: bytes) -> str:
    return str(Pubkey.from_bytes(key))


def _large(number: bytes) -> int | str:
    return _raw(int.from_bytes(number, "little"))


def _raw(number: int) -> int | str:
    """Text in JSON where other readers' numbers would lose digits."""
    return number if number < 1 << 53 else str(number)
