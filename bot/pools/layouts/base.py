"""What a Solana program's layout knows: which accounts make up a pool's state, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from bot.pools.state import PoolState

CLOCK = "SysvarC1ock11111111111111111111111111111111"
"""The cluster's clock as an account: slot, epoch and Unix time of the state that it is read with."""


class Account(Struct, frozen=True):
    """An account as a node tells it: the program that owns it (base58) and its bytes."""

    owner: str
    data: bytes


Accounts = Mapping[str, Account | None]
"""By address (base58), all of one slot; ``None`` where there is no account at an address."""


class Layout(Protocol):
    """One program's pools. Both methods are pure."""

    amm: str
    """As in the registry's ``amm``, and the tag of the state."""
    program: str
    """Address of the program that owns the pools."""

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """Every account that the state of the pool depends on, as far as ``accounts`` tell: asked again until
        nothing new is wanted (the pool's own account names its mints, vaults and tick arrays). Always
        includes the pool, and :data:`CLOCK` where time or epoch matters. Raises :class:`PoolError`."""

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> PoolState:
        """The state, our token told by its mint. ``block`` is the clock's slot where it is known.

        Raises :class:`PoolError`: ``not_this_pool`` (wrong owner, discriminator, or mints), ``bad_account``
        (malformed or cut), ``closed`` (no account), ``paused`` (swaps disabled, or a token paused),
        ``not_quotable`` (what this program could do that we do not model, said in words)."""
