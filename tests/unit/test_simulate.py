"""The simulator: the same seed gives the same bytes, and what was injected is what the labels say."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import aclosing
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import median

import msgspec
import pytest

from bot import tape
from bot.collectors.tape import TapeCollector
from bot.config import TapeSource
from bot.engine import Engine
from bot.errors import ConfigError
from bot.pools import decode
from bot.score import read_labels
from bot.simulate import load, simulate, write
from bot.simulate.world import World
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Incident, Quarantined, Tick
from tests.fixtures.engine import CONFIG, config, shipped_registry
from tests.fixtures.scenario import BUSY, busy

START = at("2026-06-01T00:00:00Z")


def hours(n: float) -> int:
    """The scenario's time so many hours after its start."""
    return START + int(n * 3600 * NS)


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> list[Tick]:
    """The busy days with seed 1."""
    return list(simulate(load(busy(tmp_path_factory.mktemp("scenario"))), 1)[0])


def prices(ticks: list[Tick], instrument: str, begin: float, end: float) -> list[float]:
    """Prices of an instrument from one hour to another."""
    found = []
    for tick in ticks:
        if tick.instrument == instrument and hours(begin) <= tick.ts < hours(end):
            price = tick.price
            if price is None:
                assert tick.bid is not None
                assert tick.ask is not None
                price = (tick.bid + tick.ask) / 2
            found.append(price)
    return found


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".parquet"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path, ending: str) -> None:
    scenario = busy(tmp_path)
    made = []
    for number, seed in enumerate((7, 7, 8)):
        out, labels = tmp_path / f"{number}{ending}", tmp_path / f"{number}.labels.csv"
        write(scenario, seed, out, labels)
        made.append((out.read_bytes(), labels.read_bytes()))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]


def test_the_bundled_demo_is_made_by_the_shipped_scenario(tmp_path: Path) -> None:
    out, labels = tmp_path / "tape.parquet", tmp_path / "labels.csv"
    write(CONFIG / "scenarios" / "demo.toml", 7, out, labels)
    told: list[object] = []
    made = list(tape.read(out, on_bad=told.append))
    assert made == list(tape.read(CONFIG / "demo" / "tape.parquet", on_bad=told.append)), "run `make demo`"
    assert labels.read_text() == (CONFIG / "demo" / "labels.csv").read_text()
    assert told == []


def test_a_venue_more_changes_none_of_the_others(tmp_path: Path, ticks: list[Tick]) -> None:
    gate = '[[places]]\ninstrument = "AMZNx@gate"\nunderlying = "AMZN"\nkind = "book"\ndepth_usd = 9_000\n'
    with_more = simulate(load(busy(tmp_path, BUSY + gate)), 1)[0]
    assert [tick for tick in with_more if tick.instrument != "AMZNx@gate"] == ticks


def test_labels_say_what_was_injected_where_and_when(tmp_path: Path) -> None:
    out, labels = tmp_path / "tape.csv", tmp_path / "deep" / "labels.csv"
    count, labelled = write(busy(tmp_path), 1, out, labels)
    assert count == sum(1 for _ in tape.read(out, on_bad=pytest.fail))
    found = read_labels(labels)
    assert labelled == len(found)
    told = {(one.instrument, one.cause): one for one in found}
    injected = {
        ("TSLAx@kraken", "broad_premium"): (15, 21),
        ("TSLAx@raydium:deep", "broad_premium"): (15, 21),
        ("AMZNx@orca:thin", "thin_liquidity"): (26, 27.5),
        ("NVDAx@kraken", "stale_venue"): (37, 57),
        ("TSLAx@kraken", "multiplier_mismatch"): (62, 66),
    }
    assert set(told) == set(injected)
    for key, (begin, end) in injected.items():
        assert hours(begin) <= told[key].start < told[key].end <= hours(end + 0.5), key
    assert told["AMZNx@orca:thin", "thin_liquidity"].start == hours(26), "on the very step"
    assert told["NVDAx@kraken", "stale_venue"].start > hours(37), "only when the share has left it"


def test_an_order_into_a_thin_pool_moves_it_as_the_pools_mathematics_say(ticks: list[Tick]) -> None:
    before = prices(ticks, "AMZNx@orca:thin", 0, 26)
    during = prices(ticks, "AMZNx@orca:thin", 26, 27.5)
    assert len(set(during)) == 1, "nobody comes"
    # x·y = k: dollars on the quote side grow from y to y + 500, so the price grows by their ratio's square.
    assert during[0] / before[-1] == pytest.approx(((54 + 500) / 54) ** 2, rel=0.05)
    assert max(before) / min(before) < 1.2


def test_a_broad_premium_shows_on_every_venue_of_the_share_and_on_no_other(ticks: list[Tick]) -> None:
    for venue in ("TSLAx@kraken", "TSLAx@raydium:deep"):
        share = median(prices(ticks, "TSLA@yahoo", 16, 20))
        assert median(prices(ticks, venue, 16, 20)) / share == pytest.approx(1.12, abs=0.02)
    share = median(prices(ticks, "NVDA@yahoo", 16, 20))
    assert median(prices(ticks, "NVDAx@kraken", 16, 20)) / share == pytest.approx(1.0, abs=0.01)


def test_a_stale_venue_goes_on_saying_the_same(ticks: list[Tick]) -> None:
    during = prices(ticks, "NVDAx@kraken", 37, 57)
    assert len(during) > 50
    assert len(set(during)) == 1
    assert len(set(prices(ticks, "NVDAx@kraken", 0, 37))) > 50


def test_a_multiplier_is_told_once_and_one_venue_does_not_follow(ticks: list[Tick]) -> None:
    told = [tick for tick in ticks if tick.kind == "multiplier" and tick.ts > START]
    assert [(tick.ts, tick.instrument, tick.data) for tick in told] == [
        (hours(62), "TSLAx@issuer", '{"multiplier": 1.05}')
    ]
    ratio = median(prices(ticks, "TSLAx@raydium:deep", 63, 66)) / median(
        prices(ticks, "TSLAx@kraken", 63, 66)
    )
    assert ratio == pytest.approx(1.05, abs=0.01)


def test_every_tick_is_one_the_engine_takes(ticks: list[Tick]) -> None:
    engine = Engine(config(), shipped_registry())
    refused = [message for tick in ticks for message in engine.step(tick) if isinstance(message, Quarantined)]
    assert refused == []
    assert [tick.ts for tick in ticks] == sorted(tick.ts for tick in ticks)


def test_a_pool_ticks_price_is_that_of_its_state(ticks: list[Tick]) -> None:
    for tick in ticks[::97]:
        if tick.kind == "pool":
            assert tick.data is not None
            assert decode(tick.data).spot() == pytest.approx(tick.price)


def test_shares_are_quoted_in_extended_hours_only(ticks: list[Tick]) -> None:
    by_hour: dict[int, int] = defaultdict(int)
    for tick in ticks:
        if tick.instrument == "AMZN@yahoo":
            by_hour[(tick.ts - START) // (3600 * NS) % 24] += 1
    assert sorted(by_hour) == list(range(8, 24)), "04:00 to 20:00 in New York is 08:00 to 24:00 UTC in June"


def test_every_mistake_of_a_scenario_is_told_at_once_with_file_and_place(tmp_path: Path) -> None:
    text = (
        BUSY.replace('start = "2026-06-01T00:00:00Z"', 'start = "tomorrow"')
        .replace("price = 405.0", "price = -405.0")
        .replace('kind = "book"\ndepth_usd = 60_000', 'kind = "bazaar"\ndepth_usd = 60_000')
        .replace("order_usd = 500", "order_eur = 500")
    )
    with pytest.raises(ConfigError) as caught:
        load(busy(tmp_path, text))
    told = [problem.removeprefix(f"{tmp_path / 'busy.toml'}: ") for problem in caught.value.problems]
    assert [re.split(r": | \(", problem)[0] for problem in told] == [
        "shares[2]", "places[3]", "happenings[1]", "not a time",
    ]  # fmt: skip


def test_every_happening_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    text = (
        BUSY.replace('underlying = "TSLA"\nat_hours', 'underlying = "GME"\nat_hours')
        .replace('instrument = "NVDAx@kraken"\nat_hours', 'instrument = "NVDAx@gate"\nat_hours')
        .replace("order_usd = 500", "")
        .replace("ratio = 0.05", "")
        .replace('underlying = "AMZN"\nkind = "book"', 'underlying = "GME"\nkind = "book"')
    )
    with pytest.raises(ConfigError) as caught:
        load(busy(tmp_path, text))
    told = [problem.removeprefix(f"{tmp_path / 'busy.toml'}: ") for problem in caught.value.problems]
    assert told == [
        "places: AMZNx@kraken: no share 'GME'",
        "happenings[1] (thin_liquidity): needs order_usd, or ratio",
        "happenings[2] (broad_premium): underlying must be one of the shares, not 'GME'",
        "happenings[3] (stale_venue): instrument must be one of the places, not 'NVDAx@gate'",
        "happenings[4] (multiplier_mismatch): needs ratio",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not toml at all", "not valid TOML: "),
        ("", "Object missing required field"),
        (BUSY.replace("days = 3", "days = 0"), "Expected `float` > 0.0 - at `$.days`"),
        (BUSY.replace("days = 3", "days = nan"), "$.days"),
        (BUSY.replace("days = 3", "days = inf"), "$.days"),
        (BUSY.replace("at_hours = 26", "at_hours = inf"), "happenings[1]: Expected `float` <= 100000.0"),
        (BUSY.replace("\nhours = 6\n", "\nhours = 0\n"), "happenings[2]: Expected `float` > 0.0"),
        (BUSY.replace("ratio = 0.05", "ratio = -1"), "happenings[4]: Expected `float` > -1.0"),
        (BUSY.replace("order_usd = 500", "order_usd = nan"), "happenings[1]: Expected `float`"),
        (BUSY.replace("price = 223.0", "price = inf"), "shares[1]: Expected `float` <= 10000000.0"),
        (BUSY + "\n[weather]\nrain = true\n", "Object contains unknown field `weather`"),
    ],
)
def test_a_scenario_that_is_none_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    path = busy(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_a_scenario_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read: No such file"):
        load(tmp_path / "gone.toml")


def test_shares_that_return_end_where_they_began_and_move_as_much_on_the_way(tmp_path: Path) -> None:
    """Log prices without their pull to the end: same draws, so what differs is the bridge."""
    scenario = load(CONFIG / "scenarios" / "demo.toml")
    free = msgspec.structs.replace(scenario, returns=False, happenings=[])
    bound = msgspec.structs.replace(scenario, happenings=[])
    moved = {}
    for name, one in (("free", free), ("bound", bound)):
        world = World(one, 7)
        paths: dict[str, list[float]] = {ticker: [] for ticker in world.shares}
        for tick in world.run():
            if tick.instrument.endswith("@yahoo"):
                ticker = tick.instrument.partition("@")[0]
                paths[ticker].append(world.shares[ticker].log_price)
        ends = {t: share.log_price - log(share.share.price) for t, share in world.shares.items()}
        steps = {t: sum((b - a) ** 2 for a, b in pairwise(path)) for t, path in paths.items()}
        moved[name] = ends, steps
    assert all(abs(end) < 1e-6 for end in moved["bound"][0].values())
    assert all(abs(end) > 1e-3 for end in moved["free"][0].values())
    for ticker, squares in moved["bound"][1].items():
        assert squares == pytest.approx(moved["free"][1][ticker], rel=0.1)


async def test_the_demo_repeats_without_a_false_incident_where_it_begins_anew() -> None:
    source = TapeSource(path="demo/tape.parquet", speed=0.0, loop=True)
    engine = Engine(config(), shipped_registry())
    rounds: list[set[tuple[str, str, str]]] = [set(), set()]
    collector = TapeCollector(source, CONFIG)
    async with aclosing(collector.ticks()) as ticks:
        async for tick in ticks:
            if collector.rounds > 1:
                break
            for told in engine.step(tick):
                if isinstance(told, Incident):
                    rounds[collector.rounds].add((told.instrument, told.kind, told.cause))
    assert rounds[0] == rounds[1] != set()
