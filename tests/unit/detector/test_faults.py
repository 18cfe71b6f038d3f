"""What is wrong with something else than the token's price: coins, issuers, references, units, feeds."""

from __future__ import annotations

import msgspec
import pytest

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Clock, Incident, Tick
from tests.fixtures.engine import TUESDAY, engine, feed, incidents, quote, reference, seconds

YAHOO, PYTH, ALPACA = "TSLA@yahoo", "TSLA@pyth", "TSLA@alpaca"
KRAKEN, BYBIT, GATE = "TSLAx@kraken", "TSLAx@bybit", "TSLAx@gate"
"""Quoted in dollars, and twice in USDT."""
MINUTE = seconds(60)
NIGHT = parse("2026-06-17T00:00:00Z")


def status(ts: int, name: str, **data: object) -> Tick:
    return Tick(ts, name, "status", data=msgspec.json.encode(data).decode())


def multiplier(ts: int, value: float) -> Tick:
    return Tick(ts, "TSLAx@solana", "multiplier", data=f'{{"multiplier": {value}}}')


def minutes(one: Engine, start: int, count: int, *quotes: tuple[str, float], refs: tuple[str, ...] = (YAHOO,),
            share: float = 400.0) -> list[Incident]:  # fmt: skip
    """Everybody speaks each minute; references move by a cent."""
    found = []
    for n in range(count):
        ts = start + n * MINUTE
        ticks = [reference(ts, name, share + 0.01 * (n % 2)) for name in refs]
        ticks += [quote(ts + 1 + k, name, price) for k, (name, price) in enumerate(quotes)]
        found += incidents(feed(one, *ticks))
    return found


def test_a_coin_off_its_peg_is_one_incident_across_all_shares() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "SPY@yahoo", 600))
    minutes(one, TUESDAY, 5, (KRAKEN, 400), (BYBIT, 400), ("SPYx@gate", 600))
    ts = TUESDAY + 6 * MINUTE
    feed(one, reference(ts, "USDT@kraken", 0.95), reference(ts, "SPY@yahoo", 600.1))
    found = minutes(one, ts + 1, 8, (KRAKEN, 400), (BYBIT, 421), ("SPYx@gate", 631))
    assert {incident.cause for incident in found} == {"stablecoin_depeg"}
    assert len({incident.id for incident in found}) == 1
    assert set(found[-1].venues) == {BYBIT, "SPYx@gate"}
    assert "USDT is at $0.9500" in found[-1].evidence


def test_it_resolves_with_the_coin() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, (BYBIT, 400))
    feed(one, reference(TUESDAY + 6 * MINUTE, "USDT@kraken", 0.95))
    minutes(one, TUESDAY + 7 * MINUTE, 5, (BYBIT, 421))
    feed(one, reference(TUESDAY + 13 * MINUTE, "USDT@kraken", 1.0))
    found = minutes(one, TUESDAY + 14 * MINUTE, 9, (BYBIT, 400))
    assert [incident.phase for incident in found] == ["resolve"]


def test_a_premium_while_mint_and_redeem_are_halted_is_told_sooner_and_as_that() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, (KRAKEN, 400), (BYBIT, 400))
    feed(one, status(TUESDAY + 5 * MINUTE, "TSLAx@xstocks", state="halted", reason="review", scope="issuer"))
    found = minutes(one, TUESDAY + 6 * MINUTE, 10, (KRAKEN, 416), (BYBIT, 416))
    assert found[-1].cause == "issuer_halt"
    assert any("has halted mint and redeem: review" in line for line in found[-1].evidence)
    assert any("nothing holds the price" in line for line in found[-1].evidence)


def test_a_discount_with_too_few_shares_in_custody_is_under_backed() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, (KRAKEN, 400), (BYBIT, 400))
    told = status(TUESDAY + 5 * MINUTE, "TSLAx@xstocks", state="open", shares_held=92_000.0,
                  circulating_supply=100_000.0)  # fmt: skip
    feed(one, told)
    found = minutes(one, TUESDAY + 6 * MINUTE, 10, (KRAKEN, 380), (BYBIT, 380))
    assert found[-1].cause == "under_backed"
    assert "custody holds 92.0 % of the shares owed" in found[-1].evidence


def test_an_oracle_alone_with_its_price_is_an_incident_of_the_oracle_and_of_no_token() -> None:
    one = engine()
    refs = (YAHOO, ALPACA, PYTH)
    minutes(one, TUESDAY, 5, (KRAKEN, 400), refs=refs)
    found = []
    for n in range(5, 12):
        ts = TUESDAY + n * MINUTE
        ticks = [reference(ts, YAHOO, 400 + n / 100), reference(ts, ALPACA, 400 + n / 100)]
        ticks += [reference(ts, PYTH, 440 + n / 100), quote(ts + 1, KRAKEN, 400)]
        found += incidents(feed(one, *ticks))
    assert [(i.instrument, i.cause, i.kind, i.phase) for i in found] == [
        (PYTH, "oracle_fault", "feed_fault", "open")
    ]
    back = minutes(one, TUESDAY + 13 * MINUTE, 2, (KRAKEN, 400), refs=refs)
    assert [i.phase for i in back] == ["resolve"]


def test_all_references_standing_still_in_session_while_tokens_move_on_is_a_stale_reference() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, (KRAKEN, 400), (BYBIT, 400))
    found = []
    for n in range(5, 40):
        ts = TUESDAY + n * MINUTE
        price = 400 * (1 + 0.001 * (n - 5))
        ticks = [reference(ts, YAHOO, 400.01), quote(ts + 1, KRAKEN, price), quote(ts + 2, BYBIT, price)]
        found += incidents(feed(one, *ticks))
    assert found[-1].cause == "stale_reference"
    assert set(found[-1].venues) == {KRAKEN, BYBIT}


def test_tokens_that_go_on_while_the_share_is_halted_are_a_trading_halt() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, (KRAKEN, 400), (BYBIT, 400))
    feed(one, status(TUESDAY + 5 * MINUTE, YAHOO, state="halted", reason="news pending"))
    found = []
    for n in range(6, 30):
        ts = TUESDAY + n * MINUTE
        price = 400 * (1 - 0.004 * min(n - 6, 12))
        found += incidents(feed(one, quote(ts + 1, KRAKEN, price), quote(ts + 2, BYBIT, price)))
    assert found[-1].cause == "trading_halt"
    assert any("news pending" in line for line in found[-1].evidence)


@pytest.mark.parametrize("late", [0, 600])
def test_a_split_at_midnight_is_no_alarm_and_neither_is_the_share_that_follows(late: int) -> None:
    one = engine()
    feed(one, multiplier(NIGHT - 60 * MINUTE, 1.0))
    minutes(one, NIGHT - 20 * MINUTE, 20, (KRAKEN, 400), (BYBIT, 400))
    found = incidents(feed(one, multiplier(NIGHT, 4.0)))
    found += minutes(one, NIGHT + MINUTE, 20, (KRAKEN, 400), (BYBIT, 400), refs=())
    morning = parse("2026-06-17T08:00:00Z")
    found += minutes(one, morning, late // 60, (KRAKEN, 400), (BYBIT, 400))
    found += minutes(one, morning + late * seconds(1), 20, (KRAKEN, 400), (BYBIT, 400), share=100.0)
    assert not found


def test_a_venue_that_misses_the_split_is_told_as_a_corporate_action() -> None:
    one = engine()
    feed(one, multiplier(NIGHT - 60 * MINUTE, 1.0))
    minutes(one, NIGHT - 20 * MINUTE, 20, (KRAKEN, 400), (BYBIT, 400), (GATE, 400))
    feed(one, multiplier(NIGHT, 4.0))
    found = minutes(one, NIGHT + MINUTE, 10, (KRAKEN, 400), (BYBIT, 400), (GATE, 100), refs=())
    assert found[-1].cause == "corporate_action"
    assert found[-1].venues == [GATE]


def test_what_always_spoke_and_is_silent_is_a_feed_fault_and_resolves_when_heard() -> None:
    one = engine()
    minutes(one, TUESDAY, 40, (KRAKEN, 400), (BYBIT, 400))
    found = minutes(one, TUESDAY + 40 * MINUTE, 20, (BYBIT, 400))
    assert [(i.instrument, i.kind, i.cause) for i in found] == [(KRAKEN, "feed_fault", "feed_fault")]
    assert "silent for" in found[0].explanation
    back = minutes(one, TUESDAY + 60 * MINUTE, 1, (KRAKEN, 400), (BYBIT, 400))
    assert [i.phase for i in back] == ["resolve"]


def test_if_nobody_is_heard_it_is_we_who_are_deaf() -> None:
    one = engine()
    minutes(one, TUESDAY, 40, (KRAKEN, 400), (BYBIT, 400))
    assert not incidents(feed(one, *[Clock(TUESDAY + n * 30 * MINUTE) for n in range(2, 9)]))


def test_a_reference_that_ends_with_its_session_is_not_silent() -> None:
    one = engine()
    evening = parse("2026-06-16T23:00:00Z")
    minutes(one, evening, 60, (KRAKEN, 400), (BYBIT, 400))
    assert not minutes(one, evening + 60 * MINUTE, 60, (KRAKEN, 400), (BYBIT, 400), refs=())
