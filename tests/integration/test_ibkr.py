"""Share prices and halts through ib_async, from a server that speaks TWS's wire protocol.

Shapes: see ``tests/fixtures/ibkr_server.py``.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("ib_async")

from bot.collectors import ibkr as module
from bot.collectors import ibkr_client
from bot.collectors.ibkr import IbkrCollector
from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.config import IbkrSource
from bot.errors import SourceError, SourceRefused, SourceSilent
from bot.timefmt import NS
from bot.types import FeedStatus, Quarantined, Tick
from tests.fixtures.ibkr_server import DELAYED, FROZEN, Tws
from tests.fixtures.watch import Watch


@pytest.fixture
async def tws() -> AsyncIterator[Tws]:
    async with Tws() as server:
        yield server


class Ibkr(Watch):
    """A running collector of Interactive Brokers' prices, and what it set aside."""

    def __init__(self, tws: Tws, **keys: Any) -> None:
        self.bad: list[Quarantined] = []
        given: dict[str, Any] = {"symbols": ["TSLA", "SPY"], "port": tws.port, "quote_seconds": 0.0}
        self.ibkr = IbkrCollector(IbkrSource(**(given | keys)), on_bad=self.bad.append)
        super().__init__(self.ibkr)

    def quotes(self, symbol: str = "TSLA") -> list[Tick]:
        return [one for one in self.ticks if one.kind == "quote" and one.instrument == f"{symbol}@ibkr"]

    def states(self, symbol: str = "TSLA") -> list[tuple[str, str]]:
        """What was told of whether it trades, and can be had."""
        told = [json.loads(one.data or "") for one in self.ticks
                if one.kind == "status" and one.instrument == f"{symbol}@ibkr"]  # fmt: skip
        return [(one["state"], one["reason"]) for one in told]

    async def until_bid(self, bid: float | None, symbol: str = "TSLA") -> Tick:
        await self.until(lambda: (told := self.quotes(symbol)) and told[-1].bid == bid)
        return self.quotes(symbol)[-1]


@asynccontextmanager
async def watching(tws: Tws, **keys: Any) -> AsyncIterator[Ibkr]:
    watch = Ibkr(tws, **keys)
    try:
        yield watch
    finally:
        began = time.monotonic()
        watch.task.cancel()
        await asyncio.wait({watch.task}, timeout=20)
        assert time.monotonic() - began < 10, "it closes within seconds"


async def subscribed(watch: Ibkr) -> None:
    await watch.until(lambda: watch.quotes("TSLA") and watch.quotes("SPY"))


# -- prices ------------------------------------------------------------------------------------------------


async def test_a_live_quote_is_true_when_it_is_heard(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.quote("TSLA", 401.25, 401.75, last=401.5)
        tick = await watch.until_bid(401.25)
    assert (tick.bid, tick.ask, tick.price) == (401.25, 401.75, 401.5)
    assert tick.ts == tick.received
    assert abs(time.time_ns() - tick.ts) < 20 * NS
    assert json.loads(tick.data or "") == {"via": "tws", "type": "live"}
    assert (watch.bad, watch.states(), watch.ibkr.detail) == ([], [], "")


async def test_nothing_is_asked_but_what_it_is_for(tws: Tws) -> None:
    """Neither account nor positions nor orders: start, type, contract, subscription, the time."""
    async with watching(tws, silence_seconds=0.3) as watch:
        await subscribed(watch)
        await watch.until(lambda: any(one[0] == "49" for one in tws.asked))
    assert {one[0] for one in tws.asked} == {"71", "59", "9", "1", "49"}
    wanted = next(one for one in tws.asked if one[0] == "1")
    assert wanted[4:6] == ["TSLA", "STK"]
    assert wanted[10] == "SMART"
    assert wanted[12] == "USD"


async def test_no_bid_is_none_and_a_last_trade_alone_carries_its_own_time(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.quote("TSLA", -1, 402.0)
        assert (await watch.until_bid(None)).ask == 402.0
        seconds = int(time.time()) + 2
        tws.quote("TSLA", -1, -1, last=400.0, last_time=seconds)
        await watch.until(lambda: watch.quotes()[-1].ts == seconds * NS)
        assert (watch.quotes()[-1].bid, watch.quotes()[-1].ask, watch.quotes()[-1].price) == (None, None, 400)
        tws.quote("TSLA", 405.0, 404.0)
        await watch.until(lambda: watch.quotes()[-1].ts == seconds * NS)
        assert watch.quotes()[-1].bid is None, "of a crossed quote neither side is believed"


async def test_a_share_class_is_asked_for_as_interactive_brokers_writes_it(tws: Tws) -> None:
    tws.prices["BRK B"] = {1: 499.0, 2: 501.0}
    async with watching(tws, symbols=["BRK.B"]) as watch:
        await watch.until_bid(499.0, "BRK.B")


async def test_quotes_come_at_most_so_often_and_the_latest_wins(tws: Tws) -> None:
    async with watching(tws, quote_seconds=0.2) as watch:
        await subscribed(watch)
        for number in range(200):
            tws.quote("TSLA", 300.0 + number, 600.0)
        await watch.until_bid(499.0)
        assert len(watch.quotes()) < 20


# -- late data -----------------------------------------------------------------------------------------------


async def test_delayed_data_is_marked_and_dated_so(tws: Tws) -> None:
    tws.kind = DELAYED
    async with watching(tws, market_data="delayed") as watch:
        await subscribed(watch)
        tick = watch.quotes()[-1]
        assert watch.ibkr.detail == "2 of 2 shares delayed or frozen"
    assert ["59", "1", "3"] in tws.asked
    assert (tick.bid, tick.ask, tick.price) == (399.9, 400.1, 400.0)
    assert tick.received - tick.ts == 900 * NS
    assert json.loads(tick.data or "") == {"via": "tws", "type": "delayed", "delayed_seconds": 900}


async def test_delayed_data_that_nobody_asked_for_is_not_passed_as_live_either(tws: Tws) -> None:
    tws.kind = DELAYED
    async with watching(tws) as watch:
        await subscribed(watch)
        assert watch.quotes()[-1].received - watch.quotes()[-1].ts == 900 * NS


async def test_delayed_data_after_live_is_old_news(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        number, request = len(watch.quotes()), tws.clients[0].subscribed["TSLA"]
        tws.frame(58, 1, request, DELAYED)
        tws.frame(1, 6, request, 66, 390.0, 3, 0)
        tws.quote("SPY", 601.0, 602.0)
        await watch.until_bid(601.0, "SPY")
        assert len(watch.quotes()) == number


async def test_a_frozen_quote_is_as_old_as_the_last_trade(tws: Tws) -> None:
    tws.kind = FROZEN
    closed = int(time.time()) - 40_000
    tws.prices["TSLA"][45] = closed
    async with watching(tws) as watch:
        await watch.until(lambda: watch.quotes() and watch.bad)
    assert (watch.quotes()[0].ts, watch.quotes()[0].bid) == (closed * NS, 399.9)
    assert json.loads(watch.quotes()[0].data or "")["type"] == "frozen"
    assert (watch.bad[0].instrument, watch.bad[0].reason) == ("SPY@ibkr", "no_time")


# -- halts ---------------------------------------------------------------------------------------------------


async def test_a_halt_is_told_and_so_is_its_end(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.quote("TSLA", 400.0, 401.0, halted=0)
        tws.quote("TSLA", 400.0, 401.0, halted=2)
        await watch.until(lambda: watch.states() == [("halted", "volatility halt")])
        tws.quote("TSLA", 400.0, 401.0, halted=0)
        await watch.until(lambda: watch.states()[1:] == [("up", "")])
        tws.quote("TSLA", 400.0, 401.0, halted=1)
        await watch.until(lambda: watch.states()[2:] == [("halted", "trading halt")])
    assert watch.states("SPY") == []


async def test_a_halt_that_began_before_is_told_at_once(tws: Tws) -> None:
    tws.prices["TSLA"][49] = 1
    async with watching(tws) as watch:
        await watch.until(lambda: watch.states() == [("halted", "trading halt")])


@pytest.mark.parametrize(("now", "told"), [(0, ("up", "")), (1, ("halted", "trading halt"))])
async def test_what_was_told_before_tws_was_lost_is_told_anew(
    tws: Tws, now: int, told: tuple[str, str]
) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.quote("TSLA", 400.0, 401.0, halted=1)
        await watch.until(lambda: watch.states() == [("halted", "trading halt")])
        tws.prices["TSLA"][49] = now
        tws.drop()
        await watch.until(lambda: watch.states()[1:] == [told])
    assert watch.states("SPY") == []


# -- no ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [354, 10089, 10168, 10186])
async def test_a_share_without_subscription_is_said_to_be_down_and_the_others_go_on(
    tws: Tws, code: int
) -> None:
    tws.refused["TSLA"] = code, "Requested market data is not subscribed"
    async with watching(tws) as watch:
        await watch.until(lambda: watch.states() and watch.quotes("SPY"))
        assert watch.states() == [("down", f"Requested market data is not subscribed ({code})")]
        assert "TSLA: Requested market data" in watch.ibkr.detail
        tws.refused.clear()
        tws.error(1101, "Connectivity restored, data lost")
        await watch.until(lambda: watch.states()[1:] == [("up", "")])


async def test_without_any_subscription_it_is_a_refusal(tws: Tws) -> None:
    tws.refused = dict.fromkeys(("TSLA", "SPY"), (354, "Requested market data is not subscribed."))
    async with watching(tws) as watch:
        await watch.until_error(SourceRefused, "no share can be had: Requested market data is not subscribed")


async def test_a_competing_session_passes_and_is_no_refusal(tws: Tws) -> None:
    tws.refused = dict.fromkeys(("TSLA", "SPY"), (10197, "No market data during competing live session"))
    async with watching(tws) as watch:
        await watch.until_error(SourceError, "competing live session")
        assert not isinstance(watch.errors[0], SourceRefused)
        tws.refused.clear()
        await subscribed(watch)


async def test_an_unknown_symbol_is_named_and_the_others_go_on(tws: Tws) -> None:
    async with watching(tws, symbols=["NOPE", "TSLA"]) as watch:
        await watch.until(watch.quotes)
    assert [(one.instrument, one.reason) for one in watch.bad] == [("NOPE@ibkr", "not_listed")]
    assert watch.states("NOPE")[0][0] == "down"
    async with watching(tws, symbols=["NOPE"]) as watch:
        await watch.until_error(SourceRefused, "no share can be had: NOPE: No security definition")


async def test_a_client_id_that_is_in_use_is_a_refusal_that_says_so_at_once(tws: Tws) -> None:
    tws.taken.add(57)
    began = time.monotonic()
    async with watching(tws) as watch:
        await watch.until_error(SourceRefused, "client_id 57 is in use")
        assert time.monotonic() - began < 10
        tws.taken.clear()
        await subscribed(watch)


async def test_after_a_connection_of_our_own_the_same_is_only_a_fault(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.taken.add(57)
        tws.drop()
        await watch.until_error(SourceError, "client_id 57 is in use")
        assert not any(isinstance(one, SourceRefused) for one in watch.errors)


# -- faults --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_after_a_restart_of_tws_it_connects_and_subscribes_anew(tws: Tws, how: str) -> None:
    async with watching(tws) as watch:
        for number in range(3):
            await watch.until(lambda: tws.clients and "SPY" in tws.clients[0].subscribed)
            tws.quote("TSLA", 410.0 + number, 420.0)
            await watch.until_bid(410.0 + number)
            getattr(tws, how)()
            await watch.until(lambda number=number: len(watch.errors) == number + 1)
        assert all("TWS closed the connection" in str(one) for one in watch.errors)
        await watch.until(lambda: watch.ibkr.connections == tws.connections == 4)


async def test_nobody_listening_is_told_with_what_to_do(tws: Tws) -> None:
    await tws.stop()
    async with watching(tws) as watch:
        await watch.until_error(SourceError, f"nobody listens at 127.0.0.1:{tws.port}")
        await tws.start()
        await subscribed(watch)


async def test_tws_that_accepts_and_says_nothing_is_given_up(
    tws: Tws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibkr_client, "OPEN_SECONDS", 0.2)
    tws.mute = True
    async with watching(tws) as watch:
        await watch.until_error(SourceError, "did not greet within 0.2 s")
        tws.mute = False
        await subscribed(watch)


async def test_tws_that_falls_silent_is_noticed_by_what_it_does_not_answer(tws: Tws) -> None:
    async with watching(tws, silence_seconds=0.2) as watch:
        await subscribed(watch)
        tws.mute = True
        await watch.until_error(SourceSilent, "TWS has not answered")
        tws.mute = False
        tws.quote("TSLA", 403.0, 404.0)
        await watch.until_bid(403.0)


async def test_a_quiet_market_is_not_a_silent_tws(tws: Tws) -> None:
    async with watching(tws, silence_seconds=0.2) as watch:
        await subscribed(watch)
        await watch.until(lambda: sum(one[0] == "49" for one in tws.asked) > 10)
        assert (watch.errors, tws.connections) == ([], 1)


async def test_when_a_farm_breaks_shares_are_down_and_are_subscribed_to_anew_when_it_is_back(
    tws: Tws,
) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.error(2103, "Market data farm connection is broken:eufarm")
        tws.error(2105, "HMDS data farm connection is broken:ushmds")
        tws.error(2103, "Market data farm connection is broken:usfarm")
        await watch.until(lambda: watch.states() and watch.states("SPY"))
        assert watch.states() == [("down", "market data farm usfarm is broken (2103)")]
        assert watch.ibkr.detail == "market data farms broken: eufarm, usfarm"
        assert watch.ibkr.subscribed == 2
        tws.error(2104, "Market data farm connection is OK:usfarm")
        await watch.until(lambda: watch.states()[1:] == [("up", "")] == watch.states("SPY")[1:])
        assert watch.ibkr.subscribed == 4
        tws.quote("TSLA", 406.0, 407.0)
        await watch.until_bid(406.0)
        assert (watch.errors, tws.connections) == ([], 1)


async def test_messages_that_a_farm_is_well_or_asleep_change_nothing(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        for code in (2104, 2106, 2108, 2107, 2158, 2119, 10167, 10090):
            tws.error(code, "Market data farm connection is as it is:usfarm")
        tws.quote("TSLA", 406.0, 407.0)
        await watch.until_bid(406.0)
        assert (watch.states(), watch.ibkr.subscribed, watch.errors) == ([], 2, [])


async def test_a_subscription_that_has_ended_is_made_anew(tws: Tws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BROKEN_OFF_SECONDS", 0.01)
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.error(10182, "Failed to request live updates (disconnected)", tws.clients[0].subscribed["TSLA"])
        await watch.until(lambda: watch.ibkr.subscribed == 4)
        await watch.until(lambda: [state for state, _ in watch.states()] == ["down", "up"])
    assert (watch.states("SPY"), watch.errors) == ([], [])


@pytest.mark.parametrize(("lost", "back"), [(1100, 1102), (1100, 1101), (2110, 1102)])
async def test_tws_without_interactive_brokers_is_down_until_that_is_over(
    tws: Tws, lost: int, back: int
) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.error(lost, "Connectivity has been lost")
        await watch.until(watch.states)
        assert watch.states() == [("down", f"TWS has lost Interactive Brokers ({lost})")]
        tws.error(back, "Connectivity has been restored")
        await watch.until(lambda: watch.states()[1:] == [("up", "")])
        assert watch.errors == []


async def test_a_port_that_tws_has_changed_is_told(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        tws.error(1300, "TWS socket port has been reset and this connection is being dropped")
        await watch.until_error(SourceError, "set port")


async def test_what_cannot_be_read_is_set_aside_and_the_next_price_is_taken(tws: Tws) -> None:
    async with watching(tws) as watch:
        await subscribed(watch)
        request = tws.clients[0].subscribed["TSLA"]
        tws.frame(1, 6, request, 1, "dear", 3, 0)
        tws.frame("nonsense")
        tws.frame(999, 1)
        tws.frame(1)
        tws.raw(struct.pack(">I", 5) + b"\xff\xfe\0\xff\0")
        tws.quote("TSLA", 407.0, 408.0)
        await watch.until_bid(407.0)
    assert [one.reason for one in watch.bad] == ["malformed"] * 5
    assert tws.connections == 1


async def test_a_length_that_cannot_be_is_noticed_by_the_silence_after_it(tws: Tws) -> None:
    async with watching(tws, silence_seconds=0.2) as watch:
        await subscribed(watch)
        tws.raw(struct.pack(">I", 2**32 - 1) + b"\0" * 10)
        await watch.until_error(SourceSilent, "")
        await watch.until(lambda: watch.ibkr.connections == 2)


@pytest.mark.parametrize("greeting", ["99\0then\0", "x\0y\0", "a\0b\0c\0"])
async def test_a_greeting_that_is_none_is_a_fault(
    tws: Tws, greeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibkr_client, "OPEN_SECONDS", 0.5)
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, _context: None
    )  # ib_async raises in a callback
    tws.greeting = greeting
    async with watching(tws) as watch:
        await watch.until_error(SourceError, "TWS")
        assert not isinstance(watch.errors[0], SourceRefused)


async def test_its_supervisor_tells_the_engine_when_tws_is_gone_and_back(tws: Tws) -> None:
    said: list[FeedStatus] = []
    collector = IbkrCollector(IbkrSource(symbols=["TSLA"], port=tws.port))
    queue = TickQueue(1000)
    supervisor = Supervisor(collector, queue, on_status=said.append, backoff_initial=0.01, backoff_max=0.02,
                            grace_seconds=0.02)  # fmt: skip
    await tws.stop()
    running = asyncio.create_task(supervisor.run())
    states: list[str] = []
    async with asyncio.timeout(20):
        while "down" not in states:
            states += [json.loads(one.data or "{}").get("state", "") for _, one in await queue.get_batch(10)]
        await tws.start()
        while "up" not in states:
            states += [json.loads(one.data or "{}").get("state", "") for _, one in await queue.get_batch(10)]
    running.cancel()
    await asyncio.wait({running}, timeout=10)
    assert running.done()
    assert any("nobody listens" in one.detail for one in said)


def test_every_farm_that_serves_us_shares_begins_alike() -> None:
    """As TWS names them: usfarm, usfarm.nj, usfarm.us; but not ushmds, usfuture, usopt."""
    assert [one.startswith(module.US_FARM) for one in ("usfarm.nj", "usfarm", "ushmds", "usopt")] == [
        True, True, False, False,
    ]  # fmt: skip
