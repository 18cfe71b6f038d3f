"""nautilus_trader's BacktestEngine, fed the same quotes with a Python handler that does nothing.

It wants a pandas older than ours, so it lives in the peers' environment (``make peers``) and is timed there,
by ``peers/nautilus.py``, turn by turn with us. Only the loop counts, not making its instruments and ticks.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from msgspec import Struct, convert

from bot.types import Tick

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "nautilus.py"
ABSENT = "nautilus_trader: skipped, make peers"


class Run(Struct, frozen=True):
    """Seconds of the loop, of wall and of processor time, and how many ticks the handler saw."""

    wall: float
    cpu: float
    count: int


class Nautilus:
    """A process that waits for ticks; ``None`` instead of a run where it is not installed."""

    def __enter__(self) -> Nautilus:
        self._folder = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[str] | None = None
        if PYTHON.exists() and _installed():
            self._process = subprocess.Popen(
                [PYTHON, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._process is not None:
            self._process.communicate(timeout=60)
        self._folder.cleanup()

    def run(self, ticks: Sequence[Tick]) -> Run | None:
        """One pass with a fresh engine there."""
        if self._process is None:
            return None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        names = sorted({tick.instrument for tick in ticks})
        place = {name: number for number, name in enumerate(names)}
        rows = [(tick.ts, place[tick.instrument], tick.bid, tick.ask) for tick in ticks]
        question = Path(self._folder.name) / "ticks.json"
        question.write_text(json.dumps({"names": names, "rows": rows}))
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        done = convert(json.loads(self._process.stdout.readline()), Run)
        assert done.count == len(ticks)
        return done


def _installed() -> bool:
    found = subprocess.run([PYTHON, "-c", "import nautilus_trader"], capture_output=True, check=False)
    return found.returncode == 0
