"""Logs: one shape for all loggers, secrets never shown, exceptions without local variables."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.config import LogSection, Secret
from bot.logs import MASK, configure, redact


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logger.level for name, logger in root.manager.loggerDict.items()
              if isinstance(logger, logging.Logger)}  # fmt: skip
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    for name, logger in root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            logger.setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


def logged(format: str = "json", level: str = "info", secrets: tuple[Secret, ...] = ()) -> io.StringIO:
    stream = io.StringIO()
    section = LogSection.model_validate({"format": format, "level": level})
    configure(section, stream=stream, isatty=False, secrets=secrets)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_says_when_how_bad_who_and_what_first() -> None:
    stream = logged()
    structlog.get_logger("bot.daemon").info("feed up", source="tape", lag_seconds=0.5)
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {
        "level": "info", "logger": "bot.daemon", "event": "feed up", "source": "tape", "lag_seconds": 0.5,
    }  # fmt: skip


def test_values_without_a_json_form_become_text() -> None:
    stream = logged()
    structlog.get_logger().info(
        "x", money=Decimal("1.10"), raw=2**200, nan=float("nan"), path=Path("a"), items={1}
    )
    line = lines(stream)[0]
    assert (line["money"], line["raw"], line["nan"], line["path"], line["items"]) == (
        "1.10",
        2**200,
        "nan",
        "a",
        [1],
    )


@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn", "web3.manager", "apprise", "some.library"])
def test_loggers_of_libraries_come_out_in_the_same_shape(name: str) -> None:
    stream = logged()
    logging.getLogger(name).warning("took %d ms", 12)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("took 12 ms", "warning", name)


def test_chatty_libraries_speak_from_warning_on_unless_debugging() -> None:
    stream = logged()
    logging.getLogger("uvicorn.access").info("GET /metrics")
    logging.getLogger("web3.providers").info("request")
    logging.getLogger("alpaca.data.live.websocket").info("connecting to …")
    assert not lines(stream)
    stream = logged(level="debug")
    logging.getLogger("uvicorn.access").info("GET /metrics")
    assert lines(stream)[0]["event"] == "GET /metrics"


def test_a_quieter_level_holds_for_chatty_libraries_too() -> None:
    stream = logged(level="error")
    logging.getLogger("web3").warning("x")
    structlog.get_logger().warning("x")
    assert not stream.getvalue()


def test_python_warnings_are_logged() -> None:
    stream = logged()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("deprecated thing", UserWarning, stacklevel=1)
    assert "deprecated thing" in lines(stream)[0]["event"]


def test_configuring_again_replaces_and_does_not_double() -> None:
    logged()
    stream = logged()
    structlog.get_logger().info("once")
    assert len(lines(stream)) == 1


@pytest.mark.parametrize(("isatty", "starts"), [(True, "\x1b"), (False, "{")])
def test_auto_is_console_on_a_terminal_and_json_elsewhere(isatty: bool, starts: str) -> None:
    stream = io.StringIO()
    configure(LogSection(format="auto"), stream=stream, isatty=isatty)
    structlog.get_logger().info("hello")
    assert stream.getvalue().startswith(starts)


def test_a_line_on_a_terminal_is_short_enough_to_be_read() -> None:
    stream = io.StringIO()
    configure(LogSection(format="console"), stream=stream, isatty=False)
    when = "2026-06-02T02:00:00.000000000Z"
    structlog.get_logger("pegbot").info("depeg", instrument="AMZNx@orca", detail="", event_time=when)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d \[info     \] depeg        instrument=AMZNx@orca event_time=2026-06-02T02:00\n",
        stream.getvalue(),
    )


def test_console_without_a_terminal_has_no_colours() -> None:
    stream = logged("console")
    structlog.get_logger("bot").warning("hello", a=1)
    assert "\x1b" not in stream.getvalue()
    assert "hello" in stream.getvalue()


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_secret_never_shows_wherever_it_is(format: str) -> None:
    stream = logged(format)
    structlog.get_logger().info(
        "x", a=Secret("s3cr3t"), b=[{"c": (Secret("s3cr3t"),)}], d=f"{Secret('s3cr3t')}"
    )
    logging.getLogger("lib").info("got %s", Secret("s3cr3t"))
    assert "s3cr3t" not in stream.getvalue()
    assert MASK in stream.getvalue()


@pytest.mark.parametrize("format", ["json", "console"])
def test_the_value_of_a_known_secret_is_masked_in_any_text(format: str) -> None:
    stream = logged(format, secrets=(Secret("hunter2hunter2"), Secret("x")))
    logging.getLogger("lib").error("the key is hunter2hunter2, an x")
    try:
        raise ValueError("refused: hunter2hunter2")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "hunter2" not in stream.getvalue()
    assert "an x" in stream.getvalue(), "a secret too short to be one must not blank the log"


@pytest.mark.parametrize("format", ["json", "console"])
def test_an_exception_shows_its_frames_and_no_local_variables(format: str) -> None:
    stream = logged(format)
    try:
        hidden = "a-local-value-" + "of-this-frame"
        raise ValueError(f"bad length {len(hidden)}")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("lib").exception("failed too")
    text = stream.getvalue()
    assert "a-local-value-of-this-frame" not in text
    assert text.count("bad length 27") == 2
    assert text.count("test_an_exception_shows_its_frames") >= 2


def test_an_exception_in_json_is_data() -> None:
    stream = logged()
    try:
        raise KeyError("AMZNx")
    except KeyError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    (error,) = line["exception"]
    assert error["exc_type"] == "KeyError"
    assert error["frames"][0]["name"] == "test_an_exception_in_json_is_data"


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("wss://eth.example.com/v2/KEY", "wss://eth.example.com/…"),
        ("https://u:p@x.com/a?b=c#d", f"https://{MASK}@x.com/…"),
        ("https://x.com?apikey=1", "https://x.com/…"),
        ("https://x.com", "https://x.com"),
        ("https://api.telegram.org/bot123:ABC/sendMessage failed", "https://api.telegram.org/… failed"),
        ("tgram://123:ABC/-100", f"tgram://{MASK}"),
        ("slack://T0/B0/xyz", f"slack://{MASK}"),
        ("mailto://user:pass@mail.com", f"mailto://{MASK}"),
        ("postgresql+asyncpg://bot:pw@db:5432/pegbot", f"postgresql+asyncpg://{MASK}@db:5432/…"),
        ("sqlite+aiosqlite:///var/pegbot.db", "sqlite+aiosqlite:///var/pegbot.db"),
        ("mqtts://u:p@broker:8883", f"mqtts://{MASK}@broker:8883"),
        ("on http://127.0.0.1:8050/api now", "on http://127.0.0.1:8050/api now"),
        ("http://user:pw@localhost:1/x", f"http://{MASK}@localhost:1/x"),
        ("GET /api?api_key=abc&size=5", f"GET /api?api_key={MASK}&size=5"),
        ("https://u:p)w,x}@x.com", f"https://{MASK}@x.com"),
        ("two: https://a.io/k1, https://b.io/k2.", "two: https://a.io/… https://b.io/…"),
    ],
)
def test_what_is_left_of_a_url(given_: str, shown: str) -> None:
    assert redact(given_).replace(",", "") == shown


@given(
    scheme=st.sampled_from(["https", "wss", "postgresql+asyncpg", "tgram", "discord", "mailtos", "mqtt"]),
    user=st.from_regex(r"[A-Za-z0-9._~-]{0,12}", fullmatch=True),
    secret=st.from_regex(r"[A-Z0-9]{12,40}", fullmatch=True),
    where=st.sampled_from(["password", "path", "query", "fragment"]),
)
def test_no_part_of_a_url_but_its_host_survives(scheme: str, user: str, secret: str, where: str) -> None:
    rest = {
        "password": f"{user}:{secret}@example.com",
        "path": f"example.com/v3/{secret}",
        "query": f"example.com/?{user}={secret}",
        "fragment": f"example.com/#{secret}",
    }[where]
    assert secret not in redact(f"cannot reach {scheme}://{rest} (timed out)")


@given(st.text())
def test_text_without_urls_or_parameters_is_left_alone(text: str) -> None:
    assert "://" in text or "=" in text or redact(text) == text
