"""How long a person waits: for ``pegbot --help``, and from ``pegbot run`` to the first answer of /metrics."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from math import inf
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure, best_seconds

RUNS = 5
HELP_BUDGET = 0.5
READY_BUDGET = 5.0
GIVE_UP_SECONDS = 30.0
PEGBOT = (sys.executable, "-c", "from bot.cli import main; main()")
CHECKOUT = Path(__file__).resolve().parent.parent
CONFIG = """
registry = ["{checkout}/config/registry/*.toml"]
[[collectors.tape]]
name = "demo"
path = "{checkout}/config/demo/tape.parquet"
speed = 3600
loop = true
[ledger]
url = "sqlite+aiosqlite:///{folder}/ledger.db"
"""


def run() -> Iterator[Figure]:
    """The median of five helps beside a bare interpreter, and one start of the daemon."""
    helps = [best_seconds(lambda: _silent(*PEGBOT, "--help"), 1) for _ in range(RUNS)]
    bare = [best_seconds(lambda: _silent(sys.executable, "-c", "pass"), 1) for _ in range(RUNS)]
    yield Figure(
        f"pegbot --help, median of {RUNS}", median(helps), "s", "python -c pass", median(bare), HELP_BUDGET
    )
    yield Figure("pegbot run to its first /metrics", _until_metrics(), "s", budget=READY_BUDGET)


def _silent(*command: str) -> None:
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def _until_metrics() -> float:
    """Seconds until /metrics answers 200; infinite if it never does, and what the daemon said is shown."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "pegbot.toml")
        config.write_text(CONFIG.format(checkout=CHECKOUT, folder=folder))
        said = Path(folder, "said.txt")
        started = time.perf_counter()
        with said.open("wb") as stderr:
            daemon = subprocess.Popen(
                [*PEGBOT, "run", "--port", "0", "--config", str(config)],
                cwd=CHECKOUT, stdout=stderr, stderr=stderr,
            )  # fmt: skip
            try:
                while daemon.poll() is None and time.perf_counter() - started < GIVE_UP_SECONDS:
                    if _answers(said.read_text()):
                        return time.perf_counter() - started
                    time.sleep(0.01)
            finally:
                daemon.terminate()
                daemon.wait(GIVE_UP_SECONDS)
        sys.stderr.write(said.read_text())
        return inf


def _answers(said: str) -> bool:
    """Whether the address of /metrics that the daemon has announced answers."""
    announced = re.search(r"http://\S+/metrics", said)
    if announced is None:
        return False
    try:
        with urllib.request.urlopen(announced[0], timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
