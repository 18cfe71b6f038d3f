"""Happenings drawn from a seed: other ones for each, where they can be, kept apart; agents at venues."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import exp, log
from pathlib import Path

import msgspec
import pytest

from bot.config import ValuationSection
from bot.errors import ConfigError
from bot.pools import decode, decode_book
from bot.simulate import load, simulate, write
from bot.simulate.depth import make
from bot.simulate.draw import drawn
from bot.simulate.scenario import HONEST, MODES, NEEDS, Draw, Happening, Place, Scenario, Share
from bot.simulate.shares import HOUR_NS
from bot.simulate.venue import Venue
from bot.timefmt import NS
from bot.types import Tick
from bot.valuation import SessionClock
from tests.fixtures.engine import CONFIG, shipped_registry

SEEDS = range(8)


@pytest.fixture(scope="module")
def bench() -> Scenario:
    """The shipped benchmark."""
    return load(CONFIG / "scenarios" / "bench.toml")


@pytest.fixture(scope="module")
def draws(bench: Scenario) -> dict[int, list[Happening]]:
    """What it injects, by seed."""
    clock = SessionClock(ValuationSection())
    return {seed: drawn(bench, seed, clock) for seed in SEEDS}


@pytest.mark.parametrize(("name", "instruments", "days"), [("bench", 100, 30), ("small", 20, 6)])
def test_every_instrument_and_reference_of_a_shipped_scenario_is_in_the_registry(
    name: str, instruments: int, days: float
) -> None:
    scenario, registry = load(CONFIG / "scenarios" / f"{name}.toml"), shipped_registry()
    assert (len(scenario.places), scenario.days) == (instruments, days)
    names = [place.instrument for place in scenario.places] + [f"{coin}@kraken" for coin in scenario.coins]
    for share in scenario.shares:
        names += [f"{share.ticker}@{source}" for source in (share.reference, *share.oracles)]
    assert [one for one in names if registry.resolve(one) is None] == []
    for place in scenario.places:
        resolved = registry.resolve(place.instrument)
        assert resolved is not None
        assert resolved.underlying.ticker == place.underlying
        assert resolved.quote_symbol == place.quote


def test_every_share_of_the_benchmark_has_venues_of_more_than_one_kind(bench: Scenario) -> None:
    kinds: dict[str, set[str]] = {}
    for place in bench.places:
        kinds.setdefault(place.underlying, set()).add(place.kind)
    assert min(len(found) for found in kinds.values()) >= 2
    assert {kind for found in kinds.values() for kind in found} == {"pool", "concentrated", "book"}


def test_each_seed_draws_others_and_the_same_seed_the_same(
    bench: Scenario, draws: dict[int, list[Happening]]
) -> None:
    assert drawn(bench, 3, SessionClock(ValuationSection())) == draws[3]
    assert draws[3] != draws[4]


def test_every_cause_is_drawn_about_as_often_as_asked(
    bench: Scenario, draws: dict[int, list[Happening]]
) -> None:
    count = Counter(one.cause for found in draws.values() for one in found)
    assert set(count) == set(NEEDS)
    for cause, draw in bench.random.items():
        expected = draw.per_day * bench.days * len(SEEDS)
        assert 0.4 * expected - 3 <= count[cause] <= 1.5 * expected + 5, cause


def test_what_is_drawn_has_what_its_cause_needs_and_its_size(
    bench: Scenario, draws: dict[int, list[Happening]]
) -> None:
    for one in (one for found in draws.values() for one in found):
        for field in NEEDS[one.cause]:
            assert getattr(one, field), (one.cause, field)
        low, high = bench.random[one.cause].hours
        assert low <= one.hours <= high
        assert bench.warm_hours <= one.at_hours <= bench.days * 24 - one.hours
        if one.cause not in HONEST and one.cause not in ("feed_fault", "stale_venue", "corporate_action"):
            assert abs(log(1 + one.ratio)) > bench.label_ratio


def test_no_two_are_on_one_share_at_a_time(bench: Scenario, draws: dict[int, list[Happening]]) -> None:
    of = {place.instrument: place.underlying for place in bench.places}
    tokens = {place.token: place.underlying for place in bench.places}
    for found in draws.values():
        spans: dict[str, list[tuple[float, float]]] = {}
        for one in found:
            share = one.underlying or of.get(one.instrument) or tokens.get(one.token)
            if share:
                spans.setdefault(share, []).append((one.at_hours, one.at_hours + one.hours))
        for taken in spans.values():
            for (_, end), (start, _) in pairwise(sorted(taken)):
                assert start - end >= bench.apart_hours


def test_random_scenarios_are_the_same_bytes_for_a_seed_and_others_for_another(tmp_path: Path) -> None:
    text = (CONFIG / "scenarios" / "small.toml").read_text()
    scenario = tmp_path / "day.toml"
    scenario.write_text(text.replace("days = 6", "days = 1.5"))
    made = []
    for number, seed in enumerate((1, 1, 2)):
        out, labels = tmp_path / f"{number}.parquet", tmp_path / f"{number}.csv"
        write(scenario, seed, out, labels)
        made.append((out.read_bytes(), labels.read_bytes()))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]
    assert made[0][1] != made[2][1]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    scenario = tmp_path / "day.toml"
    text = (CONFIG / "scenarios" / "small.toml").read_text()
    scenario.write_text(text.replace("days = 6", "days = 1"))
    write(scenario, 1, tmp_path / "tape.parquet", progress=lambda count, now: told.append((count, now)))
    assert told
    assert [count for count, _ in told] == [10_000 * n for n in range(1, len(told) + 1)]
    assert [now for _, now in told] == sorted(now for _, now in told)


def test_every_mistake_of_templates_and_draws_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        (CONFIG / "scenarios" / "small.toml")
        .read_text()
        .replace('like = "deep_book"', 'like = "deep_sea"')
        .replace("[random.earnings]", "[random.weather]")
        .replace("per_day = 0.3", "per_day = -1", 1)
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    told = "\n".join(caught.value.problems)
    assert "places[2]: like: there is no [templates.deep_sea]" in told
    assert "random.weather: unknown cause; expected one of thin_liquidity, " in told
    assert "Expected `float` >= 0.0 - at `$.per_day`" in told


PLACE = Place("TSLAx@x", "TSLA", "concentrated", 50_000.0, fee_pips=500)


@pytest.mark.parametrize("kind", ["pool", "concentrated", "book"])
def test_depth_is_what_its_tick_says(kind: str) -> None:
    place = msgspec.structs.replace(PLACE, kind=kind)
    depth = make(place, 400.0)
    for usd in (900.0, -2_500.0, 400.0):
        before = depth.log_price
        done = depth.order(usd)
        assert done is not None
        assert (depth.log_price > before) is (usd > 0)
        tick = depth.tick(NS)
        assert tick.data is not None
        curve = decode_book(tick.data, 0.0) if kind == "book" else decode(tick.data)
        assert curve is not None
        assert curve.spot() == pytest.approx(exp(depth.log_price), rel=1e-6)
    depth.to(log(420.0))
    assert exp(depth.log_price) == pytest.approx(420.0, rel=2e-3)


@pytest.mark.parametrize("kind", ["concentrated", "book"])
def test_depth_usd_moves_the_price_by_two_percent(kind: str) -> None:
    depth = make(msgspec.structs.replace(PLACE, kind=kind), 400.0)
    depth.order(50_000.0)
    assert exp(depth.log_price) / 400 == pytest.approx(1.02, abs=0.001)


def test_liquidity_that_leaves_makes_the_same_order_move_more() -> None:
    moved = {}
    for factor in (1.0, 0.25):
        depth = make(PLACE, 400.0)
        depth.scale(factor)
        depth.order(2_000.0)
        moved[factor] = depth.log_price - log(400.0)
    assert moved[0.25] == pytest.approx(4 * moved[1.0], rel=0.05)


def test_arbitrageurs_stop_when_their_capital_is_spent_and_go_on_when_it_has_settled(bench: Scenario) -> None:
    place = msgspec.structs.replace(
        PLACE, capital_usd=20_000.0, settlement_hours=2.0, trades_per_hour=1e-9, half_life_seconds=30
    )
    venue = Venue(place, bench, 400.0, 1)
    target, ts, trades = log(480.0), HOUR_NS, list[Tick]()
    reached = []
    for minute in range(240):
        ts += 60 * NS
        venue.step(ts, target, 60.0, "regular", trades)
        reached.append((minute, venue.depth.log_price))
    stuck = [price for minute, price in reached if 30 <= minute < 110]
    assert len(set(stuck)) == 1
    assert stuck[0] < target - 0.02
    assert reached[-1][1] > stuck[0] + 0.005, "once it has settled"


def test_followers_of_the_trend_buy_what_has_risen(bench: Scenario) -> None:
    risen = {}
    for momentum in (0.0, 0.9):
        place = msgspec.structs.replace(
            PLACE, momentum=momentum, trades_per_hour=60.0, trade_usd=100.0, tolerance_ratio=0.5, prints=True
        )
        venue = Venue(place, bench, 400.0, 1)
        ts, trades = HOUR_NS, list[Tick]()
        venue.step(ts, log(400.0), 60.0, "regular", trades)
        venue.depth.order(20_000.0)
        start = venue.depth.log_price
        for _ in range(15):
            ts += 60 * NS
            venue.step(ts, log(400.0), 60.0, "regular", trades)
        risen[momentum] = venue.depth.log_price - start
    assert risen[0.9] > risen[0.0] + 0.0001


def test_memory_does_not_grow_with_the_days(bench: Scenario) -> None:
    import tracemalloc

    scenario = msgspec.structs.replace(
        bench, shares=bench.shares[:2], places=bench.places[:8], step_seconds=300.0, closed_step_seconds=900.0
    )
    held = []
    tracemalloc.start()
    for number, tick in enumerate(simulate(scenario, 1)[0]):
        if number % 20_000 == 19_999:
            held.append(tracemalloc.get_traced_memory()[0])
        assert tick.ts > 0
    tracemalloc.stop()
    assert len(held) >= 2
    assert held[-1] - held[0] < 4_000_000, "but for caches, which are bounded"


def test_every_key_of_a_scenario_and_every_cause_is_described() -> None:
    text = (CONFIG.parent / "docs" / "simulation.md").read_text(encoding="utf-8")
    keys = {field for kind in (Scenario, Share, Place, Happening, Draw) for field in kind.__struct_fields__}
    modes = {mode for modes in MODES.values() for mode in modes if mode}
    assert [name for name in sorted({*keys, *NEEDS, *modes}) if f"`{name}`" not in text] == []
