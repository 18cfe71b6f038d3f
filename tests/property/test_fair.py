"""Fair value under all inputs: liars, order, scale, time."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Tick
from bot.valuation import FairValue
from bot.valuation.robust import capped, centre_and_deviation
from bot.valuation.units import currency_variance
from tests.fixtures.engine import SATURDAY, TUESDAY, engine, feed, quote, reference, seconds

FRIDAY_CLOSE = parse("2026-06-18T19:59:50Z")
VENUES = ["kraken", "bybit", "gate", "okx", "mexc", "bitget", "binance"]
SOURCES = ["yahoo", "alpaca", "ibkr", "nyse", "nasdaq"]
prices = st.floats(1.0, 1e4)
weights = st.floats(1e-3, 1e6)
honest_values = st.lists(st.tuples(st.floats(-1, 1), weights), min_size=1, max_size=8)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(honest_values, st.lists(st.tuples(st.floats(-100, 100), weights), max_size=8))
def test_liars_with_less_than_half_of_the_weight_move_it_nowhere_no_honest_source_is(
    honest: list[tuple[float, float]], liars: list[tuple[float, float]]
) -> None:
    # The breakdown point: half of the weight as it counts, after no source is let to hold half by itself.
    counted = capped([*honest, *liars])
    of_liars = sum(weight for _, weight in counted[len(honest) :])
    if of_liars >= 0.499 * sum(weight for _, weight in counted):
        return
    found = centre_and_deviation([*honest, *liars])[0]
    assert min(value for value, _ in honest) <= found <= max(value for value, _ in honest)


@given(
    st.lists(st.tuples(st.floats(-1, 1), weights), min_size=2, max_size=8),
    st.floats(-100, 100),
    st.floats(1, 1e12),
)
def test_a_single_liar_never_decides_however_heavy(
    honest: list[tuple[float, float]], lie: float, weight: float
) -> None:
    found = centre_and_deviation([*honest, (lie, weight)])[0]
    assert min(value for value, _ in honest) <= found <= max(value for value, _ in honest)


@given(honest_values, st.permutations(range(8)))
def test_the_order_of_sources_does_not_matter(values: list[tuple[float, float]], order: list[int]) -> None:
    shuffled = [values[index] for index in order if index < len(values)]
    assert centre_and_deviation(shuffled)[0] == pytest.approx(centre_and_deviation(values)[0], abs=1e-15)


def world(share: float, tokens: list[float], scale: float = 1.0, order: list[int] | None = None) -> Engine:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", share * scale))
    ticks = [
        quote(SATURDAY, f"TSLAx@{venue}", price * scale) for venue, price in zip(VENUES, tokens, strict=False)
    ]
    feed(one, *[ticks[index] for index in order or range(len(ticks)) if index < len(ticks)])
    return one


def fair(one: Engine, name: str, ts: int) -> FairValue:
    found = one.market.fair(name, ts)
    assert found is not None
    return found


@quick
@given(
    st.lists(st.floats(395, 412), min_size=4, max_size=4),
    st.floats(1, 1e5),
    st.permutations(range(6)),
)
def test_one_lying_venue_never_moves_the_fair_value_of_an_honest_one_beyond_the_honest_range(
    honest: list[float], lie: float, order: list[int]
) -> None:
    one = world(402.0, [*honest, lie], order=order)
    found = fair(one, "TSLAx@kraken", SATURDAY)
    low, high = min([*honest, 402.0]), max([*honest, 402.0])
    assert low * (1 - 1e-9) <= found.value_usd <= high * (1 + 1e-9)


@quick
@given(st.lists(st.floats(399, 401), min_size=2, max_size=4), st.floats(200, 800), st.permutations(range(5)))
def test_one_lying_reference_never_moves_it_beyond_the_honest_ones(
    honest: list[float], lie: float, order: list[int]
) -> None:
    one = engine()
    feed(
        one,
        reference(TUESDAY - seconds(60), "TSLA@yahoo", 400),
        quote(TUESDAY - seconds(60), "TSLAx@kraken", 400),
    )
    ticks = [
        reference(TUESDAY, f"TSLA@{source}", price)
        for source, price in zip(SOURCES, [*honest, lie], strict=False)
    ]
    feed(one, *[ticks[index] for index in order if index < len(ticks)])
    found = fair(one, "TSLAx@kraken", TUESDAY).value_usd
    assert min([*honest, 400]) * (1 - 1e-9) <= found <= max([*honest, 400]) * (1 + 1e-9)


@quick
@given(st.lists(st.floats(390, 410), min_size=1, max_size=6), st.permutations(range(6)))
def test_sources_heard_at_one_moment_may_come_in_any_order(tokens: list[float], order: list[int]) -> None:
    straight, shuffled = world(400.0, tokens), world(400.0, tokens, order=order)
    for venue in VENUES[: len(tokens)]:
        ours, theirs = (fair(one, f"TSLAx@{venue}", SATURDAY) for one in (straight, shuffled))
        assert ours.value_usd == pytest.approx(theirs.value_usd, rel=1e-12)
        assert ours.sd == pytest.approx(theirs.sd, rel=1e-12)


@quick
@given(st.lists(st.floats(0.97, 1.03), min_size=2, max_size=4), st.floats(0.01, 100))
def test_all_prices_in_another_unit_give_the_same_answer_in_it(ratios: list[float], scale: float) -> None:
    tokens = [400 * ratio for ratio in ratios]
    one, other = world(400.0, tokens), world(400.0, tokens, scale)
    ours, theirs = (fair(each, "TSLAx@kraken", SATURDAY) for each in (one, other))
    assert log(theirs.value_usd / ours.value_usd) == pytest.approx(log(scale), abs=1e-9)
    assert theirs.sd == pytest.approx(ours.sd, rel=1e-6)


@quick
@given(st.floats(0.5, 0.999), st.floats(0.5, 0.999), st.integers(0, 60), st.integers(0, 60))
def test_an_interval_is_wider_for_a_higher_level_and_at_a_later_hour(
    level: float, other: float, hours: int, more: int
) -> None:
    one = engine()
    feed(one, reference(FRIDAY_CLOSE, "TSLA@yahoo", 400), quote(FRIDAY_CLOSE, "TSLAx@kraken", 400))
    early, late = (
        fair(one, "TSLAx@kraken", FRIDAY_CLOSE + seconds(3600 * at)) for at in (hours, hours + more)
    )
    low, high = early.interval(min(level, other))
    wider_low, wider_high = early.interval(max(level, other))
    assert wider_low <= low <= early.value_usd <= high <= wider_high
    later_low, later_high = late.interval(min(level, other))
    assert later_low <= low * (1 + 1e-12)
    assert high <= later_high * (1 + 1e-12)


@quick
@given(st.lists(prices, min_size=3, max_size=30), st.integers(1, 25))
def test_the_future_does_not_change_the_interval_of_the_past(closes: list[float], cut: int) -> None:
    ticks = [Tick(FRIDAY_CLOSE + seconds(7200 * n), "TSLA@yahoo", "trade", price=price)
             for n, price in enumerate(closes)]  # fmt: skip
    cut = min(cut, len(ticks) - 1)
    whole, part = engine(), engine()
    seen = []
    for n, tick in enumerate(ticks):
        feed(whole, tick)
        if n == cut:
            feed(whole, quote(tick.ts, "TSLAx@kraken", 100))
            seen.append(fair(whole, "TSLAx@kraken", tick.ts))
    feed(part, *ticks[: cut + 1], quote(ticks[cut].ts, "TSLAx@kraken", 100))
    assert fair(part, "TSLAx@kraken", ticks[cut].ts) == seen[0]


spoken = st.tuples(st.just("says"), st.sampled_from(SOURCES), st.floats(0.9, 1.1))
halted = st.tuples(st.sampled_from(["down", "up"]), st.sampled_from(SOURCES), st.none())
asked = st.tuples(st.just("asked"), st.none(), st.none())


@quick
@given(st.lists(st.tuples(st.sampled_from([0, 1, 600, 3600, 7200]), spoken | halted | asked), max_size=20))
def test_what_is_kept_of_a_coins_doubt_is_what_would_be_worked_out_anew(
    steps: list[tuple[int, tuple[str, str | None, float | None]]],
) -> None:
    one = engine()
    now = TUESDAY
    for wait, (what, source, price) in steps:
        now += seconds(wait)
        name = f"USDC@{source}"
        if price is not None:
            feed(one, Tick(now, name, "quote", bid=price, ask=price))
        elif what != "asked" and name in one.market.references:
            feed(one, Tick(now, name, "status", data=f'{{"state":"{what}"}}'))
        for moment in (now, now - seconds(300), now + seconds(1800)):
            kept = currency_variance("USDC", one.market, moment)
            known = one.market.underlyings.get("USDC")
            if known is not None:
                known.doubt = None
            assert kept == currency_variance("USDC", one.market, moment)
