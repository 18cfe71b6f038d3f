"""Bytes that are no mint, no balance and no clock are refused with words, never guessed at."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest

pytest.importorskip("solders.pubkey")

from bot.errors import PoolError
from bot.pools.layouts import Account
from bot.pools.layouts.token import SYSVAR, TOKEN, TOKEN_2022, ScaledUi, clock, mint, movable, token_account

PLAIN = bytes(36) + struct.pack("<QBB", 77, 6, 1) + bytes(36)
BALANCE = bytes(64) + struct.pack("<Q", 5) + bytes(36) + b"\1" + bytes(56)


def extended(*extensions: tuple[int, bytes], base: bytes = PLAIN, kind: int = 1) -> Account:
    parts = b"".join(struct.pack("<HH", number, len(value)) + value for number, value in extensions)
    return Account(TOKEN_2022, base.ljust(165, b"\0") + bytes([kind]) + parts)


SCALED = bytes(32) + struct.pack("<dqd", 1.5, 99, 2.5)


def test_plain_ones() -> None:
    found = mint(Account(TOKEN, PLAIN), 0)
    assert (found.decimals, found.supply, found.extensions) == (6, 77, ())
    assert token_account(Account(TOKEN, BALANCE)).amount == 5


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (None, "closed: no mint"),
        (Account("11111111111111111111111111111111", PLAIN), "owned by 1111"),
        (Account(TOKEN, PLAIN[:81]), "81 bytes"),
        (Account(TOKEN, PLAIN[:45] + b"\0" + PLAIN[46:]), "never set up"),
        (Account(TOKEN_2022, PLAIN + b"\0"), "or cut"),
        (extended(kind=2), "neither a mint nor"),
        (extended((25, SCALED[:-1])), "scaled amount of 55 bytes, not 56"),
        (extended((25, SCALED), (25, SCALED)), "stands twice"),
        (Account(TOKEN_2022, extended((25, SCALED)).data[:-1]), "is cut"),
        (extended((25, bytes(56))), "multipliers 0.0"),
        (extended((25, bytes(32) + struct.pack("<dqd", 1.0, 0, float("nan")))), "nan"),
        (extended((1, bytes(106) + b"\xff\xff")), "65535 basis points"),
        (extended((19, bytes(64) + struct.pack("<I", 9) + b"short")), "metadata that is cut"),
    ],
)
def test_bad_mint(account: Account | None, says: str) -> None:
    with pytest.raises(PoolError, match=says):
        mint(account, 0)


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (None, "closed: no token account"),
        (Account(SYSVAR, BALANCE), "which is no token program"),
        (Account(TOKEN, BALANCE[:-1]), "164 bytes"),
        (Account(TOKEN, bytes(165)), "never set up"),
        (extended(base=BALANCE, kind=1), "neither a mint nor"),
    ],
)
def test_bad_balance(account: Account | None, says: str) -> None:
    with pytest.raises(PoolError, match=says):
        token_account(account)


def test_bad_clock() -> None:
    for account in (None, Account(SYSVAR, bytes(39)), Account(TOKEN, bytes(40))):
        with pytest.raises(PoolError, match="clock"):
            clock(account)


def test_unknown_extension_is_kept_and_not_trusted() -> None:
    found = mint(extended((25, SCALED), (99, b"abc")), 0)
    assert found.scaled_ui == ScaledUi(1.5, 2.5, 99)
    assert found.unknown == (99,)
    with pytest.raises(PoolError, match=r"not known: \(99,\)"):
        movable(found, "the token")


def test_random_bytes_are_read_or_refused() -> None:
    rng = random.Random(5)
    good = extended((25, SCALED), (1, bytes(108)), (19, bytes(76))).data
    for _ in range(2000):
        data = bytearray(good[: rng.randrange(len(good) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        for read in (lambda one: mint(one, 3), token_account, clock):
            with suppress(PoolError):
                read(Account(rng.choice((TOKEN_2022, SYSVAR)), bytes(data)))
