"""``pegbot`` as from a shell, and what its commands work on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot import tape
from bot.cli import main
from tests.fixtures.engine import CONFIG, TUESDAY, quote, reference, seconds, trade
from tests.unit.cli.shell import KRAKEN, Answer, Pegbot


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
