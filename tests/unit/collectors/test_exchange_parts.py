"""Parts of the exchange collectors that touch nothing: conflation, sequences, what is said."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from bot.collectors import exchange_parse as parse
from bot.collectors import exchange_sequence as sequence
from bot.collectors.exchange_conflate import Conflator
from bot.collectors.exchange_rules import options, rules
from bot.collectors.exchange_sequence import Sequence, Step
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Tick

NOW = 1_795_000_000 * NS


def quote(price: float, ts: int = NOW) -> Tick:
    return Tick(ts, "AAPLx@kraken", "quote", bid=price, ask=price + 1, received=ts)


async def gathered(conflator: Conflator) -> list[Tick]:
    conflator.stop()
    return [tick async for tick in conflator.ticks()]


# -- conflation ------------------------------------------------------------------------------------------


async def test_latest_quote_wins() -> None:
    conflator = Conflator(0.0)
    for price in (1.0, 2.0, 3.0):
        conflator.quote("AAPLx@kraken", lambda price=price: quote(price))  # type: ignore[misc]  # a default binds it
    assert [tick.bid for tick in await gathered(conflator)] == [3.0]


async def test_second_quote_waits_for_its_time_and_is_then_the_latest() -> None:
    conflator = Conflator(0.05)
    ticks = conflator.ticks()
    conflator.quote("AAPLx@kraken", lambda: quote(1.0))
    assert (await anext(ticks)).bid == 1.0
    began = time.monotonic()
    conflator.quote("AAPLx@kraken", lambda: quote(2.0))
    conflator.quote("AAPLx@kraken", lambda: quote(3.0))
    assert (await anext(ticks)).bid == 3.0
    assert time.monotonic() - began >= 0.04
    await ticks.aclose()


async def test_one_instrument_does_not_hold_up_another() -> None:
    conflator = Conflator(60.0)
    ticks = conflator.ticks()
    conflator.quote("AAPLx@kraken", lambda: quote(1.0))
    await anext(ticks)
    conflator.quote("AAPLx@kraken", lambda: quote(2.0))
    conflator.quote("TSLAx@kraken", lambda: quote(4.0))
    assert (await anext(ticks)).bid == 4.0
    await ticks.aclose()


async def test_trades_beyond_the_room_give_way_and_are_counted_but_a_status_never_does() -> None:
    conflator = Conflator(0.0, room=3)
    conflator.put(parse.status("AAPLx@kraken", "halted", "maintenance", NOW))
    for number in range(5):
        conflator.put(Tick(NOW + number, "AAPLx@kraken", "trade", price=float(number), size=1.0))
    ticks = await gathered(conflator)
    assert [tick.kind for tick in ticks] == ["status", "trade", "trade"]
    assert [tick.price for tick in ticks[1:]] == [3.0, 4.0]
    assert conflator.dropped == 3


async def test_what_is_forgotten_is_not_told() -> None:
    conflator = Conflator(0.0)
    conflator.quote("AAPLx@kraken", lambda: quote(1.0))
    conflator.forget("AAPLx@kraken")
    assert await gathered(conflator) == []


async def test_time_never_goes_back_within_an_instrument() -> None:
    conflator = Conflator(0.0)
    conflator.put(Tick(NOW + 5, "AAPLx@kraken", "trade", price=1.0, size=1.0, received=NOW + 6))
    conflator.quote("AAPLx@kraken", lambda: quote(1.0, NOW))
    trade, late = await gathered(conflator)
    assert (trade.ts, late.ts, late.bid) == (NOW + 5, NOW + 5, 1.0)
    assert late.received >= late.ts


async def test_what_is_held_is_told_when_released_or_never() -> None:
    conflator = Conflator(0.0)
    conflator.hold()
    conflator.put(parse.status("AAPLx@kraken", "open", "", NOW))
    ticks = conflator.ticks()
    waiting = asyncio.ensure_future(anext(ticks))
    await asyncio.sleep(0)
    assert not waiting.done()
    conflator.release()
    assert (await waiting).kind == "status"
    await ticks.aclose()
    conflator.hold()
    conflator.put(parse.status("AAPLx@kraken", "open", "", NOW))
    assert await gathered(conflator) == []


async def test_ticks_come_while_others_are_made() -> None:
    conflator = Conflator(0.0)
    ticks = conflator.ticks()
    waiting = asyncio.ensure_future(anext(ticks))
    await asyncio.sleep(0)
    conflator.put(parse.status("AAPLx@kraken", "open", "", NOW))
    assert (await waiting).kind == "status"
    await ticks.aclose()


# -- sequences -------------------------------------------------------------------------------------------


def test_updates_in_order_are_used_old_ones_dropped_missing_ones_found() -> None:
    kept = Sequence()
    assert kept.take(Step("a", 5, 5)) == "drop"  # nothing to apply it to
    assert kept.take(Step("a", 5, 5, snapshot=True)) == "use"
    assert kept.take(Step("a", 6, 6)) == "use"
    assert kept.take(Step("a", 6, 6)) == "drop"  # the same again
    assert kept.take(Step("a", 4, 6)) == "drop"
    assert kept.take(Step("a", 6, 8)) == "use"  # overlaps what is known
    assert kept.take(Step("b", 1, 1, snapshot=True)) == "use"
    assert kept.take(Step("a", 10, 10)) == "gap"
    assert kept.take(Step("a", 11, 11)) == "drop"  # nothing until a snapshot
    assert kept.take(Step("a", 1, 1, snapshot=True)) == "use"  # numbers begin anew after a restart
    assert kept.take(Step("b", 2, 2)) == "use"


def test_whole_books_are_refused_only_when_older() -> None:
    kept = Sequence()
    assert [kept.take(Step("a", at, at, complete=True)) for at in (5, 9, 9, 8, 10)] == [
        "use", "use", "use", "drop", "use",
    ]  # fmt: skip


def test_each_exchange_numbers_its_books_in_its_own_way() -> None:
    assert sequence.bybit({"topic": "orderbook.50.X", "type": "delta", "data": {"u": 7}}) == Step(
        "orderbook.50.X", 7, 7
    )
    assert sequence.bybit({"topic": "publicTrade.X", "data": []}) is None
    assert sequence.bybit({"op": "subscribe", "success": True}) is None
    told = {"channel": "spot.obu", "event": "update", "result": {"s": "ob.X.50", "U": 7, "u": 9}}
    assert sequence.gate(told) == Step("ob.X.50", 7, 9)
    assert (
        sequence.gate({"channel": "spot.obu", "event": "subscribe", "result": {"status": "success"}}) is None
    )
    assert sequence.krakenfutures({"feed": "book_snapshot", "product_id": "P", "seq": 3}) == Step(
        "P", 3, 3, True
    )
    assert sequence.krakenfutures({"feed": "book", "product_id": "P", "seq": 4}) == Step("P", 4, 4)
    whole = {"channel": "l2Book", "data": {"coin": "xyz:AAPL", "time": 5, "levels": [[], []]}}
    assert sequence.hyperliquid(whole) == Step("xyz:AAPL", 5, 5, complete=True)


# -- what is said ------------------------------------------------------------------------------------------


def test_currency_of_a_book_is_named_unless_it_is_the_dollar() -> None:
    tick = parse.book("AAPLx@gate", [(249.9, 1.0)], [(250.1, 2.0)], "USDT", NOW, NOW)
    assert msgspec.json.decode(tick.data or "") == {
        "bids": [[249.9, 1.0]],
        "asks": [[250.1, 2.0]],
        "quote": "USDT",
    }
    tick = parse.book("AAPLx@kraken", [(249.9, 1.0)], [(250.1, 2.0)], "USD", NOW, NOW)
    assert "quote" not in msgspec.json.decode(tick.data or "")


def test_book_with_an_empty_side_cannot_be_traded_on() -> None:
    tick = parse.book("AAPLx@kraken", [], [(250.1, 2.0)], "USD", NOW, NOW)
    assert (tick.kind, msgspec.json.decode(tick.data or "")["state"]) == ("status", "halted")


def test_crossed_book_is_refused() -> None:
    with pytest.raises(DataError, match="crossed"):
        parse.book("AAPLx@kraken", [(250.1, 1.0)], [(250.1, 2.0)], "USD", NOW, NOW)


def test_time_ahead_of_our_clock_is_not_believed() -> None:
    with pytest.raises(DataError, match="future"):
        parse.trade("AAPLx@kraken", 250.0, 1.0, "buy", "USD", NOW + 11 * NS, NOW)
    assert parse.trade("AAPLx@kraken", 250.0, 2.0, "buy", "USD", 0, NOW).ts == NOW


@pytest.mark.parametrize("price", [None, "x", 0.0, -1.0, float("nan"), float("inf")])
def test_trade_or_mark_that_is_no_number_is_refused(price: object) -> None:
    with pytest.raises(DataError):
        parse.trade("AAPLx@kraken", price, 1.0, "buy", "USD", NOW, NOW)
    with pytest.raises(DataError):
        parse.perpetual("AAPL@krakenfutures", {"mark": price}, "USD", NOW, NOW)


def test_depth_subscribed_to_holds_the_depth_wanted() -> None:
    assert [rules("kraken").depth(wanted) for wanted in (1, 10, 11, 1000)] == [10, 10, 25, 1000]
    assert rules("bitget").depth(50) == 15
    assert rules("somewhere").depth(7) == 7


def test_of_hyperliquid_only_the_exchanges_that_list_the_markets_are_loaded() -> None:
    told = options("hyperliquid", ["XYZ-AAPL/USDC:USDC", "FLX-TSLA/USDC:USDC", "XYZ-TSLA/USDC:USDC"])
    assert told == {"fetchMarkets": {"types": ["hip3", "swap"], "hip3": {"dexes": ["flx", "xyz"]}}}
    assert options("bybit", ["AAPLX/USDT"]) == {"fetchMarkets": {"types": ["spot"]}}
