"""``pegbot calibrate`` on real files: does a stated 95 % interval hold?

The margins say how little 153 rows of 52 weekends can prove: of as many independent rows at exactly 95 %, one
sample in twenty is outside 91.5 to 98 %; rows of one weekend are not independent, so less than that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from tests.fixtures.shared import us_equity, weekends

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.shared


def calibrate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
              ) -> tuple[int, dict[str, Any]]:  # fmt: skip
    monkeypatch.delenv("PEGBOT_CONFIG", raising=False)
    monkeypatch.setattr(sys, "argv", ["pegbot", "calibrate", "--json", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0), json.loads(capsys.readouterr().out)


def test_the_shipped_parameters_hold_on_2024_and_are_narrower_than_what_is_simpler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = calibrate(monkeypatch, capsys, "--check", weekends())
    found = told["weekends"]
    assert code == 0
    assert found["rows"] == 153
    assert 0.93 <= found["coverage"] <= 0.97
    assert found["half_width_bp"] < 145
    constant, confidence = found["baselines"]["constant"], found["baselines"]["confidence"]
    # Picked knowing all rows, as ours is not, the constant is beaten by a hair; from the past alone, by far.
    assert found["half_width_bp"] < constant["hindsight"]["half_width_bp"]
    assert found["half_width_bp"] < 0.75 * confidence["hindsight"]["half_width_bp"]
    assert constant["walked"]["ours_half_width_bp"] < 0.6 * constant["walked"]["half_width_bp"]
    assert confidence["walked"]["ours_half_width_bp"] < 0.9 * confidence["walked"]["half_width_bp"]


def test_the_page_shows_these_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = calibrate(monkeypatch, capsys, "--check", weekends())
    page = (ROOT / "docs" / "valuation.md").read_text(encoding="utf-8")
    for part in (told["weekends"], *told["weekends"]["folds"]):
        shown = f"| {part['rows']} | {100 * part['coverage']:.1f} % | {part['half_width_bp']:.0f} bp |"
        assert shown in page, shown
    baselines = told["weekends"]["baselines"]
    for width in (baselines[name][how]["half_width_bp"]
                  for name in ("constant", "confidence") for how in ("hindsight", "walked")):  # fmt: skip
        assert f"{width:.0f} bp" in page


def test_folds_in_time_fitted_on_what_came_before_hold_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = calibrate(monkeypatch, capsys, weekends())
    found = told["weekends"]
    assert 0.93 <= found["coverage"] <= 0.97
    # A fold has 32 to 43 rows: one more miss is 2.5 %. All four are within 93 to 97 % as it is.
    assert all(0.92 <= fold["coverage"] <= 0.98 for fold in found["folds"])
    assert found["half_width_bp"] < found["baselines"]["constant"]["hindsight"]["half_width_bp"]
    assert found["fitted"]["stretch"] == pytest.approx(1.0, abs=0.05)


def test_nights_of_minute_quotes_are_read_and_too_few_to_judge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = calibrate(monkeypatch, capsys, "--check", *us_equity())
    found = told["nights"]
    assert code == 0
    assert found["rows"] == 6
    assert found["coverage"] >= 5 / 6 - 1e-9
    assert len(found["left_out"]) == 1  # Apple's split of June 2014


def test_each_rows_interval_can_be_had(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "intervals.jsonl"
    _, told = calibrate(monkeypatch, capsys, "--check", "--intervals", out, weekends())
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    inside = [row["low"] <= row["open"] <= row["high"] for row in rows]
    assert [row["inside"] for row in rows] == inside
    assert sum(inside) / len(inside) == pytest.approx(told["weekends"]["coverage"])
