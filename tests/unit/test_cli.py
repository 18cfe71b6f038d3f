"""The command line: what each command answers, as text and as JSON, and its exit code when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from bot import tape
from bot.cli import main
from bot.config import load
from bot.driver import Driver
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.timefmt import NS
from bot.types import Message, Tick
from tests.fixtures.engine import CONFIG, TUESDAY, quote, reference, seconds, shipped_registry, trade
from tests.fixtures.messages import incident, plan
from tests.fixtures.scenario import busy

KRAKEN = "TSLAx@kraken"
BOOK = '{"bids": [[399.5, 10]], "asks": [[400.5, 10]]}'


class Answer(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)


Pegbot = Callable[..., Answer]


@pytest.fixture
def pegbot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Pegbot:
    """``pegbot`` as from a shell in an empty folder."""
    monkeypatch.delenv("PEGBOT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["pegbot", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(stop.value.code, int)
        return Answer(stop.value.code, out, err)

    return call


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with a ledger of its own and the shipped registry."""
    path = tmp_path / "my.toml"
    path.write_text(
        f'registry = ["{CONFIG}/registry/*.toml"]\n[ledger]\nurl = "sqlite+aiosqlite:///{tmp_path}/ledger.db"\n'
    )
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tape of one depeg, twenty minutes long, with one row that cannot be read."""
    path = tmp_path / "small.csv"
    ticks = [reference(TUESDAY, "TSLA@yahoo", 400), quote(TUESDAY, "TSLAx@bybit", 400)]
    ticks += [trade(TUESDAY + seconds(60 * n), KRAKEN, 480) for n in range(1, 20)]
    tape.write(path, [*ticks, trade(TUESDAY + seconds(1200), KRAKEN, 400)])
    with path.open("a") as file:
        file.write(f"{TUESDAY + seconds(1300)},,{KRAKEN},rumour,,,480,,,,\n")
    return path


def remember(config: Path, *messages: Message, snapshot: bytes | None = None) -> None:
    """Write to the config's ledger what the daemon would have written."""

    async def write() -> None:
        engine = await open_database(load(config).ledger.url)
        try:
            await Store(engine).record(messages, snapshot)
        finally:
            await engine.dispose()

    asyncio.run(write())


def seen(config: Path) -> bytes:
    """A snapshot in which Kraken shows its book and Bybit only a price."""
    driver = Driver(load(config), shipped_registry())
    driver.feed(Tick(TUESDAY, KRAKEN, "quote", bid=399.5, ask=400.5, data=BOOK))
    driver.feed(trade(TUESDAY, "TSLAx@bybit", 400))
    return driver.snapshot()


# -- the frame -------------------------------------------------------------------------------------


def test_help_names_every_command(pegbot: Pegbot) -> None:
    answer = pegbot("--help")
    assert answer.code == 0
    for command in ("run", "doctor", "check", "record", "incidents", "plans", "quote", "replay", "score",
                    "simulate", "import"):  # fmt: skip
        assert f" {command} " in answer.out
        assert pegbot(command, "--help").code == 0


def test_the_version_is_the_packages(pegbot: Pegbot) -> None:
    from bot import __version__

    assert pegbot("--version") == Answer(0, f"pegbot {__version__}\n", "")


def test_without_a_command_the_help_is_shown(pegbot: Pegbot) -> None:
    answer = pegbot()
    assert answer.code == 2
    assert "replay" in answer.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fly"], "No such command 'fly'."),
        (["check", "--fast"], "No such option: --fast"),
        (["replay"], "Missing argument"),
        (["quote", KRAKEN], "Missing option '--size'"),
        (["quote", KRAKEN, "--size", "much"], "Invalid value for '--size'"),
        (["quote", KRAKEN, "--size", "0"], "Invalid value for '--size'"),
        (["quote", KRAKEN, "--size", "-5"], "Invalid value for '--size'"),
        (["quote", KRAKEN, "--size", "nan"], "Invalid value for '--size'"),
        (["quote", KRAKEN, "--size", "inf"], "Invalid value for '--size'"),
        (["quote", KRAKEN, "--size", "100", "--side", "hold"], "--side is buy or sell, not 'hold'"),
        (["incidents", "--limit", "0"], "Invalid value for '--limit'"),
        (["simulate", "busy.toml"], "Missing option '--out'"),
        (
            ["import", "tealeaves", "cup.json", "--out", "t.csv"],
            "no importer 'tealeaves'; there is geckoterm",
        ),
    ],
)
def test_wrong_usage_is_told_in_a_line_and_exits_2(pegbot: Pegbot, arguments: list[str], told: str) -> None:
    answer = pegbot(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: {told}")


def test_it_is_installed_as_a_command_that_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "--version"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"pegbot ")


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["check", "--json"]])
def test_a_reader_that_has_gone_away_is_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from bot.cli import main; main()", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


# -- check -----------------------------------------------------------------------------------------


def test_check_says_what_a_valid_config_amounts_to(pegbot: Pegbot, config: Path) -> None:
    answer = pegbot("check", config)
    assert (answer.code, answer.err) == (0, "")
    assert f"{config} is valid" in answer.out
    assert "614 tokens" in answer.out
    found = pegbot("check", config, "--json")
    assert found.json == {"ok": True, "config": str(config), "sources": [], "tokens": 614}


def test_check_without_a_config_checks_the_embedded_one(pegbot: Pegbot) -> None:
    assert pegbot("check", "--json").json["sources"] == ["demo"]


def test_a_broken_config_lists_every_mistake_and_exits_2(pegbot: Pegbot, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('[web]\nport = "front"\n[log]\nlevel = "loud"\n[strategy]\ncapital = 5\n')
    answer = pegbot("check", path)
    assert (answer.code, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"pegbot: {path}: ") for line in lines)
    for key in ("web.port: ", "log.level: ", "strategy.capital: unknown key", "registry: nothing matches"):
        assert key in answer.err
    told = pegbot("check", path, "--json")
    assert told.code == 2
    assert told.json["ok"] is False
    assert [f"pegbot: {problem}" for problem in told.json["problems"]] == lines


MISTAKES = """
[web]
port = 99999
[ledger]
url = "mysql://books"
[strategy]
inventory_tokens = { GHOSTx = 1, AMZNx = -1 }
[mqtt]
password = "hunter2"
[[collectors.tape]]
name = "no path"
[[collectors.tape]]
path = "gone.csv"
[[collectors.evm]]
chain_id = 1
urls = ["http://node"]
pools = ["AMZNx@uniswap:zz"]
[[alerts.channels]]
name = "desk"
url = "env:NOT_SET_ANYWHERE"
"""
TOLD = (
    "web.port: ", "collectors.tape.0.path: is required", "mqtt.password: ", "ledger.url: mysql ",
    "'GHOSTx' is not a token", "AMZNx is -1", "tape[tape].path: no file", "evm[evm].urls: http ",
    "evm[evm].pools: ", "channels[desk].url: environment variable",
)  # fmt: skip


@pytest.mark.parametrize("command", [["check"], ["run", "--config"]])
def test_what_is_wrong_with_keys_files_secrets_and_names_is_told_at_once(
    pegbot: Pegbot, tmp_path: Path, command: list[str]
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'registry = ["{CONFIG}/registry/*.toml"]\n{MISTAKES}')
    answer = pegbot(*command, path)
    assert (answer.code, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert all(line.startswith(f"pegbot: {path}: ") for line in lines)
    for what in TOLD:
        assert sum(what in line for line in lines) == 1, (what, answer.err)
    assert len(lines) == len(TOLD)


def test_check_judges_the_config_that_run_would_take(
    pegbot: Pegbot, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEGBOT_CONFIG", str(config))
    assert pegbot("check", "--json").json["config"] == str(config)


def test_a_port_that_cannot_be_is_wrong_usage(pegbot: Pegbot) -> None:
    answer = pegbot("run", "--port", "77777")
    assert answer.code == 2
    assert "--port" in answer.err


def test_a_broken_registry_lists_every_mistake_and_exits_2(pegbot: Pegbot, tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(
        '[[tokens]]\nsymbol = "TSLAx"\nunderlying = "TSLA"\nissuer = "nobody"\n[[venues]]\nname = "kraken"\n'
    )
    path = tmp_path / "my.toml"
    path.write_text('registry = ["registry.toml"]\n')
    answer = pegbot("check", path)
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 2


def test_what_a_source_needs_and_is_not_there_is_told_by_check(
    pegbot: Pegbot, config: Path, tmp_path: Path
) -> None:
    with config.open("a") as file:
        file.write('[[collectors.tape]]\npath = "gone.csv"\n[[collectors.yahoo]]\nsymbols = ["GHOST"]\n')
    answer = pegbot("check", config)
    assert answer.code == 2
    assert f"no file {tmp_path}/gone.csv" in answer.err
    assert "'GHOST' is not an underlying of the registry" in answer.err


@pytest.mark.parametrize(
    "command", [["incidents"], ["plans"], ["quote", KRAKEN, "--size", "5"], ["replay", "t.csv"]]
)
def test_every_command_refuses_a_broken_config(pegbot: Pegbot, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "broken.toml").write_text("[web]\nport = -1\n")
    answer = pegbot(*command, "--config", "broken.toml")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("pegbot: broken.toml: web.port: ")


def test_the_config_may_be_named_in_the_environment(
    pegbot: Pegbot, monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    monkeypatch.setenv("PEGBOT_CONFIG", str(config.with_name("gone.toml")))
    answer = pegbot("incidents")
    assert answer.code == 2
    assert "gone.toml: cannot be read" in answer.err


# -- replay and score ------------------------------------------------------------------------------


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


# -- simulate and import ---------------------------------------------------------------------------


def test_simulate_makes_a_tape_and_its_labels(pegbot: Pegbot, tmp_path: Path) -> None:
    answer = pegbot("simulate", busy(tmp_path), "--seed", 3, "--out", "t.parquet", "--labels", "l.csv")
    assert (answer.code, answer.out) == (0, "")
    assert "5 labels to l.csv" in answer.err
    assert sum(1 for _ in tape.read(tmp_path / "t.parquet", on_bad=pytest.fail)) > 4000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--out", "t.xls"], "t.xls: a tape ends in .csv"),
        (["--out", "file/t.csv"], "file/t.csv: cannot be written: "),
        (["--out", "t.csv", "--labels", "file/l.csv"], "file/l.csv: cannot be written: "),
    ],
)
def test_simulate_says_what_it_cannot_write(
    pegbot: Pegbot, tmp_path: Path, options: list[str], told: str
) -> None:
    (tmp_path / "file").touch()
    answer = pegbot("simulate", busy(tmp_path), *options)
    assert answer.code == 2
    assert answer.err.startswith(f"pegbot: {told}")


def test_simulate_lists_every_mistake_of_a_scenario(pegbot: Pegbot, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('start = "soon"\n[[shares]]\nticker = "TSLA"\n[[happenings]]\n')
    answer = pegbot("simulate", "s.toml", "--out", "t.csv")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 4


def test_import_makes_a_tape(pegbot: Pegbot, tmp_path: Path) -> None:
    meta = {"mint": "XsDoVfqeBukxuZHWhdvWHBhgEHjGNst4MLodqsJHzoB", "dex": "raydium"}
    bar = [1_782_039_600, 400.0, 405.0, 399.0, 401.0, 5987.31]
    (tmp_path / "b.json").write_text(
        json.dumps({"pool": "8aDaBQkTrS6", "meta": meta, "tf": "hour", "ohlcv": [bar]})
    )
    answer = pegbot("import", "geckoterminal", "b.json", "--out", "t.csv")
    assert (answer.code, answer.err) == (0, "1 ticks to t.csv\n")
    (tick,) = tape.read(tmp_path / "t.csv", on_bad=pytest.fail)
    assert tick.instrument == "TSLAx@raydium:8aDaBQkT"
    answer = pegbot("import", "geckoterminal", "gone.json", "--out", "t2.csv")
    assert (answer.code, answer.err) == (2, "pegbot: gone.json: cannot be read: No such file or directory\n")


# -- the ledger ------------------------------------------------------------------------------------


def test_an_empty_ledger_has_no_incidents_and_no_plans(pegbot: Pegbot, config: Path) -> None:
    assert pegbot("incidents", "-c", config) == Answer(0, "No incidents.\n", "")
    assert pegbot("incidents", "-c", config, "--json") == Answer(0, "", "")
    assert pegbot("plans", "-c", config).out.startswith("No plans")
    assert pegbot("plans", "-c", config, "--json") == Answer(0, "", "")


def test_incidents_are_listed_newest_first(pegbot: Pegbot, config: Path) -> None:
    old = incident(id="old", opened=TUESDAY, last_seen=TUESDAY, resolved=TUESDAY, phase="resolve")
    new = incident(id="new", opened=TUESDAY + NS, last_seen=TUESDAY + NS)
    remember(config, old, new)
    lines = pegbot("incidents", "-c", config, "--json").out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["new", "old"]
    (line,) = pegbot("incidents", "-c", config, "--json", "--open").out.splitlines()
    assert json.loads(line)["id"] == "new"
    (line,) = pegbot("incidents", "-c", config, "--json", "--limit", 1).out.splitlines()
    assert json.loads(line)["id"] == "new"
    shown = pegbot("incidents", "-c", config).out
    assert "AMZNx@raydium" in shown
    assert "(open)" in shown


def test_plans_are_listed_and_one_is_explained(pegbot: Pegbot, config: Path) -> None:
    remember(
        config, plan(id="p1"), plan(id="p2", decision="no_trade", route=None, reasons=["limits.venue: no"])
    )
    lines = [json.loads(line) for line in pegbot("plans", "-c", config, "--json").out.splitlines()]
    assert {line["id"] for line in lines} == {"p1", "p2"}
    shown = pegbot("plans", "-c", config).out
    assert "mint_and_sell" in shown
    assert "limits.venue: no" in shown
    explained = pegbot("plans", "-c", config, "--explain", "p2")
    assert explained.code == 0
    assert "limits.venue" in explained.out
    assert pegbot("plans", "-c", config, "--explain", "p1", "--json").json["id"] == "p1"


def test_a_plan_that_is_not_there_is_a_no(pegbot: Pegbot, config: Path) -> None:
    answer = pegbot("plans", "-c", config, "--explain", "p9")
    assert answer == Answer(1, "", "pegbot: no plan p9; `pegbot plans` lists them\n")


def test_a_ledger_that_is_away_exits_3(pegbot: Pegbot, config: Path) -> None:
    text = config.read_text().partition("[ledger]")[0]
    config.write_text(f'{text}[ledger]\nurl = "postgresql+asyncpg://me:hunter2@127.0.0.1:1/pegbot"\n')
    answer = pegbot("incidents", "-c", config)
    assert (answer.code, answer.out) == (3, "")
    assert "127.0.0.1" in answer.err
    assert "hunter2" not in answer.err


def test_a_ledger_that_is_none_exits_2(pegbot: Pegbot, config: Path) -> None:
    text = config.read_text().partition("[ledger]")[0]
    config.write_text(f'{text}[ledger]\nurl = "notebook"\n')
    answer = pegbot("incidents", "-c", config)
    assert answer.code == 2
    assert answer.err.startswith("pegbot: ledger.url: not a database URL")


# -- quote -----------------------------------------------------------------------------------------


def test_quote_says_what_a_size_would_really_get(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", KRAKEN, "--size", 100, "-c", config, "--json")
    assert answer.code == 0
    assert (answer.json["instrument"], answer.json["size_usd"]) == (KRAKEN, 100.0)
    buy, sell = answer.json["quotes"]
    assert (buy["side"], sell["side"]) == ("buy", "sell")
    assert buy["price"] > 400.5 > 399.5 > sell["price"], "the fee is included"
    assert buy["tokens"] * buy["price"] == pytest.approx(100)
    shown = pegbot("quote", KRAKEN, "--size", 100, "--side", "buy", "-c", config)
    assert "buy" in shown.out
    assert "sell" not in shown.out


def test_a_size_the_venue_does_not_hold_is_a_no(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", KRAKEN, "--size", 1e6, "-c", config, "--json")
    assert answer.code == 1
    assert {one["why"] for one in answer.json["quotes"]} == {"the venue does not hold enough"}
    assert (
        "not possible: the venue does not hold enough"
        in pegbot("quote", KRAKEN, "--size", 1e6, "-c", config).out
    )


def test_a_last_price_is_not_depth(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", "TSLAx@bybit", "--size", 5, "-c", config)
    assert answer.code == 1
    assert "the depth of this venue is not known, only its last price" in answer.out


def test_an_instrument_nobody_has_seen_is_told_with_those_that_were(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", "GHOSTx@kraken", "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "pegbot: no prices of 'GHOSTx@kraken' in the last snapshot; there is: TSLAx@bybit, TSLAx@kraken\n"
    )


@pytest.mark.parametrize("name", ["TSLA260619P00395000@alpaca", "TSLA@krakenfutures", "TSLA@yahoo", "TSLA"])
def test_hedges_and_shares_are_not_for_quote(pegbot: Pegbot, config: Path, name: str) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", name, "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"pegbot: {name} is no token: quote is for tokens; `pegbot positions` shows hedges\n"
    )


def test_without_data_quote_says_what_to_do_first(pegbot: Pegbot, config: Path) -> None:
    answer = pegbot("quote", KRAKEN, "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert "run `pegbot run` first" in answer.err


def test_a_snapshot_that_is_not_one_is_told(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=msgspec.json.encode({"engine": {"version": 0}}))
    answer = pegbot("quote", KRAKEN, "--size", 5, "-c", config)
    assert answer.code == 2
    assert "run `pegbot run` first" in answer.err


def test_a_page_that_cannot_be_written_is_told_before_the_tape_is_read(
    pegbot: Pegbot, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = pegbot("backtest", "gone.csv", "-c", config, "--page", "file/page.html")
    assert answer.code == 2
    assert answer.err.startswith("pegbot: file/page.html: cannot be written: ")


@pytest.mark.parametrize("name", ["weekends.json", "spy.zip"])
def test_what_calibrate_cannot_make_out_is_told_with_what_it_takes(
    pegbot: Pegbot, config: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("[]")
    answer = pegbot("calibrate", name, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: {name}: neither weekends (a JSON list of rows with fri_close")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('[[collectors.evm]]\nchain_id = 1\npools = ["x"]\nurls = ["https://node"]', "use ws:// or wss://"),
        (
            '[[collectors.chainlink]]\nchain_id = 1\nfeeds = ["USDC@chainlink"]\nurls = ["ws://[::1"]',
            "malformed",
        ),
        ('[[collectors.robinhood]]\ntokens = ["x"]\nurls = ["ws://node:99999"]', "malformed"),
        ('[[collectors.solana]]\npools = ["x"]\nurls = ["node"]', "use http:// or https://"),
        ('[[collectors.jupiter]]\ntokens = ["AMZNx"]\nurl = "http://"', "malformed"),
        ('[[collectors.xstocks]]\ntokens = ["AMZNx"]\nurl = "ftp://node"', "ftp cannot be asked"),
        (
            '[[collectors.yahoo]]\nsymbols = ["AMZN"]\nstream_url = "https://node"',
            "https cannot be subscribed to",
        ),
        (
            '[[collectors.exchange]]\nmarkets = {AMZNx = "AMZNx/USD"}\nrest_url = "node"',
            "use http:// or https://",
        ),
        ('[record]\npath = "seen.txt"', "a tape ends in .csv"),
        ("[strategy]\ncapital_usd = 1e300", "is more than 1e+12"),
        ("[strategy]\ninventory_tokens = {AMZNx = 1e300}", "is more than 1e+12"),
        ("[detector]\nconfirm_seconds = 1e300", "is more than 1e+12"),
    ],
)
def test_an_address_a_path_or_a_number_that_cannot_be_is_told_by_check(
    pegbot: Pegbot, config: Path, source: str, told: str
) -> None:
    config.write_text(f"{config.read_text()}\n{source}\n")
    answer = pegbot("check", config)
    assert answer.code == 2
    assert sum(told in line for line in answer.err.splitlines()) == 1, answer.err


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
