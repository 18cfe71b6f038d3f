"""Option chains through yfinance, from a server that speaks Yahoo's wire format.

Shapes: see ``tests/fixtures/yahoo_server.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("yfinance")

from bot.collectors import yahoo_ask
from bot.collectors.yahoo_options import YahooOptions
from bot.config import YahooOptionsSource
from bot.errors import SourceError, SourceRefused
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Ns, Quarantined, Session, Tick
from tests.fixtures.watch import Watch
from tests.fixtures.yahoo_server import YahooServer, contract

NOW = at("2026-11-24T17:00:00Z")
"""A Tuesday, noon in New York."""
NEAR, FAR = date(2026, 12, 18), date(2027, 6, 18)


def occ(day: date, side: str, strike: float, root: str = "TSLA") -> str:
    return f"{root}{day:%y%m%d}{side}{round(strike * 1000):08d}"


def row(day: date, side: str, strike: float, *, root: str = "TSLA", **fields: Any) -> dict[str, Any]:
    seconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return contract(occ(day, side, strike, root), strike, seconds, **fields)


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    with YahooServer() as server:
        server.set_chain(
            "TSLA",
            [row(day, side, strike) for day in (date(2026, 11, 24), NEAR, FAR) for side in "CP"
             for strike in (200.0, 380.0, 400.0, 420.0, 900.0)],
            regularMarketPrice=400.0, marketState="REGULAR",
        )  # fmt: skip
        yield server


class Options(Watch):
    """A running collector of chains, at a time of the test's choice."""

    def __init__(self, yahoo: YahooServer, cache: Path, *, now: Ns = NOW, **keys: Any) -> None:
        self.bad: list[Quarantined] = []
        self.now = now
        given: dict[str, Any] = {"symbols": ["TSLA"], "poll_seconds": 0.02, "requests_per_second": 500}
        self.options = YahooOptions(
            YahooOptionsSource(query_url=yahoo.query_url, **(given | keys)),
            cache=cache, clock=lambda: self.now, on_bad=self.bad.append, session=session,
        )  # fmt: skip
        super().__init__(self.options)

    def of(self, symbol: str) -> list[Tick]:
        return [one for one in self.ticks if one.instrument == f"{symbol}@yahoo"]


def session(ts: Ns) -> Session:
    """New York's regular hours in winter, Thanksgiving left out."""
    moment = datetime.fromtimestamp(ts / NS, UTC)
    open_now = 14.5 * 3600 <= ts // NS % 86_400 < 21 * 3600
    if moment.weekday() >= 5:
        return "weekend"
    return "holiday" if moment.date() == date(2026, 11, 26) else "regular" if open_now else "overnight"


@asynccontextmanager
async def watching(yahoo: YahooServer, cache: Path, **more: Any) -> AsyncIterator[Options]:
    watch = Options(yahoo, cache, **more)
    try:
        yield watch
    finally:
        began = time.monotonic()
        watch.task.cancel()
        await asyncio.wait({watch.task}, timeout=20)
        assert time.monotonic() - began < 10, "it closes within seconds"


async def test_each_option_of_use_is_a_quote_under_its_occ_symbol(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {
        f"{occ(NEAR, side, strike)}@yahoo" for side in "CP" for strike in (380.0, 400.0, 420.0)
    }
    tick = watch.of("TSLA261218C00400000")[0]
    assert (tick.kind, tick.bid, tick.ask, tick.price) == ("quote", 4.9, 5.1, 5.0)
    assert json.loads(tick.data or "") == {
        "bid_size": None, "ask_size": None, "open_interest": 100, "style": "american", "shares": 100,
        "traded_ns": at("2026-11-18T00:00:00Z"), "delayed_seconds": 900.0,
    }  # fmt: skip
    assert watch.bad == []


async def test_only_expiries_of_use_are_asked_for(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path, poll_seconds=60) as watch:
        await watch.until(lambda: watch.options.rounds)
        assert yahoo.options == ["TSLA", "TSLA 1797552000"]
    async with watching(yahoo, tmp_path, poll_seconds=60, min_days=0, max_days=300) as watch:
        await watch.until(lambda: watch.options.rounds)
        assert [one.partition(" ")[2] for one in yahoo.options[3:]] == [
            "1795478400", "1797552000", "1813276800",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "true_at"),
    [
        ("2026-11-24T17:00:00Z", "2026-11-24T16:45:00Z"),  # in session: as late as Yahoo says it is
        ("2026-11-24T14:40:00Z", "2026-11-23T21:00:00Z"),  # opened less than 15 minutes ago
        ("2026-11-24T21:10:00Z", "2026-11-24T20:55:00Z"),
        ("2026-11-25T03:00:00Z", "2026-11-24T21:00:00Z"),
        ("2026-11-29T12:00:00Z", "2026-11-27T21:00:00Z"),  # Sunday
        ("2026-11-26T18:00:00Z", "2026-11-25T21:00:00Z"),  # Thanksgiving
    ],
)
async def test_a_quote_is_as_old_as_it_is_and_not_as_old_as_the_last_trade(
    yahoo: YahooServer, tmp_path: Path, now: str, true_at: str
) -> None:
    async with watching(yahoo, tmp_path, now=at(now)) as watch:
        await watch.until(lambda: watch.of("TSLA261218P00380000"))
    tick = watch.of("TSLA261218P00380000")[0]
    assert (tick.ts, tick.received) == (at(true_at), at(now))


async def test_a_quote_that_stands_is_told_again_only_when_it_was_true_later(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path, now=at("2026-11-25T03:00:00Z")) as watch:
        await watch.until(lambda: watch.options.rounds >= 3)
        assert len(watch.of("TSLA261218C00400000")) == 1
        watch.now = NOW + 86_400 * NS
        await watch.until(lambda: len(watch.of("TSLA261218C00400000")) == 2)


async def test_when_our_clock_was_ahead_what_it_dated_wrong_is_no_reason_to_be_silent(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path, now=NOW + 3600 * NS) as watch:
        await watch.until(lambda: watch.of("TSLA261218C00400000"))
        watch.now = NOW
        await watch.until(lambda: watch.of("TSLA261218C00400000")[-1].ts == NOW - 900 * NS)


async def test_a_side_without_a_price_is_none_and_a_crossed_quote_is_not_believed(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    never = {"lastPrice": 0.0, "lastTradeDate": None, "openInterest": None}
    yahoo.set_chain(
        "TSLA",
        [row(NEAR, "C", 400.0, bid=0.0, ask=0.05), row(NEAR, "P", 400.0, bid=6.0, ask=5.0),
         row(NEAR, "P", 380.0, bid=0.0, ask=0.0, **never)],
        regularMarketPrice=400.0,
    )  # fmt: skip
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds)
    told = {one.instrument[:-6]: (one.bid, one.ask, one.price) for one in watch.ticks}
    assert told == {
        occ(NEAR, "C", 400.0): (None, 0.05, 5.0),
        occ(NEAR, "P", 400.0): (None, None, 5.0),
        occ(NEAR, "P", 380.0): (None, None, None),
    }
    data = json.loads(watch.of(occ(NEAR, "P", 380.0))[0].data or "")
    assert (data["open_interest"], data["traded_ns"]) == (None, None)


async def test_adjusted_mini_and_foreign_contracts_are_left_out(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.set_chain(
        "TSLA",
        [row(NEAR, "C", 400.0), row(NEAR, "C", 390.0, root="TSLA1"), row(NEAR, "C", 395.0, root="TSLB"),
         row(NEAR, "C", 385.0, contractSize="MINI"), row(NEAR, "C", 410.0, currency="CAD"),
         row(NEAR, "C", 415.0) | {"contractSymbol": "TSLA261318C00415000"},
         row(NEAR, "C", 416.0) | {"contractSymbol": "nonsense-C"}],
        regularMarketPrice=400.0,
    )  # fmt: skip
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {"TSLA261218C00400000@yahoo"}
    assert {one.reason for one in watch.bad} == {"wrong_id", "wrong_currency"}


async def test_strikes_are_chosen_by_the_price_of_the_session_that_it_is(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    yahoo.set_chain(
        "TSLA", [row(NEAR, "C", 400.0), row(NEAR, "C", 500.0)], regularMarketPrice=400.0,
        marketState="POST", postMarketPrice=500.0,
    )  # fmt: skip
    async with watching(yahoo, tmp_path, strikes_within=0.1) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {"TSLA261218C00500000@yahoo"}


async def test_a_share_class_is_asked_for_as_yahoo_writes_it(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.set_chain("BRK-B", [row(NEAR, "C", 500.0, root="BRKB")], regularMarketPrice=500.0)
    async with watching(yahoo, tmp_path, symbols=["BRK.B"]) as watch:
        await watch.until(lambda: watch.ticks)
    assert {one.instrument for one in watch.ticks} == {"BRKB261218C00500000@yahoo"}


async def test_a_crumb_that_has_expired_is_replaced(yahoo: YahooServer, tmp_path: Path) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds)
        yahoo.crumb = "another.Crumb/2"
        rounds = watch.options.rounds
        await watch.until(lambda: watch.options.rounds > rounds + 1)
        assert watch.errors == []


async def test_a_share_without_options_is_named_and_the_others_go_on(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path, symbols=["NOPE", "TSLA"]) as watch:
        await watch.until(lambda: watch.options.rounds)
        assert watch.options.detail == "6 options of 1 shares of 2; NOPE: NOPE: Yahoo lists no options on it"
    assert [(one.instrument, one.reason) for one in watch.bad[:1]] == [("NOPE@yahoo", "no_chain")]
    async with watching(yahoo, tmp_path, symbols=["NOPE"]) as watch:
        await watch.until_error(SourceError, "Yahoo lists no options on it")


@pytest.mark.parametrize(("status", "said"), [(401, "refused"), (403, "refused"), (429, "rate-limited")])
async def test_no_is_a_refusal_and_it_is_not_asked_again_at_once(
    yahoo: YahooServer, tmp_path: Path, status: int, said: str
) -> None:
    yahoo.answer_http(status)
    async with watching(yahoo, tmp_path) as watch:
        await watch.until_error(SourceRefused, f"{said} by Yahoo (HTTP {status})")
        assert 25 < watch.options.barred_seconds() <= 60
        assert watch.ticks == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(503, "down", "HTTP 503"), (200, "{", "JSONDecodeError"), (200, "[]", "AttributeError"),
     (200, '{"optionChain": {"result": [{}]}}', "KeyError")],
)  # fmt: skip
async def test_what_makes_no_sense_is_a_fault_and_afterwards_it_goes_on(
    yahoo: YahooServer, tmp_path: Path, status: int, body: str, said: str
) -> None:
    yahoo.answer_http(status, body)
    async with watching(yahoo, tmp_path) as watch:
        await watch.until_error(SourceError, said)
        yahoo.answer_http(None)
        await watch.until(lambda: watch.options.rounds)


@pytest.mark.parametrize("fault", ["reset", "half-open", "truncated"])
async def test_a_connection_that_comes_to_nothing_is_a_fault_within_the_limit(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yahoo_ask, "ASK_SECONDS", 0.4)

    async def misbehave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault == "truncated":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            await writer.drain()
        if fault != "half-open":
            writer.transport.abort()

        else:
            hanging.append(writer)

    hanging: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(misbehave, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    source = YahooOptionsSource(query_url=url, symbols=["TSLA"])
    ticks = YahooOptions(source, cache=tmp_path).ticks()
    try:
        with pytest.raises(SourceError) as raised:
            async with asyncio.timeout(20):
                await anext(ticks)
    finally:
        for writer in hanging:
            writer.transport.abort()
        server.close()
    assert not isinstance(raised.value, SourceRefused)


async def test_while_nobody_answers_it_is_a_fault_and_then_it_goes_on(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    await asyncio.to_thread(yahoo.stop)
    async with watching(yahoo, tmp_path) as watch:
        await watch.until_error(SourceError, "")
        await asyncio.to_thread(yahoo.start)
        await watch.until(lambda: watch.options.rounds)


async def test_dividends_that_were_paid_lead_to_expect_more(yahoo: YahooServer, tmp_path: Path) -> None:
    """The chart has a day's bar for each day on which one went ex, as Yahoo's does."""
    days = ("2025-12-05", "2026-03-06", "2026-06-05", "2026-09-04")
    yahoo.set_price("TSLA", 400.0)
    yahoo.dividends["TSLA"] = {at(f"{day}T14:30:00Z") // NS: 0.5 for day in days}
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds >= 2)
    (told,) = watch.of("TSLA-DIVIDENDS")
    assert told.kind == "status"
    assert json.loads(told.data or "") == {"dividends": [{"ex": "2026-12-04", "usd": 0.5, "assumed": True}]}
    assert watch.bad == []


async def test_of_a_share_without_dividends_or_chart_none_are_told(
    yahoo: YahooServer, tmp_path: Path
) -> None:
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds >= 2)
    assert watch.of("TSLA-DIVIDENDS") == []
    yahoo.set_price("TSLA", 400.0)
    async with watching(yahoo, tmp_path) as watch:
        await watch.until(lambda: watch.options.rounds >= 2)
    assert watch.of("TSLA-DIVIDENDS") == []
