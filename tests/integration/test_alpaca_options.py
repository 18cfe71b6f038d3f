"""Option chains through alpaca-py, from a server that speaks Alpaca's wire format.

Shapes: see ``tests/fixtures/alpaca_server.py``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("alpaca")

from bot.collectors import alpaca_client, alpaca_http
from bot.collectors.alpaca_options import AlpacaOptions
from bot.config import AlpacaOptionsSource
from bot.errors import SourceError, SourceRefused
from bot.timefmt import NS, iso
from bot.timefmt import parse as at
from bot.types import Ns, Quarantined, Tick
from tests.fixtures.alpaca_server import KEY, SECRET, AlpacaServer
from tests.fixtures.watch import Watch

NOW = at("2026-11-24T17:00:00Z")
QUOTED = NOW - 1_500_000_001
CALL = "TSLA261218C00400000"


def snapshot(bid: float, ask: float, *, ts: Ns = QUOTED, **fields: Any) -> dict[str, Any]:
    """As Alpaca tells one option."""
    quote = {"t": iso(ts), "bx": "C", "bp": bid, "bs": 12, "ax": "N", "ap": ask, "as": 7, "c": "A"}
    trade = {"t": iso(ts - 3600 * NS), "x": "C", "p": 5.0, "s": 1, "c": "I"}
    return {"latestQuote": quote, "latestTrade": trade, "impliedVolatility": 0.5} | fields


def listed(symbol: str, **fields: Any) -> dict[str, Any]:
    """As Alpaca lists one contract."""
    return {
        "id": f"id-{symbol}", "symbol": symbol, "name": symbol, "status": "active", "tradable": True,
        "expiration_date": f"20{symbol[-15:-13]}-{symbol[-13:-11]}-{symbol[-11:-9]}",
        "root_symbol": symbol[:-15], "underlying_symbol": "TSLA", "type": "call", "style": "american",
        "strike_price": str(int(symbol[-8:]) / 1000), "size": "100", "open_interest": "237",
        "open_interest_date": "2026-11-23", "close_price": "5", "close_price_date": "2026-11-23",
    } | fields  # fmt: skip


@pytest.fixture
async def alpaca(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AlpacaServer]:
    monkeypatch.setenv("ALPACA_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET", SECRET)
    async with AlpacaServer() as server:
        await server.set_quote("TSLA", 399.9, 400.1, ts=NOW - NS)
        await server.trade("TSLA", 400.0, ts=NOW - NS)
        server.chains["TSLA"] = {
            f"TSLA{day}{side}{strike * 1000:08d}": snapshot(4.9, 5.1)
            for day in ("261124", "261218", "270618") for side in "CP" for strike in (200, 380, 400, 420, 900)
        }  # fmt: skip
        server.contracts = [listed(one) for one in server.chains["TSLA"]]
        yield server


class Options(Watch):
    """A running collector of chains, at a time of the test's choice."""

    def __init__(self, server: AlpacaServer, *, now: Ns = NOW, **keys: Any) -> None:
        self.bad: list[Quarantined] = []
        self.now = now
        given: dict[str, Any] = {
            "symbols": ["TSLA"], "api_key": "env:ALPACA_KEY", "api_secret": "env:ALPACA_SECRET",
            "poll_seconds": 0.02, "requests_per_second": 500, "data_url": server.url,
            "trading_url": server.url,
        }  # fmt: skip
        self.options = AlpacaOptions(
            AlpacaOptionsSource(**(given | keys)), clock=lambda: self.now, on_bad=self.bad.append
        )
        super().__init__(self.options)

    def of(self, symbol: str) -> list[Tick]:
        return [one for one in self.ticks if one.instrument == f"{symbol}@alpaca"]


@asynccontextmanager
async def watching(server: AlpacaServer, **more: Any) -> AsyncIterator[Options]:
    watch = Options(server, **more)
    try:
        yield watch
    finally:
        began = time.monotonic()
        watch.task.cancel()
        await asyncio.wait({watch.task}, timeout=20)
        assert time.monotonic() - began < 10, "it closes within seconds"


def asked(server: AlpacaServer, path: str) -> list[dict[str, str]]:
    return [one for one in server.queries if one["path"] == path]


async def test_each_option_of_use_is_a_quote_with_sizes_and_its_own_time(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {
        f"TSLA261218{side}{strike * 1000:08d}@alpaca" for side in "CP" for strike in (380, 400, 420)
    }
    tick = watch.of(CALL)[0]
    assert (tick.kind, tick.ts, tick.received) == ("quote", QUOTED, NOW)
    assert (tick.bid, tick.ask, tick.price) == (4.9, 5.1, 5.0)
    assert json.loads(tick.data or "") == {
        "bid_size": 12, "ask_size": 7, "open_interest": 237, "style": "american", "shares": 100,
        "traded_ns": QUOTED - 3600 * NS, "feed": "indicative",
    }  # fmt: skip
    assert watch.bad == []


async def test_alpaca_is_asked_for_nothing_else(alpaca: AlpacaServer) -> None:
    async with watching(alpaca, poll_seconds=60, feed="opra") as watch:
        await watch.until(lambda: watch.options.rounds)
    chain = asked(alpaca, "/v1beta1/options/snapshots/TSLA")
    assert chain[0].items() >= {
        "feed": "opra", "root_symbol": "TSLA", "strike_price_gte": "320.0", "strike_price_lte": "480.0",
        "expiration_date_gte": "2026-11-25", "expiration_date_lte": "2027-01-23",
    }.items()  # fmt: skip
    assert [one.get("page_token") for one in chain] == [None, "3"]
    assert asked(alpaca, "/v2/stocks/snapshots")[0]["feed"] == "iex"


async def test_contracts_are_listed_anew_now_and_then_only(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds >= 3)
    pages = -(-len(alpaca.contracts) // 3)
    assert len(asked(alpaca, "/v2/options/contracts")) == pages
    async with watching(alpaca, contracts_seconds=0.01) as watch:
        await watch.until(lambda: len(asked(alpaca, "/v2/options/contracts")) > 2 * pages)


async def test_without_a_list_of_contracts_open_interest_is_not_known(alpaca: AlpacaServer) -> None:
    async with watching(alpaca, trading_url="") as watch:
        await watch.until(lambda: watch.options.rounds)
    data = json.loads(watch.of(CALL)[0].data or "")
    assert (data["open_interest"], data["shares"], data["style"]) == (None, 100, "american")
    assert not asked(alpaca, "/v2/options/contracts")


async def test_adjusted_contracts_are_left_out(alpaca: AlpacaServer) -> None:
    """By the digit in the symbol, and by the size that Alpaca lists."""
    alpaca.chains["TSLA"] = {one: snapshot(4.0, 5.0) for one in (CALL, "TSLA261218C00410000")}
    alpaca.chains["TSLA"]["TSLA1261218C00400000"] = snapshot(4.0, 5.0)
    alpaca.chains["TSLA"]["nonsense0261218C00400000"] = snapshot(4.0, 5.0)
    alpaca.contracts = [listed(CALL), listed("TSLA261218C00410000", size="150", style="european")]
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {f"{CALL}@alpaca"}


async def test_a_side_without_a_price_is_none_and_a_crossed_quote_is_not_believed(
    alpaca: AlpacaServer,
) -> None:
    put = "TSLA261218P00400000"
    alpaca.chains["TSLA"] = {CALL: snapshot(0, 0.05, latestTrade=None), put: snapshot(6.0, 5.0)}
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds)
    call = watch.of(CALL)[0]
    assert (call.bid, call.ask, call.price) == (None, 0.05, None)
    assert json.loads(call.data or "").items() >= {"bid_size": None, "ask_size": 7, "traded_ns": None}.items()
    assert (watch.of(put)[0].bid, watch.of(put)[0].ask, watch.of(put)[0].price) == (None, None, 5.0)


async def test_a_quote_is_told_again_when_it_is_a_new_one(alpaca: AlpacaServer) -> None:
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds >= 3)
        assert len(watch.of(CALL)) == 1
        alpaca.chains["TSLA"][CALL] = snapshot(4.8, 5.0, ts=QUOTED + 1)
        await watch.until(lambda: len(watch.of(CALL)) == 2)
        alpaca.chains["TSLA"][CALL] = snapshot(1.0, 2.0, ts=QUOTED)
        rounds = watch.options.rounds
        await watch.until(lambda: watch.options.rounds > rounds + 1)
    assert [one.bid for one in watch.of(CALL)] == [4.9, 4.8]


async def test_what_cannot_be_used_is_set_aside_and_the_rest_is_told(alpaca: AlpacaServer) -> None:
    chain = alpaca.chains["TSLA"]
    chain["TSLA261218C00380000"] = snapshot(1.0, 2.0, latestQuote={"bp": 1.0, "ap": 2.0, "t": "noon"})
    chain["TSLA261218P00380000"] = {"greeks": {}}
    chain["TSLA261218C00420000"] = snapshot(1.0, 2.0, ts=NOW + 60 * NS)
    chain["TSLA261218P00420000"] = []  # type: ignore[assignment]  # what it should not be
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument for one in watch.ticks} == {f"{CALL}@alpaca", "TSLA261218P00400000@alpaca"}
    told = {(one.instrument[10:16], one.reason) for one in watch.bad}
    assert told == {
        ("C00380", "no_time"),
        ("P00380", "no_price"),
        ("C00420", "future"),
        ("P00420", "no_price"),
    }


async def test_where_the_shares_quote_is_wide_its_last_trade_chooses_the_strikes(
    alpaca: AlpacaServer,
) -> None:
    await alpaca.set_quote("TSLA", 300.0, 420.0, ts=NOW)
    async with watching(alpaca, strikes_within=0.01) as watch:
        await watch.until(lambda: watch.options.rounds)
    assert {one.instrument[10:19] for one in watch.ticks} == {"C00400000", "P00400000"}


async def test_a_share_without_a_price_is_named_and_the_others_go_on(alpaca: AlpacaServer) -> None:
    async with watching(alpaca, symbols=["NOPE", "TSLA"]) as watch:
        await watch.until(lambda: watch.options.rounds)
        assert watch.options.detail.startswith("6 options of 1 shares of 2; NOPE")
    async with watching(alpaca, symbols=["NOPE"]) as watch:
        await watch.until_error(SourceError, "NOPE: Alpaca knows no price of it")


async def test_wrong_keys_are_a_refusal(alpaca: AlpacaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_SECRET", "wrong-secret")
    async with watching(alpaca) as watch:
        await watch.until_error(SourceRefused, "HTTP 403: forbidden.")
    assert "wrong-secret" not in str(watch.errors[0])


async def test_a_rate_limit_is_waited_for_once(alpaca: AlpacaServer) -> None:
    said = {"Retry-After": "1"}, '{"message": "too many requests."}'
    alpaca.fail(429, *said)
    began = time.monotonic()
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds)
        assert time.monotonic() - began > 0.9
        assert watch.errors == []
        alpaca.fail(429, {"Retry-After": "61"})
        await watch.until_error(SourceError, "rate-limited, not asked again for 1 min 1 s")
    alpaca.fail(429, {"Retry-After": "3600"})
    async with watching(alpaca) as watch:
        await watch.until_error(SourceRefused, "rate-limited, not asked again for 1 h")


@pytest.mark.parametrize("fault", ["reset", "truncated", "malformed", "http-500", "half-open", "slow"])
async def test_a_fault_is_told_and_afterwards_it_goes_on(
    alpaca: AlpacaServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpaca_http, "READ_SECONDS", 0.2)
    monkeypatch.setattr(alpaca_http, "REQUEST_SECONDS", 0.3)
    await asyncio.to_thread(alpaca_client.load)
    alpaca.fault = fault
    async with watching(alpaca) as watch:
        await watch.until_error(SourceError, "Alpaca")
        assert not isinstance(watch.errors[0], SourceRefused)
        alpaca.fault = ""
        await watch.until(lambda: watch.options.rounds)


@pytest.mark.parametrize("answer", [[], {"snapshots": []}, {"snapshots": {}, "quotes": {}}, "x"])
async def test_an_answer_of_another_shape_is_a_fault(alpaca: AlpacaServer, answer: Any) -> None:
    alpaca.failures += [
        (200, {}, json.dumps({"TSLA": alpaca.snapshots["TSLA"]})),
        (200, {}, json.dumps(answer)),
    ]
    async with watching(alpaca, trading_url="") as watch:
        await watch.until_error(SourceError, "Alpaca's answer makes no sense")
        await watch.until(lambda: watch.options.rounds)


async def test_declared_dividends_are_told_once_a_day_and_when_they_change(alpaca: AlpacaServer) -> None:
    name = "TSLA-DIVIDENDS"
    alpaca.dividends = [
        {"symbol": "TSLA", "rate": 0.5, "special": False, "ex_date": day, "process_date": day}
        for day in ("2026-11-01", "2026-12-10", "2027-06-10")
    ]
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds >= 2)
        (told,) = watch.of(name)
        assert (told.kind, told.ts) == ("status", NOW)
        assert json.loads(told.data or "") == {"dividends": [{"ex": "2026-12-10", "usd": 0.5}]}
        assert len(asked(alpaca, "/v1/corporate-actions")) == 1
        watch.now += 86_400 * NS
        await watch.until(lambda: len(asked(alpaca, "/v1/corporate-actions")) == 2)
        alpaca.dividends.clear()
        watch.now += 86_400 * NS
        await watch.until(lambda: len(watch.of(name)) == 2)
        assert json.loads(watch.of(name)[1].data or "") == {"dividends": []}
    query = asked(alpaca, "/v1/corporate-actions")[0]
    assert query.items() >= {"symbols": "TSLA", "types": "cash_dividend"}.items()


async def test_where_dividends_cannot_be_had_the_chain_still_is(alpaca: AlpacaServer) -> None:
    alpaca.dividends = [{"symbol": "TSLA", "rate": "much", "ex_date": "2026-12-10"}]
    async with watching(alpaca) as watch:
        await watch.until(lambda: watch.options.rounds >= 2)
        assert watch.of(CALL)
        assert len(asked(alpaca, "/v1/corporate-actions")) == 1
        assert "no dividends of TSLA: Alpaca's answer makes no sense" in watch.options.detail
        alpaca.dividends = [{"symbol": "TSLA", "rate": 0.5, "special": False, "ex_date": "2026-12-10"}]
        watch.now += 3_600 * NS
        await watch.until(lambda: watch.of("TSLA-DIVIDENDS"))
