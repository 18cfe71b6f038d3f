"""Bybit, Gate, Bitget, Binance, Kraken Futures and Hyperliquid through ccxt, from loopback servers.

Shapes: see ``tests/fixtures/exchange_servers.py``.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytest.importorskip("ccxt")

from bot.collectors.factory import build, problems
from bot.config import CollectorsSection, Config, ExchangeSource
from bot.errors import ConfigError, SourceError, SourceRefused, SourceSilent
from bot.registry.model import Registry
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.types import Tick
from tests.fixtures.exchange import Hurried, registry, watching
from tests.fixtures.exchange_servers import (
    Binance,
    Bitget,
    Bybit,
    Gate,
    Hyperliquid,
    KrakenFutures,
    SpotServer,
)

SPOT = {"bybit": Bybit, "gate": Gate, "bitget": Bitget, "binance": Binance}
NUMBERED = ["bybit", "gate", "binance"]
"""Whose books come as numbered differences."""
MARKETS = {"AAPLx": "AAPLX/USDT"}


def watched(server: SpotServer, name: str, **settings: Any) -> Any:
    given = {"prefix": Binance.prefix} if name == "binance" else {}
    return watching(server, name, MARKETS, **given, **settings)


# -- spot --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPOT)
async def test_book_trades_and_terms_are_told_in_the_markets_own_currency(name: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        tick = watch.of(instrument)[0]
        assert (tick.bid, tick.ask) == (249.90, 250.10)
        book = watch.book(instrument)
        assert book["quote"] == "USDT"
        assert book["asks"] == [[250.1, 5.0], [250.2, 7.0], [250.3, 9.0]]
        await server.change([("249.95", "1.5")], [])
        await watch.until(lambda: watch.of(instrument)[-1].bid == 249.95)
        await watch.until(lambda: len(server.requests) >= 2)
        await server.traded("250.00", "2")
        await watch.until(lambda: watch.of(instrument, "trade"))
        trade = watch.of(instrument, "trade")[0]
        assert (trade.price, trade.size, json.loads(trade.data or "")["quote"]) == (250.0, 500.0, "USDT")
        terms = json.loads(watch.of(instrument, "status")[0].data or "")["terms"]
        assert (terms["tick"], terms["taker"] > 0, terms["lot"] > 0) == (0.01, True, True)
        assert watch.errors == []
        assert watch.bad == []


@pytest.mark.parametrize("name", SPOT)
async def test_same_trade_again_is_told_once(name: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument) and len(server.requests) >= 2)
        await server.traded("250.00", "2")
        await server.traded("250.00", "2", again=True)
        await server.traded("250.05", "2")
        await watch.until(lambda: any(tick.price == 250.05 for tick in watch.of(instrument, "trade")))
        assert [tick.price for tick in watch.of(instrument, "trade")] == [250.0, 250.05]


@pytest.mark.parametrize("name", NUMBERED)
async def test_gap_is_found_by_the_numbers_and_healed_by_a_new_snapshot(name: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        await server.change([("249.95", "1")], [])
        await watch.until(lambda: watch.of(instrument)[-1].bid == 249.95)
        before = server.snapshots
        await server.change([("249.99", "1")], [], skip=1)
        # The snapshot again has what the server had at first: not what came with the gap.
        await watch.until(lambda: server.snapshots > before and watch.of(instrument)[-1].bid == 249.90)
        assert 249.99 not in [tick.bid for tick in watch.of(instrument)]
        assert watch.errors == []


@pytest.mark.parametrize("name", NUMBERED)
async def test_update_seen_before_changes_nothing(name: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        await server.change([("249.95", "1")], [])
        await server.change([("249.95", "7")], [], again=True)
        await server.change([], [("250.05", "1")])
        await watch.until(lambda: watch.of(instrument)[-1].ask == 250.05)
        assert watch.book(instrument)["bids"][0] == [249.95, 1.0]
        assert watch.errors == []


async def test_whole_book_from_before_is_not_told() -> None:
    server = Bitget()
    async with watched(server, "bitget") as watch:
        await watch.until(lambda: watch.of("AAPLx@bitget"))
        await server.say(server.book([("240.00", "1")], [("260.00", "1")], server.at - 1))
        await server.change([("249.99", "1")], [])
        await watch.until(lambda: watch.of("AAPLx@bitget")[-1].bid == 249.99)
        assert 240.0 not in [tick.bid for tick in watch.of("AAPLx@bitget")]


async def test_gaps_again_and_again_are_an_error() -> None:
    server = Bybit()
    async with watched(server, "bybit") as watch:
        for number in range(1, 8):
            await watch.until(lambda least=number: server.snapshots >= least or watch.errors)
            await server.change([("249.95", "1")], [], skip=1)
        await watch.until_error(SourceError, "missed 6 times")


@pytest.mark.parametrize("name", SPOT)
async def test_crossed_book_is_set_aside(name: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        await server.change([("250.50", "1")], [])
        await watch.until(lambda: watch.bad)
        assert watch.bad[0].reason == "crossed"
        assert all((tick.bid or 0) < 250.5 for tick in watch.of(instrument))


@pytest.mark.parametrize("name", ["bybit", "gate"])
@pytest.mark.parametrize("how", ["closed", "dropped"])
async def test_lost_connection_is_an_error_and_all_is_back_with_the_next(name: str, how: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        if how == "closed":
            await server.close_all()
        else:
            server.drop_all()
        await watch.until(lambda: watch.errors)
        await watch.until(lambda: server.snapshots >= 2)
        await server.change([("249.95", "1")], [])
        await watch.until(lambda: watch.of(instrument)[-1].bid == 249.95)
        # Markets are not asked for again at once.
        assert sum("currency_pairs" in path or "instruments" in path for path, _ in server.asked) <= 2


@pytest.mark.parametrize("name", ["bybit", "gate"])
async def test_close_while_subscribing_is_an_error(name: str) -> None:
    server = SPOT[name]()
    server.close_on_subscribe = True
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.errors)
        server.close_on_subscribe = False
        await watch.until(lambda: watch.of(f"AAPLx@{name}"))


@pytest.mark.parametrize("name", ["bybit", "gate"])
async def test_half_open_connection_is_noticed_within_its_time(name: str) -> None:
    server = SPOT[name]()
    server.mute = True
    async with watched(server, name, silence_seconds=0.6) as watch:
        began = time.monotonic()
        await watch.until(lambda: watch.errors)
        assert time.monotonic() - began < 5
        server.mute = False
        await watch.until(lambda: watch.of(f"AAPLx@{name}"))


@pytest.mark.parametrize("name", ["bybit", "gate", "bitget"])
async def test_quiet_market_whose_pings_are_answered_is_not_silent(name: str) -> None:
    server = SPOT[name]()
    async with watched(server, name, silence_seconds=0.6) as watch:
        await watch.until(lambda: watch.of(f"AAPLx@{name}"))
        quiet_since = time.monotonic()
        await watch.until(lambda: time.monotonic() - quiet_since > 1.5)
        assert watch.errors == []


async def test_market_that_says_nothing_is_silent() -> None:
    server = Bybit()
    server.silent = True
    async with watched(server, "bybit", sleep=Hurried().sleep) as watch:
        await watch.until_error(SourceSilent, "no market said anything")


@pytest.mark.parametrize("name", ["bybit", "gate"])
@pytest.mark.parametrize(
    "frame",
    [
        '{"topic":"orderbook.50.AAPLXUSDT","da',
        '{"topic":"orderbook.50.AAPLXUSDT","type":"delta"}',
        '{"channel":"spot.obu","result":{"s":7,"u":"x"}}',
    ],
)
async def test_malformed_frame_neither_ends_the_source_nor_its_listening(name: str, frame: str) -> None:
    server, instrument = SPOT[name](), f"AAPLx@{name}"
    async with watched(server, name) as watch:
        await watch.until(lambda: watch.of(instrument))
        await server.say(frame)
        await server.change([("249.95", "1")], [])
        await watch.until(lambda: watch.of(instrument)[-1].bid == 249.95)
        assert watch.errors == []
        assert {one.reason for one in watch.bad} <= {"malformed"}


async def test_nothing_but_malformed_frames_is_an_error() -> None:
    server = Bybit()
    async with watched(server, "bybit") as watch:
        await watch.until(lambda: watch.of("AAPLx@bybit"))
        for _ in range(50):
            await server.say('{"topic":"orderbook.')
        await watch.until_error(SourceError, "malformed frames in a row")


@pytest.mark.parametrize("name", ["bybit", "gate"])
async def test_rate_limit_is_waited_for_as_long_as_asked(name: str) -> None:
    server, hurried = SPOT[name](), Hurried()
    server.answers = [(429, {"Retry-After": "9"}, "{}")] * 2
    async with watched(server, name, sleep=hurried.sleep) as watch:
        await watch.until_error(SourceError, "asked to wait 9 s")
        await watch.until(lambda: watch.of(f"AAPLx@{name}"))
        assert any(8 < wanted <= 9 for wanted in hurried.wanted)


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (403, {}, SourceRefused),
        (429, {}, SourceRefused),
        (429, {"Retry-After": "3"}, SourceError),
        (500, {}, SourceError),
    ],
)
async def test_handshake_that_fails_says_why(
    status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    server = Bybit()
    server.refuse = (status, headers)
    async with watched(server, "bybit") as watch:
        await watch.until(lambda: watch.errors)
        assert isinstance(watch.errors[0], kind)
        assert isinstance(watch.errors[0], SourceRefused) == (kind is SourceRefused)


@pytest.mark.parametrize("status", [401, 403, 451])
async def test_country_or_key_that_is_not_served_is_a_refusal(status: int) -> None:
    server = Bybit()
    server.answers = [(status, {}, "Forbidden")] * 3
    async with watched(server, "bybit") as watch:
        await watch.until_error(SourceRefused, "refused")


async def test_market_that_stops_trading_is_halted_and_comes_back() -> None:
    server = Bybit()
    async with watched(server, "bybit", sleep=Hurried().sleep, check_seconds=0.05) as watch:
        await watch.until(lambda: watch.of("AAPLx@bybit"))
        server.listed = False
        await watch.until(lambda: watch.state("AAPLx@bybit") == ("halted", "AAPLX/USDT does not trade"))
        server.listed = True
        await watch.until(lambda: watch.state("AAPLx@bybit")[0] == "open")


async def test_failing_look_at_the_markets_does_not_end_the_stream() -> None:
    server = Bybit()
    async with watched(server, "bybit", sleep=Hurried().sleep, check_seconds=0.05) as watch:
        await watch.until(lambda: watch.of("AAPLx@bybit"))
        server.answers = [(502, {}, "oops")] * 3
        await watch.until(lambda: not server.answers)
        await server.change([("249.95", "1")], [])
        await watch.until(lambda: watch.of("AAPLx@bybit")[-1].bid == 249.95)
        assert watch.errors == []


# -- futures -----------------------------------------------------------------------------------------------


def hedges_of(tick: Tick) -> HedgeQuotes:
    """What is on offer to hedge with after one tick."""
    book = HedgeBook(shipped())
    assert book.take(tick)
    found = book.quotes("AAPL", tick.ts, 250.0, lambda _symbol: 1.0)
    assert found is not None
    return found


async def test_kraken_futures_tell_mark_index_and_funding() -> None:
    server = KrakenFutures()
    async with watching(server, "krakenfutures", {"AAPL": "AAPLX/USD:USD"}) as watch:
        await watch.until(lambda: watch.of("AAPL@krakenfutures"))
        tick = watch.of("AAPL@krakenfutures")[0]
        assert (tick.price, tick.bid) == (250.05, None)
        told = json.loads(tick.data or "")
        assert (told["mark"], told["index"], told["funding_rate"], told["funding_hours"]) == (
            250.05,
            250.01,
            1e-05,
            1.0,
        )
        assert told["funding_ns"] == 1_795_539_600_000_000_000
        (perp,) = hedges_of(tick).perps
        assert (perp.bid, perp.bid_shares, perp.ask, perp.ask_shares) == (249.9, 10.0, 250.1, 12.0)
        assert perp.terms.title == "Kraken futures"
        await server.say(server.ticker(251.0, 250.9))
        await watch.until(lambda: watch.of("AAPL@krakenfutures")[-1].price == 251.0)


async def test_kraken_futures_from_before_are_not_told_and_malformed_ones_set_aside() -> None:
    server = KrakenFutures()
    async with watching(server, "krakenfutures", {"AAPL": "AAPLX/USD:USD"}) as watch:
        await watch.until(lambda: watch.of("AAPL@krakenfutures"))
        await server.say(server.ticker(200.0, 200.0, at=server.at - 1000))
        await server.say(server.ticker(None, 250.0))
        await watch.until(lambda: watch.bad)
        await server.say(server.ticker(251.0, 250.9))
        await watch.until(lambda: watch.of("AAPL@krakenfutures")[-1].price == 251.0)
        assert 200.0 not in [tick.price for tick in watch.of("AAPL@krakenfutures")]
        assert watch.bad[0].reason == "bad_price"


async def test_suspended_future_is_halted_and_comes_back() -> None:
    server = KrakenFutures()
    async with watching(server, "krakenfutures", {"AAPL": "AAPLX/USD:USD"}) as watch:
        await watch.until(lambda: watch.of("AAPL@krakenfutures"))
        await server.say(server.ticker(250.0, 250.0, suspended=True))
        await watch.until(
            lambda: watch.state("AAPL@krakenfutures") == ("halted", "AAPLX/USD:USD is suspended")
        )
        await server.say(server.ticker(252.0, 250.0))
        await watch.until(lambda: watch.of("AAPL@krakenfutures")[-1].price == 252.0)
        assert watch.state("AAPL@krakenfutures")[0] == "open"


async def test_hyperliquid_tells_mark_oracle_and_funding_of_a_stocks_perpetual() -> None:
    server = Hyperliquid()
    async with watching(server, "hyperliquid", {"AAPL": "XYZ-AAPL/USDC:USDC"}) as watch:
        await watch.until(lambda: watch.of("AAPL@hyperliquid"))
        told = json.loads(watch.of("AAPL@hyperliquid")[0].data or "")
        assert (told["mark"], told["index"], told["funding_rate"], told["quote"]) == (
            250.0,
            249.8,
            1.25e-05,
            "USDC",
        )
        (perp,) = hedges_of(watch.of("AAPL@hyperliquid")[0]).perps
        assert (perp.bid, perp.ask, perp.funding_hour) == (249.9, 250.1, 1.25e-05)
        assert perp.bid_shares == pytest.approx(6_000 / 249.9)
        await server.say(server.context(251.5))
        await watch.until(lambda: watch.of("AAPL@hyperliquid")[-1].price == 251.5)
        assert [body.get("dex") for _, body in server.asked if body.get("dex")] == ["xyz"]


async def test_future_is_no_token_and_a_token_no_share() -> None:
    async with watching(KrakenFutures(), "krakenfutures", {"AAPLx": "AAPLX/USD:USD"}) as watch:
        await watch.until_error(SourceRefused, "AAPLX/USD:USD is a future, not AAPLx itself")


# -- configuration -----------------------------------------------------------------------------------------


def config(**settings: Any) -> Config:
    return Config(collectors=CollectorsSection(exchange=[ExchangeSource(**settings)]))


def shipped() -> Registry:
    from bot.registry import load
    from tests.fixtures.exchange import REGISTRY

    return load(sorted(REGISTRY.glob("*.toml")))


def test_factory_makes_one_collector_per_source() -> None:
    made = build(config(name="b", exchange="bybit", markets=MARKETS), registry())
    assert [(one.name, getattr(one, "instruments", None)) for one in made] == [("b", ["AAPLx@bybit"])]
    made = build(config(name="k", markets={"USDC": "USDC/USD"}), registry())
    assert type(made[0]).__name__ == "KrakenCollector"


def test_markets_must_be_of_the_registry() -> None:
    wrong = problems(config(name="b", exchange="bybit", markets={"NOPEx": "NOPEX/USDT"}), registry())
    assert wrong == ["collectors.exchange[b].markets: 'NOPEx': no token, currency or share of the registry"]
    wrong = problems(config(name="b", exchange="kucoin", markets=MARKETS), registry())
    assert wrong == ["collectors.exchange[b].exchange: 'kucoin' is not among the [[venues]] of the registry"]


def test_future_tells_a_shares_price_only_where_the_registry_says_so() -> None:
    asked = config(name="f", exchange="krakenfutures", markets={"AAPL": "AAPLX/USD:USD"})
    assert problems(asked, registry()) == []
    assert problems(asked, shipped()) == []  # as a hedge; it is no reference there
    other = config(name="f", exchange="gate", markets={"AAPL": "AAPLX/USDT:USDT"})
    assert "would need reference = true" in problems(other, shipped())[0]


def test_key_is_given_by_reference_only() -> None:
    with pytest.raises(ValueError, match="env:NAME"):
        ExchangeSource(markets=MARKETS, api_key="abc")


async def test_exchange_that_ccxt_does_not_know_is_a_mistake_of_the_configuration() -> None:
    from bot.collectors.exchange import ExchangeCollector

    ticks = ExchangeCollector(ExchangeSource(exchange="nowhere", markets=MARKETS), registry()).ticks()
    with pytest.raises(ConfigError, match="nowhere"):
        await anext(ticks)
