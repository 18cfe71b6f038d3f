"""The engine: what goes in, what comes out, and what it refuses."""

from __future__ import annotations

import math

import pytest

from bot.types import Basis, Clock, Incident, Quarantined, Tick
from tests.fixtures.engine import TUESDAY, bases, engine, feed, incidents, quote, reference, seconds, trade

KRAKEN, TSLA = "TSLAx@kraken", "TSLA@yahoo"
POOL_OF_DUST = (
    '{"amm": "constant_product", "decimals": [36, 0], "token_reserve": "1",'
    f' "quote_reserve": "{10**33}", "fee_pips": 2500}}'
)


def quarantined(tick: Tick) -> str:
    one = engine()
    feed(one, reference(TUESDAY - 1, TSLA, 400), trade(TUESDAY - 1, KRAKEN, 400))
    (message,) = one.step(tick)
    assert isinstance(message, Quarantined)
    return message.reason


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        (Tick(TUESDAY, KRAKEN, "trade", price=math.nan), "not_finite"),
        (Tick(TUESDAY, KRAKEN, "trade", price=math.inf), "not_finite"),
        (Tick(TUESDAY, KRAKEN, "trade", price=-1.0), "bad_price"),
        (Tick(TUESDAY, KRAKEN, "trade", price=0.0), "bad_price"),
        (Tick(TUESDAY, KRAKEN, "quote", bid=401.0, ask=400.0), "crossed"),
        (Tick(TUESDAY, KRAKEN, "quote", bid=math.nan, ask=400.0), "not_finite"),
        (Tick(TUESDAY, KRAKEN, "bar", price=400.0, high=399.0, low=401.0), "crossed"),
        (Tick(TUESDAY, KRAKEN, "trade", price=400.0, size=-5.0), "bad_size"),
        (Tick(TUESDAY, KRAKEN, "quote"), "no_price"),
        (Tick(TUESDAY, KRAKEN, "quote", bid=400.0), "no_price"),
        (Tick(TUESDAY - seconds(9), KRAKEN, "trade", price=400.0), "time_backwards"),
        (Tick(TUESDAY - seconds(9), TSLA, "quote", bid=400.0, ask=400.1), "time_backwards"),
        (Tick(TUESDAY + seconds(901), KRAKEN, "trade", price=400.0, received=TUESDAY), "time_ahead"),
        (Tick(TUESDAY // 10**9, KRAKEN, "trade", price=400.0), "bad_ts"),
        (Tick((1 << 63) - 1, KRAKEN, "trade", price=400.0), "bad_ts"),
        (Tick(TUESDAY, KRAKEN, "trade", price=5e-324), "bad_price"),
        (Tick(TUESDAY, "NOPEx@kraken", "trade", price=1.0), "unknown_instrument"),
        (Tick(TUESDAY, "TSLA@somewhere", "trade", price=1.0), "unknown_instrument"),
        (Tick(TUESDAY, "TSLAx", "trade", price=1.0), "unknown_instrument"),
        (Tick(TUESDAY, KRAKEN, "pool", price=400.0), "no_pool_state"),
        (Tick(TUESDAY, KRAKEN, "status", data='{"state": "drunk"}'), "bad_data"),
        (Tick(TUESDAY, KRAKEN, "status", data="{"), "bad_data"),
        (Tick(TUESDAY, "TSLAx@solana", "multiplier", data='{"multiplier": 0}'), "bad_multiplier"),
        (Tick(TUESDAY, "TSLAx@solana", "multiplier", data='{"multiplier": "1"}'), "bad_multiplier"),
        (Tick(TUESDAY, "TSLAx@solana", "multiplier", data='{"multiplier": 1e300}'), "bad_multiplier"),
    ],
)
def test_a_datum_that_cannot_be_used_is_set_aside_with_its_reason(tick: Tick, reason: str) -> None:
    assert quarantined(tick) == reason


def test_a_pool_whose_price_is_no_number_of_dollars_is_set_aside() -> None:
    assert quarantined(Tick(TUESDAY, KRAKEN, "pool", data=POOL_OF_DUST)) in ("bad_price", "bad_pool_state")


def test_a_bad_datum_changes_nothing() -> None:
    one = engine()
    feed(one, reference(TUESDAY, TSLA, 400), quote(TUESDAY, KRAKEN, 400))
    before = one.snapshot()
    feed(
        one, Tick(TUESDAY, KRAKEN, "quote", bid=500.0, ask=400.0), Tick(TUESDAY, "NOPE@x", "trade", price=1.0)
    )
    assert one.snapshot() == before


def test_a_basis_says_where_the_instrument_stands() -> None:
    found = bases(feed(engine(), reference(TUESDAY, TSLA, 400), quote(TUESDAY + 1, KRAKEN, 402)))[0]
    assert found.session == "regular"
    assert found.basis == pytest.approx(math.log(402 / 400))
    assert found.fair_value == pytest.approx(400)
    assert found.state == "ok"
    assert found.age_seconds == pytest.approx(1e-9)


def test_without_anything_to_compare_with_there_is_no_basis() -> None:
    found = bases(feed(engine(), trade(TUESDAY, KRAKEN, 402)))[0]
    assert (found.fair_value, found.basis, found.state) == (None, None, "unpriced")


def test_bases_are_sampled_but_an_incident_is_always_shown_with_one() -> None:
    one = engine()
    found = feed(one, reference(TUESDAY, TSLA, 400), *[quote(TUESDAY + n, KRAKEN, 400) for n in range(1, 50)])
    assert len(bases(found)) == 1
    messages = feed(one, trade(TUESDAY + 60, KRAKEN, 470))
    assert [type(message) for message in messages[:2]] == [Incident, Basis]


def test_a_feed_that_is_lost_is_an_incident_of_its_own_and_resolves_when_it_is_back() -> None:
    one = engine()
    feed(one, reference(TUESDAY, TSLA, 400), quote(TUESDAY, KRAKEN, 400), quote(TUESDAY, "SPYx@kraken", 600))
    down = '{"state": "down", "reason": "connection refused"}'
    told = incidents(
        feed(
            one,
            *[Tick(TUESDAY + n, name, "status", data=down) for n, name in ((1, KRAKEN), (2, "SPYx@kraken"))],
        )
    )
    assert [(found.kind, found.phase) for found in told] == [("feed_fault", "open"), ("feed_fault", "update")]
    assert "connection refused" in told[0].explanation
    up = [
        Tick(TUESDAY + seconds(9), name, "status", data='{"state": "up"}') for name in (KRAKEN, "SPYx@kraken")
    ]
    (back,) = incidents(feed(one, *up))
    assert (back.id, back.phase) == (told[0].id, "resolve")


def test_time_is_the_events_own_and_never_runs_back() -> None:
    one = engine()
    feed(
        one,
        trade(TUESDAY, KRAKEN, 400),
        Clock(TUESDAY + 5),
        Clock(TUESDAY + 1),
        trade(TUESDAY + 2, "SPYx@kraken", 600),
    )
    assert one.now == TUESDAY + 5


def test_the_same_events_give_the_same_messages() -> None:
    ticks = [reference(TUESDAY, TSLA, 400)]
    ticks += [trade(TUESDAY + seconds(n), KRAKEN, 400 * (1.2 if n % 7 == 3 else 1.0)) for n in range(1, 100)]
    assert feed(engine(), *ticks) == feed(engine(), *ticks)


@pytest.mark.parametrize("cut", [1, 3, 5, 40, 99])
def test_a_restart_from_a_snapshot_equals_no_restart(cut: int) -> None:
    ticks = [reference(TUESDAY, TSLA, 400), quote(TUESDAY, "TSLAx@bybit", 400)]
    ticks += [
        trade(TUESDAY + seconds(60 * n), KRAKEN, 400 * (1.2 if n % 17 < 3 else 1.0)) for n in range(1, 100)
    ]
    whole = engine()
    before, after = feed(whole, *ticks[:cut]), feed(whole, *ticks[cut:])
    first = engine()
    assert feed(first, *ticks[:cut]) == before
    second = engine()
    second.restore(first.snapshot())
    assert feed(second, *ticks[cut:]) == after
    assert second.snapshot() == whole.snapshot()


def test_the_future_never_changes_the_past() -> None:
    ticks = [reference(TUESDAY, TSLA, 400)]
    ticks += [trade(TUESDAY + seconds(60 * n), KRAKEN, 400 + (n * 37) % 90) for n in range(1, 60)]
    whole = [engine_messages for tick in [ticks] for engine_messages in feed(engine(), *tick)]
    for cut in (5, 20, 40):
        part = feed(engine(), *ticks[:cut])
        assert whole[: len(part)] == part


def test_a_pool_that_cannot_be_quoted_is_shown_halted_with_the_reason_and_comes_back() -> None:
    one = engine()
    feed(one, reference(TUESDAY, TSLA, 400), trade(TUESDAY, KRAKEN, 400))
    halt = Tick(
        TUESDAY + seconds(1), KRAKEN, "status", data='{"state":"halted","reason":"the token is paused"}'
    )
    shown = [message for message in feed(one, halt) if isinstance(message, Basis)]
    assert [(basis.state, basis.note) for basis in shown] == [("halted", "the token is paused")]
    back = [m for m in feed(one, trade(TUESDAY + seconds(3), KRAKEN, 400)) if isinstance(m, Basis)]
    assert [(basis.state, basis.note) for basis in back] == [("ok", "")]
