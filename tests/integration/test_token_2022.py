"""What we read from a mint's bytes, beside what the real Token-2022 program does with it."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("solders.litesvm")

from bot.errors import PoolError
from bot.pools import TransferFee
from bot.pools.layouts import token
from bot.pools.layouts.token import Mint, ScaledUi
from tests.fixtures.token_2022 import NOBODY, Refused, Token2022


@pytest.fixture
def vm() -> Token2022:
    vm = Token2022()
    vm.at(unix=1_800_000_000, epoch=800, slot=400_000_000)
    return vm


def read(vm: Token2022, mint: object) -> Mint:
    return token.mint(vm.account(str(mint)), token.clock(vm.clock()).epoch)


def balance(vm: Token2022, account: object) -> int:
    return token.token_account(vm.account(str(account))).amount


def test_clock(vm: Token2022) -> None:
    assert token.clock(vm.clock()) == token.Clock(400_000_000, 800, 1_800_000_000)


def test_plain_mint(vm: Token2022) -> None:
    mint = vm.mint(6)
    holder = vm.holder(mint)
    vm.give(mint, holder, 5_000_000)
    found = read(vm, mint)
    assert found == Mint(program=token.TOKEN_2022, decimals=6, supply=5_000_000)
    one = token.token_account(vm.account(holder))
    assert (one.mint, one.owner, one.amount, one.frozen) == (
        str(mint), str(vm.payer.pubkey()), 5_000_000, False,
    )  # fmt: skip


def test_every_extension_of_an_xstock_is_seen(vm: Token2022) -> None:
    mint = vm.mint(8, scaled=1.0009180758490996, pausable=True, hook=NOBODY, delegate=True)
    found = read(vm, mint)
    assert found.scaled_ui == ScaledUi(1.0009180758490996, 1.0009180758490996, 0)
    assert found.paused is False
    assert found.transfer_hook is None, "an authority without a program is no hook"
    assert found.permanent_delegate == str(vm.payer.pubkey())
    assert found.extensions == (12, 14, 25, 26)
    token.movable(found, "the token")


def test_hook_program_is_told(vm: Token2022) -> None:
    found = read(vm, vm.mint(8, hook=bytes(vm.payer.pubkey())))
    assert found.transfer_hook == str(vm.payer.pubkey())
    with pytest.raises(PoolError, match="runs the program"):
        token.movable(found, "the token")


def test_account_of_a_mint_whose_accounts_start_frozen(vm: Token2022) -> None:
    mint = vm.mint(8, frozen=True)
    assert read(vm, mint).frozen_at_birth
    assert token.token_account(vm.account(vm.holder(mint))).frozen


def test_non_transferable(vm: Token2022) -> None:
    with pytest.raises(PoolError, match="cannot be transferred"):
        token.movable(read(vm, vm.mint(8, fixed=True)), "the token")


def test_metadata(vm: Token2022) -> None:
    found = read(vm, vm.mint(8, named=("Tesla xStock", "TSLAx"), scaled=1.5))
    assert (found.name, found.symbol, found.extensions) == ("Tesla xStock", "TSLAx", (18, 19, 25))


def test_paused_as_long_as_the_program_refuses(vm: Token2022) -> None:
    mint = vm.mint(8, pausable=True, scaled=2.0)
    source, to = vm.holder(mint), vm.holder(mint)
    vm.give(mint, source, 1000)
    vm.transfer(mint, source, to, 1)
    vm.pause(mint, True)
    with pytest.raises(Refused):
        vm.transfer(mint, source, to, 2)
    with pytest.raises(PoolError, match="paused: TSLAx is paused by its issuer"):
        token.movable(read(vm, mint), "TSLAx")
    vm.pause(mint, False)
    vm.transfer(mint, source, to, 3)
    token.movable(read(vm, mint), "TSLAx")
    assert balance(vm, to) == 4


def test_multiplier_in_flight(vm: Token2022) -> None:
    """Old before its time, new from the very second on; the account's bytes do not change by then."""
    mint = vm.mint(8, scaled=1.5)
    vm.announce(mint, 3.25, 1_800_000_600)
    scaled = read(vm, mint).scaled_ui
    assert scaled == ScaledUi(1.5, 3.25, 1_800_000_600)
    for unix, expected in ((1_800_000_599, 1.5), (1_800_000_600, 3.25), (1_800_100_000, 3.25)):
        vm.at(unix=unix)
        assert scaled.at(unix) == expected == vm.shown(mint, 10**8)
    assert read(vm, mint).scaled_ui == scaled
    vm.announce(mint, 6.5, 1_800_200_000)
    assert read(vm, mint).scaled_ui == ScaledUi(3.25, 6.5, 1_800_200_000)
    vm.announce(mint, 3.0, 1)
    scaled = read(vm, mint).scaled_ui
    assert scaled is not None
    assert scaled.at(1_800_100_000) == 3.0 == vm.shown(mint, 10**8)


def test_transfer_fee_by_epoch(vm: Token2022) -> None:
    mint = vm.mint(8, fee=(100, 10**6))
    vm.set_fee(mint, 250, 77)
    source, to = vm.holder(mint), vm.holder(mint)
    vm.give(mint, source, 10**12)
    for epoch, fee in (
        (800, TransferFee(100, 10**6)),
        (801, TransferFee(100, 10**6)),
        (802, TransferFee(250, 77)),
    ):
        vm.at(epoch=epoch)
        assert read(vm, mint).transfer_fee == fee
        before = balance(vm, to)
        vm.transfer(mint, source, to, 12_345)
        assert balance(vm, to) - before == 12_345 - fee.of(12_345)


def what_arrives(cases: int, seed: int) -> None:
    rng = random.Random(seed)
    vm = Token2022()
    for _ in range(cases // 20):
        fee = TransferFee(rng.choice((0, 1, rng.randrange(10_001), 9_999, 10_000)),
                          rng.choice((0, rng.randrange(1000), rng.randrange(2**64), 2**64 - 1)))  # fmt: skip
        assert fee.maximum is not None
        mint = vm.mint(8, fee=(fee.basis_points, fee.maximum))
        told = read(vm, mint).transfer_fee
        assert told == (fee if fee.basis_points else None)
        source, to = vm.holder(mint), vm.holder(mint)
        vm.give(mint, source, 2**64 - 1)
        left = 2**64 - 1
        for _ in range(20):
            amount = min(left, rng.randrange(1, 2 ** rng.randrange(1, 64)))
            before = balance(vm, to)
            vm.transfer(mint, source, to, amount)
            arrived = balance(vm, to) - before
            left -= amount
            assert arrived == amount - fee.of(amount), (fee, amount)
            sent = fee.sent_for(arrived)
            assert sent is not None
            if arrived:
                assert sent - fee.of(sent) >= arrived, (fee, amount)
                assert sent <= amount, (fee, amount)


def test_what_arrives_is_what_the_fee_says() -> None:
    what_arrives(400, 1)


@pytest.mark.slow
def test_what_arrives_is_what_the_fee_says_often() -> None:
    what_arrives(20_000, 2)
