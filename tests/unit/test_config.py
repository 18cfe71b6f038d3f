"""The configuration: one schema, all mistakes at once with file, key and fix, secrets only by reference."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot import config as schema
from bot.config import Secret, load, parse, resolve_secret, secret
from bot.errors import ConfigError
from bot.registry.load import expand
from tests.fixtures.engine import CONFIG

VALUE = "hunter2-very-secret"


def file_of(folder: Path, text: str) -> Path:
    path = folder / "pegbot.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    """What is wrong in a file, as ``key: fix``; each must start with the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


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


def test_an_incident_must_close_nearer_than_it_opens(tmp_path: Path) -> None:
    path = file_of(tmp_path, "[detector]\nopen_sigmas = 2.0\nclose_sigmas = 3.0\n")
    assert mistakes(path) == ["detector: close_sigmas must not exceed open_sigmas, or incidents would flap"]


@pytest.mark.parametrize(
    ("number", "key"), [("nan", "capital_usd"), ("inf", "capital_usd"), ("nan", "financing_rate")]
)
def test_a_limit_is_a_finite_number(tmp_path: Path, number: str, key: str) -> None:
    (told,) = mistakes(file_of(tmp_path, f"[strategy]\n{key} = {number}\n"))
    assert told.startswith(f"strategy.{key}: ")


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


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.toml")), ids=lambda path: path.name)
def test_a_shipped_config_loads_and_what_it_names_is_there(path: Path) -> None:
    config = load(path)
    assert expand(config.base, config.registry)
    for source in config.collectors.tape:
        assert config.path(source.path).is_file()


def test_the_embedded_config_needs_nothing_but_this_machine() -> None:
    config = load(CONFIG / "pegbot.toml")
    assert not config.collectors.evm
    assert not config.collectors.yahoo
    assert not config.mqtt.enabled
    assert not config.alerts.channels
    assert config.execution.mode == "paper"
    assert config.web.notice.startswith("Simulated data")


def test_no_shipped_config_trades_live_or_holds_a_secret() -> None:
    for path in CONFIG.glob("*.toml"):
        config = load(path)
        assert config.execution.mode != "live"
        for reference in (config.mqtt.password, *(one.url for one in config.alerts.channels)):
            assert reference == "" or reference.startswith(("env:", "file:"))


def test_a_secret_is_found_behind_its_reference(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{VALUE}\n", encoding="utf-8")
    assert resolve_secret("env:TOKEN", {"TOKEN": VALUE}).get_secret_value() == VALUE
    assert resolve_secret(f"file:{path}", {}).get_secret_value() == VALUE


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:TOKEN", "environment variable TOKEN is not set"),
        ("file:gone/secret", "cannot read secret file gone/secret: No such file or directory"),
        ("env:", "a secret is written env:NAME or file:PATH, never as the value itself"),
        (VALUE, "a secret is written env:NAME or file:PATH, never as the value itself"),
        ("", "a secret is written env:NAME or file:PATH, never as the value itself"),
    ],
)
def test_a_secret_that_is_not_there_is_a_mistake_of_the_config(reference: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        resolve_secret(reference, {})
    with pytest.raises(ConfigError, match=told):
        secret(reference)


def test_a_password_in_the_file_itself_is_a_mistake_that_does_not_repeat_it(tmp_path: Path) -> None:
    (told,) = mistakes(file_of(tmp_path, f'[mqtt]\npassword = "{VALUE}"\n'))
    assert told == "mqtt.password: a secret is written env:NAME or file:PATH, never as the value itself"


def test_a_secret_never_shows_itself(tmp_path: Path) -> None:
    hidden = resolve_secret("env:TOKEN", {"TOKEN": VALUE})
    path = tmp_path / "binary"
    path.write_bytes(VALUE.encode() + b"\xff")
    shown = [repr(hidden), str(hidden), f"{hidden}", f"{hidden!r:>40}", "%s" % hidden, repr([hidden])]  # noqa: UP031 -- every way of writing it
    for act in (lambda: json.dumps(hidden), lambda: resolve_secret(f"file:{path}", {})):
        with pytest.raises((TypeError, ValueError)) as caught:
            act()
        shown += [repr(caught.value), str(caught.value)]
    assert not [text for text in shown if VALUE in text]
    assert isinstance(hidden, Secret)
    assert pickle.loads(pickle.dumps(hidden)).get_secret_value() == VALUE


def test_what_was_written_in_the_wrong_place_is_not_repeated_in_the_mistake() -> None:
    wrong = {
        "mqtt": {"password": [VALUE], "pasword": VALUE, "port": VALUE, "topics": [VALUE]},
        "alerts": {"channels": [{"name": "desk", "url": {"token": VALUE}}]},
        "ledger": {"url": {"password": VALUE}},
        "log": {"level": VALUE},
        "colour": VALUE,
    }
    with pytest.raises(ConfigError) as caught:
        parse(wrong, source="test", base=Path())
    assert len(caught.value.problems) == 8
    assert VALUE not in str(caught.value)
    assert VALUE not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_config_shows_the_reference_and_never_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_MQTT", VALUE)
    config = parse({"mqtt": {"password": "env:PEGBOT_MQTT"}}, source="test", base=Path())
    assert secret(config.mqtt.password).get_secret_value() == VALUE
    for text in (repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert "env:PEGBOT_MQTT" in text
        assert VALUE not in text


def test_every_key_has_a_default_but_those_that_say_what_to_watch_or_whom_to_tell() -> None:
    kinds = [one for one in vars(schema).values() if isinstance(one, type)]
    sections = [kind for kind in kinds if issubclass(kind, schema.Section)]
    required = {
        f"{section.__name__}.{name}"
        for section in sections
        for name, field in section.model_fields.items()
        if field.is_required()
    }
    assert required == {
        "ChainlinkSource.chain_id", "ChainlinkSource.feeds", "ChainlinkSource.urls", "ChannelSection.name",
        "ChannelSection.url", "EvmSource.chain_id", "EvmSource.pools", "EvmSource.urls",
        "ExchangeSource.markets", "JupiterSource.tokens", "MyStonksSource.symbols", "OndoSource.tokens",
        "PythSource.feeds", "RobinhoodSource.tokens", "RobinhoodSource.urls", "SolanaSource.pools",
        "SolanaSource.urls", "TapeSource.path", "XStocksSource.tokens", "YahooSource.symbols",
        "AlpacaSource.symbols", "AlpacaOptionsSource.symbols", "IbkrSource.symbols", "OptionsSource.symbols",
        "YahooOptionsSource.symbols",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "key", "value", "says"),
    [
        ("yahoo_options", "max_days", 3651, "less than or equal to 3650"),
        ("yahoo_options", "min_days", 10**9, "less than or equal to 3650"),
        ("ibkr", "client_id", 2**31, "less than or equal to 2147483647"),
        ("ibkr", "host", "", "at least 1 character"),
        ("ibkr", "symbols", ["TSLA", "SPY", "TSLA"], "TSLA stands twice; remove one"),
        ("yahoo_options", "symbols", ["TSLA", "TSLA"], "TSLA stands twice; remove one"),
    ],
)
def test_what_a_broker_or_a_calendar_could_not_take_is_told(
    source: str, key: str, value: object, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"collectors": {source: [{"symbols": ["TSLA"], key: value}]}}, source="c", base=Path())
    (told,) = caught.value.problems
    assert told.startswith(f"c: collectors.{source}.0.{key}: ")
    assert says in told
