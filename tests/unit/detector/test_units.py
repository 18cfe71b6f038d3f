"""A venue that goes on with a token's old multiplier, while the share's own market is shut."""

from __future__ import annotations

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Incident, Tick
from tests.fixtures.engine import engine, feed, incidents, quote, reference, seconds

TSLA, KRAKEN, BYBIT, ONDO = "TSLA@yahoo", "TSLAx@kraken", "TSLAx@bybit", "TSLAon@gate"
STEP = parse("2026-06-17T00:00:00Z")
MINUTE = seconds(60)


def multiplier(ts: int, token: str, shares: float) -> Tick:
    """What the issuer says."""
    return Tick(ts, f"{token}@issuer", "multiplier", data=f'{{"multiplier": {shares}}}')


def evening(*names: str) -> Engine:
    """Both tokens are a share each; all trade at 400 until New York's late trading ends."""
    one = engine()
    feed(one, multiplier(STEP - 60 * MINUTE, "TSLAx", 1.0), multiplier(STEP - 60 * MINUTE, "TSLAon", 1.0))
    for n in range(30, 0, -1):
        ts = STEP - n * MINUTE
        feed(one, reference(ts, TSLA, 400))
        feed(one, *[quote(ts + k, name, 400 + 0.1 * (n % 2)) for k, name in enumerate(names)])
    return one


def night(one: Engine, minutes: int = 20, **prices: float) -> list[Incident]:
    """Each minute a quote of each venue."""
    found: list[Incident] = []
    names = {"kraken": KRAKEN, "bybit": BYBIT, "ondo": ONDO}
    for n in range(minutes):
        for k, (venue, price) in enumerate(prices.items()):
            ts = STEP + (n + 1) * MINUTE + k
            found += incidents(feed(one, quote(ts, names[venue], price + 0.1 * (n % 2))))
    return found


def test_of_two_venues_the_one_that_fell_by_the_step_has_missed_it() -> None:
    one = evening(KRAKEN, BYBIT)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    found = night(one, kraken=400.0, bybit=400 / 1.03)
    assert {tuple(told.venues) for told in found} == {(BYBIT,)}
    assert {told.cause for told in found} == {"multiplier_mismatch"}
    assert found[0].opened - STEP < 10 * MINUTE


def test_venues_that_go_on_as_before_have_taken_it() -> None:
    one = evening(KRAKEN, BYBIT)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    assert not night(one, kraken=400.0, bybit=400.0)


def test_a_token_whose_multiplier_steps_at_another_time_says_nothing_of_it() -> None:
    """Ondo's token still stands for one share: per share it is above, by just the step of the other."""
    one = evening(KRAKEN, ONDO)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    assert not night(one, kraken=400.0, ondo=400.0)


def test_venues_that_both_fall_are_not_told_apart() -> None:
    one = evening(KRAKEN, BYBIT)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    assert not [told for told in night(one, kraken=392.0, bybit=392.0) if told.cause == "multiplier_mismatch"]


def test_a_distance_that_is_not_the_step_is_no_missed_step() -> None:
    one = evening(KRAKEN, BYBIT)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    found = night(one, kraken=400.0, bybit=397.0)
    assert not found


def test_it_is_over_when_the_venue_has_the_new_multiplier() -> None:
    one = evening(KRAKEN, BYBIT)
    feed(one, multiplier(STEP, "TSLAx", 1.03))
    night(one, kraken=400.0, bybit=400 / 1.03)
    found: list[Incident] = []
    for n in range(60):
        ts = STEP + (30 + n) * MINUTE
        found += incidents(feed(one, quote(ts, KRAKEN, 400 + 0.1 * (n % 2)), quote(ts + 1, BYBIT, 400)))
    assert found[-1].phase == "resolve"
