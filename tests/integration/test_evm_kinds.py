"""Pools of every kind in one source, on a real node with the real contracts, moved at random."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_fields

from bot.collectors.evm_abi import MULTICALL, call, text, word
from bot.collectors.evm_chain import Chain, connected
from bot.collectors.evm_kinds import common, index_of, kind_of
from bot.collectors.evm_v2 import V2State
from bot.collectors.evm_v4 import pool_id
from bot.pools.codec import decode_state
from bot.pools.uniswap_v4 import BEFORE_SWAP, BEFORE_SWAP_DELTA
from bot.registry.model import REBASING, PoolEntry
from tests.fixtures.anvil import MODULES, Node, running_anvil, sqrt_price
from tests.fixtures.anvil_v2 import UniswapV2
from tests.fixtures.anvil_v4 import FREE_HOOK, PoolV4, UniswapV4
from tests.fixtures.evm_contracts import created, place_multicall
from tests.fixtures.evm_feed import Feed, at_block, reading, source_of, status
from tests.fixtures.flaky_rpc import flaky_rpc

CODE = {
    "uniswap_v3": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "pancakeswap_v3": "@pancakeswap/v3-core/artifacts/contracts/PancakeV3Pool.sol/PancakeV3Pool.json",
}
SPACING = {500: 10, 2500: 50, 3000: 60, 10_000: 200}
PLENTY = 2**128
DYNAMIC = 0x800000


def data(signature: str, *arguments: Any) -> str:
    """What calls a function."""
    return "0x" + call("", signature, *arguments).data.hex()


@dataclass
class World:
    """Pools of one pair of tokens on one node, and what moves them."""

    node: Node
    user: Any
    v2: UniswapV2
    v4: UniswapV4
    tokens: tuple[str, str]
    entries: dict[str, PoolEntry]
    keys: dict[str, PoolV4]

    def moves(self, rng: random.Random) -> tuple[str, str]:
        """A random transaction."""
        name = rng.choice(list(self.entries))
        entry = self.entries[name]
        way, amount = rng.random() < 0.5, rng.randrange(1, 10**18)
        if entry.amm == "uniswap_v2":
            tokens = [self.tokens[not way], self.tokens[way]]
            order = (amount, 0, tokens, self.node.accounts[0], 2**40)
            return self.v2.router.address, self.v2.router.encode_abi("swapExactTokensForTokens", order)
        spacing = entry.tick_spacing
        lower = rng.randrange(-40, 40) * spacing
        upper = lower + rng.randrange(1, 40) * spacing
        liquidity = rng.randrange(1, 10**19)
        if entry.amm == "uniswap_v4":
            key = self.keys[name]
            if rng.random() < 0.5:
                return self.v4.swap(key, way, -amount)
            signature = (
                "modifyLiquidity((address,address,uint24,int24,address),(int24,int24,int256,bytes32),bytes)"
            )
            change = (lower, upper, liquidity, bytes(32))
            return self.v4.provider.address, self.v4.provider.encode_abi(signature, [key.key, change, b""])
        at = entry.address
        if rng.random() < 0.5:
            return self.user.address, data("swap(address,bool,int256)", at, way, amount)
        verb = rng.choice(("mint", "mint", "burn"))
        if verb == "burn":
            lower, upper, liquidity = -50 * spacing, 50 * spacing, rng.randrange(1, 10**15)
        signature = f"{verb}(address,int24,int24,uint128)"
        return self.user.address, data(signature, at, lower, upper, liquidity)

    async def set_fee(self, name: str, fee: int) -> None:
        """As Slipstream's factory does: the pool's next swap costs another fee."""
        address = self.entries[name].address
        code = (await self.node.w3.eth.get_code(address)).hex()
        was = word(await self.node.w3.eth.call({"to": address, "data": data("fee()")}), 0)
        push = "7f{:064x}".format
        assert push(was) in code
        changed = code.replace(push(was), push(fee))
        await self.node.rpc("anvil_setCode", address, f"0x{changed.removeprefix('0x')}")


@asynccontextmanager
async def world(*, multicall: bool = True) -> AsyncIterator[World]:
    """Two tokens, and a pool of each kind with liquidity in it."""
    async with running_anvil() as node:
        if multicall:
            await place_multicall(node)
        v4 = await UniswapV4.deploy(node)
        v2 = await UniswapV2.deploy(node)
        user = await created(node, "PoolUser")
        for token in v4.tokens:
            await v2.set_balance(token, user.address, PLENTY)
            await node.rpc("anvil_setBalance", node.accounts[0], hex(10**24))
        made = World(node, user, v2, v4, v4.tokens, {}, {})
        await add_v2(made)
        for amm, fee in (("uniswap_v3", 500), ("pancakeswap_v3", 2500), ("slipstream", 3000)):
            await add_v3(made, amm, fee)
        await add_v4(made, 3000, "0x" + "0" * 40)
        await add_v4(made, DYNAMIC, FREE_HOOK)
        yield made


def entry_of(made: World, name: str, amm: str, address: str, fee: int, **more: Any) -> PoolEntry:
    return PoolEntry(
        instrument=name, chain="anvil", address=address, amm=amm, fee_pips=fee, token_address=made.tokens[1],
        token_decimals=18, quote_address=made.tokens[0], quote_symbol=more.pop("quote_symbol"),
        quote_decimals=18, quote_usd=1.0, **more,
    )  # fmt: skip


async def add(made: World, venue: str, amm: str, address: str, fee: int, **more: Any) -> None:
    """An entry; which of the two tokens is called A is chance."""
    names = []
    for token in made.tokens:
        names.append(text(await made.node.w3.eth.call({"to": token, "data": data("symbol()")})))
    name = f"{names[1]}@{venue}"
    made.entries[name] = entry_of(made, name, amm, address, fee, quote_symbol=names[0], **more)


async def add_v2(made: World) -> None:
    factory = made.v2.factory.functions
    await made.node.send(factory.createPair(*made.tokens))
    address = await factory.getPair(*made.tokens).call()
    for token in made.tokens:
        await made.v2.set_balance(token, address, 10**21)
    approve = data("approve(address,uint256)", made.v2.router.address, 2**256 - 1)
    await made.node.one_block([(token, approve) for token in made.tokens])
    await made.node.one_block([(address, data("sync()"))])
    await add(made, "v2", "uniswap_v2", address, 3000)


async def add_v3(made: World, amm: str, fee: int) -> None:
    code = json.loads((MODULES / CODE.get(amm, CODE["uniswap_v3"])).read_text())["bytecode"]
    user, node = made.user, made.node
    await node.send(user.functions.deploy(code, *made.tokens, fee, SPACING[fee]))
    address = await user.functions.getPool(*made.tokens, fee).call()
    calls = [
        (address, data("initialize(uint160)", sqrt_price(1.01))),
        (
            user.address,
            data("mint(address,int24,int24,uint128)", address, -50 * SPACING[fee], 50 * SPACING[fee], 10**21),
        ),
    ]
    receipts = await node.one_block(calls, gas=20_000_000)
    assert all(int(receipt["status"], 16) for receipt in receipts)
    await add(made, amm, amm, address, fee, tick_spacing=SPACING[fee])


async def add_v4(made: World, fee: int, hooks: str) -> None:
    pool = await made.v4.create_pool(fee, 60, sqrt_price(0.99), hooks, (500, 1000))
    await made.v4.provide([pool.position(-6000, 6000, 10**21)])
    name = f"v4-{fee}"
    await add(
        made, name, "uniswap_v4", "0x" + pool.id.hex(), fee, tick_spacing=60, hooks=hooks,
        manager=made.v4.manager.address,
    )  # fmt: skip
    (key,) = [one for one in made.entries if one.endswith(name)]
    made.keys[key] = pool
    tokens = (made.tokens[0].lower(), made.tokens[1].lower())
    assert pool_id(tokens, fee, 60, hooks) == pool.id


async def fresh(node: Node, entries: dict[str, PoolEntry]) -> dict[str, Any]:
    """What a snapshot says now, as a tick carries it."""
    async with connected(node.ws_url) as chain:
        return await snapshot(chain, entries)


async def snapshot(chain: Chain, entries: dict[str, PoolEntry]) -> dict[str, Any]:
    head = await chain.header("latest")
    reads = {name: kind_of(entry).snapshot(entry) for name, entry in entries.items()}
    found = await chain.read(reads, head.hash)
    fields = {name: common(entry, index_of(entry), 1.0) for name, entry in entries.items()}
    return {
        name: state.encoded(entries[name], {**fields[name], "block": head.number})  # type: ignore[union-attr]  # an error fails the test
        for name, state in found.items()
    }


async def told(feed: Feed, names: Any, block: int, after: int) -> dict[str, Any]:
    """What the collector says of each pool, once it has reached the block."""
    await feed.until(lambda tick: any(at_block(name, block)(tick) for name in names), after)
    out = {}
    for name in names:
        rows = [tick for tick in feed.ticks if (tick.instrument, tick.kind) == (name, "pool")]
        out[name] = decode_state(rows[-1].data or "")
    return out


def same(kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    def text(state: Any) -> str:
        return repr({**{name: getattr(state, name) for name in state.__struct_fields__}, "block": 0})

    for name in wanted:
        assert text(kept[name]) == text(wanted[name]), name


async def random_blocks(made: World, feed: Feed, rng: random.Random, blocks: int, moves: int) -> None:
    """Random transactions, block by block; after each what is kept is what a snapshot says."""
    for _ in range(blocks):
        count = len(feed.ticks)
        receipts = await made.node.one_block([made.moves(rng) for _ in range(moves)], gas=5_000_000)
        assert any(int(receipt["status"], 16) for receipt in receipts)
        block = int(receipts[0]["blockNumber"], 16)
        same(await told(feed, made.entries, block, count), await fresh(made.node, made.entries))


async def test_logs_applied_are_what_a_snapshot_says_for_pools_of_every_kind() -> None:
    async with world() as made, reading(source_of([made.node.ws_url], made.entries.values())) as feed:
        for name in made.entries:
            await feed.until(at_block(name, 0))
        assert len({entry.amm for entry in made.entries.values()}) == 5
        await random_blocks(made, feed, random.Random(3), blocks=6, moves=12)
        assert feed.source.aside == []  # type: ignore[attr-defined]  # the fixture's


async def reorganisations(rounds: int, seed: int, reorg_depth: int) -> None:
    """Random blocks, some of them replaced: what is kept is always what a snapshot says."""
    rng = random.Random(seed)
    async with world() as made:
        await made.node.mine(reorg_depth)  # the pools themselves are never undone
        source = source_of([made.node.ws_url], made.entries.values(), reorg_depth=reorg_depth)
        async with reading(source) as feed:
            for name in made.entries:
                await feed.until(at_block(name, 0))
            for _ in range(rounds):
                await random_blocks(made, feed, rng, blocks=rng.randrange(1, reorg_depth + 1), moves=4)
                await made.node.reorganise(rng.randrange(1, reorg_depth + 1))
                await random_blocks(made, feed, rng, blocks=1, moves=4)
            assert source.aside == []  # type: ignore[attr-defined]  # the fixture's


async def test_reorganised_blocks_leave_what_a_snapshot_says() -> None:
    await reorganisations(rounds=4, seed=5, reorg_depth=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_any_reorganisation_leaves_what_a_snapshot_says(seed: int) -> None:
    await reorganisations(rounds=20, seed=seed, reorg_depth=8)


async def test_a_chain_that_falls_back_to_a_known_block_is_followed_there() -> None:
    async with world() as made, reading(source_of([made.node.ws_url], made.entries.values())) as feed:
        for name in made.entries:
            await feed.until(at_block(name, 0))
        point = await made.node.snapshot()
        await random_blocks(made, feed, random.Random(11), blocks=2, moves=6)
        await made.node.revert(point)
        await random_blocks(made, feed, random.Random(12), blocks=4, moves=6)


async def test_without_a_multicall_contract_calls_go_in_batches() -> None:
    async with (
        world(multicall=False) as made,
        reading(source_of([made.node.ws_url], made.entries.values())) as feed,
    ):
        for name in made.entries:
            await feed.until(at_block(name, 0))
        await random_blocks(made, feed, random.Random(4), blocks=2, moves=8)


async def test_a_fee_that_no_event_tells_is_seen_in_the_next_block() -> None:
    async with world() as made, reading(source_of([made.node.ws_url], made.entries.values())) as feed:
        for name in made.entries:
            await feed.until(at_block(name, 0))
        slipstream = next(name for name in made.entries if name.endswith("slipstream"))
        dynamic = next(name for name, entry in made.entries.items() if entry.fee_pips == DYNAMIC)
        await made.set_fee(slipstream, 777)
        await made.v4.set_lp_fee(made.keys[dynamic], 123)
        # A pool is told again only when it changes: which block is read in which turn is left open.
        await feed.until(lambda tick: at_block(slipstream, 0)(tick) and '"fee":777' in (tick.data or ""))
        await feed.until(lambda tick: at_block(dynamic, 0)(tick) and '"lp_fee":123' in (tick.data or ""))
        await random_blocks(made, feed, random.Random(6), blocks=2, moves=8)


async def test_a_protocol_fee_is_told_by_its_event() -> None:
    async with world() as made, reading(source_of([made.node.ws_url], made.entries.values())) as feed:
        name, key = next(iter(made.keys.items()))
        await feed.until(at_block(name, 0))
        receipt = await made.node.send(made.v4.manager.functions.setProtocolFee(key.key, 7 | 9 << 12))
        tick = await feed.until(at_block(name, receipt["blockNumber"]))
        assert decode_state(tick.data or "").protocol_fee == (7, 9)  # type: ignore[attr-defined]


async def test_a_closed_pool_is_down_alone_and_comes_back_by_itself() -> None:
    async with world() as made:
        source = source_of([made.node.ws_url], made.entries.values(), verify_blocks=1)
        async with reading(source) as feed:
            for name in made.entries:
                await feed.until(at_block(name, 0))
            victim, *others = made.entries
            address = made.entries[victim].address
            code = (await made.node.w3.eth.get_code(address)).to_0x_hex()
            await made.node.rpc("anvil_setCode", address, "0x")
            await made.node.mine()
            await feed.until(status(victim, "down"))
            assert feed.told(victim) == [("down", "there is no contract")]
            alive = replace(made, entries={name: made.entries[name] for name in others})
            await random_blocks(alive, feed, random.Random(7), blocks=2, moves=8)
            count = len(feed.ticks)
            await made.node.rpc("anvil_setCode", address, code)
            await made.node.mine(21)
            await feed.until(status(victim, "up"), count)
            assert {name for name in others if feed.told(name)} == set()
            await random_blocks(made, feed, random.Random(8), blocks=1, moves=8)


@pytest.mark.parametrize("count", [100])
async def test_a_pool_with_a_hundred_positions_is_read_in_a_few_requests(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world() as made:
        name = next(one for one in made.entries if one.endswith("uniswap_v3"))
        entry = made.entries[name]
        mint = "mint(address,int24,int24,uint128)"
        calls = [
            (made.user.address, data(mint, entry.address, -10 * at - 10, 10 * at * at + 10, 10**15 + at))
            for at in range(count)
        ]
        receipts = await made.node.one_block(calls, gas=5_000_000)
        assert all(int(receipt["status"], 16) for receipt in receipts)
        async with connected(made.node.ws_url, multicall=MULTICALL) as chain:
            await snapshot(chain, {name: entry})
            asked, began = chain.node.requests, time.perf_counter()
            found = await snapshot(chain, {name: entry})
            seconds, asked = time.perf_counter() - began, chain.node.requests - asked
        edges = {edge for at in range(count) for edge in (-10 * at - 10, 10 * at * at + 10)} | {-500, 500}
        assert {tick for tick, _ in found[name].ticks} == edges
        assert asked <= 8  # the head, prices, two of bitmaps, one of ticks
        with capsys.disabled():
            print(f"\n{count} positions, spacing 10: {seconds * 1e3:.0f} ms, {asked} requests")


async def test_a_pool_whose_hook_may_touch_a_swap_is_not_quotable_and_says_why() -> None:
    async with world() as made:
        hook = await made.v4.place_hook(
            "CustomCurveHook", BEFORE_SWAP | BEFORE_SWAP_DELTA, made.v4.manager.address
        )
        await add_v4(made, 500, hook.address)
        name = next(one for one in made.entries if one.endswith("v4-500"))
        other = next(one for one in made.entries if one.endswith("v4-3000"))
        async with reading(source_of([made.node.ws_url], made.entries.values())) as feed:
            await feed.until(at_block(other, 0))
            ((word, reason),) = feed.told(name)
            assert word == "down"
            assert "may act before a swap, take or give a part of what goes in" in reason
            alive = replace(made, entries={other: made.entries[other]})
            await random_blocks(alive, feed, random.Random(9), blocks=2, moves=6)


async def test_a_pair_whose_token_rebased_down_holds_what_it_holds() -> None:
    async with world() as made:
        name, entry = next((name, one) for name, one in made.entries.items() if one.amm == "uniswap_v2")
        with_form = replace_fields(entry, token_form=REBASING)
        state = V2State(10, 20)
        (asked,) = next(kind_of(with_form).poll(with_form, state) or iter(()))  # type: ignore[call-overload]
        assert asked.to == entry.token_address
        async with connected(made.node.ws_url) as chain:
            await made.v2.set_balance(entry.token_address, entry.address, 10**20)
            shown = (await snapshot(chain, {name: with_form}))[name]
            assert (shown.token_reserve, shown.quote_reserve) == (str(10**20), str(10**21))
            await made.v2.set_balance(entry.token_address, entry.address, 10**22)
            shown = (await snapshot(chain, {name: with_form}))[name]
            assert shown.token_reserve == str(10**21), "what is more than the reserve anybody may take"


@pytest.mark.slow
async def test_hundreds_of_pools_go_over_one_connection(capsys: pytest.CaptureFixture[str]) -> None:
    async with world() as made:
        code = json.loads((MODULES / CODE["uniswap_v3"]).read_text())["bytecode"]
        names = [one for one in made.entries if one.endswith("uniswap_v3")]
        first = made.entries[names[0]]
        for number in range(300):
            fee = 20_000 + number
            await made.node.send(made.user.functions.deploy(code, *made.tokens, fee, 60))
            at = await made.user.functions.getPool(*made.tokens, fee).call()
            calls = [(at, data("initialize(uint160)", sqrt_price(1.01)))]
            mint = "mint(address,int24,int24,uint128)"
            calls += [
                (made.user.address, data(mint, at, -60 * n - 60, 60 * n + 60, 10**18)) for n in range(10)
            ]
            await made.node.one_block(calls)
            made.entries[f"{names[0]}{number}"] = replace_fields(
                first, instrument=f"{names[0]}{number}", address=at, fee_pips=fee, tick_spacing=60
            )
        async with flaky_rpc(made.node.ws_url) as proxy:
            began = time.perf_counter()
            async with reading(source_of([proxy.url], made.entries.values())) as feed:
                await feed.until(at_block(names[0] + "299", 0))
                ready, asked = time.perf_counter() - began, proxy.asked.total()
                trades = [(made.user.address, data("swap(address,bool,int256)", one.address, True, 10**15))
                          for one in made.entries.values() if one.fee_pips >= 20_000]  # fmt: skip
                count = len(feed.ticks)
                receipts = await made.node.one_block(trades, gas=1_000_000)
                block = int(receipts[0]["blockNumber"], 16)
                await feed.until(at_block(names[0] + "299", block), count)
                per_block = proxy.asked.total() - asked
                same(await told(feed, made.entries, block, count), await fresh(made.node, made.entries))
        assert asked < 200
        with capsys.disabled():
            print(
                f"\n306 pools: verified and read in {ready:.2f} s, {asked} requests; a block that moves 300: "
                f"{per_block} requests"
            )
