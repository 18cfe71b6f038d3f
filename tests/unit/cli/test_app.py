"""The frame of the command line: help, version, wrong usage, a broken config, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.shell import KRAKEN, Answer, Pegbot


def test_help_names_every_command(pegbot: Pegbot) -> None:
    answer = pegbot("--help")
    assert answer.code == 0
    for command in ("run", "doctor", "check", "kill", "incidents", "plans", "positions", "quote",
                    "plan", "earn", "mechanisms", "pools", "replay", "score", "calibrate", "sweep",
                    "backtest", "simulate", "import", "record"):  # fmt: skip
        assert f" {command} " in answer.out
        assert pegbot(command, "--help").code == 0


def test_help_waits_for_nothing_that_only_a_command_needs() -> None:
    heavy = {"msgspec", "pyarrow", "pydantic", "sqlalchemy", "starlette", "structlog"}
    done = subprocess.run(
        [sys.executable, "-c", "import sys, bot.cli; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert heavy.isdisjoint(done.stdout.split())


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


def test_a_port_that_cannot_be_is_wrong_usage(pegbot: Pegbot) -> None:
    answer = pegbot("run", "--port", "77777")
    assert answer.code == 2
    assert "--port" in answer.err


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
