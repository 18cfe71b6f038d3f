"""``pegbot check``: every mistake of a configuration and its registry at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.engine import CONFIG
from tests.unit.cli.shell import Pegbot


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
