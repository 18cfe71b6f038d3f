"""Accounts of the two token programs and the cluster's clock: mints with their extensions, balances, time.

Source: ``state.rs`` and ``extension/*/mod.rs`` of spl-token-2022: a mint is 82 bytes, a token account 165;
extensions follow a kind byte at 165 as type and length (u16 each) and value, all little-endian. The clock is
``solana_clock::Clock`` as bincode. Interest and the scaled amount change what wallets show, never what moves.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from math import isfinite

from msgspec import Struct
from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts.base import Account
from bot.pools.transfer_fee import TransferFee

TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105  # a program, no secret
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105
SYSVAR = "Sysvar1111111111111111111111111111111111111"

MINT_BYTES, ACCOUNT_BYTES = 82, 165
IS_MINT, IS_ACCOUNT = 1, 2
NOBODY = bytes(32)

EXTENSIONS = {
    1: "transfer fee", 3: "close authority", 4: "confidential transfer", 6: "default account state",
    9: "non-transferable", 10: "interest-bearing", 12: "permanent delegate", 14: "transfer hook",
    16: "confidential transfer fee", 18: "metadata pointer", 19: "metadata", 20: "group pointer", 21: "group",
    22: "group member pointer", 23: "group member", 24: "confidential mint and burn", 25: "scaled amount",
    26: "pausable", 28: "permissioned burn",
}  # fmt: skip
"""Those of a mint, by number, that we know the effect of."""


class ScaledUi(Struct, frozen=True):
    """What a wallet multiplies raw amounts with; ``effective`` (Unix seconds) is when the new one takes over.

    The program never moves the new one into ``multiplier``: once its time has come the old one still stands.
    """

    multiplier: float
    new_multiplier: float
    effective: int

    def at(self, unix_timestamp: int) -> float:
        """The multiplier in force."""
        return self.new_multiplier if unix_timestamp >= self.effective else self.multiplier


class Mint(Struct, frozen=True, kw_only=True):
    """A token. ``transfer_fee`` is that of the epoch asked for; ``None`` stands for "has none" everywhere.

    ``transfer_hook`` is a program that is run on every transfer (a null one is none); ``frozen_at_birth``:
    new accounts can do nothing until the issuer thaws them.
    """

    program: str
    decimals: int
    supply: int
    transfer_fee: TransferFee | None = None
    scaled_ui: ScaledUi | None = None
    paused: bool = False
    transfer_hook: str | None = None
    permanent_delegate: str | None = None
    frozen_at_birth: bool = False
    non_transferable: bool = False
    name: str = ""
    symbol: str = ""
    extensions: tuple[int, ...] = ()

    @property
    def unknown(self) -> tuple[int, ...]:
        """Extensions whose effect on amounts we do not know."""
        return tuple(kind for kind in self.extensions if kind not in EXTENSIONS)


class TokenAccount(Struct, frozen=True):
    """A balance in base units. ``frozen``: nothing can move in or out."""

    mint: str
    owner: str
    amount: int
    frozen: bool


class Clock(Struct, frozen=True):
    """Time as the cluster has it at a slot; ``unix_timestamp`` in seconds."""

    slot: int
    epoch: int
    unix_timestamp: int


@lru_cache(maxsize=1024)
def mint(account: Account | None, epoch: int) -> Mint:
    """The mint as of an epoch. Raises :class:`PoolError`: ``closed``, ``bad_account``.

    Kept, as every change of a pool asks again for two mints that did not change.
    """
    program, data = _of_token_program(account, "mint")
    if len(data) < MINT_BYTES or data[45] != 1:
        raise PoolError("bad_account", f"a mint of {len(data)} bytes, or one never set up")
    parts = _extensions(data, MINT_BYTES, IS_MINT)
    name, symbol = _metadata(parts[19]) if 19 in parts else ("", "")
    return Mint(
        program=program,
        decimals=data[44],
        supply=int.from_bytes(data[36:44], "little"),
        transfer_fee=_transfer_fee(_exactly(parts, 1, 108), epoch),
        scaled_ui=_scaled_ui(_exactly(parts, 25, 56)),
        paused=bool((_exactly(parts, 26, 33) or NOBODY + b"\0")[32]),
        transfer_hook=_address((_exactly(parts, 14, 64) or NOBODY * 2)[32:]),
        permanent_delegate=_address(_exactly(parts, 12, 32) or NOBODY),
        frozen_at_birth=(_exactly(parts, 6, 1) or b"\1")[0] == 2,
        non_transferable=9 in parts,
        name=name,
        symbol=symbol,
        extensions=tuple(sorted(parts)),
    )


def token_account(account: Account | None) -> TokenAccount:
    """A balance, as a pool's vault. Raises :class:`PoolError`: ``closed``, ``bad_account``."""
    _, data = _of_token_program(account, "token account")
    if len(data) < ACCOUNT_BYTES or data[108] not in (1, 2):
        raise PoolError("bad_account", f"a token account of {len(data)} bytes, or one never set up")
    _extensions(data, ACCOUNT_BYTES, IS_ACCOUNT)
    return TokenAccount(
        mint=str(Pubkey.from_bytes(data[:32])),
        owner=str(Pubkey.from_bytes(data[32:64])),
        amount=int.from_bytes(data[64:72], "little"),
        frozen=data[108] == 2,
    )


def clock(account: Account | None) -> Clock:
    """The clock's account. Raises :class:`PoolError`: ``closed``, ``bad_account``."""
    if account is None:
        raise PoolError("closed", "no clock at its address")
    if account.owner != SYSVAR or len(account.data) != 40:
        raise PoolError("bad_account", f"a clock of {account.owner}, {len(account.data)} bytes")
    slot, _, epoch, _, unix_timestamp = struct.unpack("<QqQQq", account.data)
    return Clock(slot, epoch, unix_timestamp)


def movable(mint: Mint, what: str) -> None:
    """Raise :class:`PoolError` if a swap of this token fails, or could do what we do not model."""
    if mint.paused:
        raise PoolError("paused", f"{what} is paused by its issuer")
    if mint.non_transferable:
        raise PoolError("not_quotable", f"{what} cannot be transferred")
    if mint.transfer_hook is not None:
        raise PoolError("not_quotable", f"{what} runs the program {mint.transfer_hook} on every transfer")
    if mint.unknown:
        raise PoolError("not_quotable", f"{what} has extensions that are not known: {mint.unknown}")


def address_at(data: bytes, offset: int) -> str:
    """The address in 32 bytes of an account. ValueError if they are not there."""
    return str(Pubkey.from_bytes(data[offset : offset + 32]))


def bytes_of(address: str) -> bytes:
    """An address as accounts hold it. ValueError if it is none."""
    return bytes(Pubkey.from_string(address))


def _of_token_program(account: Account | None, what: str) -> tuple[str, bytes]:
    if account is None:
        raise PoolError("closed", f"no {what} at its address")
    if account.owner not in (TOKEN, TOKEN_2022):
        raise PoolError("bad_account", f"a {what} owned by {account.owner}, which is no token program")
    return account.owner, account.data


def _extensions(data: bytes, base: int, kind: int) -> dict[int, bytes]:
    if len(data) == base:
        return {}
    if len(data) <= ACCOUNT_BYTES or data[ACCOUNT_BYTES] != kind:
        raise PoolError("bad_account", "neither a mint nor a token account where one should be, or cut")
    parts: dict[int, bytes] = {}
    at = ACCOUNT_BYTES + 1
    while at + 4 <= len(data):
        number, length = struct.unpack_from("<HH", data, at)
        if number == 0:
            break
        value = data[at + 4 : at + 4 + length]
        if len(value) != length or number in parts:
            raise PoolError("bad_account", f"extension {number} is cut or stands twice")
        parts[number] = value
        at += 4 + length
    return parts


def _exactly(parts: dict[int, bytes], number: int, length: int) -> bytes | None:
    value = parts.get(number)
    if value is not None and len(value) != length:
        raise PoolError("bad_account", f"extension {EXTENSIONS[number]} of {len(value)} bytes, not {length}")
    return value


def _transfer_fee(value: bytes | None, epoch: int) -> TransferFee | None:
    if value is None:
        return None
    since, maximum, basis_points = struct.unpack_from("<QQH", value, 90)
    if epoch < since:
        _, maximum, basis_points = struct.unpack_from("<QQH", value, 72)
    if basis_points > 10_000:
        raise PoolError("bad_account", f"a transfer fee of {basis_points} basis points")
    return TransferFee(basis_points, maximum) if basis_points else None


def _scaled_ui(value: bytes | None) -> ScaledUi | None:
    if value is None:
        return None
    multiplier, effective, new_multiplier = struct.unpack_from("<dqd", value, 32)
    if not all(isfinite(one) and one > 0 for one in (multiplier, new_multiplier)):
        raise PoolError("bad_account", f"multipliers {multiplier!r} and {new_multiplier!r}")
    return ScaledUi(multiplier, new_multiplier, effective)


def _metadata(value: bytes) -> tuple[str, str]:
    texts, at = [], 64
    for _ in range(2):
        length = int.from_bytes(value[at : at + 4], "little")
        text = value[at + 4 : at + 4 + length]
        if len(text) != length:
            raise PoolError("bad_account", "metadata that is cut")
        texts.append(text.decode("utf-8", "replace"))
        at += 4 + length
    return texts[0], texts[1]


def _address(value: bytes) -> str | None:
    return None if value == NOBODY else str(Pubkey.from_bytes(value))
