"""Nodes that misbehave, in front of a real one: what the collector does, and how it comes back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from bot.collectors.evm_chain import BATCH
from bot.errors import ConfigError, SourceError, SourceRefused, SourceSilent
from bot.registry.model import PoolEntry
from tests.fixtures.anvil import CHAIN_ID, UNIT, Node, Pool, Uniswap, running_anvil
from tests.fixtures.evm_feed import at_block, reading, source_of, spot
from tests.fixtures.flaky_rpc import FlakyRpc, flaky_rpc
from tests.fixtures.prometheus import until

NAME = "AMZNx@uniswap:thin"


@asynccontextmanager
async def place() -> AsyncIterator[tuple[Node, Uniswap, Pool, FlakyRpc]]:
    """A pool on a node, and the proxy in front of it."""
    async with running_anvil() as node, flaky_rpc(node.ws_url) as proxy:
        uniswap = await Uniswap.deploy(node)
        yield node, uniswap, await uniswap.thin_pool(), proxy


def entries(pool: Pool) -> list[PoolEntry]:
    return [pool.entry(NAME)]


async def test_a_half_open_socket_is_noticed_and_the_next_endpoint_taken() -> None:
    async with place() as (node, _, pool, proxy):
        source = source_of([proxy.url, node.ws_url], entries(pool), silence_seconds=0.3)
        async with reading(source) as feed:
            await feed.until(at_block(NAME, 0))
            proxy.deaf = True
            assert isinstance(await feed.failed(), SourceSilent)
        asked = proxy.connections
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)
        assert proxy.connections == asked


async def test_a_subscription_that_falls_silent_is_noticed() -> None:
    async with (
        place() as (node, _, pool, proxy),
        reading(source_of([proxy.url], entries(pool), silence_seconds=0.3)) as feed,
    ):
        await feed.until(at_block(NAME, 0))
        proxy.silent = True
        await node.mine()
        assert "no new block for 0.3 s" in str(await feed.failed())


async def test_a_connection_that_is_lost_is_an_error_at_once() -> None:
    async with place() as (_, _, pool, proxy), reading(source_of([proxy.url], entries(pool))) as feed:
        await feed.until(at_block(NAME, 0))
        await proxy.hang_up()
        assert "connection" in str(await feed.failed())


async def test_the_preferred_endpoint_is_gone_back_to() -> None:
    async with place() as (node, uniswap, pool, proxy):
        source = source_of([proxy.url, node.ws_url], entries(pool), prefer_seconds=0.05)
        proxy.refuse = (503, {})
        with pytest.raises(SourceError, match="HTTP 503"):
            await anext(source.ticks())
        async with reading(source) as feed:
            await feed.until(at_block(NAME, 0))
            proxy.refuse = None
            while not proxy.asked["eth_subscribe"]:
                await node.mine()
            count = len(feed.ticks)
            await uniswap.swap(pool, pool.quote, 500 * UNIT)
            assert spot(await feed.until(lambda tick: spot(tick) > 23_000, count)) > 23_000
            assert proxy.asked["eth_getLogs"] > 0, "the rest came through it"


async def test_a_node_that_is_behind_gives_way_to_the_next() -> None:
    async with place() as (node, _, pool, proxy):
        source = source_of([proxy.url, node.ws_url], entries(pool), behind_seconds=60)
        proxy.age_seconds = 300
        with pytest.raises(SourceError, match=r"the node is behind: its head, block .*, is 5 min old"):
            await anext(source.ticks())
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)


async def test_a_node_that_falls_behind_while_it_is_followed_is_noticed() -> None:
    async with place() as (node, _, pool, proxy), reading(source_of([proxy.url], entries(pool))) as feed:
        await feed.until(at_block(NAME, 0))
        proxy.age_seconds = 7200
        await node.mine()
        assert "is 2 h " in str(await feed.failed())


async def test_of_several_endpoints_one_on_another_chain_is_passed_over() -> None:
    async with place() as (node, _, pool, proxy):
        source = source_of([proxy.url, node.ws_url], entries(pool))
        proxy.chain_id = 1
        with pytest.raises(SourceError, match=f"the node is on chain 1, configured is {CHAIN_ID}"):
            await anext(source.ticks())
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)
        with pytest.raises(ConfigError, match="the node is on chain 1"):
            await anext(source_of([proxy.url], entries(pool)).ticks())


async def test_a_rate_limit_is_waited_for_as_long_as_the_node_says() -> None:
    async with place() as (_, _, pool, proxy):
        proxy.limit(3, seconds=0.01)
        source = source_of([proxy.url], entries(pool))
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)
        assert proxy.asked["eth_chainId"] == 4


async def test_a_rate_limit_without_end_is_an_error() -> None:
    async with place() as (_, _, pool, proxy):
        proxy.limit(100, seconds=0.0)
        with pytest.raises(SourceError, match="rate limited"):
            await anext(source_of([proxy.url], entries(pool)).ticks())


async def test_an_endpoint_that_refuses_for_too_many_is_left_alone_for_as_long_as_it_says() -> None:
    async with place() as (node, _, pool, proxy):
        proxy.refuse = (429, {"Retry-After": "1000"})
        source = source_of([proxy.url, node.ws_url], entries(pool))
        with pytest.raises(SourceError, match=r"HTTP 429.*again in 1000 s"):
            await anext(source.ticks())
        async with aclosing(source.ticks()) as ticks:
            await anext(ticks)
        alone = source_of([proxy.url], entries(pool))
        for words in ("HTTP 429", "every endpoint limits how often it is asked: again in 1000 s"):
            with pytest.raises(SourceError, match=words):
                await anext(alone.ticks())


async def test_of_several_endpoints_one_that_refuses_is_passed_over_without_a_long_wait() -> None:
    async with place() as (node, _, pool, proxy):
        proxy.refuse = (401, {})
        source = source_of([proxy.url, node.ws_url], entries(pool))
        with pytest.raises(SourceError, match="check the key") as caught:
            await anext(source.ticks())
        assert not isinstance(caught.value, SourceRefused), "a supervisor waits minutes after a refusal"
        async with aclosing(source.ticks()) as ticks:
            await anext(ticks)
        every = source_of([proxy.url, proxy.url], entries(pool))
        for kind in (SourceError, SourceRefused, SourceRefused):
            with pytest.raises(kind) as caught:
                await anext(every.ticks())
            assert type(caught.value) is kind


async def test_requests_are_spread_as_configured() -> None:
    async with place() as (_, _, pool, proxy):
        source = source_of([proxy.url], entries(pool), requests_per_second=100)
        began = time.monotonic()
        async with aclosing(source.ticks()) as ticks:
            assert spot(await anext(ticks)) == pytest.approx(223.0)
        # The last message is not waited after; each call in a batch counts.
        assert proxy.asked.total() > BATCH
        assert time.monotonic() - began >= (proxy.asked.total() - BATCH) / 100


async def test_logs_that_were_missing_are_found_out_and_the_pool_read_anew() -> None:
    async with place() as (node, uniswap, pool, proxy):
        source = source_of([proxy.url], entries(pool), verify_blocks=3)
        async with reading(source) as feed:
            await feed.until(at_block(NAME, 0))
            proxy.drop_logs = True
            await uniswap.swap(pool, pool.quote, 500 * UNIT)
            await node.mine(6)
            assert spot(await feed.until(lambda tick: spot(tick) > 23_000)) > 23_000
            (found,) = source.aside  # type: ignore[attr-defined]  # the fixture's
            assert (found.instrument, found.reason) == (NAME, "missing_log")
            assert feed.told(NAME) == []


async def test_a_missing_log_shows_in_the_next_one_that_does_not_fit() -> None:
    async with place() as (_, uniswap, pool, proxy), reading(source_of([proxy.url], entries(pool))) as feed:
        await feed.until(at_block(NAME, 0))
        proxy.drop_logs = True
        low, high = (53_640, 54_600) if pool.index == 0 else (-54_600, -53_640)
        receipt = await uniswap.provide(pool, low, high, 10 * UNIT, 10 * UNIT)

        async def passed() -> bool:
            return feed.source.detail == f"block {receipt['blockNumber']}"

        await until(passed, "the block without its logs")
        proxy.drop_logs = False
        receipt = await uniswap.swap(pool, pool.quote, UNIT)
        tick = await feed.until(at_block(NAME, receipt["blockNumber"]))
        root = (await pool.contract.functions.slot0().call())[0] / 2**96
        assert spot(tick) == pytest.approx(root**2 if pool.index == 0 else root**-2, rel=1e-12)
        assert [one.reason for one in feed.source.aside] == ["missing_log"]  # type: ignore[attr-defined]


async def test_what_is_no_json_is_an_error_of_the_source() -> None:
    async with place() as (_, _, pool, proxy):
        proxy.garble = "<html>"
        with pytest.raises(SourceError, match="no JSON-RPC"):
            await anext(source_of([proxy.url], entries(pool)).ticks())
