"""Commands that judge tapes: what they tell and write, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bot import tape
from bot.timefmt import NS
from tests.fixtures.engine import CONFIG, TUESDAY, quote, seconds
from tests.unit.cli.shell import KRAKEN, Pegbot


def test_replay_shows_the_incidents_and_what_was_set_aside(pegbot: Pegbot, config: Path, small: Path) -> None:
    answer = pegbot("replay", small, "-c", config)
    assert answer.code == 0
    assert "22 ticks, 1 incidents" in answer.out
    assert KRAKEN in answer.out
    assert f"1 × bad_kind, first: {small}:24: kind is 'rumour'" in answer.err


def test_replay_writes_incidents_and_plans_and_a_summary_for_machines(
    pegbot: Pegbot, config: Path, small: Path, tmp_path: Path
) -> None:
    incidents, plans = tmp_path / "deep" / "i.jsonl", tmp_path / "p.jsonl"
    answer = pegbot("replay", small, "-c", config, "--json", "--incidents", incidents, "--plans", plans)
    assert answer.code == 0
    found = answer.json
    assert (found["ticks"], found["incidents"], found["quarantined"]) == (22, 1, {"bad_kind": 1})
    (line,) = incidents.read_text().splitlines()
    assert json.loads(line)["instrument"] == KRAKEN
    assert len(plans.read_text().splitlines()) == found["plans"]


def test_replay_merges_tapes_by_time(pegbot: Pegbot, config: Path, small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    tape.write(other, [quote(TUESDAY + seconds(30), "SPYx@kraken", 700)])
    assert pegbot("replay", small, other, "-c", config, "--json").json["ticks"] == 23


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gone.csv", None, "gone.csv: no such tape"),
        ("tape.txt", "", "tape.txt: a tape ends in .csv"),
        ("tape.csv", "a,b\n", "tape.csv: no column ts, instrument, kind; it has a, b"),
        ("tape.parquet", "PAR1", "tape.parquet: not Parquet"),
        ("tape.csv.gz", "not packed", "tape.csv.gz: not CSV"),
    ],
)
def test_a_tape_that_cannot_be_read_exits_2_and_leaves_no_file(
    pegbot: Pegbot, config: Path, tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    answer = pegbot("replay", name, "-c", config, "--incidents", "i.jsonl")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: {told}")
    assert list(tmp_path.glob("i.jsonl*")) == []


@pytest.mark.parametrize("option", ["--incidents", "--plans"])
def test_an_output_that_cannot_be_written_is_told_before_the_tape_is_read(
    pegbot: Pegbot, config: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").touch()
    answer = pegbot("replay", "gone.csv", "-c", config, option, "file/out.jsonl")
    assert answer.code == 2
    assert answer.err.startswith("pegbot: file/out.jsonl: cannot be written: ")


def test_a_device_is_written_to_and_stays_a_device(pegbot: Pegbot, config: Path, small: Path) -> None:
    pipe = small.with_name("pipe")
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        answer = pegbot("replay", small, "-c", config, "--incidents", pipe)
        read, _ = reader.communicate()
    assert answer.code == 0, answer.err
    assert json.loads(read)["instrument"] == KRAKEN
    assert pipe.is_fifo()
    assert not pipe.with_name("pipe.part").exists()


def test_score_judges_the_incidents_of_a_replay(
    pegbot: Pegbot, config: Path, small: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        f"instrument,start,end,cause\n{KRAKEN},{TUESDAY + 60 * NS},{TUESDAY + 1200 * NS},thin_liquidity\n"
    )
    pegbot("replay", small, "-c", config, "--incidents", "i.jsonl")
    answer = pegbot("score", "i.jsonl", labels)
    assert answer.code == 0
    assert (answer.json["precision"], answer.json["recall"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("incidents", "labels", "told"),
    [
        (None, "instrument,start,end,cause\n", "i.jsonl: cannot be read: No such file"),
        ("rubbish\n", "instrument,start,end,cause\n", "i.jsonl:1: not an incident: "),
        ("{}\n", "instrument,start,end,cause\n", "i.jsonl:1: not an incident: "),
        ("", "instrument,start\n", "l.csv: no column end, cause"),
        ("", "instrument,start,end,cause\nx,soon,later,\n", "l.csv:2: not a time: 'soon'"),
        ("", "instrument,start,end,cause\nx\n", "l.csv:2: "),
    ],
)
def test_what_cannot_be_scored_is_told_with_its_place(
    pegbot: Pegbot, tmp_path: Path, incidents: str | None, labels: str, told: str
) -> None:
    if incidents is not None:
        (tmp_path / "i.jsonl").write_text(incidents)
    (tmp_path / "l.csv").write_text(labels)
    answer = pegbot("score", "i.jsonl", "l.csv")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: {told}")


@pytest.mark.parametrize("name", ["weekends.json", "spy.zip"])
def test_what_calibrate_cannot_make_out_is_told_with_what_it_takes(
    pegbot: Pegbot, config: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("[]")
    answer = pegbot("calibrate", name, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: {name}: neither weekends (a JSON list of rows with fri_close")


def test_a_page_that_cannot_be_written_is_told_before_the_tape_is_read(
    pegbot: Pegbot, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = pegbot("backtest", "gone.csv", "-c", config, "--page", "file/page.html")
    assert answer.code == 2
    assert answer.err.startswith("pegbot: file/page.html: cannot be written: ")


@pytest.mark.parametrize("more", [[], ["--json"], ["--param", "strategy.max_plan_usd=1000", "--jobs", "1"]])
def test_backtest_tells_what_was_set_aside_as_replay_does(
    pegbot: Pegbot, config: Path, small: Path, more: list[str]
) -> None:
    answer = pegbot("backtest", small, "-c", config, *more)
    assert answer.code == 0
    assert answer.out
    assert f"pegbot: 1 × bad_kind, first: {small}:24: kind is 'rumour'" in answer.err


@pytest.mark.parametrize("more", [[], ["--json"], ["--param", "strategy.max_plan_usd=1000", "--jobs", "1"]])
def test_a_tape_of_which_no_tick_can_be_used_is_no_result(
    pegbot: Pegbot, config: Path, tmp_path: Path, more: list[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n[]\n{}\n")
    answer = pegbot("backtest", bad, "-c", config, *more)
    assert (answer.code, answer.out) == (1, "")
    told = [line for line in answer.err.splitlines() if line.startswith("pegbot: ")]
    assert told[0].startswith(f"pegbot: 1 × bad_row, first: {bad}:2: not an object")
    assert told[1].startswith(f"pegbot: 2 × bad_ts, first: {bad}:1: ")
    assert told[2:] == ["pegbot: no tick of the tape could be used: there is nothing to judge"]


def test_where_there_is_nothing_to_judge_no_page_is_left(
    pegbot: Pegbot, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "none.jsonl").touch()
    answer = pegbot("backtest", "none.jsonl", "-c", config, "--page", "page.html")
    assert answer.code == 1
    assert not list(tmp_path.glob("page.html*"))


def test_backtest_tells_writes_a_page_and_compares_settings(pegbot: Pegbot, tmp_path: Path) -> None:
    page, week = tmp_path / "week.html", CONFIG / "demo" / "tape.parquet"
    told = pegbot("backtest", week, "--page", page)
    assert told.code == 0, told.err
    assert "plans traded" in told.out
    assert "Profit by route" in told.out
    assert "<svg" in page.read_text(encoding="utf-8")
    many = pegbot("backtest", week, "--param", "strategy.max_plan_usd=1000,50000", "--json")
    assert [one["setting"] for one in many.json] == [
        {"strategy.max_plan_usd": 1000.0}, {"strategy.max_plan_usd": 50_000.0},
    ]  # fmt: skip
    wrong = pegbot("backtest", week, "--param", "strategy.nonsense=1")
    assert wrong.code == 2
    assert "strategy.nonsense" in wrong.err
