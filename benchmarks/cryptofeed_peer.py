"""cryptofeed's Kraken on the same changes. It is measured in the peers' environment (``make peers``), by
``peers/cryptofeed_kraken.py``; only its time counts, not the server's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.exchange_flood import MARKETS, Prepared, flooding

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "cryptofeed_kraken.py"
ABSENT = "cryptofeed: skipped, make peers"


def rate(prepared: Prepared, runs: int) -> float | None:
    """Updates per second of its processor time, best run; ``None`` where it is not installed."""
    if not PYTHON.exists():
        return None
    probe = subprocess.run([PYTHON, "-c", "import cryptofeed"], capture_output=True, check=False)
    if probe.returncode:
        return None
    return max(_once(prepared) for _ in range(runs))


def _once(prepared: Prepared) -> float:
    with flooding(prepared) as (_, url):
        question = {"url": url, "symbols": list(MARKETS.values()), "updates": len(prepared.old_updates)}
        done = subprocess.run(
            [PYTHON, SCRIPT], input=json.dumps(question), capture_output=True, text=True, check=True
        )
    return float(json.loads(done.stdout))
