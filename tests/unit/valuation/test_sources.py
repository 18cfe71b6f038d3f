"""Who is believed how much: references, venues, the index, and doubt about units."""

from __future__ import annotations

from math import exp, log

import pytest

from bot.config import ValuationSection
from bot.engine import Engine
from bot.market import Market
from bot.registry.model import Registry
from bot.timefmt import parse
from bot.types import Tick
from bot.valuation import FairValue, SessionClock, Valuation
from bot.valuation.references import consensus
from bot.valuation.robust import centre_and_deviation
from tests.fixtures.engine import SATURDAY, TUESDAY, engine, feed, quote, reference, seconds, shipped_registry

HOUR = seconds(3600)
FRIDAY_CLOSE = parse("2026-06-12T19:59:50Z")
SUNDAY = parse("2026-06-14T20:00:00Z")


def fair(one: Engine, name: str, ts: int) -> FairValue:
    found = one.market.fair(name, ts)
    assert found is not None
    return found


def multiplier(ts: int, token: str, now: float, later: float = 0.0, due: int = 0) -> Tick:
    data = f'{{"multiplier": {now}, "new_multiplier": {later}, "effective_ns": {due}}}'
    return Tick(ts, f"{token}@solana", "multiplier", data=data)


def pool(ts: int, name: str, price: float, liquidity: float, one: Engine) -> None:
    feed(one, quote(ts, name, price))
    one.market.instruments[name].liquidity_usd = liquidity


def test_the_median_is_weighted_and_no_source_holds_half() -> None:
    assert centre_and_deviation([(1.0, 1.0), (2.0, 5.0), (9.0, 1.0)])[0] == 2.0
    assert centre_and_deviation([(1.0, 1.0), (1.1, 1.0), (9.0, 1e9)])[0] == 1.1
    assert centre_and_deviation([(1.0, 1.0), (3.0, 1.0)])[0] == 2.0
    assert centre_and_deviation([(7.0, 2.0)])[0] == 7.0
    assert centre_and_deviation([(1.0, 1.0), (2.0, 1.0), (90.0, 1.0)]) == (2.0, 1.0)


def test_of_three_references_a_lying_one_does_not_count() -> None:
    one = engine()
    feed(one, *[reference(TUESDAY, f"TSLA@{name}", price)
                for name, price in (("yahoo", 400.0), ("ibkr", 400.1), ("alpaca", 404.0))])  # fmt: skip
    feed(one, quote(TUESDAY, "TSLAx@kraken", 400))
    assert fair(one, "TSLAx@kraken", TUESDAY).value_usd == pytest.approx(400.1)


def test_of_two_references_that_disagree_the_one_nearer_to_the_last_price_counts() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@kraken", 400))
    feed(one, reference(TUESDAY + seconds(1), "TSLA@ibkr", 430))
    assert fair(one, "TSLAx@kraken", TUESDAY + seconds(1)).value_usd == pytest.approx(400)
    assert fair(one, "TSLAx@kraken", TUESDAY + seconds(1)).sd < 0.002


def test_two_references_that_agree_are_weighted_by_their_spread() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400, spread=0.0002))
    feed(one, reference(TUESDAY, "TSLA@ibkr", 402, spread=0.01), quote(TUESDAY, "TSLAx@kraken", 400))
    assert fair(one, "TSLAx@kraken", TUESDAY).value_usd == pytest.approx(400, rel=1e-4)


def test_a_reference_that_stands_still_under_moving_time_stamps_is_outvoted() -> None:
    one = engine()
    for minute in range(12):
        ts = TUESDAY + seconds(60 * minute)
        feed(one, reference(ts, "TSLA@ibkr", 400))
        feed(one, reference(ts + 1, "TSLA@yahoo", 400 + 0.25 * minute))
    feed(one, quote(ts + 1, "TSLAx@kraken", 402))
    assert fair(one, "TSLAx@kraken", ts + 1).value_usd == pytest.approx(402.75, rel=2e-4)


def test_a_wide_quote_before_the_open_is_weighed_against_what_was_known() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "SPY@yahoo", 600), quote(FRIDAY_CLOSE, "SPYx@kraken", 600))
    monday = parse("2026-06-15T08:00:05Z")
    feed(one, reference(monday, "SPY@yahoo", 612, spread=0.06))
    found = fair(one, "SPYx@kraken", monday)
    assert 600 < found.value_usd < 603
    feed(one, reference(monday + 1, "SPY@yahoo", 612, spread=0.0002))
    assert fair(one, "SPYx@kraken", monday + 1).value_usd == pytest.approx(612, rel=1e-6)


def test_the_deep_venue_is_heard_more_than_the_thin_ones() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", 400), quote(SATURDAY - HOUR, "TSLAx@kraken", 400))
    moment = parse("2026-06-13T15:00:00Z")
    for name, price, liquidity in (
        ("a", 408.0, 4e5),
        ("b", 404.0, 2e5),
        ("c", 396.0, 3e3),
        ("d", 395.0, 3e3),
    ):
        pool(moment, f"TSLAx@{name}", price, liquidity, one)
    feed(one, quote(moment, "TSLAx@kraken", 400))
    assert fair(one, "TSLAx@kraken", moment).value_usd > 402  # their plain median: 400


def test_in_closed_hours_the_index_moves_a_share_by_its_beta() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "SPY@yahoo", 600), reference(FRIDAY_CLOSE, "TSLA@yahoo", 400))
    feed(one, quote(FRIDAY_CLOSE, "TSLAx@kraken", 400))
    before = fair(one, "TSLAx@kraken", SUNDAY)
    feed(one, reference(SUNDAY, "SPY@yahoo", 594))
    after = fair(one, "TSLAx@kraken", SUNDAY)
    beta = shipped_registry().underlyings["TSLA"].beta
    assert log(after.value_usd / before.value_usd) == pytest.approx(beta * log(594 / 600), rel=1e-6)
    assert after.sd < before.sd


def test_one_token_of_the_index_says_nothing_of_other_shares_three_do() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "SPY@yahoo", 600), reference(FRIDAY_CLOSE, "TSLA@yahoo", 400))
    feed(one, quote(FRIDAY_CLOSE, "TSLAx@kraken", 400), quote(SUNDAY, "SPYx@kraken", 590))
    assert fair(one, "TSLAx@kraken", SUNDAY).value_usd == pytest.approx(400)
    feed(one, quote(SUNDAY, "SPYx@bybit", 590), quote(SUNDAY, "SPYx@gate", 590))
    assert fair(one, "TSLAx@kraken", SUNDAY).value_usd < 392


def test_earnings_due_before_the_open_widen_the_interval() -> None:
    registry = shipped_registry()
    shares = dict(registry.underlyings)
    share = shares["TSLA"]
    kept = {name: getattr(share, name) for name in share.__struct_fields__}
    shares["TSLA"] = type(share)(**{**kept, "earnings": ["2026-06-16T20:05Z"]})
    fields = {name: getattr(registry, name) for name in registry.__struct_fields__}
    one = Engine(engine().config, Registry(**{**fields, "underlyings": shares}))
    close = parse("2026-06-16T19:59:50Z")
    feed(one, reference(close, "TSLA@yahoo", 400), quote(close, "TSLAx@kraken", 400))
    before, after = fair(one, "TSLAx@kraken", close + seconds(290)), fair(one, "TSLAx@kraken", close + HOUR)
    assert before.sd < 0.01
    assert after.sd == pytest.approx(0.6 * (6 / 252) ** 0.5, rel=0.02)
    feed(one, reference(close + HOUR, "TSLA@yahoo", 440, spread=0.001), multiplier(close, "TSLAx", 1.0))
    assert fair(one, "TSLAx@kraken", close + HOUR).sd < 0.002


def test_a_multiplier_nobody_has_told_and_one_in_flight_are_doubt() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "SPY@yahoo", 600), quote(TUESDAY, "SPYx@kraken", 600))
    assert fair(one, "SPYx@kraken", TUESDAY).sd == pytest.approx(0.0015, rel=0.05)
    due = TUESDAY + HOUR
    feed(one, multiplier(TUESDAY, "SPYx", 1.0, 1.006, due))
    assert fair(one, "SPYx@kraken", TUESDAY).sd < 0.0005
    feed(one, reference(due - seconds(60), "SPY@yahoo", 600.1))
    assert fair(one, "SPYx@kraken", due - seconds(60)).sd == pytest.approx(log(1.006) / 2, rel=0.05)
    feed(one, reference(due + seconds(60), "SPY@yahoo", 600.1), quote(due + seconds(60), "SPYx@kraken", 603))
    assert fair(one, "SPYx@kraken", due + seconds(60)).sd == pytest.approx(log(1.006) / 2, rel=0.05)
    settled = due + seconds(1000)
    feed(one, reference(settled, "SPY@yahoo", 600.2))
    assert fair(one, "SPYx@kraken", settled).sd < 0.0005


def test_a_split_is_left_to_the_detector_and_does_not_blind_it() -> None:
    one = engine()
    feed(one, multiplier(TUESDAY - HOUR, "TSLAx", 1.0), reference(TUESDAY, "TSLA@yahoo", 400))
    feed(one, quote(TUESDAY, "TSLAx@kraken", 400), multiplier(TUESDAY, "TSLAx", 3.0))
    assert fair(one, "TSLAx@kraken", TUESDAY).sd < 0.001


def test_what_it_is_quoted_in_is_doubt_until_somebody_says_what_it_is_worth() -> None:
    one = engine()
    feed(one, multiplier(TUESDAY, "SPYx", 1.0), reference(TUESDAY, "SPY@yahoo", 600))
    feed(one, quote(TUESDAY, "SPYx@kraken", 600), quote(TUESDAY, "SPYx@bybit", 600))
    in_dollars, in_coins = fair(one, "SPYx@kraken", TUESDAY).sd, fair(one, "SPYx@bybit", TUESDAY).sd
    assert in_coins**2 - in_dollars**2 == pytest.approx(0.001**2)
    feed(one, quote(TUESDAY, "USDT@kraken", 1.0, spread=0.0001))
    assert fair(one, "SPYx@bybit", TUESDAY).sd < in_dollars * 1.5
    feed(one, quote(TUESDAY + 1, "USDT@kraken", 0.97, spread=0.0001))
    assert fair(one, "SPYx@bybit", TUESDAY + 1).sd > 0.003
    assert fair(one, "SPYx@kraken", TUESDAY + 1).sd < 0.001


def test_an_interval_is_of_students_t_around_the_value() -> None:
    found = FairValue(100.0, 0.02, 5.0, "weekend", True, 1.1)
    low, high = found.interval(0.95)
    assert low == pytest.approx(100 * exp(-0.02 * 1.1 * 1.837386), rel=1e-6)
    assert low * high == pytest.approx(100.0**2)


def test_valuation_stands_alone_without_a_market() -> None:
    clock = SessionClock(ValuationSection())
    market = Market(shipped_registry())
    alone = Valuation(ValuationSection(), clock)
    state = market.admit("TSLA@yahoo")
    state.ts = state.changed = TUESDAY
    state.price, state.log_price = 400.0, log(400.0)
    share = market.underlyings["TSLA"]
    assert alone.on_reference(share, state, TUESDAY)  # type: ignore[arg-type]  # a reference by its name
    seen = consensus(share, state, TUESDAY, clock, 0.36, 900, None)  # type: ignore[arg-type]  # the same
    assert seen.log_price == log(400.0)
