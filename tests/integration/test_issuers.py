"""Issuers' collectors against their APIs on loopback (shapes: tests/fixtures/{xstocks,ondo}_server.py)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bot.collectors import Collector, http_json
from bot.collectors.issuer_mystonks import MyStonksCollector
from bot.collectors.issuer_ondo import OndoCollector
from bot.collectors.issuer_xstocks import XStocksCollector
from bot.config import MyStonksSource, OndoSource, XStocksSource
from bot.errors import SourceError, SourceRefused, SourceSilent
from bot.timefmt import NS, parse
from bot.types import Quarantined, Tick
from tests.fixtures import ondo_server, xstocks_server
from tests.fixtures.engine import engine
from tests.fixtures.mystonks_server import MyStonks
from tests.fixtures.ondo_server import Ondo
from tests.fixtures.watch import Watch
from tests.fixtures.xstocks_server import XStocks, corporate_action, iso, multiplier, reserves

PACE = 0.01
XSTOCKS = dict.fromkeys(
    ("quote_seconds", "status_seconds", "multiplier_seconds", "reserves_seconds", "actions_seconds"), PACE
) | {"requests_per_second": 16.0}
ONDO = dict.fromkeys(("price_seconds", "status_seconds", "market_seconds", "limits_seconds"), PACE)


class Watching(Watch):
    """A collector under test, and what it set aside."""

    def __init__(self, collector: Collector, aside: list[Quarantined]) -> None:
        super().__init__(collector)
        self.aside = aside

    def of(self, kind: str, name: str) -> list[Tick]:
        return [tick for tick in self.ticks if (tick.instrument, tick.kind) == (name, kind)]

    def data(self, kind: str, name: str) -> list[dict[str, Any]]:
        return [json.loads(tick.data or "") for tick in self.of(kind, name)]

    def states(self, name: str) -> list[str]:
        return [row["state"] for row in self.data("status", name)]

    def custody(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.data("status", name) if "shares_held" in row]

    def reasons(self) -> set[str]:
        return {one.reason for one in self.aside}


@asynccontextmanager
async def watching(collector: Collector, aside: list[Quarantined]) -> AsyncIterator[Watching]:
    watch = Watching(collector, aside)
    try:
        yield watch
    finally:
        watch.task.cancel()
        with suppress(asyncio.CancelledError):
            await watch.task


@asynccontextmanager
async def xstocks(server: XStocks, *tokens: str, **settings: Any) -> AsyncIterator[Watching]:
    source = {"url": server.url, "tokens": list(tokens or ["TSLAx"])} | XSTOCKS | settings
    aside: list[Quarantined] = []
    made = XStocksCollector(XStocksSource.model_validate(source), on_bad=aside.append)
    # Nobody limits us here, and tests are in a hurry.
    made.http = lambda: http_json.Http("xStocks", server.url, per_second=10_000)  # type: ignore[method-assign]
    async with watching(made, aside) as watch:
        yield watch


@asynccontextmanager
async def ondo(server: Ondo, *tokens: str, **settings: Any) -> AsyncIterator[Watching]:
    source = {
        "url": server.url, "tokens": list(tokens or ["TSLAon"]), "api_key": "env:PEGBOT_ONDO",
        "requests_per_second": 10_000.0,
    } | ONDO | settings  # fmt: skip
    aside: list[Quarantined] = []
    async with watching(
        OndoCollector(OndoSource.model_validate(source), on_bad=aside.append), aside
    ) as watch:
        yield watch


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_ONDO", "abc")


NAME, ON = "TSLAx@xstocks", "TSLAon@ondo"


# -- xStocks -------------------------------------------------------------------------------------------


async def test_quote_has_no_time_so_it_is_stamped_here_and_not_again_until_it_moves() -> None:
    async with XStocks("TSLAx") as server, xstocks(server) as watch:
        began = time.time_ns()
        await watch.until(lambda: watch.of("quote", NAME))
        asked = server.asked["/assets/TSLAx/price-data"]
        await watch.until(lambda: server.asked["/assets/TSLAx/price-data"] > asked + 3)
        assert len(watch.of("quote", NAME)) == 1
        server.quotes["TSLAx"] = None
        asked = server.asked["/assets/TSLAx/price-data"]
        await watch.until(lambda: server.asked["/assets/TSLAx/price-data"] > asked + 1)
        server.quotes["TSLAx"] = 411.0
        await watch.until(lambda: len(watch.of("quote", NAME)) == 2)
        first, second = watch.of("quote", NAME)
        assert began <= first.ts == first.received < second.ts
        assert (first.price, second.price) == (410.5, 411.0)
        assert json.loads(first.data or "") == {"quote": 410.5, "unit": "share", "stamped": "received"}


async def test_quote_per_share_is_multiplied_up_to_the_token() -> None:
    async with XStocks("NFLXx") as server:
        server.multipliers["NFLXx"] = multiplier(10.0)
        async with xstocks(server, "NFLXx") as watch:
            await watch.until(lambda: watch.of("quote", "NFLXx@xstocks"))
            assert watch.of("quote", "NFLXx@xstocks")[0].price == 4105.0
        async with xstocks(server, "NFLXx", quote_unit="token") as watch:
            await watch.until(lambda: watch.of("quote", "NFLXx@xstocks"))
            assert watch.of("quote", "NFLXx@xstocks")[0].price == 410.5


@pytest.mark.parametrize("form", ["iso", "seconds", "milliseconds"])
async def test_announced_multiplier_is_told_with_its_time(form: str) -> None:
    when = int(time.time()) + 3600
    at: Any = {"iso": iso(when), "seconds": when, "milliseconds": when * 1000}[form]
    async with XStocks("TSLAx") as server, xstocks(server) as watch:
        await watch.until(lambda: watch.of("multiplier", NAME))
        server.multipliers["TSLAx"] = multiplier(1.0, 1.0042, at, "Dividend")
        await watch.until(lambda: len(watch.of("multiplier", NAME)) == 2)
        assert watch.data("multiplier", NAME) == [
            {"multiplier": 1.0},
            {"multiplier": 1.0, "new_multiplier": 1.0042, "effective_ns": when * NS, "why": "Dividend"},
        ]


async def test_multiplier_whose_time_has_come_is_in_force_whatever_current_says() -> None:
    async with XStocks("NVDAx") as server:
        past = 1_789_000_200
        server.multipliers["NVDAx"] = multiplier(1.0009180758490996, 1.001701196801074, past, "Dividend")
        async with xstocks(server, "NVDAx") as watch:
            await watch.until(lambda: watch.of("multiplier", "NVDAx@xstocks"))
            assert watch.data("multiplier", "NVDAx@xstocks") == [{"multiplier": 1.001701196801074}]


async def test_corporate_action_announces_what_the_token_does_not_yet() -> None:
    """Past rows are no news, the highest version counts, and what is withdrawn must not take over."""
    later = iso(time.time() + 86_400)
    async with XStocks("TSLAx", "KOx") as server:
        server.upcoming = [
            corporate_action("KOx", "CashDividend", "2026-03-15T00:30:00.000Z", "1.01", "1.014"),
            corporate_action("TSLAx", "ForwardSplit", later, None, None, fromUnits="1", toUnits="3"),
        ]
        async with xstocks(server, "TSLAx", "KOx") as watch:
            await watch.until(lambda: len(watch.data("multiplier", NAME)) >= 1)
            assert watch.data("multiplier", NAME) == [
                {
                    "multiplier": 1.0,
                    "new_multiplier": 3.0,
                    "effective_ns": parse(later),
                    "why": "ForwardSplit",
                }
            ]
            assert watch.data("multiplier", "KOx@xstocks") in ([], [{"multiplier": 1.0}])
            server.history = [server.upcoming[1] | {"version": 2, "status": "Cancelled"}]
            await watch.until(lambda: len(watch.data("multiplier", NAME)) >= 2)
            assert watch.data("multiplier", NAME)[1] == {
                "multiplier": 1.0, "new_multiplier": 1.0, "effective_ns": parse(later), "why": "withdrawn",
            }  # fmt: skip


async def test_dividend_says_what_it_pays_after_tax() -> None:
    later = iso(time.time() + 86_400)
    async with XStocks("KOx") as server:
        old, new = "1.0183317967386898", "1.0225601246249238"
        server.multipliers["KOx"] = multiplier(float(old))
        server.upcoming = [
            corporate_action(
                "KOx", "CashDividend", later, old, new, grossCashflowUsd="0.53", netCashflowUsd="0.371"
            )
        ]
        async with xstocks(server, "KOx") as watch:
            await watch.until(lambda: watch.of("multiplier", "KOx@xstocks"))
            told = watch.data("multiplier", "KOx@xstocks")[0]
            assert (told["new_multiplier"], told["net_usd"]) == (float(new), 0.371)


async def test_all_pages_of_actions_and_assets_are_read() -> None:
    later = iso(time.time() + 86_400)
    tokens = [f"T{number}x" for number in range(130)]
    async with XStocks(*tokens) as server:
        server.upcoming = [corporate_action(one, "ReverseSplit", later, "1", "0.5") for one in tokens]
        async with xstocks(server, *tokens, multiplier_seconds=60, actions_seconds=60) as watch:
            await watch.until(lambda: watch.of("multiplier", "T129x@xstocks"))
            assert watch.data("multiplier", "T129x@xstocks")[0]["new_multiplier"] == 0.5
            await watch.until(lambda: server.asked["/assets"] == 2)
            assert server.asked["/corporate-actions/upcoming"] == 2
            assert server.asked["/assets/T129x"] == 0


async def test_halt_is_told_no_quote_is_until_it_ends_and_hours_are_no_halt() -> None:
    async with XStocks("TSLAx") as server:
        server.assets["TSLAx"] = xstocks_server.asset("TSLAx", currentPeriod="closed", openNow=False)
        async with xstocks(server) as watch:
            await watch.until(lambda: server.asked["/assets/TSLAx/price-data"] > 2)
            assert not watch.of("quote", NAME), "it may be as old as the close"
            server.quotes["TSLAx"] = 411.0
            await watch.until(lambda: watch.of("quote", NAME))
            assert set(watch.states(NAME)) == {"open"}
            assert any(row.get("open_now") is False for row in watch.data("status", NAME))
            server.halted["TSLAx"] = (True, True)
            await watch.until(lambda: watch.states(NAME)[-1] == "halted")
            halted = watch.data("status", NAME)[-1]
            assert (halted["reason"], halted["scope"]) == ("minting and redeeming are halted", "issuer")
            asked, quotes = server.asked["/assets/TSLAx/price-data"], len(watch.of("quote", NAME))
            server.quotes["TSLAx"] = 500.0
            seen = server.asked["/system/status/TSLAx"]
            await watch.until(lambda: server.asked["/system/status/TSLAx"] > seen + 3)
            assert len(watch.of("quote", NAME)) == quotes
            assert server.asked["/assets/TSLAx/price-data"] <= asked + 1
            server.halted["TSLAx"] = (False, True)
            await watch.until(lambda: watch.of("quote", NAME)[-1].price == 500.0)
            assert watch.states(NAME)[-1] == "open", "the atomic way alone is no halt of the issuer's"


async def test_custody_is_told_with_its_time_and_does_not_end_a_halt() -> None:
    async with XStocks("TSLAx") as server:
        as_of = int(time.time()) - 300
        server.reserves["TSLAx"] = reserves("TSLAx", "900.5", "1000.25", iso(as_of))
        server.halted["TSLAx"] = (True, False)
        async with xstocks(server) as watch:
            await watch.until(lambda: watch.custody(NAME))
            assert watch.custody(NAME)[0] == {
                "state": "halted", "reason": "minting and redeeming are halted", "scope": "issuer",
                "shares_held": 900.5, "circulating_supply": 1000.25, "as_of": as_of,
            }  # fmt: skip


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (reserves("TSLAx", "900", "1000", "2026-01-01T00:00:00.000Z"), "stale"),
        (reserves("TSLAx", "many", "1000"), "malformed"),
        (reserves("TSLAx", "900", "1000") | {"timestamp": None}, "no_time"),
        ([], "malformed"),
    ],
)
async def test_proof_of_reserves_that_proves_nothing_is_set_aside(proof: Any, reason: str) -> None:
    async with XStocks("TSLAx") as server:
        server.reserves["TSLAx"] = proof
        async with xstocks(server) as watch:
            await watch.until(lambda: watch.aside)
            assert watch.reasons() == {reason}
            assert not watch.custody(NAME)
            server.reserves["TSLAx"] = None
            await watch.until(lambda: watch.of("quote", NAME))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda server: server.quotes.update(TSLAx=-1), "malformed"),
        (lambda server: server.quotes.update(TSLAx="many"), "malformed"),
        (lambda server: server.multipliers.update(TSLAx=multiplier(0)), "malformed"),
        (lambda server: server.multipliers.update(TSLAx=multiplier(1, 2, "soon")), "bad_time"),
        (lambda server: server.halted.update(TSLAx=("no", "no")), "malformed"),
        (lambda server: server.upcoming.append({"xstockSymbol": "TSLAx"}), "malformed"),
        (lambda server: server.assets.pop("TSLAx"), "not_found"),
    ],
)
async def test_answer_that_cannot_be_is_set_aside_and_the_rest_goes_on(change: Any, reason: str) -> None:
    async with XStocks("TSLAx", "AMZNx") as server:
        change(server)
        async with xstocks(server, "TSLAx", "AMZNx") as watch:
            await watch.until(lambda: watch.aside and watch.of("quote", "AMZNx@xstocks"))
            assert watch.reasons() == {reason}
            assert not watch.errors


async def test_everything_but_quotes_is_told_again_after_the_source_was_lost() -> None:
    async with XStocks("TSLAx") as server, xstocks(server) as watch:
        await watch.until(lambda: watch.of("quote", NAME) and watch.custody(NAME))
        told = len(watch.of("multiplier", NAME))
        await server.stop()
        await watch.until_error(SourceError, "Cannot connect")
        quotes = len(watch.of("quote", NAME))
        await server.start()
        await watch.until(lambda: len(watch.of("multiplier", NAME)) > told)
        await watch.until(lambda: len(watch.custody(NAME)) == 2)
        assert len(watch.of("quote", NAME)) == quotes, "an old quote must not look like a new one"


# -- Ondo ----------------------------------------------------------------------------------------------


async def test_price_is_valid_at_the_issuers_own_time() -> None:
    async with Ondo("TSLAon", "KOon") as server:
        server.at = int(time.time() * 1000) - 4000
        async with ondo(server) as watch:
            await watch.until(lambda: watch.of("quote", ON) and watch.of("multiplier", ON))
            asked = server.asked["/assets/all/prices/latest"]
            await watch.until(lambda: server.asked["/assets/all/prices/latest"] > asked + 2)
            (tick,) = watch.of("quote", ON)
            assert (tick.ts, tick.price) == (server.at * 1_000_000, 410.5)
            assert {one.instrument for one in watch.ticks} == {ON}, "others' tokens are nobody's business"
            server.at -= 1000
            asked = server.asked["/assets/all/prices/latest"]
            await watch.until(lambda: server.asked["/assets/all/prices/latest"] > asked + 2)
            assert len(watch.of("quote", ON)) == 1, "an older price is not told after a newer one"
            server.multipliers["TSLAon"] = "1.0132"
            await watch.until(lambda: watch.data("multiplier", ON)[-1] == {"multiplier": 1.0132})


@pytest.mark.parametrize(
    ("market", "state", "words"),
    [
        (ondo_server.market(False, "closed", "MARKET_CLOSED", "Weekend/Holiday"), "open", ""),
        (ondo_server.market(False, "paused", "MARKET_PAUSED", "between", ondo_server.soon(60)), "open", ""),
        (
            ondo_server.market(False, "paused", "MARKET_PAUSED", "maintenance", ondo_server.soon(7200)),
            "halted",
            "the market is paused: maintenance",
        ),
    ],
)
async def test_hours_and_their_gaps_are_no_halt_but_other_pauses_are(
    market: dict[str, Any], state: str, words: str
) -> None:
    async with Ondo("TSLAon") as server:
        server.market = market
        async with ondo(server) as watch:
            await watch.until(lambda: watch.of("status", ON))
            told = watch.data("status", ON)[0]
            assert (told["state"], told["reason"], told["open_now"]) == (state, words, False)


async def test_paused_token_is_halted_alone_for_as_long_as_it_is() -> None:
    async with Ondo("TSLAon", "KOon") as server:
        server.events = [
            {"symbol": "TSLAon", "status": "active", "type": "unscheduled"},
            ondo_server.event("KOon", "ASSET_LIMITED", "earnings"),
        ]
        async with ondo(server, "TSLAon", "KOon") as watch:
            await watch.until(lambda: watch.of("quote", "KOon@ondo"))
            assert watch.states(ON)[-1] == "halted"
            assert not watch.of("quote", ON)
            assert set(watch.states("KOon@ondo")) == {"open"}
            server.events = [
                ondo_server.event(
                    "TSLAon", "ASSET_PAUSED", "cash_dividend", "upcoming", updateSharesMultiplier=True
                )
            ]
            await watch.until(lambda: watch.of("quote", ON))
            assert watch.states(ON)[-1] == "open"
            assert watch.data("status", ON)[-1]["multiplier_changes"] == parse("2026-08-06T08:00:00Z") // NS


async def test_limits_are_told_by_side() -> None:
    async with Ondo("TSLAon") as server:
        server.limits["buy"] = ondo_server.limits("TSLAon", "buy", "0.0", "ASSET_CLOSED_FOR_SESSION")
        async with ondo(server) as watch:
            await watch.until(lambda: any("sell_usd" in row for row in watch.data("status", ON)))
            told = watch.data("status", ON)[-1]
            assert (told["state"], told["buy_usd"], told["buy_why"], told["sell_usd"]) == (
                "open", 0.0, "ASSET_CLOSED_FOR_SESSION", 19534.0,
            )  # fmt: skip


async def test_soft_quote_is_both_sides_of_a_size_and_no_depth() -> None:
    async with Ondo("TSLAon") as server, ondo(server, soft_usd=500.0, price_seconds=600.0) as watch:
        await watch.until(lambda: any(tick.bid for tick in watch.of("quote", ON)))
        tick = next(tick for tick in watch.of("quote", ON) if tick.bid)
        assert (tick.bid, tick.ask) == (410.1, 410.9)
        assert json.loads(tick.data or "") == {"via": "soft", "size_usd": 500.0, "stamped": "received"}
        assert server.bodies[0] == {
            "chainId": "ethereum-1", "symbol": "TSLAon", "duration": "short", "notionalValue": "500",
            "side": "buy",
        }  # fmt: skip


async def test_key_that_is_missing_is_refused_in_the_issuers_words() -> None:
    async with Ondo("TSLAon") as server:
        server.key = "other"
        async with ondo(server) as watch:
            await watch.until_error(SourceRefused, "MISSING_API_KEY missing api key): check the key")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda server: server.prices.update(TSLAon="-3"), "bad_price"),
        (lambda server: server.prices.update(TSLAon=None), "bad_price"),
        (lambda server: setattr(server, "at", int(time.time() * 1000) + 3_600_000), "future"),
        (lambda server: setattr(server, "at", 0), "no_time"),
        (lambda server: server.multipliers.update(TSLAon="0"), "malformed"),
        (lambda server: server.events.append({"status": "active"}), "malformed"),
        (lambda server: setattr(server, "events", {"oops": 1}), "malformed"),
        (lambda server: server.limits.update(buy={"symbol": "TSLAon"}), "malformed"),
    ],
)
async def test_answer_of_ondo_that_cannot_be_is_set_aside(change: Any, reason: str) -> None:
    async with Ondo("TSLAon") as server:
        change(server)
        async with ondo(server) as watch:
            await watch.until(lambda: watch.aside and watch.of("status", ON))
            assert watch.reasons() == {reason}
            assert not watch.errors


# -- all of them ---------------------------------------------------------------------------------------


async def test_candle_is_told_once_when_it_is_over() -> None:
    async with MyStonks() as server:
        begin = int(time.time()) - 90
        candle = {"o": "410", "h": "412", "l": "409", "c": "411", "v": "5"}
        server.data = [candle | {"t": begin + 60}, candle | {"t": begin}, candle | {"t": (begin - 60) * 1000}]
        source = MyStonksSource(url=server.url, symbols={"TSLA.M": "TSLA"}, every_seconds=PACE,
                                requests_per_second=10_000)  # fmt: skip
        aside: list[Quarantined] = []
        async with watching(MyStonksCollector(source, on_bad=aside.append), aside) as watch:
            await watch.until(lambda: server.asked["/api/v1/stockhome/newKline"] > 3)
            bars = watch.of("bar", "TSLA.M@mystonks")
            assert [(tick.ts, tick.price, tick.high, tick.low) for tick in bars] == [
                (begin * NS, 411.0, 412.0, 409.0), ((begin + 60) * NS, 411.0, 412.0, 409.0),
            ]  # fmt: skip
            server.data = [{"t": 1}]
            await watch.until(lambda: watch.aside)
            assert watch.reasons() == {"malformed"}


@pytest.mark.parametrize("issuer", ["xstocks", "ondo"])
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("reset", SourceError, "disconnected"),
        ("half-open", SourceError, "no answer within 0.2 s"),
        ("slow", SourceError, "no answer within 0.2 s"),
        ("truncated", SourceError, "its answer was cut short"),
        ("malformed", SourceError, "no JSON"),
        ("http-500", SourceError, "HTTP 500: FAULT as told"),
        ("http-429", SourceError, "rate-limited"),
        ("http-403", SourceRefused, "check the key"),
    ],
)
async def test_what_servers_do_is_an_error_and_passes(
    issuer: str, fault: str, kind: type[SourceError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_json, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(http_json, "TRIES", 1)
    server: XStocks | Ondo = XStocks("TSLAx") if issuer == "xstocks" else Ondo("TSLAon")
    async with server:
        server.fault = fault
        async with xstocks(server) if isinstance(server, XStocks) else ondo(server) as watch:
            await watch.until_error(kind, words)
            assert not watch.ticks
            server.fault = ""
            await watch.until(lambda: any(tick.kind == "quote" for tick in watch.ticks))


async def test_issuer_that_answers_nothing_usable_is_silent() -> None:
    async with XStocks() as server, xstocks(server, silence_seconds=0.1) as watch:
        await watch.until_error(SourceSilent, "nothing usable was answered")
        assert watch.reasons() == {"not_found"}


# -- what the engine makes of it -------------------------------------------------------------------------


async def test_engine_understands_every_tick() -> None:
    later = iso(time.time() + 86_400)
    target = engine()
    async with XStocks("TSLAx") as server, Ondo("TSLAon") as other:
        server.reserves["TSLAx"] = reserves("TSLAx", "900", "1000")
        server.multipliers["TSLAx"] = multiplier(1.0, 1.002, later, "Dividend")
        other.events = [ondo_server.event("TSLAon", "ASSET_PAUSED", "merger")]
        async with xstocks(server) as watch, ondo(other) as on:
            await watch.until(lambda: watch.of("quote", NAME) and watch.custody(NAME))
            server.halted["TSLAx"] = (True, True)
            await watch.until(lambda: watch.states(NAME)[-1] == "halted")
            await on.until(lambda: on.of("multiplier", ON) and on.of("status", ON))
            ticks = sorted((*watch.ticks, *on.ticks), key=lambda tick: tick.received)
    told = [message for tick in ticks for message in target.step(tick)]
    assert not [one for one in told if isinstance(one, Quarantined)]
    token = target.market.tokens["TSLAx"]
    assert (token.multiplier, token.next_multiplier, token.next_at) == (1.0, 1.002, parse(later))
    assert (token.channel_halted, token.coverage) == (True, 0.9)
    assert token.channel_reason == "minting and redeeming are halted"
    assert target.market.tokens["TSLAon"].channel_halted
    state = target.market.instruments[NAME]
    assert state.curve is None, "an issuer's word is nobody's offer: nothing can be traded at it"
