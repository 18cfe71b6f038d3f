"""Share prices and halts through alpaca-py, from a server that speaks Alpaca's wire format and its faults.

Shapes: see ``tests/fixtures/alpaca_server.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest

pytest.importorskip("alpaca")

from bot.collectors import alpaca_client, streamed
from bot.collectors.alpaca import AlpacaCollector
from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.config import AlpacaSource
from bot.errors import SourceError, SourceRefused, SourceSilent
from bot.timefmt import NS
from bot.types import FeedStatus, Quarantined, Session, Tick
from tests.fixtures.alpaca_server import KEY, SECRET, AlpacaServer
from tests.fixtures.watch import Watch

SYMBOLS = ["TSLA", "SPY"]


@pytest.fixture
async def alpaca(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AlpacaServer]:
    monkeypatch.setenv("ALPACA_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET", SECRET)
    async with AlpacaServer() as server:
        await server.set_quote("TSLA", 299.9, 300.1)
        await server.trade("TSLA", 300.0)
        await server.set_quote("SPY", 599.9, 600.1)
        yield server


class Alpaca(Watch):
    """A running collector of Alpaca's prices, and what it set aside."""

    def __init__(self, server: AlpacaServer, *, session: Session = "regular", **keys: Any) -> None:
        self.bad: list[Quarantined] = []
        self.alpaca = AlpacaCollector(
            source(server, **keys), session=lambda _ts: session, on_bad=self.bad.append,
            backoff_initial=0.01, backoff_max=0.05,
        )  # fmt: skip
        super().__init__(self.alpaca)

    def told(self, price: float, kind: str = "quote") -> Tick | None:
        """The tick of this middle, or of this trade."""
        for one in self.ticks:
            mid = (one.bid + one.ask) / 2 if one.bid and one.ask else None
            if one.kind == kind and price in (mid, one.price):
                return one
        return None

    async def until_told(self, price: float, kind: str = "quote") -> Tick:
        await self.until(lambda: self.told(price, kind))
        found = self.told(price, kind)
        assert found is not None
        return found

    def states(self, instrument: str = "TSLA@alpaca") -> list[str]:
        """What was told of whether it trades."""
        return [json.loads(one.data or "")["state"] for one in self.ticks
                if one.kind == "status" and one.instrument == instrument]  # fmt: skip


def source(server: AlpacaServer, **keys: Any) -> AlpacaSource:
    given = {"symbols": SYMBOLS, "api_key": "env:ALPACA_KEY", "api_secret": "env:ALPACA_SECRET",
             "poll_seconds": 0.05, "stream_url": server.stream_url, "data_url": server.url}  # fmt: skip
    return AlpacaSource(**(given | keys))


async def until(condition: Callable[[], Any]) -> None:
    """Until it holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it is of says nothing when it changes
            await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(server: AlpacaServer, **more: Any) -> AsyncIterator[Alpaca]:
    watch = Alpaca(server, **more)
    try:
        yield watch
    finally:
        began = time.monotonic()
        watch.task.cancel()
        await asyncio.wait({watch.task}, timeout=20)
        assert time.monotonic() - began < 10, "it closes within seconds"


async def subscribed(watch: Alpaca, server: AlpacaServer, price: float = 301.0) -> None:
    """Until what is asked for at the start has come, or cannot, and the socket has delivered a quote: then
    nothing is polled any more."""
    await watch.until(lambda: watch.alpaca.polled or watch.alpaca._rest.barred_seconds)
    await watch.until(lambda: server._live)
    await server.set_quote("TSLA", price - 0.1, price + 0.1)
    await watch.until(lambda: watch.alpaca.detail == "socket" and watch.told(price))


# -- the socket --------------------------------------------------------------------------------------------


async def test_a_quote_carries_alpacas_own_time_to_the_nanosecond(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        moment = time.time_ns() + 123
        await alpaca.set_quote("TSLA", 301.25, 301.75, ts=moment)
        tick = await watch.until_told(301.5)
    assert (tick.instrument, tick.bid, tick.ask, tick.price) == ("TSLA@alpaca", 301.25, 301.75, 300.0)
    assert tick.ts == moment
    assert abs(tick.received - tick.ts) < 20 * NS
    assert json.loads(tick.data or "") == {"via": "socket", "feed": "iex"}
    assert watch.bad == []


async def test_it_subscribes_to_quotes_trades_halts_and_bands_of_its_symbols(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await watch.until(lambda: alpaca.subscriptions)
    wanted = alpaca.subscriptions[0]
    assert {key: sorted(value) for key, value in wanted.items()} == {
        key: sorted(SYMBOLS) for key in ("quotes", "trades", "statuses", "lulds")
    }
    assert alpaca.asked["/v2/iex"] == 1


async def test_at_the_start_each_symbol_has_a_price_though_the_socket_says_nothing(
    alpaca: AlpacaServer,
) -> None:
    alpaca.mute = True
    async with watching(alpaca, session="weekend") as watch:
        await watch.until(lambda: len(watch.ticks) == 2)
    told = {one.instrument: (one.bid, one.ask, one.price) for one in watch.ticks}
    assert told == {"TSLA@alpaca": (299.9, 300.1, 300.0), "SPY@alpaca": (599.9, 600.1, None)}
    assert all(json.loads(one.data or "")["via"] == "poll" for one in watch.ticks)
    assert alpaca.queries[0] == {"path": "/v2/stocks/snapshots", "symbols": "TSLA,SPY", "feed": "iex"}


async def test_a_trade_is_told_with_its_size_and_the_standing_quote(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        await alpaca.trade("TSLA", 301.05, s=200)
        tick = await watch.until_told(301.05, "trade")
    assert (tick.bid, tick.ask, tick.size) == (300.9, 301.1, pytest.approx(60_210.0))


async def test_a_side_without_orders_is_none_and_a_crossed_quote_is_not_believed(
    alpaca: AlpacaServer,
) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        await alpaca.trade("TSLA", 301.0)
        await alpaca.set_quote("TSLA", 300.5, 0.0)
        await watch.until(lambda: watch.ticks[-1].ask is None)
        assert watch.ticks[-1].bid == 300.5
        await alpaca.set_quote("TSLA", 302.0, 301.0)
        await watch.until(lambda: watch.ticks[-1].bid is None)
        assert watch.ticks[-1].price == 301.0


async def test_of_many_messages_in_one_frame_the_last_of_each_share_is_told(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        now = time.time_ns()
        await alpaca.push("quotes", *(
            {"T": "q", "S": symbol, "bp": base + n, "ap": base + n + 1, "t": now + n}
            for n in range(50) for symbol, base in (("TSLA", 310.0), ("SPY", 610.0))
        ))  # fmt: skip
        await watch.until(lambda: watch.told(659.5))
    assert [one.bid for one in watch.ticks if one.instrument == "TSLA@alpaca" and one.bid >= 310] == [359.0]


@pytest.mark.parametrize(
    ("conditions", "tape"),
    [([" ", "4"], "B"), (["@", "I"], "C"), (["B"], "A"), (["W"], "C"), (["@", "Z"], "C"), (["R"], "C")],
)
async def test_a_trade_that_is_not_at_the_market_is_no_price(
    alpaca: AlpacaServer, conditions: list[str], tape: str
) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        await alpaca.trade("TSLA", 150.0, c=conditions, z=tape, i=7)
        await alpaca.trade("TSLA", 301.5, c=["@"], i=8)
        await watch.until_told(301.5, "trade")
    assert watch.told(150.0, "trade") is None


async def test_a_trade_corrected_or_cancelled_is_the_price_no_more(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        await alpaca.trade("TSLA", 350.0, i=11)
        await watch.until_told(350.0, "trade")
        await alpaca.push("trades", {"T": "c", "S": "TSLA", "oi": 11, "op": 350.0, "ci": 12, "cp": 301.0})
        await watch.until(lambda: watch.ticks[-1].price == 301.0)
        await alpaca.push("trades", {"T": "x", "S": "TSLA", "i": 99, "p": 5.0, "a": "C"})  # another one
        await alpaca.push("trades", {"T": "x", "S": "TSLA", "i": 12, "p": 301.0, "a": "C"})
        await watch.until(lambda: watch.ticks[-1].price is None)


async def test_what_comes_out_of_order_takes_the_place_of_nothing_newer(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        now = time.time_ns()
        await alpaca.set_quote("TSLA", 302.0, 303.0, ts=now)
        await alpaca.trade("TSLA", 302.5, ts=now + 5)
        await alpaca.set_quote("TSLA", 290.0, 291.0, ts=now - 1)
        await alpaca.trade("TSLA", 290.5, ts=now + 4)
        await alpaca.set_quote("TSLA", 302.2, 303.2, ts=now + 2)  # older than the trade, newer than the quote
        await watch.until(lambda: watch.ticks[-1].bid == 302.2)
    assert [(one.bid, one.price, one.ts - now) for one in watch.ticks[-3:]] == [
        (302.0, 300.0, 0), (302.0, 302.5, 5), (302.2, 302.5, 5),
    ]  # fmt: skip


# -- halts -------------------------------------------------------------------------------------------------


async def test_a_halt_is_told_with_its_reason_and_so_is_its_end(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        halt = {"T": "s", "S": "TSLA", "sc": "H", "sm": "Trading Halt", "rc": "T12",
                "rm": "Trading Halted; For information requested by NASDAQ", "z": "C"}  # fmt: skip
        await alpaca.push("statuses", halt)
        await watch.until(lambda: watch.states() == ["halted"])
        told = next(json.loads(one.data or "") for one in watch.ticks if one.kind == "status")
        assert told["reason"] == "Trading Halt: Trading Halted; For information requested by NASDAQ"
        await alpaca.push("statuses", halt | {"sc": "Q", "sm": "Quotation Resumption"})
        await alpaca.push("statuses", halt | {"sc": "T", "sm": "Trading Resumption"})
        await watch.until(lambda: watch.states() == ["halted", "up"])
    assert watch.states("SPY@alpaca") == []


@pytest.mark.parametrize("code", ["P", "2"])
async def test_a_pause_for_volatility_ends_with_the_first_trade_if_by_nothing_else(
    alpaca: AlpacaServer, code: str
) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        now = time.time_ns()
        await alpaca.push("lulds", {"T": "l", "S": "TSLA", "u": 310.0, "d": 290.0, "i": "B", "t": now})
        await alpaca.push("statuses", {"T": "s", "S": "TSLA", "sc": code, "sm": "Pause", "rm": "", "t": now})
        await watch.until(lambda: watch.states() == ["halted"])
        await alpaca.trade("TSLA", 309.0, ts=now - NS)  # reported late
        await alpaca.trade("TSLA", 305.0, ts=now + 1)
        await watch.until(lambda: watch.states() == ["halted", "up"])
        await alpaca.set_quote("TSLA", 304.9, 305.1)
        tick = await watch.until_told(305.0)
    assert json.loads(tick.data or "")["luld"] == [290.0, 310.0]


async def test_a_halt_is_told_anew_with_each_connection(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        halt = {"T": "s", "S": "TSLA", "sc": "H", "sm": "Trading Halt", "rm": "news"}
        await alpaca.push("statuses", halt)
        await watch.until(lambda: watch.states() == ["halted"])
        await alpaca.drop()
        await watch.until(lambda: watch.states() == ["halted", "halted"])
        await watch.until(lambda: alpaca._live)
        await alpaca.push("statuses", halt | {"sc": "T", "sm": "Trading Resumption"})
        await watch.until(lambda: watch.states() == ["halted", "halted", "up"])
        connections = alpaca.connections
        await alpaca.drop()
        await watch.until(lambda: alpaca.connections > connections)
        await subscribed(watch, alpaca, 305.0)
        assert watch.states() == ["halted", "halted", "up"]


# -- faults ------------------------------------------------------------------------------------------------


async def test_a_dropped_or_closed_socket_is_rebuilt_and_delivers(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        for number, fault in enumerate((alpaca.drop, alpaca.close_sockets, alpaca.drop), 1):
            await subscribed(watch, alpaca, 300.0 + number)
            await fault()
            await watch.until(lambda number=number: alpaca.connections > number)
        await subscribed(watch, alpaca, 310.0)
        assert watch.alpaca.sockets == alpaca.connections == 4
        assert watch.errors == []


async def test_a_socket_that_is_silent_in_session_is_rebuilt(alpaca: AlpacaServer) -> None:
    alpaca.mute = True
    async with watching(alpaca, silence_seconds=0.1) as watch:
        await watch.until(lambda: alpaca.connections >= 3)
        alpaca.mute = False
        await watch.until(lambda: "polling" not in watch.alpaca.detail)
        await subscribed(watch, alpaca)


async def test_a_socket_may_be_silent_while_the_market_sleeps(
    alpaca: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "LOOK_SECONDS", 0.01)
    alpaca.mute = True
    looks: list[int] = []

    def sleeping(ts: int) -> Session:
        looks.append(ts)
        return "weekend"

    async with watching(alpaca, silence_seconds=0.01) as watch:
        watch.alpaca._session = sleeping
        await watch.until(lambda: watch.alpaca.sockets and watch.alpaca.polled >= 2)
        asked = len(alpaca.queries)
        looked = len(looks)
        await watch.until(lambda: len(looks) > looked + 20)
        assert alpaca.connections == 1
        assert len(alpaca.queries) == asked


@pytest.mark.parametrize("fault", ["503", "garbage", "auth timeout"])
async def test_while_the_socket_is_away_prices_are_polled_and_then_it_takes_over_again(
    alpaca: AlpacaServer, fault: str
) -> None:
    alpaca.socket_fault = fault
    async with watching(alpaca) as watch:
        for price in (305.0, 306.0, 307.0):
            await alpaca.set_quote("TSLA", price - 0.5, price + 0.5)
            assert json.loads((await watch.until_told(price)).data or "")["via"] == "poll"
        await watch.until(lambda: watch.alpaca.detail.startswith("polling; socket"))
        alpaca.socket_fault = ""
        await subscribed(watch, alpaca, 308.0)
        assert watch.errors == []


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [(405, "symbol limit exceeded", "30 symbols"), (409, "insufficient subscription", "plan")],
)
async def test_a_subscription_that_is_refused_leaves_polling(
    alpaca: AlpacaServer, code: int, words: str, hint: str
) -> None:
    alpaca.subscribe_error = code, words
    async with watching(alpaca) as watch:
        await watch.until(lambda: words in watch.alpaca.detail and hint in watch.alpaca.detail)
        await alpaca.set_quote("TSLA", 308.0, 309.0)
        await watch.until_told(308.5)
        assert watch.errors == []


async def test_a_second_program_with_the_same_keys_is_named(alpaca: AlpacaServer) -> None:
    alpaca.socket_fault = "connection limit exceeded"
    async with watching(alpaca) as watch:
        await watch.until(lambda: "another program is connected" in watch.alpaca.detail)


async def test_an_error_amid_the_stream_ends_the_socket(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        await alpaca.error(407, "slow client")
        await watch.until(lambda: alpaca.connections == 2)
        await subscribed(watch, alpaca, 302.0)


async def test_garbage_is_set_aside_and_the_next_price_is_taken(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await subscribed(watch, alpaca)
        for frame in (b"\xc1", b"{}", msgpack.packb({"T": "q"}), msgpack.packb([1]), b""):
            await alpaca.raw(frame)
        await alpaca.raw(msgpack.packb([{"T": "q", "S": "MSFT"}]))
        await alpaca.raw(msgpack.packb([{"T": "q", "S": "TSLA", "bp": 1.0, "ap": 2.0, "t": "yesterday"}]))
        await alpaca.raw(msgpack.packb([{"T": "new", "S": "TSLA"}, {"T": "subscription"}]))
        await alpaca.set_quote("TSLA", 1.0, 2.0, ts=time.time_ns() + 3600 * NS)
        await alpaca.trade("TSLA", float("nan"))
        await alpaca.set_quote("TSLA", 312.0, 314.0)
        await watch.until_told(313.0)
    assert [one.reason for one in watch.bad] == [
        *["malformed"] * 5, "wrong_id", "no_time", "future", "bad_price",
    ]  # fmt: skip
    assert alpaca.connections == 1
    assert watch.bad[-1].instrument == "TSLA@alpaca"


async def test_a_symbol_without_a_price_is_named_and_the_others_go_on(alpaca: AlpacaServer) -> None:
    alpaca.socket_fault = "503"
    async with watching(alpaca, symbols=["NOPE", "TSLA"]) as watch:
        await watch.until(lambda: watch.bad and watch.ticks)
    assert {(one.instrument, one.reason) for one in watch.bad} == {("NOPE@alpaca", "no_price")}


# -- when nothing works --------------------------------------------------------------------------------------


async def test_wrong_keys_are_a_refusal_and_never_shown(
    alpaca: AlpacaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_SECRET", "wrong-secret")
    async with watching(alpaca) as watch:
        await watch.until_error(SourceRefused, "auth failed (check api_key and api_secret)")
    said = str(watch.errors[0])
    assert "HTTP 403: forbidden." in said
    assert "wrong-secret" not in said
    assert KEY not in said


@pytest.mark.parametrize("fault", ["reset", "truncated", "malformed", "http-500", "half-open", "slow"])
async def test_without_socket_and_polling_it_is_a_fault_and_afterwards_it_goes_on(
    alpaca: AlpacaServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.collectors import alpaca_http, alpaca_stream

    monkeypatch.setattr(alpaca_http, "READ_SECONDS", 0.2)
    monkeypatch.setattr(alpaca_http, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(alpaca_stream, "OPEN_SECONDS", 0.3)
    await asyncio.to_thread(alpaca_client.load)
    alpaca.fault = fault
    async with watching(alpaca) as watch:
        await watch.until_error(SourceError, "polling: Alpaca")
        assert not isinstance(watch.errors[0], SourceRefused)
        alpaca.fault = ""
        await subscribed(watch, alpaca)


async def test_a_rate_limit_is_heeded_and_no_reason_to_give_the_socket_up(alpaca: AlpacaServer) -> None:
    alpaca.fail(429, {"Retry-After": "30"}, '{"message": "too many requests."}')
    async with watching(alpaca, poll_seconds=0.01) as watch:
        await watch.until(lambda: watch.alpaca._rest.barred_seconds > 25)
        await subscribed(watch, alpaca)
        await alpaca.drop()
        await subscribed(watch, alpaca, 302.0)
        assert watch.alpaca._rest.barred_seconds <= 30
        assert watch.errors == []
    assert alpaca.asked["/v2/stocks/snapshots"] == 1


async def test_without_retry_after_alpacas_own_reset_is_heeded(alpaca: AlpacaServer) -> None:
    alpaca.socket_fault = "503"
    alpaca.fail(429, {"X-RateLimit-Reset": str(int(time.time()) + 40)})
    async with watching(alpaca) as watch:
        await watch.until_error(SourceError, "polling: rate-limited, not asked again for")
        assert 30 < watch.alpaca._rest.barred_seconds <= 40


async def test_its_supervisor_says_how_it_is(alpaca: AlpacaServer) -> None:
    said: list[FeedStatus] = []
    collector = AlpacaCollector(source(alpaca), session=lambda _ts: "regular", backoff_max=0.05)
    supervisor = Supervisor(collector, TickQueue(1000), on_status=said.append,
                            backoff_initial=0.01, backoff_max=0.05)  # fmt: skip
    await alpaca.stop()
    running = asyncio.create_task(supervisor.run())
    await until(lambda: any(one.state == "down" for one in said))
    await alpaca.start()
    await until(lambda: supervisor.state == "up")
    running.cancel()
    await asyncio.wait({running}, timeout=10)
    assert running.done()


async def test_a_silent_socket_is_said_to_be_silent(alpaca: AlpacaServer) -> None:
    alpaca.mute = True
    async with watching(alpaca, silence_seconds=0.1) as watch:
        await watch.until(lambda: isinstance(watch.alpaca._fault, SourceSilent))
