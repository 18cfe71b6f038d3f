"""Raydium CLMM: pool, fee config, tick arrays and the bitmaps that say which of these there are.

Source: ``states/`` of raydium-io/raydium-clmm (July 2026). All little-endian and packed; an array holds 60
ticks. A pool's own bitmap covers 512 arrays on either side of price 1, an extension account 14 times 512
further ones on each side.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Accounts
from bot.pools.layouts.raydium_accounts import (
    address,
    clock_of,
    data_of,
    derived,
    discriminator,
    raw_address,
    tokens_of,
)
from bot.pools.raydium_clmm import RaydiumClmmState
from bot.pools.raydium_fee import DynamicFee
from bot.pools.raydium_math import MAX_TICK, PIPS

TICKS = 60
HALF = 512
NO_EXTENSION = 15
"""From this spacing on the pool's own bitmap covers all ticks."""
SWAP_DISABLED = 1 << 4

POOL = struct.Struct("<8xx32s32x32s32s96xBBH16s16si4x32x16x64xBB6x507x128s32x16xQ8xHHHIIiIIQ46x112x256x")
CONFIG = struct.Struct("<8xx2x32xIIHI4x32x24x")
ARRAY = struct.Struct("<8x32si10080sB115x")
TICK = struct.Struct("<i16s16s80x8xQQ16x12x")
EXTENSION = struct.Struct("<8x32s896s896s")


class PoolAccount(Struct, frozen=True, kw_only=True):
    """What a pool's account says; ``bitmap`` marks its tick arrays."""

    config: str
    mints: tuple[str, str]
    decimals: tuple[int, int]
    spacing: int
    liquidity: int
    sqrt_price: int
    tick: int
    status: int
    fee_on: int
    bitmap: bytes
    open_time: int
    dynamic_fee: DynamicFee | None


class RaydiumClmmLayout:
    """See :class:`~bot.pools.layouts.base.Layout`."""

    amm = "raydium_clmm"
    program = "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK"

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        found = {pool, CLOCK}
        if accounts.get(pool) is not None:
            read = self._pool(pool, accounts)
            found |= {read.config, *read.mints, *self._arrays(pool, read, accounts)}
            if read.spacing < NO_EXTENSION:
                found.add(self._extension(pool))
        return frozenset(found)

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> RaydiumClmmState:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        read = self._pool(pool, accounts)
        now = clock_of(accounts)
        tokens = tokens_of(accounts, read.mints, token_mint, now.epoch)
        if read.status & SWAP_DISABLED:
            raise PoolError("paused", "the pool's swaps are disabled")
        if now.unix_timestamp <= read.open_time:
            raise PoolError("paused", f"the pool opens after {read.open_time}")
        config = data_of(accounts, read.config, "config", self.program, CONFIG_MARK, CONFIG.size)
        _, fee, spacing, _ = CONFIG.unpack(config)
        if spacing != read.spacing or fee >= PIPS:
            raise PoolError("bad_account", f"a config of spacing {spacing} and fee {fee}")
        ticks: list[tuple[int, int | str]] = []
        orders: list[tuple[int, int | str]] = []
        for array, start in self._arrays(pool, read, accounts).items():
            for tick, net, gross, waiting in self._ticks(pool, array, start, read.spacing, accounts):
                if gross:
                    ticks.append((tick, str(net)))
                if waiting:
                    orders.append((tick, str(waiting)))
        return RaydiumClmmState(
            decimals=tokens.decimals,
            token_index=tokens.token_index,
            transfer_fees=tokens.transfer_fees,
            quote_usd=quote_usd,
            block=now.slot,
            fee=fee,
            tick_spacing=read.spacing,
            sqrt_price_x64=str(read.sqrt_price),
            liquidity=str(read.liquidity),
            tick=read.tick,
            ticks=sorted(ticks, key=lambda tick: tick[0]),
            orders=sorted(orders, key=lambda tick: tick[0]),
            fee_on=read.fee_on if read.fee_on in (1, 2) else 0,
            dynamic_fee=read.dynamic_fee,
            # Time matters to a dynamic fee only: without one a state does not change as time goes by.
            time=0 if read.dynamic_fee is None else now.unix_timestamp,
        )

    def _pool(self, pool: str, accounts: Accounts) -> PoolAccount:
        return pool_account(data_of(accounts, pool, "pool", self.program, POOL_MARK, POOL.size))

    def _extension(self, pool: str) -> str:
        return derived(self.program, b"pool_tick_array_bitmap_extension", raw_address(pool))

    def _arrays(self, pool: str, read: PoolAccount, accounts: Accounts) -> dict[str, int]:
        """Addresses of the tick arrays, and the first tick of each."""
        width, key = TICKS * read.spacing, raw_address(pool)
        positive = negative = b""
        extension = self._extension(pool) if read.spacing < NO_EXTENSION else None
        if extension is not None and accounts.get(extension) is not None:
            data = data_of(
                accounts, extension, "bitmap extension", self.program, EXTENSION_MARK, EXTENSION.size
            )
            owner, positive, negative = EXTENSION.unpack(data)
            if owner != key:
                raise PoolError("not_this_pool", "the bitmap extension is another pool's")
        starts = array_starts(read.spacing, read.bitmap, positive, negative)
        if any(abs(start) > MAX_TICK + width for start in starts):
            raise PoolError("bad_account", "a bitmap marks ticks out of range")
        return {
            derived(self.program, b"tick_array", key, start.to_bytes(4, "big", signed=True)): start
            for start in starts
        }

    def _ticks(
        self, pool: str, array: str, start: int, spacing: int, accounts: Accounts
    ) -> Iterator[tuple[int, int, int, int]]:
        """Of one array: tick, net and gross liquidity, and what limit orders sell."""
        data = data_of(accounts, array, "tick array", self.program, ARRAY_MARK, ARRAY.size)
        owner, first, ticks, _ = ARRAY.unpack(data)
        if owner != raw_address(pool) or first != start:
            raise PoolError("not_this_pool", f"the tick array {array} is another's")
        for at, (tick, net, gross, new, part) in enumerate(TICK.iter_unpack(ticks)):
            held, waiting = int.from_bytes(gross, "little"), new + part
            if held or waiting:
                if tick != start + at * spacing:
                    raise PoolError("bad_account", f"tick {tick} in the place of {start + at * spacing}")
                yield tick, int.from_bytes(net, "little", signed=True), held, waiting


def pool_account(data: bytes) -> PoolAccount:
    """The pool's account; of its size and mark already."""
    config, mint0, mint1, *rest = POOL.unpack(data)
    decimals0, decimals1, spacing, liquidity, price, tick, status, fee_on, bitmap, opens, *fee = rest
    if not spacing:
        raise PoolError("bad_account", "a pool without tick spacing")
    dynamic = None
    if any(fee):
        keep, decay, factor, control, most, index, reference, accumulator, updated = fee
        dynamic = DynamicFee(
            filter_period=keep,
            decay_period=decay,
            reduction_factor=factor,
            control=control,
            max_accumulator=most,
            reference_index=index,
            reference=reference,
            accumulator=accumulator,
            updated=updated,
        )
    return PoolAccount(
        config=address(config),
        mints=(address(mint0), address(mint1)),
        decimals=(decimals0, decimals1),
        spacing=spacing,
        liquidity=int.from_bytes(liquidity, "little"),
        sqrt_price=int.from_bytes(price, "little"),
        tick=tick,
        status=status,
        fee_on=fee_on,
        bitmap=bitmap,
        open_time=opens,
        dynamic_fee=dynamic,
    )


def array_starts(spacing: int, own: bytes, positive: bytes = b"", negative: bytes = b"") -> list[int]:
    """The first ticks of the arrays that a pool's bitmap and its extension mark."""
    arrays = [bit - HALF for bit in _bits(own)]
    arrays += [HALF + bit for bit in _bits(positive)]
    # Each run of 512 below rises within itself; the runs go downwards.
    arrays += [bit % HALF - (bit // HALF + 2) * HALF for bit in _bits(negative)]
    return [array * TICKS * spacing for array in arrays]


def _bits(bitmap: bytes) -> Iterator[int]:
    number = int.from_bytes(bitmap, "little")
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


POOL_MARK = discriminator("PoolState")
CONFIG_MARK = discriminator("AmmConfig")
ARRAY_MARK = discriminator("TickArrayState")
EXTENSION_MARK = discriminator("TickArrayBitmapExtension")
