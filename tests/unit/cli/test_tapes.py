"""Commands that make tapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import tape
from tests.fixtures.scenario import busy
from tests.unit.cli.shell import Pegbot


def test_simulate_makes_a_tape_and_its_labels(pegbot: Pegbot, tmp_path: Path) -> None:
    answer = pegbot("simulate", busy(tmp_path), "--seed", 3, "--out", "t.parquet", "--labels", "l.csv")
    assert (answer.code, answer.out) == (0, "")
    assert "5 labels to l.csv" in answer.err
    assert sum(1 for _ in tape.read(tmp_path / "t.parquet", on_bad=pytest.fail)) > 4000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--out", "t.xls"], "t.xls: a tape ends in .csv"),
        (["--out", "file/t.csv"], "file/t.csv: cannot be written: "),
        (["--out", "t.csv", "--labels", "file/l.csv"], "file/l.csv: cannot be written: "),
    ],
)
def test_simulate_says_what_it_cannot_write(
    pegbot: Pegbot, tmp_path: Path, options: list[str], told: str
) -> None:
    (tmp_path / "file").touch()
    answer = pegbot("simulate", busy(tmp_path), *options)
    assert answer.code == 2
    assert answer.err.startswith(f"pegbot: {told}")


def test_simulate_lists_every_mistake_of_a_scenario(pegbot: Pegbot, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('start = "soon"\n[[shares]]\nticker = "TSLA"\n[[happenings]]\n')
    answer = pegbot("simulate", "s.toml", "--out", "t.csv")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 4


def test_import_makes_a_tape(pegbot: Pegbot, tmp_path: Path) -> None:
    meta = {"mint": "XsDoVfqeBukxuZHWhdvWHBhgEHjGNst4MLodqsJHzoB", "dex": "raydium"}
    bar = [1_782_039_600, 400.0, 405.0, 399.0, 401.0, 5987.31]
    (tmp_path / "b.json").write_text(
        json.dumps({"pool": "8aDaBQkTrS6", "meta": meta, "tf": "hour", "ohlcv": [bar]})
    )
    answer = pegbot("import", "geckoterminal", "b.json", "--out", "t.csv")
    assert (answer.code, answer.err) == (0, "1 ticks to t.csv\n")
    (tick,) = tape.read(tmp_path / "t.csv", on_bad=pytest.fail)
    assert tick.instrument == "TSLAx@raydium:8aDaBQkT"
    answer = pegbot("import", "geckoterminal", "gone.json", "--out", "t2.csv")
    assert (answer.code, answer.err) == (2, "pegbot: gone.json: cannot be read: No such file or directory\n")
