"""A file is read with all its mistakes told at once, each with file, key and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import load, parse
from tests.unit.config.mistakes import file_of, mistakes


def test_every_mistake_is_told_at_once_with_file_key_and_fix(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        """
        colour = "green"
        [web]
        port = 80500
        [log]
        format = "xml"
        [detector]
        sizes_usd = []
        open_sigmas = 2.0
        close_sigmas = 3.0
        [strategy]
        capital_usd = -1
        risk_charge = "some"
        [[collectors.tape]]
        name = "demo"
        [[collectors.evm]]
        urls = []
        chain_id = 1
        pools = ["AMZNx@uniswap:0x3cd7f2a1"]
        [alerts]
        quiet_hours = "22-7"
        timezone = "Mars/Olympus"
        [mqtt]
        topics = ["tick", "gossip"]
        """,
    )
    told = dict(problem.split(": ", 1) for problem in mistakes(path))
    assert told.keys() == {
        "colour", "web.port", "log.format", "detector.sizes_usd", "strategy.capital_usd",
        "strategy.risk_charge", "collectors.tape.0.path", "collectors.evm.0.urls", "alerts.quiet_hours",
        "alerts.timezone", "mqtt.topics.1",
    }  # fmt: skip
    assert told["colour"] == "unknown key; remove it, or check its spelling against docs/configuration.md"
    assert told["web.port"] == "Input should be less than or equal to 65535"
    assert told["log.format"] == "Input should be 'auto', 'console' or 'json'"
    assert told["collectors.tape.0.path"] == "is required"
    assert told["alerts.timezone"] == "'Mars/Olympus' is no time zone; write it as in Europe/Zurich"


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "gone.toml") == [
        "cannot be read: No such file or directory; give a path to a TOML file"
    ]


def test_a_file_that_is_not_toml_is_told_with_the_line(tmp_path: Path) -> None:
    (told,) = mistakes(file_of(tmp_path, "[web]\nport = = 1\n"))
    assert told.startswith("not valid TOML: ")
    assert "line 2" in told
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    (told,) = mistakes(path)
    assert told.startswith("not valid TOML: ")


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    config = load(file_of(tmp_path, ""))
    assert config == parse({}, source="test", base=tmp_path.resolve())
    assert config.execution.mode == "paper"
    assert config.web.host == "127.0.0.1"
    assert config.ledger.url.startswith("sqlite+aiosqlite:///")
    assert not config.mqtt.enabled
    assert (config.collectors.tape, config.collectors.evm, config.collectors.yahoo) == ([], [], [])


def test_a_config_does_not_change_once_it_is_read() -> None:
    config = parse({}, source="test", base=Path())
    with pytest.raises(ValidationError):
        config.web.port = 1  # type: ignore[misc]  # frozen is the point


def test_paths_are_relative_to_the_file_and_not_to_where_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    file_of(tmp_path / "deep", "")
    monkeypatch.chdir(tmp_path)
    config = load("deep/pegbot.toml")
    monkeypatch.chdir("/")
    assert config.path("demo/tape.parquet") == tmp_path / "deep/demo/tape.parquet"
    assert config.path("../tape.csv") == tmp_path / "tape.csv"
    assert config.path(str(tmp_path / "tape.csv")) == tmp_path / "tape.csv"
    assert config.path("") == tmp_path / "deep"
