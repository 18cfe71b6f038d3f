"""Opening a database: what is wrong is said with what to do about it, and no password is ever shown."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bot.errors import ConfigError, ServiceUnreachable
from bot.ledger.db import open_database, parse_url, shown


def test_short_urls_get_their_async_driver():
    assert parse_url("sqlite:///x.db").drivername == "sqlite+aiosqlite"
    assert parse_url("postgres://h/d").drivername == "postgresql+asyncpg"
    assert parse_url("postgresql+asyncpg://h/d").drivername == "postgresql+asyncpg"


def test_a_url_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("PEGBOT_DB", "postgresql://me:hush@h/d")
    url = parse_url("env:PEGBOT_DB")
    assert url.password == "hush"
    assert shown(url) == "postgresql+asyncpg://me:***@h/d"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL; use sqlite+aiosqlite:///var/pegbot.db or postgresql"),
        ("mysql://h/d", "mysql is not supported; use sqlite"),
        ("env:PEGBOT_NOT_SET", "environment variable PEGBOT_NOT_SET is not set"),
    ],
)
async def test_a_wrong_url_says_what_a_right_one_looks_like(url, says):
    with pytest.raises(ConfigError) as wrong:
        await open_database(url)
    assert says in str(wrong.value)


async def test_the_folder_is_made(tmp_path):
    engine = await open_database(f"sqlite:///{tmp_path / 'a' / 'b' / 'pegbot.db'}")
    await engine.dispose()
    assert (tmp_path / "a" / "b" / "pegbot.db").exists()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot make the folder .*file.* make it writable"):
        await open_database(f"sqlite:///{tmp_path / 'file' / 'x' / 'pegbot.db'}")


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root may write anywhere; run the tests as another user for this one"
)
async def test_an_unwritable_folder_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="make file and folder writable"):
        await open_database(f"sqlite:///{tmp_path / 'pegbot.db'}")


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs a folder in which nobody may create a file"
)
async def test_a_folder_in_which_nobody_may_create_a_file_is_said():
    with pytest.raises(ConfigError, match="unable to open database file; make file and folder writable"):
        await open_database("sqlite:////proc/pegbot.db")


async def test_a_folder_in_place_of_the_file_is_said(tmp_path):
    with pytest.raises(ConfigError, match="is a folder; name a file in it"):
        await open_database(f"sqlite:///{tmp_path}")


async def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 100)
    with pytest.raises(ConfigError, match="not a pegbot database"):
        await open_database(f"sqlite:///{path}")
    assert path.read_text().startswith("dear diary")


async def test_a_server_that_is_away_is_said_without_the_password():
    with pytest.raises(ServiceUnreachable) as away:
        await open_database("postgresql://me:hush@127.0.0.1:1/pegbot")
    assert "is the server up and reachable?" in str(away.value)
    assert "hush" not in str(away.value)
    assert away.value.exit_code == 3


async def test_a_missing_driver_says_which_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'pegbot\[postgres\]'"):
        await open_database("postgresql://me:hush@127.0.0.1:1/pegbot")
