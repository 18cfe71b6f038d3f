"""Kraken spot from a loopback server that speaks its REST and WebSocket v2, by ccxt and our own decoder.

Shapes: see ``tests/fixtures/kraken_server.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

pytest.importorskip("ccxt")

from bot.collectors.exchange_client import make
from bot.collectors.exchange_doctor import look
from bot.config import ExchangeSource
from bot.engine import Engine
from bot.errors import SourceError, SourceRefused, SourceSilent
from bot.pools.book import decode_book
from bot.timefmt import NS
from bot.types import Quarantined, Tick
from tests.fixtures.engine import config
from tests.fixtures.exchange import Hurried, registry, watching
from tests.fixtures.exchange_server import ExchangeServer, serving
from tests.fixtures.kraken_server import KrakenServer, Pair, stamp

MARKETS = {"AAPLx": "AAPLx/USD", "TSLAx": "TSLAx/USD", "USDC": "USDC/USD"}
AAPL, TSLA, USDC = "AAPLx@kraken", "TSLAx@kraken", "USDC@kraken"


def urls(server: ExchangeServer) -> dict[str, Any]:
    return {"rest_url": server.rest_url, "websocket_url": server.websocket_url}


# -- what is told ------------------------------------------------------------------------------------------


async def test_books_of_tokens_and_coins_come_executable() -> None:
    async with watching(KrakenServer(), "kraken", MARKETS) as watch:
        await watch.until(lambda: all(watch.of(one) for one in (AAPL, TSLA, USDC)))
        tick = watch.of(AAPL)[0]
        assert (tick.bid, tick.ask) == (249.99, 250.01)
        curve = decode_book(tick.data or "", 0.001)
        assert curve is not None
        bought = curve.buy(500)
        assert bought is not None
        assert bought.price == pytest.approx(250.01 * 1.001)
        assert (watch.of(USDC)[0].bid, watch.of(USDC)[0].ask) == (0.9997, 0.9999)
        assert watch.errors == []
        assert watch.bad == []


async def test_updates_move_the_book_and_bear_krakens_time() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        when = time.time() - 1.5
        await server.change(AAPL.partition("@")[0] + "/USD", "bids", "250.00", "3", when=stamp(when))
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 250.0)
        tick = watch.of(AAPL)[-1]
        assert tick.received - tick.ts >= 0
        assert watch.book(AAPL)["bids"][:2] == [[250.0, 3.0], [249.99, 1.5]]
        await server.change("AAPLx/USD", "bids", "250.00", "0")
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 249.99)


async def test_depth_is_cut_to_what_was_asked_for() -> None:
    async with watching(KrakenServer(), "kraken", MARKETS, depth=3) as watch:
        await watch.until(lambda: watch.of(AAPL))
        assert len(watch.book(AAPL)["bids"]) == len(watch.book(AAPL)["asks"]) == 3


async def test_trades_are_told_once_each_and_of_tokens_only() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        await server.trade("AAPLx/USD", "250.01", "2")
        await server.trade("AAPLx/USD", "250.01", "2", same=True)
        await server.trade("AAPLx/USD", "250.00", "1")
        await watch.until(lambda: len(watch.of(AAPL, "trade")) == 2)
        tick = watch.of(AAPL, "trade")[0]
        assert (tick.price, tick.size) == (250.01, 500.02)
        assert json.loads(tick.data or "") == {"side": "buy"}
        asked = [one["params"] for one in server.requests if one["params"]["channel"] == "trade"]
        assert asked == [{"channel": "trade", "symbol": ["AAPLx/USD", "TSLAx/USD"], "snapshot": False}]


async def test_trades_may_be_left_out() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS, trades=False) as watch:
        await watch.until(lambda: watch.of(AAPL))
        assert "trade" not in {one["params"]["channel"] for one in server.requests}


async def test_terms_of_a_market_are_told_at_the_start() -> None:
    async with watching(KrakenServer(), "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        told = json.loads(watch.of(AAPL, "status")[0].data or "")
        assert told["state"] == "open"
        terms = told["terms"]
        assert (terms["taker"], terms["maker"]) == (0.001, -0.0002)
        assert (terms["lot"], terms["tick"], terms["minimum_tokens"], terms["minimum_quote"]) == (
            1e-8,
            0.01,
            0.01,
            0.5,
        )


async def test_many_updates_become_one_quote_with_the_last_of_them() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS, quote_seconds=0.2) as watch:
        await watch.until(lambda: watch.of(AAPL))
        for size in range(1, 51):
            await server.change("AAPLx/USD", "bids", "249.99", str(size))
        await watch.until(lambda: watch.book(AAPL)["bids"][0] == [249.99, 50.0])
        assert len(watch.of(AAPL)) <= 4


async def test_book_with_one_side_is_halted_and_comes_back() -> None:
    pair = Pair("AAPLx/USD", True).fill("250.00", levels=1)
    server = KrakenServer(pair)
    async with watching(server, "kraken", {"AAPLx": "AAPLx/USD"}) as watch:
        await watch.until(lambda: watch.of(AAPL))
        await server.change("AAPLx/USD", "asks", "250.01", "0")
        await watch.until(lambda: watch.state(AAPL) == ("halted", "no asks in the book"))
        await server.change("AAPLx/USD", "asks", "250.02", "1")
        await watch.until(lambda: watch.of(AAPL)[-1].ask == 250.02)


# -- whether it trades -------------------------------------------------------------------------------------


async def test_pair_that_is_halted_is_not_quoted_until_it_trades_again() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL) and watch.of(TSLA))
        await server.set_pair("AAPLx/USD", "cancel_only")
        await watch.until(lambda: watch.state(AAPL) == ("halted", "AAPLx/USD is in cancel_only"))
        quotes = len(watch.of(AAPL))
        await server.change("AAPLx/USD", "bids", "250.00", "3")
        await server.change("TSLAx/USD", "bids", "400.00", "3")
        await watch.until(lambda: watch.of(TSLA)[-1].bid == 400.0)
        assert len(watch.of(AAPL)) == quotes
        await server.set_pair("AAPLx/USD", "online")
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 250.0)
        assert watch.state(AAPL) == ("open", "")


async def test_maintenance_halts_every_market() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: all(watch.of(one) for one in (AAPL, TSLA, USDC)))
        await server.set_system("maintenance")
        await watch.until(lambda: all(watch.state(one)[0] == "halted" for one in (AAPL, TSLA, USDC)))
        assert watch.state(AAPL)[1] == "Kraken is in maintenance"
        await server.set_system("online")
        await watch.until(lambda: all(watch.state(one)[0] == "open" for one in (AAPL, TSLA, USDC)))


async def test_market_halted_from_the_start_is_told_so() -> None:
    server = KrakenServer()
    server.pairs["AAPLx/USD"].status = "cancel_only"
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(TSLA))
        assert watch.state(AAPL)[0] == "halted"
        assert watch.of(AAPL) == []


async def test_market_that_is_not_listed_is_closed_and_the_others_go_on() -> None:
    async with watching(KrakenServer(), "kraken", {**MARKETS, "NVDAx": "NVDAx/USD"}) as watch:
        await watch.until(lambda: watch.of(AAPL))
        assert watch.state("NVDAx@kraken") == ("closed", "NVDAx/USD is not listed")
        assert [(one.instrument, one.reason) for one in watch.bad] == [("NVDAx@kraken", "not_listed")]


async def test_market_in_another_currency_than_the_registry_says_is_refused() -> None:
    server = KrakenServer(Pair("AAPLx/EUR", True).fill("230.00"), Pair("TSLAx/USD", True).fill("400"))
    server.pairs["AAPLx/EUR"].quote = "EUR"
    asset_pair = server._asset_pair
    server._asset_pair = lambda pair: {**asset_pair(pair), "quote": "Z" + pair.quote}  # type: ignore[method-assign]  # the server's
    async with watching(server, "kraken", {"AAPLx": "AAPLx/EUR", "TSLAx": "TSLAx/USD"}) as watch:
        await watch.until(lambda: watch.of(TSLA))
        assert watch.state(AAPL)[0] == "closed"
        assert "priced in" in watch.state(AAPL)[1]


async def test_market_in_euros_reaches_the_engine_in_dollars_and_not_without_a_rate() -> None:
    server = KrakenServer(Pair("AAPLx/EUR", True).fill("230.00"))
    server.pairs["AAPLx/EUR"].quote = "EUR"
    asset_pair = server._asset_pair
    server._asset_pair = lambda pair: {**asset_pair(pair), "quote": "Z" + pair.quote}  # type: ignore[method-assign]  # the server's
    name, engine = "AAPLx@kraken_eur", Engine(config(), registry())
    async with watching(server, "kraken", {"AAPLx": "AAPLx/EUR"}, venue="kraken_eur") as watch:
        await watch.until(lambda: watch.of(name))
        quote = watch.of(name)[0]
        (told,) = engine.step(quote)
        assert isinstance(told, Quarantined)
        assert told.reason == "no_rate"
        engine.step(Tick(quote.ts, "EUR@kraken", "quote", bid=1.0799, ask=1.0801))
        engine.step(quote)
    assert quote.bid is not None
    state = engine.market.instruments[name]
    assert state.bid == pytest.approx(quote.bid * 1.08)
    assert state.curve is not None
    sold = state.curve.sell(50)
    assert sold is not None
    assert sold.price == pytest.approx(quote.bid * 1.08 * 0.999)


async def test_nothing_as_configured_is_a_refusal() -> None:
    async with watching(KrakenServer(), "kraken", {"NVDAx": "NVDAx/USD"}) as watch:
        await watch.until_error(SourceRefused, "NVDAx/USD is not listed")


async def test_market_without_a_book_is_down_and_the_others_go_on() -> None:
    server = KrakenServer()
    server.without_book = {"AAPLx/USD"}
    async with watching(server, "kraken", MARKETS, sleep=Hurried().sleep) as watch:
        await watch.until(lambda: watch.state(AAPL)[0] == "down" if watch.of(AAPL, "status") else False)
        assert watch.of(TSLA)
        pair = server.pairs["AAPLx/USD"]
        await server.say(pair.frame("snapshot", *pair.best(10), 10))
        await watch.until(lambda: watch.of(AAPL))
        assert watch.state(AAPL)[0] == "open"


# -- faults --------------------------------------------------------------------------------------------------


async def test_gap_is_found_by_the_checksum_and_healed_by_a_new_snapshot() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: all(watch.of(one) for one in (AAPL, TSLA, USDC)))
        await server.change("AAPLx/USD", "asks", "250.01", "0", send=False)  # lost on the way
        await server.change("AAPLx/USD", "bids", "249.99", "9")
        await watch.until(lambda: watch.of(AAPL)[-1].ask == 250.02)
        assert watch.book(AAPL)["bids"][0] == [249.99, 9.0]
        # The half-wrong book, new bid and old ask, was never told.
        assert (249.99, 250.01, 9.0) not in [
            (t.bid, t.ask, json.loads(t.data or "")["bids"][0][1]) for t in watch.of(AAPL)
        ]
        assert [one.reason for one in watch.bad] == ["checksum"]
        assert watch.collector.detail == "1 books subscribed to anew"
        methods = [one["method"] for one in server.requests if one["params"].get("symbol") == ["AAPLx/USD"]]
        assert methods == ["unsubscribe", "subscribe"]
        assert watch.errors == []
        assert server.handshakes == 1


async def test_wrong_checksums_again_and_again_are_an_error() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        for number in range(6):
            await watch.until(lambda snapshots=number + 3: server.snapshots >= snapshots and watch.of(AAPL))  # type: ignore[misc]  # a default binds it
            await server.change("AAPLx/USD", "bids", "249.99", str(number + 2), checksum=1)
        await watch.until_error(SourceError, "the book of AAPLx/USD was bad 6 times")


async def test_frames_out_of_order_and_again_change_nothing() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: all(watch.of(one) for one in (AAPL, TSLA, USDC)))
        first = await server.change("AAPLx/USD", "bids", "249.99", "5")
        await server.say(first)
        await server.change("AAPLx/USD", "bids", "249.99", "6")
        await watch.until(lambda: watch.book(AAPL)["bids"][0][1] == 6.0)
        assert watch.bad == []
        await server.say(first)
        await watch.until(lambda: watch.bad)
        assert watch.bad[0].reason == "out_of_order"
        await server.change("AAPLx/USD", "asks", "250.01", "7")
        await watch.until(lambda: watch.book(AAPL)["asks"][0][1] == 7.0)
        assert watch.book(AAPL)["bids"][0][1] == 6.0
        assert server.snapshots == 3


@pytest.mark.parametrize(
    "frame",
    ['{"channel":"book","type":"update","data":[{"sym', "[]", "\x00", '{"channel":"trade","data":[{}]}'],
)
async def test_malformed_frame_is_set_aside_and_the_next_one_read(frame: str) -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        await server.say(frame)
        await server.change("AAPLx/USD", "bids", "250.00", "3")
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 250.0)
        assert [one.reason for one in watch.bad] == ["malformed"]
        assert watch.errors == []


async def test_nothing_but_malformed_frames_is_an_error() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        for _ in range(50):
            await server.say("{")
        await watch.until_error(SourceError, "50 malformed frames in a row")


async def test_time_ahead_of_the_clock_is_set_aside() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        await server.change("AAPLx/USD", "bids", "250.00", "3", when=stamp(time.time() + 60))
        await watch.until(lambda: watch.bad)
        assert watch.bad[0].reason == "future"
        await server.change("AAPLx/USD", "bids", "250.00", "4")
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 250.0)


@pytest.mark.parametrize("how", ["closed", "dropped"])
async def test_lost_connection_is_an_error_and_all_is_back_with_the_next(how: str) -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        if how == "closed":
            await server.close_all()
        else:
            server.drop_all()
        await watch.until_error(SourceError, "socket closed by Kraken" if how == "closed" else "socket")
        await server.change("AAPLx/USD", "bids", "250.00", "3")
        await watch.until(lambda: watch.of(AAPL)[-1].bid == 250.0)
        stamps = [tick.ts for tick in watch.of(AAPL)]
        assert stamps == sorted(stamps)


async def test_close_while_subscribing_is_an_error_and_nothing_is_told_until_a_book_comes() -> None:
    server = KrakenServer()
    server.close_on_subscribe = True
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until_error(SourceError, "socket closed by Kraken")
        assert watch.ticks == []
        server.close_on_subscribe = False
        await watch.until(lambda: watch.of(AAPL))


async def test_half_open_connection_is_silent_within_its_time() -> None:
    server = KrakenServer()
    server.mute = True
    async with watching(server, "kraken", MARKETS, silence_seconds=0.3) as watch:
        began = time.monotonic()
        await watch.until_error(SourceSilent, "not even a heartbeat")
        assert time.monotonic() - began < 3
        server.mute = False
        await watch.until(lambda: watch.of(AAPL))


async def test_quiet_market_with_heartbeats_is_not_silent() -> None:
    server = KrakenServer()
    server.beat_seconds = 0.05
    async with watching(server, "kraken", MARKETS, silence_seconds=0.4) as watch:
        await watch.until(lambda: watch.of(AAPL))
        quiet_since = time.monotonic()
        await watch.until(lambda: time.monotonic() - quiet_since > 1.2)
        assert watch.errors == []


async def test_rate_limit_is_waited_for_as_long_as_asked() -> None:
    server, hurried = KrakenServer(), Hurried()
    server.answers = [(429, {"Retry-After": "7"}, "Too Many Requests")] * 2
    async with watching(server, "kraken", MARKETS, sleep=hurried.sleep) as watch:
        await watch.until_error(SourceError, "rate-limited: asked to wait 7 s")
        await watch.until(lambda: watch.of(AAPL))
        assert any(6 < wanted <= 7 for wanted in hurried.wanted)


async def test_rate_limit_without_a_time_is_a_refusal() -> None:
    server = KrakenServer()
    server.answers = [(429, {}, "Too Many Requests")] * 2
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until_error(SourceRefused, "rate-limited")


@pytest.mark.parametrize("status", [401, 403, 451])
async def test_refused_handshake_is_a_refusal(status: int) -> None:
    server = KrakenServer()
    server.refuse = (status, {})
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until_error(SourceRefused, f"{status}")


@pytest.mark.parametrize(
    ("status", "text"),
    [(500, "oops"), (502, "<html>"), (200, '{"error":["EService:Unavailable"]}'), (200, "{"), (200, "")],
)
async def test_answer_that_makes_no_sense_is_an_error_and_asked_for_again(status: int, text: str) -> None:
    server = KrakenServer()
    server.answers = [(status, {}, text)] * 2
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        assert watch.errors
        assert not any(isinstance(one, SourceRefused) for one in watch.errors)


async def test_nobody_listening_is_an_error() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS, rest_url="http://127.0.0.1:1") as watch:
        await watch.until_error(SourceError, "ExchangeNotAvailable")


async def test_closing_takes_no_longer_than_seconds_whatever_the_server_does() -> None:
    server = KrakenServer()
    async with watching(server, "kraken", MARKETS) as watch:
        await watch.until(lambda: watch.of(AAPL))
        server.mute = True
        began = time.monotonic()
        watch.task.cancel()
        await asyncio.wait({watch.task})
        assert time.monotonic() - began < 4


# -- ccxt's Kraken with tokenized stocks -------------------------------------------------------------------


async def test_ccxt_is_told_the_class_and_counts_tokens() -> None:
    async with serving(KrakenServer()) as server:
        source = ExchangeSource(markets=MARKETS, requests_per_second=1000, **urls(server))
        exchange = make(source, lambda _: None)
        try:
            await exchange.load_markets()
            market = exchange.market("AAPLx/USD")
            assert (market["base"], market["baseId"], market["quote"], market["id"]) == (
                "AAPLx",
                "AAPLx",
                "USD",
                "AAPLxUSD",
            )
            assert exchange.market("USDC/USD")["id"] == "USDCUSD"
            assert "AAPLX/USD" not in exchange.markets
            assert {"AAPLxUSD", "USDCUSD"} <= set(exchange.options["marketsByAltname"])
            assert (await exchange.fetch_ticker("AAPLx/USD"))["ask"] == 250.01
            assert (await exchange.fetch_ticker("USDC/USD"))["ask"] == 0.9999
            assert (await exchange.fetch_order_book("AAPLx/USD"))["bids"][0][:2] == [249.99, 1.5]
            assert (await exchange.fetch_trades("AAPLx/USD"))[0]["amount"] == 0.5
            exchange.apiKey, exchange.secret = "key", "c2VjcmV0"
            assert (await exchange.fetch_balance())["AAPLx"]["total"] == 1.0
            with pytest.raises(Exception, match="Permission denied") as caught:
                await exchange.create_order("AAPLx/USD", "limit", "buy", 1.0, 200.0)
            assert isinstance(exchange.meant(caught.value), SourceRefused)
        finally:
            await exchange.close()


async def test_ccxts_own_socket_knows_the_market_too() -> None:
    async with serving(KrakenServer()) as server:
        source = ExchangeSource(markets=MARKETS, requests_per_second=1000, **urls(server))
        exchange = make(source, lambda _: None)
        try:
            book = await asyncio.wait_for(exchange.watch_order_book("AAPLx/USD"), 5)
            assert book["bids"][0][:2] == [249.99, 1.5]
        finally:
            await exchange.close()


async def test_private_channels_are_told_in_tokens() -> None:
    async with serving(KrakenServer()) as server:
        exchange = make(
            ExchangeSource(markets=MARKETS, requests_per_second=1000, **urls(server)), lambda _: None
        )
        exchange.apiKey, exchange.secret = "key", "c2VjcmV0"
        try:
            async with asyncio.timeout(10):
                assert (await exchange.watch_balance())["AAPLx"]["total"] == 1.0
                order = (await exchange.watch_orders("AAPLx/USD"))[0]
            assert (order["symbol"], order["amount"], order["price"]) == ("AAPLx/USD", 1.0, 200.0)
        finally:
            await exchange.close()


async def test_doctor_sees_the_first_quote_or_what_is_wrong() -> None:
    async with serving(KrakenServer()) as server:
        given = {**urls(server), "requests_per_second": 1000}
        seen, wrong = await look(ExchangeSource(markets=MARKETS, **given), registry())
        assert "3 of 3 markets quoted" in seen
        assert wrong == []
        seen, wrong = await look(
            ExchangeSource(markets={**MARKETS, "NVDAx": "NVDAx/USD"}, **given), registry()
        )
        assert wrong == ["NVDAx@kraken is closed: NVDAx/USD is not listed"]


def test_stamps_are_as_kraken_writes_them() -> None:
    from bot.timefmt import parse

    assert parse(stamp(1_795_000_000.25)) == 1_795_000_000 * NS + NS // 4
