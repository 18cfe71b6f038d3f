"""What the layouts of Raydium's three programs have in common: reading an account, its tokens, its time."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Accounts
from bot.pools.layouts.token import Clock, clock, mint, movable, token_account
from bot.pools.transfer_fee import TransferFee


class Tokens(Struct, frozen=True):
    """What the two mints say, in the pool's order; ``token_index`` is ours."""

    decimals: tuple[int, int]
    token_index: int
    transfer_fees: tuple[TransferFee | None, TransferFee | None]


def discriminator(name: str) -> bytes:
    """The eight bytes that Anchor puts before an account of a type."""
    return sha256(f"account:{name}".encode()).digest()[:8]


def data_of(accounts: Accounts, at: str, what: str, program: str, mark: bytes, size: int) -> bytes:
    """The bytes of one of the program's own accounts. Raises :class:`PoolError`."""
    account = accounts.get(at)
    if account is None:
        raise PoolError("closed", f"no {what} at {at}")
    return _checked(account, what, program, mark, size)


def _checked(account: Account, what: str, program: str, mark: bytes, size: int) -> bytes:
    if account.owner != program:
        raise PoolError("not_this_pool", f"the {what} belongs to {account.owner}")
    if not account.data.startswith(mark):
        raise PoolError("not_this_pool", f"the {what} is an account of another type")
    if len(account.data) != size:
        raise PoolError("bad_account", f"the {what} has {len(account.data)} bytes, not {size}")
    return account.data


def clock_of(accounts: Accounts) -> Clock:
    """The cluster's time. Raises :class:`PoolError`."""
    return clock(accounts.get(CLOCK))


def tokens_of(accounts: Accounts, mints: tuple[str, str], token_mint: str, epoch: int) -> Tokens:
    """The pool's two tokens. Raises :class:`PoolError` if ours is neither, or one cannot be swapped."""
    if token_mint not in mints:
        raise PoolError("not_this_pool", f"it holds {mints[0]} and {mints[1]}, not {token_mint}")
    read = [mint(accounts.get(one), epoch) for one in mints]
    for one, address_ in zip(read, mints, strict=True):
        movable(one, address_)
    first, second = read
    return Tokens(
        (first.decimals, second.decimals),
        mints.index(token_mint),
        (first.transfer_fee, second.transfer_fee),
    )


def vault_of(accounts: Accounts, vault: str, mint_: str) -> int:
    """The balance of one of the pool's token accounts. Raises :class:`PoolError`."""
    read = token_account(accounts.get(vault))
    if read.mint != mint_:
        raise PoolError("not_this_pool", f"the vault {vault} holds {read.mint}, not {mint_}")
    if read.frozen:
        raise PoolError("paused", f"the vault {vault} is frozen by the token's issuer")
    return read.amount


def address(data: bytes) -> str:
    """32 bytes as base58."""
    from solders.pubkey import Pubkey  # an extra, needed on Solana alone

    return str(Pubkey.from_bytes(data))


@lru_cache(maxsize=1 << 14)
def derived(program: str, seed: bytes, *more: bytes) -> str:
    """The program's account of these seeds."""
    from solders.pubkey import Pubkey  # an extra, needed on Solana alone

    found, _ = Pubkey.find_program_address([seed, *more], Pubkey.from_string(program))
    return str(found)


def raw_address(text: str) -> bytes:
    """Base58 as 32 bytes. Raises :class:`PoolError`."""
    from solders.pubkey import Pubkey  # an extra, needed on Solana alone

    try:
        return bytes(Pubkey.from_string(text))
    except ValueError:
        raise PoolError("not_this_pool", f"{text} is no address") from None
