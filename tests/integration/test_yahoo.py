"""Share prices through yfinance, from a server that speaks Yahoo's wire format and fails as Yahoo does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.collectors import streamed as module
from bot.collectors.yahoo import YahooCollector
from bot.config import YahooSource
from bot.errors import SourceError, SourceRefused
from bot.metrics import Metrics
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Session, Tick
from tests.fixtures.yahoo_server import YahooServer

SYMBOLS = ["TSLA", "SPY"]


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    with YahooServer({"TSLA": 300.0, "SPY": 600.0}) as server:
        yield server


class Watch:
    """A running collector, what it yielded and what it set aside."""

    def __init__(
        self, yahoo: YahooServer, cache: Path, *, symbols: list[str] = SYMBOLS, session: Session = "regular",
        silence_seconds: float = 30.0, poll_seconds: float = 0.05,
    ) -> None:  # fmt: skip
        self.ticks: list[Tick] = []
        self.bad: list[Quarantined] = []
        self.asked = 0
        self._session = session
        self.collector = YahooCollector(
            YahooSource(
                symbols=symbols, stream_url=yahoo.stream_url, query_url=yahoo.query_url,
                silence_seconds=silence_seconds, poll_seconds=poll_seconds,
            ),
            session=self._in_session, on_bad=self.bad.append, cache=cache,
            backoff_initial=0.01, backoff_max=0.05,
        )  # fmt: skip
        self.running: asyncio.Task[None] | None = None

    def _in_session(self, _now: Ns) -> Session:
        self.asked += 1
        return self._session

    async def run(self) -> None:
        async for tick in self.collector.ticks():
            self.ticks.append(tick)

    def seen(self, via: str, price: float) -> Tick | None:
        """The tick of this price that came this way."""
        return next(
            (one for one in self.ticks if one.price == price and f'"{via}"' in (one.data or "")), None
        )

    async def until(self, condition: Callable[[], Any]) -> None:
        """Until ``condition`` holds; if the collector ends before, with its error."""
        assert self.running is not None
        async with asyncio.timeout(30):
            while True:
                if condition():
                    return
                if self.running.done():
                    self.running.result()
                    raise AssertionError("the collector ended")
                await asyncio.sleep(0.005)

    async def until_seen(self, via: str, price: float) -> Tick:
        await self.until(lambda: self.seen(via, price))
        found = self.seen(via, price)
        assert found is not None
        return found


def now_ms(seconds: float = 0.0) -> int:
    """Yahoo's time, so many seconds from now."""
    return time.time_ns() // 1_000_000 + round(seconds * 1000)


@asynccontextmanager
async def watching(yahoo: YahooServer, cache: Path, **more: Any) -> AsyncIterator[Watch]:
    watch = Watch(yahoo, cache, **more)
    watch.running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        watch.running.cancel()
        await asyncio.wait({watch.running}, timeout=20)


async def subscribed(watch: Watch, yahoo: YahooServer) -> None:
    """Until the socket delivers: then no polling is needed any more."""
    await watch.until(lambda: yahoo.subscriptions and watch.collector.detail == "socket")


# -- the socket ------------------------------------------------------------------------------------------


async def test_a_price_on_the_socket_becomes_a_quote_with_yahoos_own_time(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await subscribed(watch, yahoo)
        moment = now_ms()
        yahoo.set_price("TSLA", 301.25, bid=301.0, ask=301.5, time=moment)
        tick = await watch.until_seen("socket", 301.25)
    assert (tick.instrument, tick.kind, tick.bid, tick.ask) == ("TSLA@yahoo", "quote", 301.0, 301.5)
    assert tick.ts == moment * 1_000_000
    assert abs(tick.received - tick.ts) < 20 * NS
    assert json.loads(tick.data or "") == {"via": "socket", "market_hours": 1}
    assert watch.bad == []


async def test_at_the_start_each_symbol_has_a_price_though_the_socket_says_nothing(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    yahoo.silence()
    async with watching(yahoo, tmp_path, session="weekend") as watch:
        await watch.until(lambda: len(watch.ticks) == 2)
        assert {one.instrument: one.price for one in watch.ticks} == {"TSLA@yahoo": 300.0, "SPY@yahoo": 600.0}
        assert all('"poll"' in (one.data or "") for one in watch.ticks)


async def test_a_share_class_is_asked_for_as_yahoo_writes_it(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.set_price("BRK-B", 480.0)
    async with watching(yahoo, tmp_path, symbols=["BRK.B"]) as watch:
        await watch.until(lambda: watch.ticks)
    assert {one.instrument for one in watch.ticks} == {"BRK.B@yahoo"}


async def test_a_dropped_socket_is_rebuilt_and_delivers(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path) as watch:
        for number in range(1, 4):
            await subscribed(watch, yahoo)
            yahoo.drop()
            await watch.until(lambda number=number: yahoo.connections > number)
            await subscribed(watch, yahoo)
            yahoo.set_price("TSLA", 300.0 + number)
            await watch.until_seen("socket", 300.0 + number)
        assert watch.collector.sockets == yahoo.connections == 4


async def test_a_socket_that_yahoo_closes_is_rebuilt_without_holding_up_the_loop(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await subscribed(watch, yahoo)
        await asyncio.to_thread(yahoo.close_gracefully)
        await watch.until(lambda: yahoo.connections == 2)
        await subscribed(watch, yahoo)
        yahoo.set_price("SPY", 601.0)
        await watch.until_seen("socket", 601.0)


async def test_a_socket_that_is_silent_in_session_is_rebuilt(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.silence()
    async with watching(yahoo, tmp_path, silence_seconds=0.2) as watch:
        await watch.until(lambda: yahoo.connections >= 3)
        yahoo.silence(False)
        await watch.until(lambda: watch.collector.detail == "socket")


async def test_a_socket_may_be_silent_while_the_market_sleeps(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    yahoo.silence()
    async with watching(yahoo, tmp_path, session="weekend", silence_seconds=0.01) as watch:
        await watch.until(lambda: yahoo.subscriptions)
        asked = watch.asked
        await watch.until(lambda: watch.asked > asked + 20)
        assert yahoo.connections == 1


# -- polling ---------------------------------------------------------------------------------------------


async def test_while_the_socket_is_away_prices_are_polled_and_then_it_takes_over_again(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await subscribed(watch, yahoo)
        yahoo.refuse(503)
        yahoo.drop()
        for second, price in enumerate((305.0, 306.0, 307.0), 1):
            yahoo.set_price("TSLA", price, time=now_ms(second))  # Yahoo's charts know whole seconds only
            await watch.until_seen("poll", price)
        assert watch.collector.detail == "polling; socket answered HTTP 503"
        yahoo.refuse(None)
        await subscribed(watch, yahoo)
        yahoo.set_price("TSLA", 308.0, time=now_ms(5))
        await watch.until_seen("socket", 308.0)


async def test_while_the_socket_delivers_nothing_is_polled(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path, poll_seconds=0.01) as watch:
        await subscribed(watch, yahoo)
        yahoo.set_price("TSLA", 302.0)
        await watch.until_seen("socket", 302.0)
        await watch.until(lambda: watch.collector.polled >= 2)
        asked = len(yahoo.charts)
        for number in range(10):
            yahoo.set_price("TSLA", 310.0 + number)
            await watch.until_seen("socket", 310.0 + number)
        assert len(yahoo.charts) <= asked + 1, "one may have been on its way"


async def test_the_same_price_is_not_told_twice(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await subscribed(watch, yahoo)
        await watch.until(lambda: watch.collector.polled >= 2)
        moment = now_ms(2)
        for _ in range(3):
            yahoo.set_price("TSLA", 303.0, time=moment)
        yahoo.set_price("TSLA", 304.0, time=moment - 1)
        yahoo.set_price("TSLA", 305.0, time=moment + 1)
        await watch.until_seen("socket", 305.0)
        assert [one.price for one in watch.ticks if one.price in (303.0, 304.0)] == [303.0]


# -- what cannot be used -----------------------------------------------------------------------------------


async def test_garbage_is_set_aside_and_counted_and_the_next_price_is_taken(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await subscribed(watch, yahoo)
        await watch.until(lambda: watch.collector.polled >= 2)
        for frame in ("garbage", "[]", '{"type":"pricing"}', '{"message":5}', '{"message":"////"}'):
            yahoo.send(frame)
        yahoo.send('{"message":""}')  # an empty message: of no symbol
        yahoo.set_price("TSLA", 310.0, currency="EUR")
        yahoo.set_price("TSLA", 311.0, time=now_ms(3600))
        yahoo.set_price("TSLA", -1.0)
        yahoo.set_price("TSLA", float("nan"))
        yahoo.set_price("TSLA", 312.0, time=0)
        yahoo.set_price("TSLA", 313.0)
        await watch.until_seen("socket", 313.0)
    assert [one.reason for one in watch.bad] == [
        *["malformed"] * 5, "wrong_id", "wrong_currency", "future", "bad_price", "bad_price", "no_time",
    ]  # fmt: skip
    assert yahoo.connections == 1
    metrics = Metrics()
    for one in watch.bad:
        metrics.offer(one)
    assert 'pegbot_quarantined_total{reason="malformed"} 5' in metrics.render().decode()
    assert all(one.price in (300.0, 600.0, 313.0) for one in watch.ticks)


async def test_an_unknown_symbol_is_named_and_the_others_go_on(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.refuse(503)
    async with watching(yahoo, tmp_path, symbols=["NOPE", "TSLA"]) as watch:
        await watch.until_seen("poll", 300.0)
        yahoo.set_price("TSLA", 301.0)
        await watch.until_seen("poll", 301.0)
    assert {(one.instrument, one.reason) for one in watch.bad} == {("NOPE@yahoo", "no_price")}
    assert {one.instrument for one in watch.ticks} == {"TSLA@yahoo"}


# -- when nothing works ------------------------------------------------------------------------------------


async def test_nothing_but_unknown_symbols_is_a_fault(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.refuse(503)
    watch = Watch(yahoo, tmp_path, symbols=["NOPE"])
    with pytest.raises(SourceError, match="no price of any symbol"):
        await asyncio.wait_for(watch.run(), 30)


async def test_without_socket_and_polling_it_is_a_fault_not_a_refusal(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    watch = Watch(yahoo, tmp_path)
    yahoo.stop()
    with pytest.raises(SourceError, match="polling") as raised:
        await asyncio.wait_for(watch.run(), 30)
    assert not isinstance(raised.value, SourceRefused)


@pytest.mark.parametrize(("status", "said"), [(401, "refused"), (403, "refused"), (429, "rate-limited")])
async def test_no_from_the_socket_and_from_polling_is_a_refusal(
    yahoo: YahooServer, tmp_path: Path, status: int, said: str
) -> None:
    yahoo.refuse(status)
    yahoo.answer_http(status)
    watch = Watch(yahoo, tmp_path)
    with pytest.raises(SourceRefused, match=f"socket answered HTTP {status}; polling: {said} by Yahoo"):
        await asyncio.wait_for(watch.run(), 30)
    assert watch.ticks == []


async def test_a_rate_limit_is_no_reason_to_give_the_socket_up(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.answer_http(429)
    async with watching(yahoo, tmp_path) as watch:
        await watch.until_seen("socket", 300.0)
        yahoo.set_price("TSLA", 320.0)
        await watch.until_seen("socket", 320.0)
    assert watch.collector.polled == 0


async def test_after_a_fault_it_is_called_again_and_goes_on(yahoo: YahooServer, tmp_path: Path) -> None:
    watch = Watch(yahoo, tmp_path)
    yahoo.stop()
    with pytest.raises(SourceError):
        await asyncio.wait_for(watch.run(), 30)
    yahoo.start()
    watch.running = asyncio.create_task(watch.run())
    await watch.until(lambda: len({one.instrument for one in watch.ticks}) == 2)
    watch.running.cancel()
    await asyncio.wait({watch.running}, timeout=20)
