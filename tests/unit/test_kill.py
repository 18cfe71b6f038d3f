"""The kill switch, thrown by a file; and what is checked before anything is traded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import kill
from bot.cli import app
from bot.cli.setup import embedded, setup
from bot.config import Config, load
from bot.daemon import RECONCILE, Daemon
from bot.errors import UsageError
from bot.ledger.db import open_database
from bot.ledger.reconcile import differences
from bot.ledger.store import Store
from bot.timefmt import NS
from tests.fixtures.engine import CONFIG, shipped_registry

TAPE = f'registry = ["{CONFIG}/registry/*.toml"]\n[[collectors.tape]]\npath = "{CONFIG}/demo/tape.parquet"\n'
HOLDS = '[strategy]\ninventory_tokens = { TSLAx = 5, "AMZNx@kraken" = 2.5 }\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "pegbot.toml"
    path.write_text(TAPE + HOLDS)
    return load(path)


def looked(daemon: Daemon) -> dict[str, str]:
    """The daemon looks at the switch; what is asked is done in the next turn."""
    daemon._look_at_switch()
    for command in daemon._commands:
        daemon._feed(command)
    daemon._commands.clear()
    return daemon.driver.engine.strategy.killed


def test_a_file_stops_new_plans_until_it_is_taken_away(config: Config) -> None:
    daemon = Daemon(config, shipped_registry())
    assert looked(daemon) == {}
    assert kill.throw(config, "the desk is closed") is None
    file = kill.path(config)
    assert looked(daemon) == {"file": "the desk is closed"}
    assert daemon._notice() == "No new plan is made: the desk is closed (file)"
    daemon._look_at_switch()
    assert b"pegbot_kill_switch 1" in daemon.metrics.render()
    file.write_text("")
    assert looked(daemon) == {"file": "the desk is closed"}
    assert kill.release(config)
    assert looked(daemon) == {}
    daemon._look_at_switch()
    assert b"pegbot_kill_switch 0" in daemon.metrics.render()
    assert daemon._notice() == ""


def test_it_stays_thrown_over_a_restart(config: Config) -> None:
    daemon = Daemon(config, shipped_registry())
    kill.throw(config, "over the weekend")
    looked(daemon)
    again = Daemon(config, shipped_registry())
    assert again.driver.restore(daemon.driver.snapshot())
    assert again.driver.engine.strategy.killed == {"file": "over the weekend"}


def test_an_empty_file_is_enough_and_one_that_cannot_be_read_counts(config: Config) -> None:
    kill.path(config).touch()
    assert kill.reason(config) == "no reason given"
    kill.path(config).unlink()
    kill.path(config).mkdir()
    assert "directory" in (kill.reason(config) or "")
    with pytest.raises(UsageError, match="cannot be written: it is a folder"):
        kill.throw(config, "no")
    with pytest.raises(UsageError, match="cannot be removed"):
        kill.release(config)


def test_the_command_throws_and_releases(config: Config) -> None:
    run, path = CliRunner().invoke, str(config.base / "pegbot.toml")
    assert run(app, ["kill", "too wild", "--config", path]).exit_code == 0
    assert kill.reason(config) == "too wild"
    assert run(app, ["kill", "--release", "--config", path]).exit_code == 0
    assert kill.reason(config) is None
    assert run(app, ["kill", "--release", "--config", path]).exit_code == 1


def test_a_second_throw_says_by_whom_when_and_why_it_was_and_changes_nothing(config: Config) -> None:
    run, path, file = CliRunner().invoke, str(config.base / "pegbot.toml"), kill.path(config)
    assert kill.thrown(config) is None
    run(app, ["kill", "too wild", "--config", path])
    os.utime(file, (1_751_736_600, 1_751_736_600))
    again = run(app, ["kill", "fat finger", "--config", path])
    assert again.exit_code == 0
    assert again.output.splitlines() == [
        f"thrown already by {file.owner()} at 2025-07-05 17:30:00 UTC: too wild",
        f"that reason stays; --release first to give another: {file}",
    ]
    assert kill.thrown(config) == kill.Thrown(1_751_736_600 * NS, file.owner(), "too wild")


def test_a_user_without_a_name_is_told_by_number(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_file: Path) -> str:
        raise KeyError

    kill.throw(config, "why")
    monkeypatch.setattr(Path, "owner", nobody)
    thrown = kill.thrown(config)
    assert thrown is not None
    assert thrown.by == f"user {os.getuid()}"


def test_the_demos_switch_lies_with_its_ledger_and_not_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEGBOT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["kill", "demo"])
    file = tmp_path / "var" / "demo.kill"
    assert told.stdout == f"thrown: {file}\n"
    assert "no ledger at var/demo.db: a daemon that runs in another folder" in told.stderr
    assert file.read_text() == "demo\n"
    for source in (None, embedded()):
        loaded, _ = setup(source)
        assert (kill.path(loaded), kill.reason(loaded)) == (file, "demo")
    assert not (embedded().parent / "kill").exists()


def test_a_configuration_of_ones_own_has_its_switch_beside_it(config: Config) -> None:
    loaded, _ = setup(config.base / "pegbot.toml")
    assert kill.path(loaded) == config.base / "kill"


async def opened(config: Config, folder: Path) -> Store:
    database = await open_database(f"sqlite+aiosqlite:///{folder}/pegbot.db")
    store = Store(database)
    await store.open_books(1, config.strategy.capital_usd, config.strategy.inventory_tokens)
    return store


async def test_at_the_start_desk_and_books_agree_place_by_place(config: Config, tmp_path: Path) -> None:
    store = await opened(config, tmp_path)
    daemon = Daemon(config, shipped_registry())
    await daemon._reconcile(store, fresh=True)
    assert daemon.driver.engine.strategy.desk.tokens == {"TSLAx@wallet": 5.0, "AMZNx@kraken": 2.5}
    assert daemon.driver.engine.strategy.killed == {}
    await store.engine.dispose()


async def test_a_desk_without_memory_takes_the_books_word(config: Config, tmp_path: Path) -> None:
    store = await opened(config, tmp_path)
    daemon = Daemon(config, shipped_registry())
    daemon.driver.engine.strategy.desk.tokens = {"TSLAx@wallet": 9.0}
    await daemon._reconcile(store, fresh=True)
    assert daemon.driver.engine.strategy.desk.tokens == {"TSLAx@wallet": 5.0, "AMZNx@kraken": 2.5}
    await store.engine.dispose()


async def test_a_desk_that_remembers_otherwise_makes_no_plan(config: Config, tmp_path: Path) -> None:
    store = await opened(config, tmp_path)
    daemon = Daemon(config, shipped_registry())
    strategy = daemon.driver.engine.strategy
    strategy.desk.tokens["TSLAx@wallet"] = 9.0
    await daemon._reconcile(store, fresh=False)
    assert strategy.killed[RECONCILE] == (
        "books and desk differ: TSLAx@wallet: 5 in the books, 9 with the desk"
    )
    strategy.desk.tokens["TSLAx@wallet"] = 5.0
    await daemon._reconcile(store, fresh=False)
    assert strategy.killed == {}
    await store.engine.dispose()


def test_dust_is_no_difference() -> None:
    assert differences({"TSLAx@wallet": 1_000.0}, {"TSLAx@wallet": 1_000.0005, "AMZNx@wallet": 1e-9}) == []


def test_where_a_file_is_in_the_place_of_its_folder_it_cannot_be_thrown(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    path = tmp_path / "pegbot.toml"
    path.write_text(f'registry = ["{CONFIG}/registry/*.toml"]\n[execution]\nkill_file = "var/kill"\n')
    with pytest.raises(UsageError, match=r"var/kill: cannot be written: .*var is no folder"):
        kill.throw(load(path), "no")
