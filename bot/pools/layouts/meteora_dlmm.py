"""Meteora DLMM accounts: the pair, its bin arrays, and the map of those that lie far out.

Source: the IDL in ``@meteora-ag/dlmm`` 1.9.14 (``LbPair``, ``BinArray``, ``BinArrayBitmapExtension``: bytes
as C lays them out); seeds and bitmaps as in ``commons/src/pda.rs`` and ``extensions/bin_array_bitmap.rs`` of
MeteoraAg/dlmm-sdk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct
from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Accounts
from bot.pools.layouts.token import Clock, clock, mint, movable
from bot.pools.meteora_dlmm import MeteoraDlmmState
from bot.pools.meteora_dlmm_fee import price_at

PROGRAM = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"
NOBODY = bytes(32)

PAIR = struct.Struct(
    "<8s4H2I2iH3B3x 2Ii4xq8x 3xBiHB3xBx 32s32s 64x16x32x 32s112x32s112x 32x 128s 104xQ 24x32x24x"
)
ARRAY = struct.Struct("<8sqB7x32s")
BIN = struct.Struct("<2Q16s 80x Q8xQ 4xB3x")
MAP = struct.Struct("<8s32s768s768s")
PAIR_TAG = bytes.fromhex("210b3162b565b10d")
ARRAY_TAG = bytes.fromhex("5c8e5cdc059446b5")
MAP_TAG = bytes.fromhex("506f7c7137ed1205")
BINS = 70
"""In an array; array ``i`` holds bins ``70 i`` to ``70 i + 69``."""
NEAR = 512
"""Arrays from ``-512`` to ``511`` are marked in the pair itself."""
ARRAYS_EACH_WAY = 30
"""So many are loaded on each side of the active one, 2,100 bins: a swap that goes further is not quoted."""

BY_SLOT, BY_TIME = 0, 1
WITH_ACTIVATION = (1, 2)
"""Kinds of pair that open at a point: permissioned, customizable permissionless."""


class Pair(Struct, frozen=True):
    """What a pair's account says, as far as a price depends on it."""

    base_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int
    min_bin_id: int
    max_bin_id: int
    protocol_share: int
    base_fee_power_factor: int
    function_type: int
    collect_fee_mode: int
    volatility_accumulator: int
    volatility_reference: int
    index_reference: int
    last_update_timestamp: int
    pair_type: int
    active_id: int
    bin_step: int
    status: int
    activation_type: int
    token_x_mint: bytes
    token_y_mint: bytes
    reward_0_mint: bytes
    reward_1_mint: bytes
    bitmap: bytes
    activation_point: int

    @property
    def limit_orders(self) -> bool:
        """Whether swaps fill limit orders too: said outright (2), or left open (0) with no farm."""
        farms = self.reward_0_mint, self.reward_1_mint
        return self.function_type == 2 or (self.function_type == 0 and farms == (NOBODY, NOBODY))


class BinData(Struct, frozen=True):
    """A bin of an array; ``price`` as Q64.64, 0 where it was never set."""

    amount_x: int
    amount_y: int
    price: int
    open: int
    processed: int
    sells_x: bool


class MeteoraDlmmLayout:
    """DLMM pairs. See :class:`~bot.pools.layouts.base.Layout`."""

    amm = "meteora_dlmm"
    program = PROGRAM

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        known = frozenset({pool, CLOCK, map_address(pool)})
        if pool not in accounts:
            return known
        pair = decode_pair(accounts[pool])
        known |= {_address(pair.token_x_mint), _address(pair.token_y_mint)}
        if map_address(pool) not in accounts:
            return known
        return known | {array_address(pool, index) for index in _arrays(pool, pair, accounts)}

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> MeteoraDlmmState:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        pair = decode_pair(accounts.get(pool))
        mints = _address(pair.token_x_mint), _address(pair.token_y_mint)
        if token_mint not in mints:
            raise PoolError("not_this_pool", f"{token_mint} is not one of its mints {mints}")
        now = clock(accounts.get(CLOCK))
        _tradable(pair, now)
        tokens = [mint(accounts.get(address), now.epoch) for address in mints]
        for token, address in zip(tokens, mints, strict=True):
            movable(token, address)
        bins: list[tuple[int, int | str, int | str]] = []
        orders: list[tuple[int, bool, int | str, int | str]] = []
        for index in _arrays(pool, pair, accounts):
            found = decode_array(accounts.get(array_address(pool, index)), pool, index)
            for at, held in enumerate(found, BINS * index):
                ordered = pair.limit_orders and (held.open or held.processed)
                if (held.amount_x or held.amount_y or ordered) and held.price != price_at(at, pair.bin_step):
                    raise PoolError("bad_account", f"bin {at} has another price than its place")
                if held.amount_x or held.amount_y:
                    bins.append((at, _raw(held.amount_x), _raw(held.amount_y)))
                if ordered:
                    orders.append((at, held.sells_x, _raw(held.processed), _raw(held.open)))
        return MeteoraDlmmState(
            decimals=(tokens[0].decimals, tokens[1].decimals),
            transfer_fees=(tokens[0].transfer_fee, tokens[1].transfer_fee),
            token_index=mints.index(token_mint),
            quote_usd=quote_usd,
            block=now.slot,
            bin_step=pair.bin_step,
            active_id=pair.active_id,
            base_factor=pair.base_factor,
            base_fee_power_factor=pair.base_fee_power_factor,
            filter_period=pair.filter_period,
            decay_period=pair.decay_period,
            reduction_factor=pair.reduction_factor,
            variable_fee_control=pair.variable_fee_control,
            max_volatility_accumulator=pair.max_volatility_accumulator,
            volatility_accumulator=pair.volatility_accumulator,
            volatility_reference=pair.volatility_reference,
            index_reference=pair.index_reference,
            last_update_timestamp=pair.last_update_timestamp,
            timestamp=now.unix_timestamp,
            collect_fee_mode=pair.collect_fee_mode,
            bins=bins,
            orders=orders,
        )


def decode_pair(account: Account | None) -> Pair:
    """The pair's account. Raises :class:`PoolError`."""
    return Pair(*PAIR.unpack(_checked(account, PAIR_TAG, PAIR.size, "pair"))[1:])


def decode_array(account: Account | None, pool: str, index: int) -> list[BinData]:
    """The bins of the pool's array ``index``. Raises :class:`PoolError`."""
    data = _checked(account, ARRAY_TAG, ARRAY.size + BINS * BIN.size, f"bin array {index}")
    _, found, _, pair = ARRAY.unpack_from(data)
    if found != index or _address(pair) != pool:
        raise PoolError("not_this_pool", f"bin array {found} of {_address(pair)} where {index} should be")
    return [
        BinData(x, y, int.from_bytes(price, "little"), opened, processed, asks != 0)
        for x, y, price, opened, processed, asks in BIN.iter_unpack(data[ARRAY.size :])
    ]


def decode_map(account: Account, pool: str) -> tuple[int, int]:
    """Bits of the arrays from 512 up, and from -513 down. Raises :class:`PoolError`."""
    _, pair, above, below = MAP.unpack(_checked(account, MAP_TAG, MAP.size, "map of bin arrays"))
    if _address(pair) != pool:
        raise PoolError("not_this_pool", f"map of bin arrays of {_address(pair)}")
    return int.from_bytes(above, "little"), int.from_bytes(below, "little")


@lru_cache(maxsize=1 << 16)
def array_address(pool: str, index: int) -> str:
    """Where the pool's bin array ``index`` is."""
    return _derived(b"bin_array", bytes(Pubkey.from_string(pool)), index.to_bytes(8, "little", signed=True))


@lru_cache(maxsize=1 << 14)
def map_address(pool: str) -> str:
    """Where the map of the pool's far arrays is, if it has one."""
    return _derived(b"bitmap", bytes(Pubkey.from_string(pool)))


def _arrays(pool: str, pair: Pair, accounts: Accounts) -> list[int]:
    """Those that hold liquidity, rising; of them the nearest to the active bin."""
    above = below = 0
    account = accounts.get(map_address(pool))
    if account is not None:
        above, below = decode_map(account, pool)
    marked = [-1 - NEAR - at for at in _bits(below)][::-1]
    marked += [at - NEAR for at in _bits(int.from_bytes(pair.bitmap, "little"))]
    marked += [NEAR + at for at in _bits(above)]
    active = pair.active_id // BINS
    lower = [index for index in marked if index <= active][-ARRAYS_EACH_WAY:]
    upper = [index for index in marked if index >= active][:ARRAYS_EACH_WAY]
    return lower + [index for index in upper if index > active]


def _bits(bitmap: int) -> Iterator[int]:
    while bitmap:
        lowest = bitmap & -bitmap
        yield lowest.bit_length() - 1
        bitmap ^= lowest


def _tradable(pair: Pair, now: Clock) -> None:
    if pair.status != 0:
        raise PoolError("paused", "the pair is disabled")
    if pair.pair_type > 3 or pair.function_type > 2 or pair.collect_fee_mode > 1:
        kinds = f"{pair.pair_type}, function {pair.function_type}, fee mode {pair.collect_fee_mode}"
        raise PoolError("not_quotable", f"a pair of kind {kinds}: newer than what we know")
    if pair.pair_type in WITH_ACTIVATION:
        if pair.activation_type not in (BY_SLOT, BY_TIME):
            raise PoolError("not_quotable", f"activation of type {pair.activation_type}")
        point = now.slot if pair.activation_type == BY_SLOT else now.unix_timestamp
        if point < pair.activation_point:
            raise PoolError("paused", f"the pair opens at {pair.activation_point}, it is {point}")


def _checked(account: Account | None, tag: bytes, size: int, what: str) -> bytes:
    if account is None:
        raise PoolError("closed", f"no {what} at its address")
    if account.owner != PROGRAM:
        raise PoolError("not_this_pool", f"the {what} is owned by {account.owner}")
    if account.data[:8] != tag:
        raise PoolError("not_this_pool", f"the account is no {what}")
    if len(account.data) != size:
        raise PoolError("bad_account", f"the {what} has {len(account.data)} bytes, not {size}")
    return account.data


def _derived(*seeds: bytes) -> str:
    return str(Pubkey.find_program_address(list(seeds), Pubkey.from_string(PROGRAM))[0])


def _address(key: bytes) -> str:
    return str(Pubkey.from_bytes(key))


def _raw(amount: int) -> int | str:
    """Text in JSON where other readers' numbers would lose digits."""
    return amount if amount < 1 << 53 else str(amount)
