"""A restart in the middle of a tape changes nothing that follows, to the byte."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.config import Config, load
from bot.driver import Driver
from bot.engine import Engine
from bot.errors import DataError
from bot.importers import IMPORTERS
from bot.simulate import load as scenario
from bot.simulate import simulate
from bot.types import Clock, Command, Event, Incident, Quarantined, Tick, to_builtins
from tests.fixtures.engine import CONFIG, TUESDAY, config, quote, reference, seconds, shipped_registry, trade
from tests.fixtures.scenario import busy
from tests.fixtures.shared import xstocks_solana


def told(driver: Driver, events: Iterable[Event]) -> list[bytes]:
    """What follows from each event, as bytes."""
    return [msgspec.json.encode([to_builtins(one) for one in driver.feed(event)]) for event in events]


def restarted(whole: Driver, settings_: Config) -> Driver:
    """A new driver that goes on from where another one is."""
    fresh = Driver(settings_, shipped_registry())
    fresh.restore(whole.snapshot())
    return fresh


@pytest.fixture(scope="module")
def demo() -> Config:
    """The shipped config: it trades on paper, with tokens in hand; here it is an exchange's customer, too."""
    shipped = load(CONFIG / "pegbot.toml")
    strategy = shipped.strategy.model_copy(update={"ineligible_issuers": [], "hit_stale_books": True})
    return shipped.model_copy(update={"strategy": strategy})


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Three simulated days in which every cause happens."""
    return list(simulate(scenario(busy(tmp_path_factory.mktemp("scenario"))), 3)[0])


@pytest.fixture(scope="module")
def straight(demo: Config, days: list[Event]) -> tuple[list[bytes], list[bytes]]:
    """What one run without a restart says, and its memory before each event."""
    driver = Driver(demo, shipped_registry())
    said: list[bytes] = []
    memories = []
    for event in days:
        memories.append(driver.snapshot())
        said += told(driver, [event])
    return said, [*memories, driver.snapshot()]


def test_the_tape_has_something_to_remember(straight: tuple[list[bytes], list[bytes]]) -> None:
    said = b"".join(straight[0])
    for part in ("thin_liquidity", "broad_premium", "stale_venue", "trade", "no_trade", "settled"):
        assert f'"{part}"'.encode() in said


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(part=st.floats(0, 1))
def test_a_restart_anywhere_changes_nothing_that_follows(
    demo: Config, days: list[Event], straight: tuple[list[bytes], list[bytes]], part: float
) -> None:
    said, memories = straight
    cut = int(part * (len(days) - 1))
    driver = Driver(demo, shipped_registry())
    driver.restore(memories[cut])
    assert driver.snapshot() == memories[cut], "a memory is whole: what is read is what was written"
    assert told(driver, days[cut:]) == said[cut:]
    assert driver.snapshot() == memories[-1]


def test_a_restart_just_before_a_plan_is_made_changes_nothing(
    demo: Config, days: list[Event], straight: tuple[list[bytes], list[bytes]]
) -> None:
    said, memories = straight
    planned = [number for number, one in enumerate(said) if b'"decision"' in one]
    assert len(planned) > 3
    for cut in {number - back for number in planned for back in range(8)}:
        driver = Driver(demo, shipped_registry())
        driver.restore(memories[cut])
        assert told(driver, days[cut : cut + 10]) == said[cut : cut + 10]


def test_a_restart_after_every_few_events_changes_nothing(
    demo: Config, days: list[Event], straight: tuple[list[bytes], list[bytes]]
) -> None:
    driver = Driver(demo, shipped_registry())
    said: list[bytes] = []
    for begin in range(0, len(days), 100):
        said += told(driver, days[begin : begin + 100])
        driver = restarted(driver, demo)
    assert said == straight[0]


@pytest.mark.shared
@pytest.mark.parametrize("cut", [1, 1000, 3600, 4444, 5059, 7700])
def test_a_restart_within_real_bars_and_trades_changes_nothing(demo: Config, cut: int) -> None:
    ticks = list(IMPORTERS["geckoterminal"](xstocks_solana(), shipped_registry()))
    whole = Driver(demo, shipped_registry())
    told(whole, ticks[:cut])
    second = restarted(whole, demo)
    assert told(second, ticks[cut:]) == told(whole, ticks[cut:])


def depeg(until: int) -> list[Event]:
    """A share, a venue at par, and one that leaves it by 20 % after a minute."""
    events: list[Event] = [
        reference(TUESDAY, "TSLA@yahoo", 400),
        quote(TUESDAY, "TSLAx@bybit", 400),
        trade(TUESDAY + seconds(1), "TSLAx@kraken", 400),
    ]
    events += [trade(TUESDAY + seconds(n), "TSLAx@kraken", 480) for n in range(60, until, 60)]
    return events


def test_what_a_person_said_of_an_incident_is_remembered() -> None:
    whole = Driver(config(), shipped_registry())
    (opened, *_) = [one for event in depeg(600) for one in whole.feed(event) if isinstance(one, Incident)]
    told(whole, [
        Command(TUESDAY + seconds(601), "acknowledge", opened.id, by="night desk"),
        Command(TUESDAY + seconds(602), "mute", "TSLAx@kraken", until=TUESDAY + seconds(9000)),
    ])  # fmt: skip
    second = restarted(whole, config())
    after: list[Event] = [
        trade(TUESDAY + seconds(660), "TSLAx@kraken", 600),
        trade(TUESDAY + seconds(700), "TSLAx@kraken", 400),
        Clock(TUESDAY + seconds(4000)),
    ]
    said = told(second, after)
    assert said == told(whole, after)
    assert b'"acknowledged_by":"night desk"' in b"".join(said)


def test_a_timer_set_before_the_restart_fires_after_it() -> None:
    whole = Driver(config(), shipped_registry())
    told(whole, [*depeg(600), trade(TUESDAY + seconds(601), "TSLAx@kraken", 400)])
    second = restarted(whole, config())
    assert second.engine.detector.next_due == whole.engine.detector.next_due
    (resolved,) = second.feed(Clock(TUESDAY + seconds(2000)))
    assert isinstance(resolved, Incident)
    assert resolved.phase == "resolve"


@pytest.mark.parametrize("data", ['{"bids": [[399, 2]], "asks": [[401, 3], [402, 9]]}', None])
def test_the_depth_of_a_book_is_remembered_and_none_is_invented(data: str | None) -> None:
    whole = Driver(config(), shipped_registry())
    whole.feed(Tick(TUESDAY, "TSLAx@kraken", "quote", bid=399.0, ask=401.0, data=data))
    before = whole.engine.market.instruments["TSLAx@kraken"].curve
    after = restarted(whole, config()).engine.market.instruments["TSLAx@kraken"].curve
    if data is None:
        assert (before, after) == (None, None)
    else:
        assert before is not None
        assert after is not None
        assert before.buy(2000) == after.buy(2000)
        assert before.sell(2000) is None
        assert after.sell(2000) is None


def test_a_memory_of_another_version_is_left_alone() -> None:
    whole = Driver(config(), shipped_registry())
    told(whole, depeg(600))
    saved = msgspec.json.decode(whole.engine.snapshot())
    fresh, untouched = Engine(config(), shipped_registry()), Engine(config(), shipped_registry())
    with pytest.raises(DataError, match="of version 999"):
        fresh.restore(msgspec.json.encode(saved | {"version": 999}))
    assert fresh.snapshot() == untouched.snapshot()


@pytest.mark.parametrize("part", ["tokens", "instruments", "incidents", "feeds", "strategy"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_memory_that_cannot_be_understood_leaves_the_engine_as_new(part: str, missing: bool) -> None:
    whole = Driver(config(), shipped_registry())
    told(whole, depeg(600))
    saved = msgspec.json.decode(whole.engine.snapshot())
    saved = {key: value for key, value in saved.items() if key != part} if missing else saved | {part: 7.5}
    fresh, untouched = Driver(config(), shipped_registry()), Driver(config(), shipped_registry())
    assert not fresh.restore(msgspec.json.encode({"engine": saved}))
    assert fresh.snapshot() == untouched.snapshot()


def test_what_the_registry_no_longer_knows_is_left_out() -> None:
    whole = Driver(config(), shipped_registry())
    told(whole, depeg(600))
    known = shipped_registry()
    tokens = {name: token for name, token in known.tokens.items() if name != "TSLAx"}
    smaller = Engine(config(), replace(known, tokens=tokens))
    smaller.restore(whole.engine.snapshot())
    assert list(smaller.market.instruments) == []
    assert list(smaller.market.references) == ["TSLA@yahoo"]
    (refused,) = smaller.step(trade(TUESDAY + seconds(700), "TSLAx@kraken", 400))
    assert isinstance(refused, Quarantined)
    smaller.step(Clock(TUESDAY + seconds(90_000)))


def test_a_memory_is_json_that_other_programs_can_read(tmp_path: Path) -> None:
    whole = Driver(config(), shipped_registry())
    told(whole, depeg(600))
    path = tmp_path / "snapshot.json"
    path.write_bytes(whole.snapshot())
    saved = msgspec.json.decode(path.read_bytes())
    assert saved["engine"]["instruments"]["TSLAx@kraken"]["price"] == 480.0
