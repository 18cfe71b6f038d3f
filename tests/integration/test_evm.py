"""The EVM collector on a real node with the real contracts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from bot.collectors.evm import EvmCollector
from bot.config import EvmSource
from bot.errors import ConfigError, SourceError
from bot.pools import decode
from bot.registry.model import Registry
from tests.fixtures.anvil import CHAIN_ID, UNIT, Node, Pool, Uniswap, running_anvil
from tests.fixtures.evm_feed import Feed, reading, spot

NAME = "AMZNx@uniswap:thin"


@asynccontextmanager
async def chain() -> AsyncIterator[tuple[Node, Uniswap, Pool]]:
    async with running_anvil() as node:
        uniswap = await Uniswap.deploy(node)
        yield node, uniswap, await uniswap.thin_pool()


def collector(node: Node, pool: Pool, **changes: Any) -> EvmCollector:
    settings = {"urls": [node.ws_url], "chain_id": CHAIN_ID, "pools": [NAME], **changes}
    return EvmCollector(EvmSource.model_validate(settings), Registry(pools={NAME: pool.entry(NAME)}))


async def chain_spot(pool: Pool) -> float:
    root = (await pool.contract.functions.slot0().call())[0] / 2**96
    return float(root**2 if pool.index == 0 else root**-2)


async def test_the_state_is_read_and_a_buy_is_priced_within_its_block() -> None:
    async with chain() as (node, uniswap, pool), reading(collector(node, pool)) as feed:
        first = await feed.until(lambda tick: True)
        assert spot(first) == pytest.approx(223.0, rel=1e-9)
        assert first.size == pytest.approx(54.0, rel=0.01)
        receipt = await uniswap.swap(pool, pool.quote, 500 * UNIT)
        spiked = await feed.until(lambda tick: spot(tick) > 23_000)
        assert f'"block":{receipt["blockNumber"]}' in (spiked.data or "")
        assert spot(spiked) == pytest.approx(await chain_spot(pool), rel=1e-12)


async def test_a_quote_from_the_kept_state_is_what_the_contract_says() -> None:
    async with chain() as (node, uniswap, pool), reading(collector(node, pool)) as feed:
        await feed.until(lambda tick: True)
        low, high = (53_640, 54_600) if pool.index == 0 else (-54_600, -53_640)
        await uniswap.provide(pool, low, high, 10 * UNIT, 10 * UNIT)
        await uniswap.swap(pool, pool.quote, 37 * UNIT)
        want = await chain_spot(pool)
        tick = await feed.until(lambda tick: spot(tick) == pytest.approx(want, rel=1e-12))
        sold = decode(tick.data or "").pool.exact_in(UNIT // 7, sell=True)
        order = (pool.token, pool.quote, UNIT // 7, pool.fee, 0)
        quoted = await uniswap.quoter.functions.quoteExactInputSingle(order).call()
        assert sold is not None
        assert sold.amount_out == quoted[0]


async def test_a_reorganised_block_is_undone_and_the_new_branch_taken() -> None:
    async with chain() as (node, uniswap, pool), reading(collector(node, pool)) as feed:
        await feed.until(lambda tick: True)
        await uniswap.swap(pool, pool.quote, 500 * UNIT)
        await feed.until(lambda tick: spot(tick) > 23_000)
        count = len(feed.ticks)
        await node.reorganise(1)
        await node.mine()
        back = await feed.until(lambda tick: tick in feed.ticks[count:] and spot(tick) < 224)
        assert spot(back) == pytest.approx(await chain_spot(pool), rel=1e-12)
        assert [tick.ts for tick in feed.ticks] == sorted(tick.ts for tick in feed.ticks)


async def test_a_reorganisation_deeper_than_what_is_kept_is_read_anew() -> None:
    async with chain() as (node, uniswap, pool), reading(collector(node, pool, reorg_depth=2)) as feed:
        await feed.until(lambda tick: True)
        await uniswap.swap(pool, pool.quote, 500 * UNIT)
        await node.mine(4)
        await feed.until(lambda tick: spot(tick) > 23_000)
        count = len(feed.ticks)
        await node.reorganise(5)
        await node.mine()
        back = await feed.until(lambda tick: tick in feed.ticks[count:] and spot(tick) < 224)
        assert spot(back) == pytest.approx(await chain_spot(pool), rel=1e-12)


async def test_after_a_lost_connection_it_goes_on_from_the_chain_as_it_is() -> None:
    async with chain() as (node, uniswap, pool):
        source = collector(node, pool)
        async with reading(source) as feed:
            await feed.until(lambda tick: True)
        await uniswap.swap(pool, pool.quote, 500 * UNIT)
        await node.mine(3)
        async with reading(source) as feed:
            assert spot(await feed.until(lambda tick: True)) > 23_000


async def test_confirmations_are_waited_for() -> None:
    async with chain() as (node, uniswap, pool):
        await node.mine(2)
        async with reading(collector(node, pool, confirmations=2)) as feed:
            await confirmed(node, uniswap, pool, feed)


async def confirmed(node: Node, uniswap: Uniswap, pool: Pool, feed: Feed) -> None:
    await feed.until(lambda tick: True)
    await uniswap.swap(pool, pool.quote, 500 * UNIT)
    await node.mine()
    assert all(spot(tick) < 224 for tick in feed.ticks)
    await node.mine()
    await feed.until(lambda tick: spot(tick) > 23_000)


async def test_a_node_of_another_chain_and_another_pool_are_mistakes_of_the_configuration() -> None:
    async with chain() as (node, _, pool):
        with pytest.raises(ConfigError, match="the node is on chain 31337, configured is 1"):
            await anext(collector(node, pool, chain_id=1).ticks())
        wrong = Pool(pool.address, pool.quote, node.accounts[3], pool.fee, 0, pool.contract)
        with pytest.raises(ConfigError, match="its contract trades"):
            await anext(collector(node, wrong).ticks())


async def test_a_node_that_is_away_is_a_source_error_and_the_next_url_is_tried() -> None:
    async with chain() as (node, _, pool):
        source = collector(node, pool, urls=["ws://127.0.0.1:9", node.ws_url])
        with pytest.raises(SourceError):
            await anext(source.ticks())
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)


async def test_silence_is_an_error() -> None:
    async with chain() as (node, _, pool):
        with pytest.raises(SourceError, match="no new block"):
            async for _ in collector(node, pool, silence_seconds=0.2).ticks():
                pass
