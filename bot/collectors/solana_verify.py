"""Is a pool of the registry what the chain says it is? Asked before its state is trusted. Pure."""

from __future__ import annotations

from contextlib import suppress

from bot.errors import PoolError
from bot.pools.layouts import token
from bot.pools.layouts.base import CLOCK, Account, Accounts, Layout
from bot.registry.model import PoolEntry


def verify(entry: PoolEntry, layout: Layout, accounts: Accounts) -> None:
    """Raise :class:`PoolError` unless program, tokens and decimals are as in the registry, and tokens move.

    ``accounts`` hold what the layout wants, and both mints. Reasons: ``closed``, ``not_this_pool``,
    ``paused``, ``not_quotable``, ``bad_account``.
    """
    owned(entry, layout, accounts.get(entry.address))
    found = traded(entry, layout, accounts)
    for address, decimals, name in (
        (entry.token_address, entry.token_decimals, entry.instrument.partition("@")[0]),
        (entry.quote_address, entry.quote_decimals, entry.quote_symbol),
    ):
        if found and address not in found:
            trades = " and ".join(sorted(found))
            raise PoolError("not_this_pool", f"it trades {trades}, not {name} ({address})")
        mint = token.mint(accounts.get(address), epoch(accounts))
        if mint.decimals != decimals:
            raise PoolError(
                "not_this_pool", f"{name} has {mint.decimals} decimals, the registry says {decimals}"
            )
        token.movable(mint, name)


def owned(entry: PoolEntry, layout: Layout, pool: Account | None) -> None:
    """Raise :class:`PoolError` unless there is an account, of the program that the registry says."""
    if pool is None:
        raise PoolError("closed", f"no account at {entry.address}")
    if pool.owner != layout.program:
        raise PoolError(
            "not_this_pool",
            f"{entry.address} is owned by {pool.owner}, not by {layout.amm} ({layout.program})",
        )


def traded(entry: PoolEntry, layout: Layout, accounts: Accounts) -> frozenset[str]:
    """Mints that the pool's own account leads to: named by it, or of its vaults."""
    found = set()
    for address in layout.wanted(entry.address, accounts):
        account = accounts.get(address)
        if account is None or account.owner not in (token.TOKEN, token.TOKEN_2022):
            continue
        with suppress(PoolError):
            found.add(token.token_account(account).mint)
            continue
        with suppress(PoolError):
            token.mint(account, 0)
            found.add(address)
    return frozenset(found)


def epoch(accounts: Accounts) -> int:
    """Of the clock among the accounts."""
    return token.clock(accounts.get(CLOCK)).epoch
