"""What becomes of a Solana source when its node fails, in every way a node does: told, left, and back."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from bot.collectors.solana import SolanaCollector
from bot.collectors.solana_doctor import look
from bot.collectors.solana_rpc import Rpc
from bot.config import SolanaSource
from bot.doctor import examine
from bot.errors import ConfigError, SourceError, SourceRefused, SourceSilent
from bot.pools.layouts.base import CLOCK
from tests.fixtures.engine import config
from tests.fixtures.manual_time import settle
from tests.fixtures.solana_node import serving
from tests.fixtures.solana_pools import registry
from tests.fixtures.solana_watch import POOLS, SPY, TSLA, Watch, moving, new_node, reserves, started, watching

# -- the node is at fault ----------------------------------------------------------------------------


async def test_missed_slot_makes_all_be_read_anew() -> None:
    async with started() as (node, watch):
        await node.begin()
        await node.change(TSLA.vaults[0], TSLA.reserves(1234, 1)[TSLA.vaults[0]], told=False)
        node.slot += 3
        await node.move()
        await node.move()
        await watch.until(lambda: reserves(watch.of(TSLA)[-1])[0] == 1234)
        assert not watch.errors


@pytest.mark.parametrize("what", ["slots", CLOCK])
async def test_silence_is_noticed_and_ends_by_itself(what: str) -> None:
    async with started(silence_seconds=0.3) as (node, watch):
        node.silent.add(what)
        async with moving(node):
            await watch.until_error(SourceSilent, "no notification of")
            node.silent.clear()
            seen = len(watch.of(TSLA))
            await watch.until(lambda: len(watch.of(TSLA)) > seen)


async def test_half_open_socket_is_noticed() -> None:
    async with started(silence_seconds=0.3) as (node, watch):
        node.half_open = True
        await watch.until_error(SourceSilent, "no notification of")
        node.half_open = False
        node.accounts |= TSLA.reserves(555, 555)
        await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (555, 555))


@pytest.mark.parametrize(("commitment", "changes"), [("processed", 2), ("confirmed", 1)])
async def test_silent_subscription_of_one_account_is_found_by_reading(commitment: str, changes: int) -> None:
    async with started(poll_seconds=0.01, commitment=commitment) as (node, watch):
        node.silent.add(TSLA.vaults[0])
        async with moving(node):
            for amount in range(1, changes + 1):
                assert not watch.errors
                await node.change(TSLA.vaults[0], TSLA.reserves(amount, 1)[TSLA.vaults[0]])
                await watch.until(lambda: watch.errors or reserves(watch.of(TSLA)[-1])[0] == amount)  # noqa: B023
            await watch.until(lambda: watch.errors)
        assert isinstance(watch.errors[0], SourceSilent)
        assert TSLA.vaults[0] in str(watch.errors[0])
        node.silent.clear()
        await watch.until(lambda: reserves(watch.of(TSLA)[-1])[0] == changes)


async def test_dropped_connection_is_made_again() -> None:
    async with started() as (node, watch):
        node.accounts |= TSLA.reserves(999, 999)
        await node.drop()
        await watch.until_error(SourceError, "pubsub")
        await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (999, 999))
        assert node.sockets == 2


async def test_what_is_no_json_ends_the_connection() -> None:
    async with started() as (node, watch):
        await node.garble()
        await watch.until_error(SourceError, "malformed message")
        await watch.until(lambda: node.sockets == 2)


@pytest.mark.parametrize("answer", [[], {}, "no", {"context": {"slot": 1}, "value": ["no"] * 100}])
async def test_answer_that_is_none_is_an_error_of_the_source(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(new_node()) as node, Rpc(node.url, "confirmed", 1000.0) as rpc:
        for method in ("_getSlot", "_getMultipleAccounts", "_getProgramAccounts"):
            monkeypatch.setattr(node, method, lambda *_: answer)
        with pytest.raises(SourceError, match="malformed"):
            await rpc.slot()
        with pytest.raises(SourceError, match="malformed"):
            await rpc.accounts([TSLA.address] * 100)
        if answer not in ([], {}):  # nothing found
            with pytest.raises(SourceError, match="malformed"):
                await rpc.program_accounts(TSLA.address, None, [])


async def test_next_endpoint_takes_over() -> None:
    async with serving(new_node()) as bad, serving(new_node()) as good:
        good.accounts |= TSLA.reserves(31, 31)
        bad.answers = [(502, {})] * 100
        async with watching(bad, good) as watch:
            await watch.until(lambda: watch.of(TSLA))
            assert reserves(watch.of(TSLA)[-1]) == (31, 31)
            assert "HTTP 502" in str(watch.errors[0])
            bad.answers.clear()
            await good.drop()
            await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (TSLA.tokens, TSLA.dollars))


async def test_node_whose_clock_lags_is_left() -> None:
    async with serving(new_node()) as late, serving(new_node()) as good:
        late.unix -= 300
        late._tell_clock()
        async with watching(late, good) as watch:
            await watch.until(lambda: watch.of(TSLA))
            assert "the node is behind: its clock says 5 min" in str(watch.errors[0])
            assert late.sockets >= 1


async def test_node_that_lags_another_is_left() -> None:
    async with serving(new_node(TSLA)) as late, serving(new_node(TSLA)) as good:
        good.slot += 1000
        async with watching(late, good, pools=(TSLA,), poll_seconds=0.01) as watch:
            await watch.until(lambda: watch.of(TSLA))
            async with moving(late):
                await watch.until(lambda: watch.errors)
            assert "another endpoint is" in str(watch.errors[0])
            await watch.until(lambda: good.sockets)


async def test_endpoint_that_never_reaches_the_slot_is_left() -> None:
    async with started(TSLA) as (node, watch):
        node.lag, node.ignores_min_slot = 50, True
        await node.move({TSLA.address: TSLA.pool()}, parent=5)
        await node.move()
        await watch.until_error(SourceError, "the node is behind: it answers as of slot")
        node.lag = 0
        seen = len(watch.of(TSLA))
        await watch.until(lambda: len(watch.of(TSLA)) > seen)


async def test_limit_is_respected_for_as_long_as_it_says() -> None:
    async with serving(new_node()) as node:
        node.answers = [(429, {"retry-after": "0.3"})]
        began = time.monotonic()
        async with watching(node) as watch:
            await watch.until(lambda: watch.of(TSLA))
        assert time.monotonic() - began >= 0.3
        assert not watch.errors


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {}), "check the key"),
        ((403, {}), "check the key"),
        ((429, {"retry-after": "3600"}), "wants no request for 3600 s"),
    ],
)
async def test_refusal_is_one(answer: tuple[int, dict[str, str]], words: str) -> None:
    async with serving(new_node()) as node:
        node.answers = [answer]
        async with watching(node) as watch:
            await watch.until_error(SourceRefused, words)
            await watch.until(lambda: watch.of(TSLA))


async def test_of_several_endpoints_one_that_refuses_is_passed_over_without_a_long_wait() -> None:
    async with serving(new_node()) as bad, serving(new_node()) as good:
        bad.answers = [(401, {})]
        async with watching(bad, good) as watch:
            await watch.until(lambda: watch.of(TSLA))
            assert "check the key" in str(watch.errors[0])
            assert not isinstance(watch.errors[0], SourceRefused), (
                "a supervisor waits minutes after a refusal"
            )
    async with serving(new_node()) as bad, serving(new_node()) as worse:
        bad.answers, worse.answers = [(401, {})], [(403, {})]
        async with watching(bad, worse) as watch:
            await watch.until_error(SourceRefused, "check the key")
            assert [type(one) for one in watch.errors] == [SourceError, SourceRefused]


async def test_of_several_endpoints_one_of_another_cluster_is_passed_over() -> None:
    async with serving(new_node()) as bad, serving(new_node()) as good:
        bad.genesis = "elsewhere"
        async with watching(bad, good, genesis_hash=good.genesis) as watch:
            await watch.until(lambda: watch.of(TSLA))
            assert "the node is of the cluster elsewhere" in str(watch.errors[0])


async def test_pace_is_kept() -> None:
    async with serving(new_node()) as node:
        began = time.monotonic()
        async with watching(node, requests_per_second=5.0) as watch:
            await watch.until(lambda: watch.of(TSLA))
        assert time.monotonic() - began >= 0.2 * (len(node.requests) - 1)


async def test_wrong_cluster_is_a_mistake_of_the_configuration() -> None:
    async with serving(new_node()) as node, watching(node, genesis_hash="elsewhere") as watch:
        with pytest.raises(ConfigError, match="configured is elsewhere"):
            await watch.task


async def test_without_subscriptions_it_polls() -> None:
    async with serving(new_node()) as node:
        node.refuse_sockets = 404
        async with watching(node, poll_seconds=0.01) as watch:
            await watch.until(lambda: watch.of(TSLA))
            node.slot += 1
            node.accounts |= TSLA.reserves(42, 43)
            await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (42, 43))
            assert watch.collector.detail.startswith("polling")
            assert not watch.errors


@pytest.mark.parametrize("base", ["http://127.0.0.1:1", "ftp://node.example", "http://"])
async def test_error_never_shows_the_url_and_its_key(base: str) -> None:
    url = f"{base}/?api-key=hush"
    source = SolanaSource(urls=[url], websocket_urls=[url.replace("http", "ws")], pools=[TSLA.instrument])
    watch = Watch(SolanaCollector(source, registry(TSLA)))
    try:
        await watch.until(lambda: watch.errors)
        assert isinstance(watch.errors[0], SourceError)
        assert "hush" not in str(watch.errors[0])
    finally:
        watch.task.cancel()
        await asyncio.wait({watch.task})


async def anything_may_happen(steps: int, seed: int) -> None:
    """Faults in any order while both vaults move in every slot: no half-moved pool is ever shown, times never
    run backwards, and when the faults end the last state comes by itself."""
    rng = random.Random(seed)
    whole = TSLA.tokens + TSLA.dollars
    async with serving(new_node()) as one, serving(new_node()) as two:
        nodes = (one, two)
        async with watching(one, two, silence_seconds=0.05, poll_seconds=0.02) as watch:
            await watch.until(lambda: watch.of(TSLA))
            await one.drop()
            await watch.until(lambda: watch.errors)
            for step in range(1, steps + 1):
                for node in nodes:
                    if rng.random() < 0.9:
                        continue
                    fault = rng.randrange(16)
                    node.half_open = fault == 0
                    node.silent = {1: {"slots"}, 2: {CLOCK}, 3: set(TSLA.vaults)}.get(fault, set())
                    node.answers = [(rng.choice((429, 500)), {"retry-after": "0"})] * (fault == 4)
                    node.lag = 3 * (fault == 5)
                    if fault == 6:
                        await node.drop()
                    if fault == 7:
                        await node.garble()
                    if fault == 8:
                        node.slot += 2
                for _ in range(rng.randrange(1, 4)):
                    for node in nodes:
                        await node.begin()
                        told = TSLA.reserves(TSLA.tokens + step, TSLA.dollars - step)
                        node.accounts |= told
                        for address in rng.sample([*told, CLOCK], 3):
                            await node.tell(address)
                    await settle(5)
                await settle(20)
            for node in nodes:
                node.half_open, node.silent, node.answers, node.lag = False, set(), [], 0
            async with moving(one), moving(two):
                await watch.until(lambda: reserves(watch.of(TSLA)[-1])[0] == TSLA.tokens + steps)
        shown = watch.of(TSLA)
        assert {sum(reserves(tick)) for tick in shown} == {whole}
        assert [tick.ts for tick in shown] == sorted(tick.ts for tick in shown)


async def test_anything_may_happen() -> None:
    await anything_may_happen(60, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_anything_may_happen_for_long(seed: int) -> None:
    await anything_may_happen(600, seed)


# -- pegbot doctor -----------------------------------------------------------------------------------


async def test_doctor_says_which_entries_are_wrong() -> None:
    from msgspec.structs import replace

    source = SolanaSource(urls=["http://x"], pools=[pool.instrument for pool in POOLS])
    known = registry(*POOLS)
    async with serving(new_node()) as node, moving(node):
        source = source.model_copy(update={"urls": [node.url], "websocket_urls": [node.websocket_url]})
        seen, wrong = await look(source, 0, known)
        assert f"slot {node.slot // 10}" in seen
        assert seen.endswith("pools as in the registry: 2")
        assert wrong == []
        known.pools[SPY.instrument] = replace(known.pools[SPY.instrument], quote_decimals=9)
        _, wrong = await look(source, 0, known)
        assert wrong == [f"{SPY.instrument}: USDC has 6 decimals, the registry says 9"]
        node.silent |= {"slots", CLOCK}
        silent = source.model_copy(update={"silence_seconds": 0.1})
        with pytest.raises(SourceSilent):
            await look(silent, 0, known)


async def test_doctor_tries_each_endpoint(tmp_path: Path) -> None:
    async with serving(new_node()) as node, moving(node):
        source = {
            "urls": [node.url, "http://127.0.0.1:1"], "websocket_urls": [node.websocket_url, "ws://127.0.0.1:1"],
            "pools": [pool.instrument for pool in POOLS],
        }  # fmt: skip
        url = f"sqlite+aiosqlite:///{tmp_path}/pegbot.db"
        settings = config(collectors={"solana": [source]}, ledger={"url": url}, web={"port": 0})
        good, bad = (await examine(settings, registry(*POOLS)))[:2]
        assert good.ok
        assert "pools as in the registry: 2" in good.what
        assert not bad.ok
        assert "another endpoint" in bad.fix
