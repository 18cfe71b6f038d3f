"""Fair value: who is believed, and how far."""

from __future__ import annotations

from math import log, sqrt

import pytest

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Tick
from tests.fixtures.engine import SATURDAY, TUESDAY, engine, feed, quote, reference, seconds

HOUR = seconds(3600)
FRIDAY_CLOSE = parse("2026-06-18T19:59:50Z")  # Thursday: Friday the 19th is a holiday


def sd(target: Engine, instrument: str, ts: int) -> float:
    fair = target.market.fair(instrument, ts)
    assert fair is not None
    return fair.sd


def value(target: Engine, instrument: str, ts: int) -> float:
    fair = target.market.fair(instrument, ts)
    assert fair is not None
    return fair.value_usd


def multiplier(ts: int, token: str, shares: float) -> Tick:
    return Tick(ts, f"{token}@solana", "multiplier", data=f'{{"multiplier": {shares}}}')


def test_a_fresh_reference_decides_alone() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@kraken", 404))
    feed(one, quote(TUESDAY, "TSLAx@bybit", 404), multiplier(TUESDAY, "TSLAx", 1.0))
    assert value(one, "TSLAx@kraken", TUESDAY) == pytest.approx(400)
    assert sd(one, "TSLAx@kraken", TUESDAY) < 0.001


def test_fair_value_of_a_token_is_share_times_multiplier() -> None:
    one = engine()
    feed(
        one,
        reference(TUESDAY, "SPY@yahoo", 600),
        Tick(TUESDAY, "SPYx@solana", "multiplier", data='{"multiplier": 1.0057}'),
        quote(TUESDAY, "SPYx@kraken", 603),
    )
    assert value(one, "SPYx@kraken", TUESDAY) == pytest.approx(600 * 1.0057)


def test_an_announced_multiplier_takes_over_when_its_time_has_come() -> None:
    one = engine()
    later = TUESDAY + HOUR
    data = f'{{"multiplier": 1.0, "new_multiplier": 1.01, "effective_ns": {later}}}'
    feed(one, reference(TUESDAY, "SPY@yahoo", 600), Tick(TUESDAY, "SPYx@solana", "multiplier", data=data))
    feed(one, quote(TUESDAY, "SPYx@kraken", 600))
    assert value(one, "SPYx@kraken", TUESDAY) == pytest.approx(600)
    feed(one, reference(later, "SPY@yahoo", 600), quote(later, "SPYx@kraken", 606))
    assert value(one, "SPYx@kraken", later) == pytest.approx(606)


def test_certainty_fades_over_closed_hours_at_the_share_own_volatility() -> None:
    one = engine()
    for ticker in ("SPY", "TSLA"):
        feed(
            one,
            reference(FRIDAY_CLOSE, f"{ticker}@yahoo", 100),
            quote(FRIDAY_CLOSE, f"{ticker}x@kraken", 100),
        )
    at_close, on_saturday = sd(one, "TSLAx@kraken", FRIDAY_CLOSE), sd(one, "TSLAx@kraken", SATURDAY)
    assert on_saturday > 10 * at_close
    assert 0.01 < on_saturday < 0.03
    assert on_saturday / sd(one, "SPYx@kraken", SATURDAY) == pytest.approx(0.60 / 0.18, rel=0.05)


def test_closed_hours_listen_to_the_other_venues_never_to_the_one_judged() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", 400))
    feed(one, quote(SATURDAY, "TSLAx@kraken", 412))
    assert value(one, "TSLAx@kraken", SATURDAY) == pytest.approx(400)
    feed(one, quote(SATURDAY, "TSLAx@bybit", 412))
    moved = log(value(one, "TSLAx@kraken", SATURDAY) / 400) / log(412 / 400)
    assert moved == pytest.approx(0.90, abs=0.03)  # Cong et al. 2025: slope 0.90


def test_one_liar_among_the_peers_does_not_move_it() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", 400))
    feed(one, quote(SATURDAY, "TSLAx@kraken", 401), quote(SATURDAY, "TSLAx@bybit", 900))
    assert value(one, "TSLAx@kraken", SATURDAY) == pytest.approx(400, rel=0.002)
    feed(one, quote(SATURDAY, "TSLAx@gate", 401), quote(SATURDAY, "TSLAx@okx", 401))
    assert value(one, "TSLAx@kraken", SATURDAY) == pytest.approx(401, rel=0.002)


def test_a_reference_that_only_moves_its_time_stamp_is_as_old_as_its_price() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@kraken", 400))
    for minute in range(1, 120):
        feed(one, reference(TUESDAY + seconds(60 * minute), "TSLA@yahoo", 400))
    later = TUESDAY + seconds(60 * 119)
    fair = one.market.fair("TSLAx@kraken", later)
    assert fair is not None
    assert fair.age_seconds == pytest.approx(60 * 119)
    assert fair.sd > 0.01


def test_a_reference_that_jumps_is_believed_only_when_it_repeats() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@kraken", 400))
    feed(one, reference(TUESDAY + seconds(1), "TSLA@yahoo", 4000))
    assert value(one, "TSLAx@kraken", TUESDAY + seconds(1)) == pytest.approx(400)
    feed(one, *[reference(TUESDAY + seconds(2 + n), "TSLA@yahoo", 460) for n in range(3)])
    assert value(one, "TSLAx@kraken", TUESDAY + seconds(5)) == pytest.approx(460)


def test_without_any_reference_the_tokens_own_history_anchors() -> None:
    one = engine()
    for hour in range(10):
        feed(one, quote(SATURDAY + hour * HOUR, "TSLAx@kraken", 400 + hour))
    fair = one.market.fair("TSLAx@kraken", SATURDAY + 10 * HOUR)
    assert fair is not None
    assert fair.value_usd == pytest.approx(409, rel=0.003)
    assert not fair.independent
    assert fair.age_seconds is None


def test_a_lone_venue_that_stays_at_a_new_level_is_believed_in_the_end() -> None:
    one = engine()
    feed(one, *[quote(SATURDAY + n * seconds(60), "TSLAx@kraken", 400) for n in range(10)])
    start = SATURDAY + HOUR
    feed(one, *[quote(start + n * seconds(600), "TSLAx@kraken", 460) for n in range(6)])
    assert value(one, "TSLAx@kraken", start + HOUR) == pytest.approx(460, rel=0.01)


def test_nothing_known_is_none() -> None:
    one = engine()
    assert one.market.fair("TSLAx@kraken", TUESDAY) is None


def test_uncertainty_is_a_standard_deviation_in_log_terms() -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", 400), quote(FRIDAY_CLOSE, "TSLAx@kraken", 400))
    later = FRIDAY_CLOSE + 10 * HOUR
    grown = sd(one, "TSLAx@kraken", later) ** 2 - sd(one, "TSLAx@kraken", FRIDAY_CLOSE) ** 2
    accrued = one.clock.variance_time(later) - one.clock.variance_time(FRIDAY_CLOSE)
    assert sqrt(grown) == pytest.approx(0.60 * sqrt(accrued))


def test_a_tick_older_than_the_reference_is_as_uncertain_as_one_so_much_later() -> None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@kraken", 400))
    assert sd(one, "TSLAx@kraken", TUESDAY - HOUR) == pytest.approx(sd(one, "TSLAx@kraken", TUESDAY + HOUR))
