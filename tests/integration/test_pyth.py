"""Pyth's collector against Hermes on loopback, with every fault that servers have.

Where the wire shapes come from: tests/fixtures/pyth_server.py.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bot.collectors import http_json
from bot.collectors.pyth import PythCollector
from bot.config import PythSource
from bot.errors import SourceError, SourceRefused
from bot.registry.model import Feed, Registry
from bot.timefmt import NS
from bot.types import Quarantined, Tick
from tests.fixtures.pyth_server import AAPL, TSLA, USDC, Hermes, update_of
from tests.fixtures.watch import Watch

FEEDS = {
    one.instrument: one
    for one in (
        Feed("AAPL@pyth", AAPL, "Equity.US.AAPL/USD", sessions=["regular"]),
        Feed("TSLA@pyth", "", "Equity.US.TSLA/USD", sessions=["regular"]),
        Feed("USDC@pyth", USDC, "Crypto.USDC/USD"),
    )
}


class Watching(Watch):
    """A collector under test, and what it set aside."""

    def __init__(self, collector: PythCollector, aside: list[Quarantined]) -> None:
        super().__init__(collector)
        self.pyth = collector
        self.aside = aside

    def quotes(self, name: str = "AAPL@pyth") -> list[Tick]:
        return [tick for tick in self.ticks if (tick.instrument, tick.kind) == (name, "quote")]

    def told(self, name: str) -> list[str]:
        rows = [tick for tick in self.ticks if (tick.instrument, tick.kind) == (name, "status")]
        return [json.loads(tick.data or "")["state"] for tick in rows]


@asynccontextmanager
async def listening(hermes: Hermes, *feeds: str, **settings: Any) -> AsyncIterator[Watching]:
    source = PythSource.model_validate(
        {"url": hermes.url, "feeds": list(feeds or ["AAPL@pyth"]), "poll_seconds": 0.02,
         "requests_per_second": 1000.0} | settings
    )  # fmt: skip
    aside: list[Quarantined] = []
    watch = Watching(PythCollector(source, Registry(feeds=FEEDS), on_bad=aside.append), aside)
    try:
        yield watch
    finally:
        watch.task.cancel()
        with suppress(asyncio.CancelledError):
            await watch.task


async def test_price_is_valid_at_its_publish_time_and_says_how_sure_it_is() -> None:
    async with Hermes() as hermes:
        published = int(time.time()) - 5
        await hermes.set_price(AAPL, 223.45, conf=0.08, publish_time=published)
        async with listening(hermes) as watch:
            await watch.until(watch.quotes)
            tick = watch.quotes()[0]
            assert tick.ts == published * NS
            assert tick.received >= tick.ts
            assert tick.price == pytest.approx(223.45)
            assert (tick.bid, tick.ask) == (None, None), "a confidence is no spread"
            assert json.loads(tick.data or "") == {
                "via": "poll", "conf": pytest.approx(0.08), "publish_time": published, "session": "regular",
            }  # fmt: skip


async def test_stream_brings_each_update_once() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0, slot=1, publish_time=int(time.time()) - 3)
        async with listening(hermes, "AAPL@pyth", "USDC@pyth") as watch:
            await watch.until(lambda: hermes.streams)
            now = int(time.time())
            for slot, price in enumerate((223.1, 223.2, 223.3), 2):
                await hermes.set_price(AAPL, price, slot=slot, publish_time=now)
            await hermes.set_price(AAPL, 223.3, slot=4, publish_time=now)
            await hermes.set_price(AAPL, 222.0, slot=3, publish_time=now - 1)
            await hermes.set_price(USDC, 0.9991, slot=5)
            await watch.until(lambda: watch.quotes("USDC@pyth"))
            assert [tick.price for tick in watch.quotes()] == pytest.approx([223.0, 223.1, 223.2, 223.3])
            assert (watch.pyth.repeated, watch.pyth.late) == (1, 1)
            assert watch.pyth.detail == "stream, 1 late"


async def test_price_that_stands_while_its_time_moves_is_told_as_frozen() -> None:
    async with Hermes() as hermes, listening(hermes, frozen_seconds=60.0) as watch:
        await watch.until(lambda: hermes.streams)
        begin = int(time.time()) - 100
        for later in (0, 30, 60, 90):
            await hermes.set_price(AAPL, 223.0, publish_time=begin + later)
        await hermes.set_price(AAPL, 223.5, publish_time=begin + 95)
        await watch.until(lambda: len(watch.quotes()) == 5)
        since = [json.loads(tick.data or "").get("frozen_since") for tick in watch.quotes()]
        assert since == [None, None, begin, begin, None]


async def test_feed_known_by_symbol_only_is_looked_up() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(TSLA, 410.0)
        async with listening(hermes, "TSLA@pyth") as watch:
            await watch.until(lambda: watch.quotes("TSLA@pyth"))
            assert hermes.asked["/v2/price_feeds"] == 1


async def test_feed_that_the_key_is_not_entitled_to_harms_no_other() -> None:
    async with Hermes() as hermes:
        hermes.forbidden = {AAPL}
        await hermes.set_price(USDC, 1.0)
        async with listening(hermes, "AAPL@pyth", "USDC@pyth") as watch:
            await watch.until(lambda: watch.quotes("USDC@pyth") and hermes.streams)
            assert watch.told("AAPL@pyth") == ["down"]
            assert "1 of 2 feeds refused" in watch.pyth.detail
            hermes.forbidden = set()
            await hermes.set_price(AAPL, 223.0)
            await hermes.stop()
            await watch.until_error(SourceError, "Hermes")
            await hermes.start()
            await watch.until(watch.quotes)
            assert watch.told("AAPL@pyth") == ["down", "up"]


async def test_key_goes_with_every_request_and_one_that_is_wrong_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEGBOT_PYTH", "abc")
    async with Hermes() as hermes:
        hermes.key = "abc"
        await hermes.set_price(AAPL, 223.0)
        async with listening(hermes, api_key="env:PEGBOT_PYTH") as watch:
            await watch.until(lambda: watch.quotes() and hermes.streams)
        hermes.key = "xyz"
        async with listening(hermes, api_key="env:PEGBOT_PYTH") as watch:
            await watch.until_error(SourceRefused, "HTTP 401): check the key")
            assert "abc" not in str(watch.errors)


async def test_lost_stream_is_polled_over_and_comes_back() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0, publish_time=int(time.time()) - 60)
        hermes.no_stream = 500
        async with listening(hermes) as watch:
            await hermes.set_price(AAPL, 224.0, push=False, publish_time=int(time.time()) - 30)
            await watch.until(lambda: watch.quotes() and watch.quotes()[-1].price == pytest.approx(224.0))
            await watch.until(lambda: "polling; stream: Hermes: HTTP 500" in watch.pyth.detail)
            hermes.no_stream = None
            await watch.until(lambda: watch.pyth.detail == "stream")
            streams = hermes.streams
            await hermes.end_streams()
            await watch.until(lambda: hermes.streams > streams)
            assert not watch.errors, "the source was never lost"


async def test_stream_that_falls_silent_is_left_for_a_new_one() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0)
        hermes.mute = True
        async with listening(hermes, silence_seconds=0.05) as watch:
            await watch.until(lambda: hermes.streams >= 3)
            assert "the stream is silent" in watch.pyth.detail or watch.pyth.detail == "stream"


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (update_of(AAPL, -1.0), "bad_price"),
        (update_of(AAPL, 0.0), "bad_price"),
        (update_of(AAPL, 223.0, conf=50.0), "unsure"),
        (update_of(AAPL, 223.0, publish_time=0), "no_time"),
        (update_of(AAPL, 223.0, publish_time=int(time.time()) + 3600), "future"),
        (update_of(TSLA, 223.0), "wrong_id"),
        ({"id": AAPL, "price": {"price": "x"}}, "malformed"),
        ({"id": AAPL, "price": {"price": "1", "conf": "0", "expo": 400, "publish_time": 1}}, "malformed"),
        ({"id": AAPL}, "malformed"),
        ("nothing", "wrong_id"),
    ],
)
async def test_update_that_cannot_be_is_set_aside_and_the_next_is_read(update: Any, reason: str) -> None:
    async with Hermes() as hermes, listening(hermes) as watch:
        await watch.until(lambda: hermes.streams)
        await hermes.send("data: " + json.dumps({"parsed": [update]}) + "\r\n\r\n")
        await hermes.set_price(AAPL, 223.0)
        await watch.until(watch.quotes)
        assert [one.reason for one in watch.aside] == [reason]
        assert watch.quotes()[0].price == pytest.approx(223.0)


@pytest.mark.parametrize("text", ["data: {oops\n\n", "data: []\n\n", 'data: {"parsed": 1}\n\n'])
async def test_event_that_is_none_is_set_aside(text: str) -> None:
    async with Hermes() as hermes, listening(hermes) as watch:
        await watch.until(lambda: hermes.streams)
        await hermes.send(text)
        await hermes.set_price(AAPL, 223.0)
        await watch.until(watch.quotes)
        assert [one.reason for one in watch.aside] == ["malformed"]


async def test_event_in_pieces_is_one_event() -> None:
    async with Hermes() as hermes, listening(hermes) as watch:
        await watch.until(lambda: hermes.streams)
        text = json.dumps({"parsed": [update_of(AAPL, 223.0)]}, indent=1)
        for line in text.splitlines():
            await hermes.send(f"data: {line}"[:4])
            await hermes.send(f"data: {line}"[4:] + "\n")
        await hermes.send(": still here\n\n")
        await watch.until(watch.quotes)
        assert not watch.aside


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("reset", SourceError, "Hermes: "),
        ("half-open", SourceError, "Hermes: no answer within 0.2 s"),
        ("slow", SourceError, "Hermes: no answer within 0.2 s"),
        ("truncated", SourceError, "Hermes: its answer was cut short"),
        ("malformed", SourceError, "no JSON"),
        ("http-500", SourceError, "HTTP 500: FAULT as told"),
        ("http-502", SourceError, "HTTP 502"),
        ("http-429", SourceError, "rate-limited"),
        ("http-403", SourceRefused, "check the key"),
    ],
)
async def test_what_servers_do_is_an_error_and_passes(
    fault: str, kind: type[SourceError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_json, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(http_json, "TRIES", 1)
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0)
        hermes.fault = fault
        async with listening(hermes) as watch:
            began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            await watch.until_error(kind, words)
            assert not watch.quotes()
            hermes.fault = ""
            await watch.until(watch.quotes)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - began < 2


async def test_server_that_is_away_is_an_error_and_passes() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0)
        await hermes.stop()
        async with listening(hermes) as watch:
            await watch.until_error(SourceError, "Cannot connect")
            await hermes.start()
            await watch.until(watch.quotes)


async def test_limit_is_heeded_for_as_long_as_it_says() -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.0)
        hermes.fail(429, {"Retry-After": "0.3"})
        async with listening(hermes) as watch:
            began = time.monotonic()
            await watch.until(watch.quotes)
            assert time.monotonic() - began >= 0.3
            assert not watch.errors


async def test_limit_that_is_too_long_is_a_refusal() -> None:
    async with Hermes() as hermes:
        hermes.fail(429, {"Retry-After": "86400"})
        async with listening(hermes) as watch:
            await watch.until_error(SourceRefused, "wants no request for 1 d")


async def test_it_closes_at_once_whatever_the_server_does() -> None:
    async with Hermes() as hermes:
        hermes.mute = True
        await hermes.set_price(AAPL, 223.0)
        async with listening(hermes) as watch:
            await watch.until(lambda: hermes.streams)
            began = time.monotonic()
        assert time.monotonic() - began < 2
