"""Replay: the same tape gives the same bytes, and the bundled one finds all that was put into it."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from bot import tape
from bot.config import load
from bot.driver import Driver
from bot.errors import TapeError
from bot.replay import Replay
from bot.score import read_claims, read_labels, score
from bot.types import Tick
from tests.fixtures.engine import CONFIG, TUESDAY, config, quote, reference, seconds, shipped_registry, trade

DEMO = CONFIG / "demo"


def replay_demo() -> tuple[Replay, bytes, bytes]:
    """The demo's tape with the shipped config, its incidents and its plans."""
    session = Replay(load(CONFIG / "pegbot.toml"), shipped_registry())
    session.run(tape.merge([DEMO / "tape.parquet"], on_bad=session.bad_row))
    incidents, plans = io.BytesIO(), io.BytesIO()
    session.write(incidents, plans)
    return session, incidents.getvalue(), plans.getvalue()


@pytest.fixture(scope="module")
def demo() -> tuple[Replay, bytes, bytes]:
    """One replay of the demo for all."""
    return replay_demo()


def of(*ticks: Tick) -> Replay:
    """A replay of these ticks with the default config."""
    session = Replay(config(), shipped_registry())
    session.run(ticks)
    return session


def test_the_same_tape_gives_the_same_bytes(demo: tuple[Replay, bytes, bytes]) -> None:
    again = replay_demo()
    assert again[1:] == demo[1:]
    assert [msgspec.json.encode(str(fill)) for fill in again[0].fills] == [
        msgspec.json.encode(str(fill)) for fill in demo[0].fills
    ]


def test_what_is_only_shown_changes_nothing(demo: tuple[Replay, bytes, bytes]) -> None:
    session = Replay(load(CONFIG / "pegbot.toml"), shipped_registry())
    session.driver = Driver(load(CONFIG / "pegbot.toml"), shipped_registry(), shown=True)
    session.run(tape.merge([DEMO / "tape.parquet"], on_bad=session.bad_row))
    incidents, plans = io.BytesIO(), io.BytesIO()
    session.write(incidents, plans)
    assert (incidents.getvalue(), plans.getvalue()) == demo[1:]
    assert session.fills == demo[0].fills
    assert len(list(session.driver.engine.qualities())) > len(list(demo[0].driver.engine.qualities()))


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz"])
def test_the_same_ticks_in_another_format_give_the_same_bytes(
    tmp_path: Path, demo: tuple[Replay, bytes, bytes], ending: str
) -> None:
    path = tmp_path / f"tape{ending}"
    tape.write(path, tape.read(DEMO / "tape.parquet", on_bad=pytest.fail))
    session = Replay(load(CONFIG / "pegbot.toml"), shipped_registry())
    session.run(tape.merge([path], on_bad=session.bad_row))
    incidents, plans = io.BytesIO(), io.BytesIO()
    session.write(incidents, plans)
    assert (incidents.getvalue(), plans.getvalue()) == demo[1:]


def test_all_that_was_injected_into_the_demo_is_found_and_nothing_else(
    tmp_path: Path, demo: tuple[Replay, bytes, bytes]
) -> None:
    path = tmp_path / "incidents.jsonl"
    path.write_bytes(demo[1])
    result = score(read_claims(path), read_labels(DEMO / "labels.csv"))
    assert (result["precision"], result["recall"]) == (1.0, 1.0)
    assert (result["cause_accuracy"], result["false_positives"]) == (1.0, 0)
    assert result["delay_seconds_median"] == 0.0
    assert result["labels"] == 6


def test_the_demo_opens_five_incidents_trades_and_sets_nothing_aside(
    demo: tuple[Replay, bytes, bytes],
) -> None:
    session = demo[0]
    assert (session.ticks, len(session.incidents), session.quarantined) == (27_756, 5, {})
    assert {plan.decision for plan in session.plans} == {"trade", "no_trade"}
    assert session.fills


def test_incident_lines_have_the_fields_others_rely_on(demo: tuple[Replay, bytes, bytes]) -> None:
    contract = {
        "id", "instrument", "underlying", "kind", "cause", "severity", "opened", "last_seen", "resolved",
        "basis", "basis_low", "basis_high", "band_low", "band_high", "fair_value", "fair_value_sd",
        "executable", "evidence", "explanation",
    }  # fmt: skip
    lines = [msgspec.json.decode(line) for line in demo[1].splitlines()]
    for line in lines:
        assert contract <= line.keys()
        assert line["opened"].endswith("Z")
        assert len(line["opened"]) == len("2026-06-02T02:00:00.000000000Z")
    assert [line["opened"] for line in lines] == sorted(line["opened"] for line in lines)


def depeg(minutes: int) -> list[Tick]:
    """TSLAx 20 % over the share for so long, then back."""
    ticks = [reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@bybit", 400)]
    ticks += [trade(TUESDAY + seconds(60 * n), "TSLAx@kraken", 480) for n in range(1, minutes)]
    return [*ticks, trade(TUESDAY + seconds(60 * minutes), "TSLAx@kraken", 400)]


def test_timers_still_running_at_the_end_of_the_tape_fire() -> None:
    (one,) = of(*depeg(20)).incidents.values()
    assert one.resolved is not None


def test_a_depeg_the_tape_ends_in_stays_open() -> None:
    (one,) = of(*depeg(20)[:-1]).incidents.values()
    assert one.resolved is None
    incidents = io.BytesIO()
    of(*depeg(20)[:-1]).write(incidents, None)
    assert msgspec.json.decode(incidents.getvalue())["resolved"] is None


def test_an_incident_is_kept_as_it_was_last_told_and_once() -> None:
    incidents = io.BytesIO()
    of(*depeg(20)).write(incidents, None)
    (line,) = incidents.getvalue().splitlines()
    assert msgspec.json.decode(line)["phase"] == "resolve"


def test_nothing_in_is_nothing_out() -> None:
    incidents, plans = io.BytesIO(), io.BytesIO()
    session = of()
    session.write(incidents, plans)
    assert (session.ticks, incidents.getvalue(), plans.getvalue()) == (0, b"", b"")


def test_what_is_set_aside_is_counted_by_reason_with_the_first_of_each() -> None:
    session = Replay(config(), shipped_registry())
    session.bad_row(TapeError("bad_kind", "tape.csv:7: kind is 'rumour'"))
    session.bad_row(TapeError("bad_kind", "tape.csv:9: kind is 'gossip'"))
    session.run([
        trade(TUESDAY, "TSLAx@kraken", 400),
        trade(TUESDAY - 5, "TSLAx@kraken", 400),
        trade(TUESDAY, "GHOSTx@kraken", 1),
        Tick(TUESDAY, "SPYx@kraken", "quote", bid=1.0, ask=2.0, data='{"bids": 5, "asks": null}'),
    ])  # fmt: skip
    assert session.quarantined == {"bad_kind": 2, "time_backwards": 1, "unknown_instrument": 1, "bad_book": 1}
    assert session.examples["bad_kind"] == "tape.csv:7: kind is 'rumour'"
    assert session.examples["time_backwards"] == "TSLAx@kraken: 5 ns before the last one"


def test_progress_is_told_now_and_then() -> None:
    told: list[tuple[int, int]] = []
    session = Replay(config(strategy={"enabled": False}), shipped_registry())
    ticks = (trade(TUESDAY + n, "TSLAx@kraken", 400) for n in range(200_001))
    session.run(ticks, lambda count, now: told.append((count, now)))
    assert told == [(100_000, TUESDAY + 99_999), (200_000, TUESDAY + 199_999)]
