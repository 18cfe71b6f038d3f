"""Jupiter's quotes from a server on loopback that answers, and refuses, as its documentation says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("solders.pubkey")

from bot.collectors.jupiter import JupiterCollector, Quoted, book
from bot.config import JupiterSource
from bot.errors import ConfigError, SourceError, SourceRefused
from bot.pools.book import decode_book
from tests.fixtures.jupiter_server import POOL, SLOT, STATE, Jupiter, serving
from tests.fixtures.solana_pools import QUOTE, registry
from tests.fixtures.watch import Watch


@asynccontextmanager
async def asking(server: Jupiter, **settings: Any) -> AsyncIterator[Watch]:
    async with serving(server):
        source = JupiterSource(
            **{
                "url": server.url, "tokens": ["TSLAx"], "quote_address": QUOTE, "sizes_usd": [500.0, 5000.0],
                "every_seconds": 0.01, "requests_per_second": 1000.0,
            } | settings
        )  # fmt: skip
        states = {POOL.address: STATE}
        watch = Watch(JupiterCollector(source, registry(POOL), states=states.get))
        try:
            yield watch
        finally:
            watch.task.cancel()
            with suppress(asyncio.CancelledError):
                await watch.task


async def test_quote_is_what_the_size_costs_on_both_sides() -> None:
    async with asking(Jupiter()) as watch:
        await watch.until(lambda: watch.ticks)
        tick = watch.ticks[0]
        assert (tick.instrument, tick.kind) == ("TSLAx@jupiter", "quote")
        curve = STATE.curve()
        bought = curve.buy(500)
        assert bought is not None
        assert tick.ask == pytest.approx(bought.price)
        sold = curve.sell_tokens(bought.tokens)
        assert sold is not None
        assert tick.bid == pytest.approx(sold.price)
        depth = decode_book(tick.data or "", 0.0)
        assert depth is not None
        most = depth.buy(5000)
        ours = curve.buy(5000)
        assert most is not None
        assert ours is not None
        assert most.tokens == pytest.approx(ours.tokens)
        assert watch.collector.check.compared >= 4
        assert "swaps compared with our own quotes, 0 differ" in watch.collector.detail


async def test_difference_from_our_own_quote_is_told_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    server = Jupiter()
    server.off = 0.01
    async with asking(server) as watch:
        await watch.until(lambda: watch.collector.check.differ >= 2)
        assert f"last: {POOL.instrument}: we say -0.99%" in watch.collector.detail
        assert "Jupiter's quote of a pool differs from ours" in "".join(capfd.readouterr())


async def test_states_far_apart_in_time_are_not_compared() -> None:
    server = Jupiter()
    server.slot = SLOT + 1000
    server.off = 0.0022
    async with asking(server) as watch:
        await watch.until(lambda: watch.ticks)
        assert watch.collector.check.differ == 0
        assert "too far apart in time" in watch.collector.detail


async def test_token_without_route_is_down_and_comes_back() -> None:
    server = Jupiter()
    server.no_route = True
    async with asking(server) as watch:
        await watch.until(lambda: watch.ticks)
        assert json.loads(watch.ticks[0].data or "") == {
            "state": "down", "reason": "Jupiter quotes nothing: Could not find any route",
        }  # fmt: skip
        server.no_route = False
        await watch.until(lambda: watch.ticks[-1].kind == "quote")
        told = [json.loads(one.data or "")["state"] for one in watch.ticks if one.kind == "status"]
        assert told == ["down", "up"]


async def test_limit_is_heeded() -> None:
    """A 429, and a 200 that says nothing remains, both until the second they name."""
    server = Jupiter()
    reset = time.time() + 0.3
    server.answers = [(429, {"x-ratelimit-reset": str(reset), "x-ratelimit-remaining": "0"}, "{}")]
    async with asking(server) as watch:
        await watch.until(lambda: watch.ticks)
        assert time.time() >= reset
        assert not watch.errors


async def test_limit_without_a_reset_is_waited_for_as_retry_after_says() -> None:
    server = Jupiter()
    server.answers = [(429, {"Retry-After": "0.2"}, "{}")]
    began = time.monotonic()
    async with asking(server) as watch:
        await watch.until(lambda: watch.ticks)
        assert time.monotonic() - began >= 0.2
        assert not watch.errors


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, {}, "{}"), SourceRefused, "check api_key"),
        ((429, {"x-ratelimit-reset": "9999999999"}, "{}"), SourceRefused, "wants no request for"),
        ((502, {}, "<html>"), SourceError, "no JSON"),
        ((500, {}, "{}"), SourceError, "HTTP 500"),
        ((200, {}, '{"outAmount": "5"}'), SourceError, "malformed quote"),
    ],
)
async def test_what_goes_wrong_is_an_error_and_passes(
    answer: tuple[int, dict[str, str], str], kind: type[SourceError], words: str
) -> None:
    server = Jupiter()
    server.answers = [answer]
    async with asking(server) as watch:
        await watch.until(lambda: watch.ticks)
        assert type(watch.errors[0]) is kind
        assert words in str(watch.errors[0])


async def test_key_goes_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_JUPITER", "abc")
    server = Jupiter()
    async with asking(server, api_key="env:PEGBOT_JUPITER") as watch:
        await watch.until(lambda: watch.ticks)
        assert set(server.keys) == {"abc"}


def test_token_without_an_address_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="'AMZNx' has no address on Solana"):
        JupiterCollector(JupiterSource(tokens=["AMZNx"]), registry(POOL))


def test_depth_ends_where_a_larger_size_is_better() -> None:
    told = json.loads(book([Quoted(100, 10, 99), Quoted(200, 19, 197), Quoted(300, 30, 290)]))
    assert [tokens for _, tokens in told["asks"]] == [10, 9]
    assert [tokens for _, tokens in told["bids"]] == [10]
