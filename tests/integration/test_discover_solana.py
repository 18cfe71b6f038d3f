"""Pools of a token found on a node on loopback, and those of tokens that only use its name."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from bot.collectors.discover_solana import METAPLEX, MINTS_AT, discover
from bot.errors import SourceError, UsageError
from bot.pools.layouts import by_amm
from bot.pools.layouts.base import Account
from bot.pools.layouts.token import TOKEN, TOKEN_2022
from tests.fixtures.solana_node import SolanaNode, serving
from tests.fixtures.solana_pools import QUOTE, Cpmm, address, dollar, key, registry, xstock

NAME = ("Tesla xStock", "TSLAx")
REAL = Cpmm("TSLAx", 10_000 * 10**8, 3_000_000 * 10**6)
SMALL = Cpmm("TSLAx", 10**8, 300 * 10**6, tag="small")
KNOWN = registry(REAL)


def chain() -> SolanaNode:
    node = SolanaNode(REAL.accounts() | SMALL.accounts())
    node.accounts[REAL.token] = xstock(name=NAME)
    return node


def metaplex(mint: str, symbol: str) -> Account:
    """``Metadata`` as Metaplex pads it."""
    texts = b"".join(
        struct.pack("<I", size) + text.encode().ljust(size, b"\0")
        for text, size in (("Tesla", 32), (symbol, 10), ("", 200))
    )
    return Account(METAPLEX, b"\4" + bytes(32) + key(mint) + texts)


async def test_pools_of_the_token_largest_first() -> None:
    async with serving(chain()) as node:
        found = await discover(node.url, "TSLAx", KNOWN, per_second=1000)
        assert [one.address for one in found] == [REAL.address, SMALL.address]
        first = found[0]
        assert first.instrument == REAL.instrument
        assert (first.amm, first.token_address, first.quote_address) == ("raydium_cpmm", REAL.token, QUOTE)
        assert first.fee == 0.0025
        assert first.liquidity_usd == pytest.approx(6_000_000, rel=0.01)
        assert not any(one.impostor or one.why for one in found)


async def test_token_on_the_other_side_is_found_too() -> None:
    async with serving(chain()) as node:
        turned = Cpmm("TSLAx", 10**12, 3 * 10**12, tag="turned")
        data = bytearray(turned.pool().data)
        data[168:232] = key(QUOTE) + key(turned.token)
        node.accounts |= turned.accounts() | {turned.address: Account(turned.pool().owner, bytes(data))}
        found = await discover(node.url, "TSLAx", KNOWN, per_second=1000)
        assert turned.address in {one.address for one in found}


async def test_impostors_are_listed_apart_and_never_by_the_name_alone() -> None:
    """One of the old program with Metaplex's metadata, one that copies name and extensions."""
    async with serving(chain()) as node:
        old = Cpmm("TSLAx", 10**15, 10**15, tag="old", token=address("old impostor"))
        copy = Cpmm("TSLAx", 10**14, 10**14, tag="copy", token=address("copy"))
        for pool, mint in ((old, Account(TOKEN, dollar().data)), (copy, xstock(name=NAME))):
            node.accounts |= pool.accounts() | {pool.token: mint}
        node.accounts[address("metadata")] = metaplex(old.token, "TSLAx")
        node.accounts[address("another")] = metaplex(address("harmless"), "TSLAx2")
        found = await discover(node.url, "TSLAx", KNOWN, per_second=1000)
        assert [one.address for one in found if not one.impostor] == [REAL.address, SMALL.address]
        fakes = [one for one in found if one.impostor]
        assert {one.token_address for one in fakes} == {old.token, copy.token}
        assert all(REAL.token in one.why and one.token_address in one.why for one in fakes)
        assert found[-1].impostor, "apart, however much lies in them"


async def test_pool_that_cannot_be_quoted_says_why() -> None:
    async with serving(chain()) as node:
        node.accounts[SMALL.address] = SMALL.pool(status=4)
        found = {one.address: one for one in await discover(node.url, "TSLAx", KNOWN, per_second=1000)}
        assert "disabled" in found[SMALL.address].why
        assert found[SMALL.address].liquidity_usd is None


async def test_quote_token_of_unknown_worth_is_not_taken_for_a_dollar() -> None:
    async with serving(chain()) as node:
        other = address("some coin")
        node.accounts |= {other: dollar(), SMALL.address: SMALL.pool(quote=other)}
        node.accounts[SMALL.vaults[1]] = Account(TOKEN, key(other) + node.accounts[SMALL.vaults[1]].data[32:])
        found = {one.address: one for one in await discover(node.url, "TSLAx", KNOWN, per_second=1000)}
        assert found[SMALL.address].liquidity_usd is None
        assert "is not known" in found[SMALL.address].why
        assert found[SMALL.address].fee == 0.0025


async def test_node_that_looks_through_no_token_program_still_finds_pools(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with serving(chain()) as node:
        node.not_searched = {METAPLEX, TOKEN_2022}
        assert len(await discover(node.url, "TSLAx", KNOWN, per_second=1000)) == 2
        assert "the node does not look for impostors" in "".join(capfd.readouterr())


async def test_node_that_cannot_be_asked_for_pools_is_an_error() -> None:
    async with serving(chain()) as node:
        node.not_searched = {REAL.pool().owner}
        with pytest.raises(SourceError, match="excluded from account secondary indexes"):
            await discover(node.url, "TSLAx", KNOWN, per_second=1000)
        with pytest.raises(UsageError, match="AMZNx has no address on Solana"):
            await discover(node.url, "AMZNx", KNOWN)


PRICE = (1 << 64).to_bytes(16, "little")
SOUND = {
    "meteora_damm_v2": {0: bytes.fromhex("f19a6d0411b16dbc")},
    "meteora_dlmm": {0: bytes.fromhex("210b3162b565b10d")},
    "orca_whirlpool": {0: bytes.fromhex("3f95d10ce1806309"), 41: b"\1\0", 65: PRICE},
    "raydium_amm_v4": {0: b"\6"},
    "raydium_clmm": {0: bytes.fromhex("f7ede3f5d7c3de46"), 235: b"\1\0", 253: PRICE},
    "raydium_cpmm": {0: bytes.fromhex("f7ede3f5d7c3de46")},
}
"""What else a pool's account must hold to be read at all."""


@pytest.mark.parametrize("amm", SOUND)
def test_searched_offsets_are_where_the_layout_reads_the_mints(amm: str) -> None:
    layout, (size, first, second) = by_amm()[amm], MINTS_AT[amm]
    data = bytearray(size)
    for at, held in SOUND[amm].items():
        data[at : at + len(held)] = held
    mints = address("first mint"), address("second mint")
    for place, mint in zip((first, second), mints, strict=True):
        data[place : place + 32] = key(mint)
    pool = address("pool")
    accounts: dict[str, Account | None] = {pool: Account(layout.program, bytes(data))}
    assert set(mints) <= layout.wanted(pool, accounts)
