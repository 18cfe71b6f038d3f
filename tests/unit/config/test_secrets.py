"""Secrets stand in the file only by reference, and never show themselves."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import Secret, Section, parse, resolve_secret, secret
from bot.errors import ConfigError
from tests.unit.config.mistakes import file_of, mistakes
from tests.unit.config.sections import SECTIONS

VALUE = "hunter2-very-secret"
SECRETS = ("api_key", "api_secret", "password")


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


@pytest.mark.parametrize(
    ("section", "key"),
    [(one, key) for one in SECTIONS for key in one.model_fields if key.endswith(SECRETS)],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_no_key_for_a_secret_takes_the_secret_itself(section: type[Section], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        section.model_validate({key: VALUE})
    told = {problem["loc"]: problem["msg"] for problem in caught.value.errors()}
    assert told[(key,)].endswith("a secret is written env:NAME or file:PATH, never as the value itself")


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
