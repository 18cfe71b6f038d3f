"""The daemon as a process: it starts fast, stops cleanly, says what is wrong, and loses nothing."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from bot.ledger.db import open_database
from bot.ledger.store import Store
from tests.fixtures.daemon import PEGBOT, Daemon, finish, running_daemon, start_daemon
from tests.fixtures.prometheus import until

pytestmark = pytest.mark.timeout(180)

CONFIG = Path(__file__).resolve().parents[2] / "config"
TAPE = CONFIG / "demo" / "tape.parquet"


def write(folder: Path, *, speed: float = 0, more: str = "", tape: Path = TAPE) -> Path:
    """The demo's configuration, played once, with its ledger in ``folder``."""
    config = folder / "pegbot.toml"
    registry = json.dumps([str(CONFIG / "registry" / "*.toml")])
    config.write_text(f"""
registry = {registry}
{more}
[[collectors.tape]]
path = "{tape}"
speed = {speed}
[strategy]
capital_usd = 100_000
inventory_tokens = {{ AMZNx = 20, AAPLx = 20, TSLAx = 10 }}
[ledger]
url = "sqlite+aiosqlite:///{folder}/pegbot.db"
""")
    return config


def pegbot(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [PEGBOT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, check=False)


def lines(text: str) -> list[dict[str, Any]]:
    """JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


async def ended(daemon: Daemon) -> None:
    """Returns once the tape has been played and everything written."""

    async def done() -> bool:
        feeds = (await daemon.get("/api/feeds"))["feeds"]
        return all(feed["state"] == "stopped" for feed in feeds)

    await until(done, "the end of the tape", 60.0)


async def test_metrics_are_served_within_five_seconds_and_ctrl_c_ends_it_with_0(tmp_path: Path) -> None:
    started = time.monotonic()
    async with running_daemon(write(tmp_path, speed=3600)) as daemon:
        text = (await daemon.client.get(daemon.url + "/metrics")).text
        assert "pegbot_build_info" in text
        assert time.monotonic() - started < 5
        assert (await daemon.get("/healthz")) == {"status": "alive"}
        for path in ("/metrics", "/healthz"):
            assert f"{daemon.url}{path}" in daemon.log
        assert await daemon.end(signal.SIGINT) == 0
    assert "Traceback" not in daemon.log
    assert '"event":"stopped"' in daemon.log


async def test_a_daemon_gives_the_same_incidents_and_plans_as_replay(tmp_path: Path) -> None:
    config = write(tmp_path, speed=40_000)
    done = pegbot("replay", TAPE, "-c", config, "--incidents", tmp_path / "i", "--plans", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    async with running_daemon(config) as daemon:
        await ended(daemon)
        assert await daemon.end() == 0
    for what, file in (("incidents", "i"), ("plans", "p")):
        live = lines(pegbot(what, "-c", config, "--limit", "1000", "--json").stdout)
        replayed = lines((tmp_path / file).read_text())
        assert len(replayed) >= 5
        assert {one["id"]: one for one in live} == {one["id"]: one for one in replayed}


async def test_killed_again_and_again_it_ends_up_where_it_would_have_without(tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    (tmp_path / "often").mkdir()
    async with running_daemon(write(tmp_path / "once")) as daemon:
        await ended(daemon)
        assert await daemon.end() == 0
    config = write(tmp_path / "often", speed=60_000)
    for _ in range(3):
        async with running_daemon(config) as daemon:
            await asyncio.to_thread(time.sleep, 1.5)
            await daemon.end(signal.SIGKILL)
    async with running_daemon(config) as daemon:
        await ended(daemon)
        assert await daemon.end() == 0
    assert await kept(tmp_path / "often") == await kept(tmp_path / "once")


async def kept(folder: Path) -> dict[str, Any]:
    """Everything that counts: incidents and how they ended, plans, fills, the books."""
    database = await open_database(f"sqlite+aiosqlite:///{folder}/pegbot.db")
    store = Store(database)
    try:
        incidents, plans, fills = await store.incidents(500), await store.plans(500), await store.fills(500)
        await store.verify()
        return {
            "incidents": {one.id: (one.opened, one.resolved, one.cause, one.severity) for one in incidents},
            "plans": {one.id: one for one in plans},
            "fills": {one.id: one for one in fills},
            "balances": await store.balances(),
        }
    finally:
        await database.dispose()


def test_a_port_in_use_is_said_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = pegbot("run", "-c", write(tmp_path), "--port", port)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = write(tmp_path)
    config.write_text(config.read_text().replace(f"{tmp_path}/pegbot.db", f"{tmp_path}/file/pegbot.db"))
    done = pegbot("run", "-c", config, "--port", "0")
    assert done.returncode == 2
    assert "ledger.url: cannot make the folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_mistakes_of_a_configuration_are_said_at_once(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        tape=tmp_path / "none.csv",
        more="""
[execution]
mode = "live"
[mqtt]
password = "env:PEGBOT_NOT_SET"
[[alerts.channels]]
name = "desk"
url = "file:/nowhere/at/all"
""",
    )
    for command in (["check", config], ["run", "-c", config]):
        done = pegbot(*command)
        assert done.returncode == 2, done.stderr
        for part in ("none.csv", "execution.mode", "PEGBOT_NOT_SET", "alerts.channels[desk].url"):
            assert part in done.stderr
        assert "Traceback" not in done.stderr


async def test_bad_rows_are_counted_and_set_aside_and_the_daemon_goes_on(tmp_path: Path) -> None:
    tape = tmp_path / "bad.csv"
    rows = [
        "ts,instrument,kind,bid,ask,price,high,low,size,data",
        "1780317000000000000,AMZN@yahoo,quote,223,223.1,,,,,",
        "1780317001000000000,AMZNx@kraken,quote,223,223.2,,,,,",
        "1780317002000000000,AMZNx@kraken,quote,nan,223.2,,,,,",
        "1780317003000000000,AMZNx@kraken,quote,-1,223.2,,,,,",
        "1780317004000000000,AMZNx@kraken,quote,225,223.2,,,,,",
        "1780317000500000000,AMZNx@kraken,quote,223,223.2,,,,,",
        "1780317005000000000,NOPEx@kraken,quote,1,2,,,,,",
        "half a row",
        "1780317006000000000,AMZNx@kraken,quote,223,223.2,,,,,",
    ]
    tape.write_text("\n".join(rows) + "\n")
    async with running_daemon(write(tmp_path, tape=tape)) as daemon:
        await ended(daemon)
        text = (await daemon.client.get(daemon.url + "/metrics")).text
        aside = {
            line.split('"')[1]: line.split()[-1] for line in text.splitlines() if "quarantined_total{" in line
        }
        assert {"crossed", "time_backwards", "unknown_instrument"} <= set(aside), aside
        assert sum(float(count) for count in aside.values()) == 6
        assert await daemon.end() == 0
    assert "Traceback" not in daemon.log


async def test_with_the_disk_full_it_stays_up_trades_nothing_and_writes_when_there_is_room(
    tmp_path: Path,
) -> None:
    daemon = await start_daemon(write(tmp_path, speed=20_000))
    try:
        await daemon.started()
        # A file may grow no further than this: to SQLite that is a full disk.
        size = (tmp_path / "pegbot.db-wal").stat().st_size + 8192
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        async def refused() -> bool:
            ready = await daemon.client.get(daemon.url + "/readyz")
            return ready.status_code == 503 and "cannot be written" in ready.text

        await until(refused, "the disk to be full", 60.0)
        free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, free)

        async def recovered() -> bool:
            return '"event":"writing again"' in daemon.log

        await until(recovered, "the writes to go on", 60.0)
        await ended(daemon)
        assert await daemon.end() == 0
        assert "Traceback" not in daemon.log
    finally:
        await finish(daemon)
    shown = lines(pegbot("incidents", "-c", tmp_path / "pegbot.toml", "--json").stdout)
    assert len(shown) == 5
