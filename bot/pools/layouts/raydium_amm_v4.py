"""Raydium AMM v4: the pool (752 bytes, no discriminator) and its two vaults.

Source: ``AmmInfo`` in ``state.rs`` of raydium-io/raydium-amm (July 2026), little-endian and packed. Until
that version the program counted what lay in orders on an OpenBook market for pools of status 1; the present
one does not look there. Where something still lies there the two disagree, and the pool is refused.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Accounts
from bot.pools.layouts.raydium_accounts import address, clock_of, data_of, tokens_of, vault_of
from bot.pools.raydium_amm_v4 import RaydiumAmmV4State

ORDER_BOOK, SWAP_ONLY, WAITING = 1, 6, 7
"""The statuses that allow swaps; the last only once its time has come."""

POOL = struct.Struct("<Q120x48xQQQQ16xQ24x80x32s32s32s32s32x32s96x64x32x32x")
ORDERS_TOTALS = struct.Struct("<85xQ8xQ")
"""Of an open-orders account: all of coin and of pc that lies in it."""


class AmmInfo(NamedTuple):
    """What a pool's account says, as far as swaps depend on it."""

    status: int
    fee_numerator: int
    fee_denominator: int
    coin_profit: int
    pc_profit: int
    open_time: int
    coin_vault: str
    pc_vault: str
    coin_mint: str
    pc_mint: str
    open_orders: str


class RaydiumAmmV4Layout:
    """See :class:`~bot.pools.layouts.base.Layout`."""

    amm = "raydium_amm_v4"
    program = "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        found = {pool, CLOCK}
        if accounts.get(pool) is not None:
            read = self._pool(pool, accounts)
            found |= {read.coin_vault, read.pc_vault, read.coin_mint, read.pc_mint}
            if read.status == ORDER_BOOK:
                found.add(read.open_orders)
        return frozenset(found)

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> RaydiumAmmV4State:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        read = self._pool(pool, accounts)
        now = clock_of(accounts)
        tokens = tokens_of(accounts, (read.coin_mint, read.pc_mint), token_mint, now.epoch)
        if read.status not in (ORDER_BOOK, SWAP_ONLY, WAITING):
            raise PoolError("paused", f"the pool's status {read.status} allows no swaps")
        if read.status == WAITING and now.unix_timestamp < read.open_time:
            raise PoolError("paused", f"the pool opens at {read.open_time}")
        if read.status == ORDER_BOOK:
            self._nothing_in_orders(read.open_orders, accounts)
        if not 0 <= read.fee_numerator < read.fee_denominator:
            raise PoolError("bad_account", f"a fee of {read.fee_numerator} in {read.fee_denominator}")
        coin = vault_of(accounts, read.coin_vault, read.coin_mint) - read.coin_profit
        pc = vault_of(accounts, read.pc_vault, read.pc_mint) - read.pc_profit
        if coin <= 0 or pc <= 0:
            raise PoolError("not_quotable", f"nothing to swap: {coin} and {pc} without profit to be taken")
        return RaydiumAmmV4State(
            decimals=tokens.decimals,
            token_index=tokens.token_index,
            transfer_fees=tokens.transfer_fees,
            quote_usd=quote_usd,
            block=now.slot,
            reserves=(str(coin), str(pc)),
            fee=(read.fee_numerator, read.fee_denominator),
        )

    def _pool(self, pool: str, accounts: Accounts) -> AmmInfo:
        return amm_info(data_of(accounts, pool, "pool", self.program, b"", POOL.size))

    @staticmethod
    def _nothing_in_orders(at: str, accounts: Accounts) -> None:
        account = accounts.get(at)
        if account is None or not account.data:
            return
        if len(account.data) < ORDERS_TOTALS.size:
            raise PoolError("bad_account", f"open orders of {len(account.data)} bytes")
        if any(ORDERS_TOTALS.unpack_from(account.data)):
            raise PoolError("not_quotable", "part of the pool lies in orders on a market")


def amm_info(data: bytes) -> AmmInfo:
    """The pool's account; of its size already. Raises :class:`PoolError`."""
    *numbers, coin_vault, pc_vault, coin_mint, pc_mint, open_orders = POOL.unpack(data)
    if numbers[0] == 0 or numbers[0] > WAITING:
        raise PoolError("bad_account", f"a pool of status {numbers[0]}: never set up")
    keys = (address(key) for key in (coin_vault, pc_vault, coin_mint, pc_mint, open_orders))
    return AmmInfo(*numbers, *keys)
