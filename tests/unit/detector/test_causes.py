"""Why: the cause that the evidence speaks for."""

from __future__ import annotations

from bot.timefmt import parse
from bot.types import Incident, Tick
from tests.fixtures.engine import TUESDAY, engine, feed, incidents, quote, reference, seconds, trade

TSLA, KRAKEN, BYBIT, POOL = "TSLA@yahoo", "TSLAx@kraken", "TSLAx@bybit", "TSLAx@orca:9p7abUFv"
MINUTE = seconds(60)


def first(*ticks: Tick) -> Incident:
    return incidents(feed(engine(), *ticks))[0]


def last(*ticks: Tick) -> Incident:
    return incidents(feed(engine(), *ticks))[-1]


def test_one_venue_pushed_alone_by_a_small_trade_is_thin_liquidity() -> None:
    found = first(
        reference(TUESDAY, TSLA, 400),
        quote(TUESDAY, KRAKEN, 400),
        trade(TUESDAY, POOL, 400),
        trade(TUESDAY + seconds(5), POOL, 600, usd=500),
    )
    assert found.cause == "thin_liquidity"
    assert any("stood at fair value" in line for line in found.evidence)
    assert any("$500.00 traded" in line for line in found.evidence)


def test_a_pool_nobody_traded_on_while_the_rest_moved_is_stale() -> None:
    opening = parse("2026-06-16T13:30:00Z")
    ticks = [reference(opening, TSLA, 400), trade(opening, POOL, 400)]
    ticks += [reference(opening + n * 30 * MINUTE, TSLA, 400 * 1.006**n) for n in range(1, 13)]
    ticks += [quote(opening + 360 * MINUTE, KRAKEN, 429.8)]
    ticks += [trade(opening + 361 * MINUTE + n, POOL, 400) for n in range(2)]
    found = last(*ticks)
    assert found.cause == "stale_venue"
    assert any("had not moved for 6 h 1 min" in line for line in found.evidence)


def test_all_venues_together_are_a_broad_premium() -> None:
    found = last(
        reference(TUESDAY, TSLA, 400),
        *[quote(TUESDAY, name, 400) for name in (KRAKEN, BYBIT, POOL)],
        *[trade(TUESDAY + seconds(1 + n), name, 456) for n, name in enumerate((KRAKEN, BYBIT, POOL))],
    )
    assert found.cause == "broad_premium"


def test_all_venues_together_against_a_reference_that_stopped_is_a_stale_reference() -> None:
    ticks = [reference(TUESDAY, TSLA, 400), quote(TUESDAY, KRAKEN, 400), quote(TUESDAY, BYBIT, 400)]
    for n in range(1, 40):
        ts = TUESDAY + n * MINUTE
        ticks += [reference(ts, TSLA, 400)]
        ticks += [quote(ts + k, name, 400 * (1 + 0.0025 * n)) for k, name in enumerate((KRAKEN, BYBIT))]
    found = incidents(feed(engine(), *ticks))
    assert found[-1].cause == "stale_reference"


def test_a_venue_that_prices_shares_instead_of_tokens_is_a_multiplier_mismatch() -> None:
    found = first(
        Tick(TUESDAY, "TSLAx@solana", "multiplier", data='{"multiplier": 3.0}'),
        reference(TUESDAY, TSLA, 400),
        quote(TUESDAY, BYBIT, 1200),
        trade(TUESDAY + seconds(1), KRAKEN, 400, usd=90_000),
    )
    assert found.cause == "multiplier_mismatch"
    assert any("the multiplier itself" in line for line in found.evidence)


def test_the_explanation_is_one_sentence_with_the_numbers_a_person_needs() -> None:
    found = first(reference(TUESDAY, TSLA, 400), trade(TUESDAY, KRAKEN, 400), trade(TUESDAY + 1, KRAKEN, 470))
    assert found.explanation.startswith("TSLAx on kraken at $470.00 is +17.5 % from fair value $400.00 (±")
