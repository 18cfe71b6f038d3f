"""Raydium CPMM: pool, fee config and the two vaults.

Source: ``states/pool.rs`` and ``states/config.rs`` of raydium-io/raydium-cp-swap (December 2025),
little-endian and packed.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Accounts
from bot.pools.layouts.raydium_accounts import (
    address,
    clock_of,
    data_of,
    discriminator,
    tokens_of,
    vault_of,
)
from bot.pools.raydium_cpmm import PIPS, RaydiumCpmmState

SWAP_DISABLED = 1 << 2

POOL = struct.Struct("<8x32s32x32s32s32x32s32s32x32x32xxBxxx8xQQQQQ8xB?6xQQ224x")
CONFIG = struct.Struct("<8xxx2xQQQ8x64xQ120x")


class PoolAccount(NamedTuple):
    """What a pool's account says, as far as swaps depend on it; ``owed`` is protocol's, fund's and
    creator's of either token."""

    config: str
    vaults: tuple[str, str]
    mints: tuple[str, str]
    status: int
    owed: tuple[int, int]
    open_time: int
    creator_fee_on: int
    creator_fee_enabled: bool


class RaydiumCpmmLayout:
    """See :class:`~bot.pools.layouts.base.Layout`."""

    amm = "raydium_cpmm"
    program = "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        if accounts.get(pool) is None:
            return frozenset((pool, CLOCK))
        read = self._pool(pool, accounts)
        return frozenset((pool, CLOCK, read.config, *read.vaults, *read.mints))

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> RaydiumCpmmState:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        read = self._pool(pool, accounts)
        now = clock_of(accounts)
        tokens = tokens_of(accounts, read.mints, token_mint, now.epoch)
        if read.status & SWAP_DISABLED:
            raise PoolError("paused", "the pool's swaps are disabled")
        if now.unix_timestamp < read.open_time:
            raise PoolError("paused", f"the pool opens at {read.open_time}")
        data = data_of(accounts, read.config, "config", self.program, CONFIG_MARK, CONFIG.size)
        trade, protocol, fund, creator = CONFIG.unpack(data)
        creator, creator_on = creator if read.creator_fee_enabled else 0, read.creator_fee_on
        if creator_on > 2 or trade + creator >= PIPS or protocol + fund > PIPS:
            raise PoolError("bad_account", f"fees {trade}, {creator} on {creator_on}, {protocol}, {fund}")
        if not trade + creator:
            raise PoolError("not_quotable", "with no fee at all the program divides by nothing")
        first, second = (
            vault_of(accounts, vault, mint) - owed
            for vault, mint, owed in zip(read.vaults, read.mints, read.owed, strict=True)
        )
        if first <= 0 or second <= 0:
            raise PoolError("not_quotable", f"nothing to swap: {first} and {second} after fees owed")
        return RaydiumCpmmState(
            decimals=tokens.decimals,
            token_index=tokens.token_index,
            transfer_fees=tokens.transfer_fees,
            quote_usd=quote_usd,
            block=now.slot,
            reserves=(str(first), str(second)),
            trade_fee=trade,
            creator_fee=creator,
            creator_fee_on=creator_on,
            protocol_fee=protocol,
            fund_fee=fund,
        )

    def _pool(self, pool: str, accounts: Accounts) -> PoolAccount:
        return pool_account(data_of(accounts, pool, "pool", self.program, POOL_MARK, POOL.size))


def pool_account(data: bytes) -> PoolAccount:
    """The pool's account; of its size and mark already."""
    config, vault0, vault1, mint0, mint1, status, *rest = POOL.unpack(data)
    protocol0, protocol1, fund0, fund1, opens, creator_on, enabled, creator0, creator1 = rest
    return PoolAccount(
        config=address(config),
        vaults=(address(vault0), address(vault1)),
        mints=(address(mint0), address(mint1)),
        status=status,
        owed=(protocol0 + fund0 + creator0, protocol1 + fund1 + creator1),
        open_time=opens,
        creator_fee_on=creator_on,
        creator_fee_enabled=enabled,
    )


POOL_MARK = discriminator("PoolState")
CONFIG_MARK = discriminator("AmmConfig")
