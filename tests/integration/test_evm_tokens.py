"""Tokens that rebase, are wrapped, keep a fee, are paused or are not what they seem, on a real node."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from bot.errors import ConfigError
from bot.market import TokenState
from bot.registry.model import REBASING, WRAPPED, Factory, PoolEntry, Token
from tests.fixtures.anvil import SUPPLY, UNIT, Node, Pool, Uniswap, running_anvil
from tests.fixtures.evm_contracts import created, place_multicall
from tests.fixtures.evm_feed import Feed, at_block, reading, source_of, spot, status

NAME = "AMZNx@uniswap:thin"
OTHER = "TSLAx@uniswap:other"
ONE = 10**18


@asynccontextmanager
async def chain() -> AsyncIterator[tuple[Node, Uniswap]]:
    async with running_anvil() as node:
        await place_multicall(node)
        yield node, await Uniswap.deploy(node)


async def pool_of(uniswap: Uniswap, name: str, *arguments: Any, symbol: str = "AMZNx") -> tuple[Any, Pool]:
    """A token by its contract's name, and a pool of it at 223 quote tokens for each of its own units."""
    token = await created(uniswap.node, name, symbol, SUPPLY, *arguments)
    for spender in (uniswap.positions.address, uniswap.router.address):
        await uniswap.send(token.functions.approve(spender, 2**255))
    pool = await uniswap.create_pool(3000, 223.0, token=token)
    edge = 887_220
    await uniswap.provide(pool, -edge, edge, 1000 * UNIT, 1000 * UNIT)
    return token, pool


async def now(node: Node) -> int:
    return int((await node.w3.eth.get_block("latest"))["timestamp"])


async def later(node: Node) -> None:
    """A block when tokens are asked again."""
    await node.rpc("evm_increaseTime", 11)
    await node.mine()


def multipliers(feed: Feed) -> list[dict[str, Any]]:
    """What multiplier ticks said, and of whom."""
    rows = [tick for tick in feed.ticks if tick.kind == "multiplier"]
    assert {tick.instrument.partition("@")[2] for tick in rows} <= {"anvil"}
    return [json.loads(tick.data or "") for tick in rows]


async def test_a_pool_of_a_rebasing_token_is_priced_per_token_that_does_not_rebase() -> None:
    async with chain() as (node, uniswap):
        token, pool = await pool_of(uniswap, "RebasingToken")
        entry = replace(pool.entry(NAME), token_form=REBASING)
        source = source_of([node.ws_url], [entry])
        async with reading(source) as feed:
            assert spot(await feed.until(at_block(NAME, 0))) == pytest.approx(223.0)
            when = await now(node) + 1000
            await uniswap.send(token.functions.schedule(5 * ONE // 4, when))
            await later(node)
            announced = await feed.until(lambda tick: "new_multiplier" in (tick.data or ""))
            assert json.loads(announced.data or "") == {
                "multiplier": 1.0, "new_multiplier": 1.25, "effective_ns": when * 10**9,
            }  # fmt: skip
            await node.rpc("evm_setNextBlockTimestamp", when)
            await node.mine()
            tick = await feed.until(lambda tick: tick.kind == "pool" and spot(tick) > 224)
            assert spot(tick) == pytest.approx(223.0 * 1.25)
            assert multipliers(feed)[-1] == {"multiplier": 1.25}
            state = TokenState(Token("AMZNx", "AMZN", "xstocks"))
            for each in (tick for tick in feed.ticks if tick.kind == "multiplier"):
                state.update(json.loads(each.data or ""), each.ts)
            assert (state.multiplier, state.changed) == (1.25, when * 10**9)


@pytest.mark.parametrize("meanwhile", [False, True], ids=["while read", "while away"])
async def test_a_multiplier_that_is_called_off_does_not_take_over(meanwhile: bool) -> None:
    async with chain() as (node, uniswap):
        token, pool = await pool_of(uniswap, "StockToken")
        source = source_of([node.ws_url], [pool.entry(NAME)])
        when = await now(node) + 1000
        await uniswap.send(token.functions.announce(3 * ONE, when))
        ticks = []
        async with reading(source) as feed:
            await feed.until(lambda tick: "new_multiplier" in (tick.data or ""))
            if not meanwhile:
                count = len(feed.ticks)
                await uniswap.send(token.functions.announce(ONE, 1))
                await later(node)
                await feed.until(lambda tick: tick.kind == "multiplier", count)
            ticks += feed.ticks
        if meanwhile:
            await uniswap.send(token.functions.announce(ONE, 1))
            async with reading(source) as feed:
                await feed.until(at_block(NAME, 0))
                ticks += feed.ticks
        state = TokenState(Token("AMZNx", "AMZN", "xstocks"))
        for each in (tick for tick in ticks if tick.kind == "multiplier"):
            state.update(json.loads(each.data or ""), each.ts)
        state.advance(when * 10**9)
        assert state.multiplier == 1.0


async def test_a_wrapper_is_worth_what_its_shares_are() -> None:
    async with chain() as (node, uniswap):
        inner = await created(node, "RebasingToken", "AMZNx", SUPPLY)
        await uniswap.send(inner.functions.schedule(2 * ONE, 1))
        _, pool = await pool_of(uniswap, "Wrapper", inner.address, symbol="wAMZNx")
        entry = replace(pool.entry(NAME), token_form=WRAPPED)
        async with reading(source_of([node.ws_url], [entry])) as feed:
            # One of the wrapper is one share; its price is not scaled though balances doubled.
            assert spot(await feed.until(at_block(NAME, 0))) == pytest.approx(223.0)
            assert multipliers(feed) == [{"multiplier": 2.0}]


async def test_a_multiplier_that_is_only_shown_moves_no_price() -> None:
    async with chain() as (node, uniswap):
        token, pool = await pool_of(uniswap, "StockToken")
        await uniswap.send(token.functions.announce(3 * ONE, 1))
        async with reading(source_of([node.ws_url], [pool.entry(NAME)])) as feed:
            assert spot(await feed.until(at_block(NAME, 0))) == pytest.approx(223.0)
            assert multipliers(feed) == [{"multiplier": 3.0}], "its time is past: the new one is in force"


async def test_a_plain_token_says_nothing_of_shares() -> None:
    async with chain() as (node, uniswap):
        _, pool = await pool_of(uniswap, "Token")
        async with reading(source_of([node.ws_url], [pool.entry(NAME)])) as feed:
            await feed.until(at_block(NAME, 0))
            assert multipliers(feed) == []


async def test_a_token_that_does_not_rebase_as_the_registry_says_is_not_quotable() -> None:
    async with chain() as (node, uniswap):
        _, pool = await pool_of(uniswap, "Token")
        entry = replace(pool.entry(NAME), token_form=REBASING)
        async with reading(source_of([node.ws_url], [entry])) as feed:
            await feed.until(status(NAME, "down"))
            assert "tells no multiplier" in feed.told(NAME)[0][1]


@pytest.mark.parametrize(
    ("setter", "reason"),
    [("setPaused", "it is paused by its issuer"), ("setOraclePaused", "its oracle is paused")],
)
async def test_a_paused_token_is_halted_alone_and_up_again(setter: str, reason: str) -> None:
    async with chain() as (node, uniswap):
        token, pool = await pool_of(uniswap, "StockToken")
        _, other = await pool_of(uniswap, "StockToken", symbol="TSLAx")
        source = source_of([node.ws_url], [pool.entry(NAME), other.entry(OTHER)])
        async with reading(source) as feed:
            await feed.until(at_block(OTHER, 0))
            await uniswap.send(token.functions[setter](True))
            await later(node)
            await feed.until(status(NAME, "halted"))
            count = len(feed.ticks)
            receipt = await uniswap.swap(other, other.quote, UNIT)
            await feed.until(at_block(OTHER, receipt["blockNumber"]))
            assert not [tick for tick in feed.ticks[count:] if tick.instrument == NAME], (
                "not judged meanwhile"
            )
            await uniswap.send(token.functions[setter](False))
            await later(node)
            await feed.until(status(NAME, "up"), count)
            assert feed.told(NAME) == [("halted", reason), ("up", "")]
            assert feed.told(OTHER) == []
            assert feed.ticks[-1].instrument != NAME or feed.ticks[-1].kind == "pool"


async def test_a_fee_on_transfer_is_part_of_the_price_that_is_had() -> None:
    async with chain() as (node, uniswap):
        _, pool = await pool_of(uniswap, "Token")
        entry = replace(pool.entry(NAME), fee_on_transfer=100)
        async with reading(source_of([node.ws_url], [entry])) as feed:
            tick = await feed.until(at_block(NAME, 0))
            fees = json.loads(tick.data or "")["transfer_fees"]
            assert fees[pool.index] == {"basis_points": 100, "rounded_down": True}
            assert fees[1 - pool.index] is None


# -- is it what the registry says? -------------------------------------------------------------------------


async def refused(node: Node, entry: PoolEntry, **changes: Any) -> str:
    """What a source of this one pool is stopped by."""
    with pytest.raises(ConfigError) as caught:
        await anext(source_of([node.ws_url], [entry], **changes).ticks())
    return str(caught.value)


async def test_an_entry_that_is_not_what_the_chain_has_is_refused_in_words() -> None:
    async with chain() as (node, uniswap):
        pool = await uniswap.thin_pool()
        entry = pool.entry(NAME)
        for change, words in [
            ({"instrument": "TSLAx@uniswap:thin"}, "calls itself 'AMZNx', expected is 'TSLAx': an impostor"),
            ({"quote_symbol": "USDT"}, "calls itself 'USDC', expected is 'USDT'"),
            ({"token_decimals": 8}, "token_decimals is 8, its contract says 18"),
            ({"quote_decimals": 6}, "quote_decimals is 6, its contract says 18"),
            ({"fee_pips": 500}, "its fee is 3000 millionths, the registry says 500"),
            ({"tick_spacing": 10}, "its tick spacing is 60, the registry says 10"),
            ({"token_address": node.accounts[3]}, "its contract trades"),
        ]:
            assert words in await refused(node, replace(entry, **change))


async def test_a_pool_that_no_known_factory_made_is_refused() -> None:
    async with chain() as (node, uniswap):
        entry = (await uniswap.thin_pool()).entry(NAME)
        known = Factory("anvil", "uniswap_v3", uniswap.factory.address, "uniswap")
        another = (await Uniswap.deploy(node)).factory.address
        words = await refused(node, entry, factories=[Factory("anvil", "uniswap_v3", another, "other")])
        assert "no factory of the registry made it" in words
        async with reading(source_of([node.ws_url], [entry], factories=[known])) as feed:
            await feed.until(at_block(NAME, 0))


async def test_one_pool_refused_leaves_the_others() -> None:
    async with chain() as (node, uniswap):
        good, bad = await uniswap.thin_pool(), await uniswap.thin_pool()
        entries = [good.entry(NAME), bad.entry(OTHER)]
        async with reading(source_of([node.ws_url], entries)) as feed:
            await feed.until(at_block(NAME, 0))
            ((word, reason),) = feed.told(OTHER)
            assert (word, "impostor" in reason) == ("down", True)
            receipt = await uniswap.swap(good, good.quote, UNIT)
            await feed.until(at_block(NAME, receipt["blockNumber"]))
