"""A tape judged under many settings: by the kernel where it can, by the engine where it must."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import tape
from bot.cli import main
from bot.config import Config
from bot.errors import UsageError
from bot.kernel.columns import thresholds
from bot.kernel.grid import grid
from bot.kernel.record import Recorder
from bot.kernel.run import episodes
from bot.kernel.sweep import Trial, sweep
from bot.replay import Replay
from bot.score import Label, write_labels
from bot.simulate import write
from bot.timefmt import NS
from bot.types import Tick
from tests.fixtures.engine import CONFIG, TUESDAY, config, quote, reference, shipped_registry

MINUTE = 60 * NS
VENUES = ("AMZNx@kraken", "AMZNx@gate", "AMZNx@bybit")


def prices() -> Iterator[Tick]:
    """Six hours of a share's minutes; venues are out by 30 %, 2.5 % for ten minutes, 2 % for three."""
    out = {(VENUES[0], 60): 1.3, (VENUES[2], 200): 1.02, (VENUES[2], 201): 1.02, (VENUES[2], 202): 1.02}
    out |= {(VENUES[1], minute): 0.975 for minute in range(120, 130)}
    for minute in range(360):
        ts = TUESDAY + minute * MINUTE
        price = 223.0 + 0.05 * (minute * 7 % 11)
        yield reference(ts, "AMZN@pyth", price)
        for place, name in enumerate(VENUES):
            off = out.get((name, minute), 1.0) * (1 + 0.0003 * (minute * (place + 2) % 5 - 2))
            yield quote(ts + (place + 1) * NS, name, price * off)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sweep")
    tape.write(folder / "tape.parquet", prices())
    write_labels(
        folder / "labels.csv",
        [
            Label(VENUES[0], TUESDAY + 60 * MINUTE, TUESDAY + 61 * MINUTE, "thin_liquidity"),
            Label(VENUES[1], TUESDAY + 120 * MINUTE, TUESDAY + 130 * MINUTE, "thin_liquidity"),
        ],
    )
    return folder / "tape.parquet", folder / "labels.csv"


ASKED = grid(["detector.confirm_seconds=60,300,3600", "detector.open_sigmas=3,4"])


def table(trials: list[Trial]) -> list[tuple[float, ...]]:
    return [(*one.setting.values(), one.figures["f1"], one.figures["incidents"]) for one in trials]


def swept(files: tuple[Path, Path], loaded: Config | None = None, **how: object) -> list[Trial]:
    return sweep(loaded or config(), shipped_registry(), [files[0]], files[1], ASKED, **how)  # type: ignore[arg-type]  # how is passed on


def test_the_kernel_opens_and_ends_what_the_engine_does(files: tuple[Path, Path]) -> None:
    loaded = config(detector={"confirm_seconds": 60.0}, strategy={"enabled": False})
    session = Replay(loaded, shipped_registry())
    recorder = Recorder(session.driver.engine)
    session.run(tape.merge([files[0]], on_bad=session.bad_row))
    seen = episodes(recorder.columns(), thresholds(loaded))
    depegs = [one for one in session.incidents.values() if one.kind == "depeg"]
    told = [(one.opened, one.resolved, tuple(one.venues)) for one in depegs]
    assert sorted((one.opened, one.ended, one.instruments) for one in seen) == sorted(told)
    assert len(seen) >= 2
    assert not recorder.otherwise


def test_best_first_and_the_same_by_kernel_and_by_engine(files: tuple[Path, Path]) -> None:
    by_kernel, by_engine = swept(files), swept(files, kernel=False)
    assert table(by_kernel) == table(by_engine)
    scores = [one.figures["f1"] for one in by_kernel]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]
    assert {one.by for one in by_engine} == {"engine"}


def test_the_best_are_judged_by_the_engine_and_the_rest_by_the_kernel(files: tuple[Path, Path]) -> None:
    trials = swept(files, confirm=2)
    assert [one.by for one in trials[:2]] == ["engine", "engine"]
    assert {one.by for one in trials[2:]} == {"kernel"}


def test_the_number_of_processes_changes_nothing(files: tuple[Path, Path]) -> None:
    assert swept(files, jobs=2) == swept(files, jobs=1)


def test_what_is_no_threshold_goes_through_the_engine(files: tuple[Path, Path]) -> None:
    trials = sweep(
        config(), shipped_registry(), [files[0]], files[1], grid(["valuation.venue_noise=0.001,0.01"])
    )
    assert {one.by for one in trials} == {"engine"}


def test_a_setting_the_schema_does_not_allow_is_told_before_the_first_run(files: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="greater than 0"):
        sweep(
            config(), shipped_registry(), [Path("absent.csv")], files[1], grid(["detector.open_sigmas=3,-1"])
        )


def test_the_command_prints_a_table_or_json(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["pegbot", "sweep", str(files[0]), "--labels", str(files[1]), "--jobs", "1", "--param"]
    monkeypatch.setattr("sys.argv", [*command, "detector.confirm_seconds=60,3600", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    rows = json.loads(capsys.readouterr().out)
    assert [row["setting"] for row in rows] == [
        {"detector.confirm_seconds": 60.0}, {"detector.confirm_seconds": 3600.0}
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", [*command, "detector.confirm_seconds=60,3600"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert "detector.confirm_seconds" in shown
    assert shown.index(" 60 ") < shown.index(" 3600 ")


@pytest.mark.slow
def test_on_a_simulated_week_the_kernel_says_what_the_engine_says(tmp_path: Path) -> None:
    """All causes injected: what the recording keeps as it was, and what the kernel finds, score the same."""
    write(CONFIG / "scenarios" / "small.toml", 3, tmp_path / "tape.parquet", tmp_path / "labels.csv")
    files = (tmp_path / "tape.parquet", tmp_path / "labels.csv")
    settings = grid(["detector.open_sigmas=3,4,6"])
    by_kernel, by_engine = (
        sweep(config(), shipped_registry(), [files[0]], files[1], settings, kernel=kernel, confirm=0)
        for kernel in (True, False)
    )
    engine = {one.setting["detector.open_sigmas"]: one.figures for one in by_engine}
    for one in by_kernel:
        assert one.by == "kernel"
        other = engine[one.setting["detector.open_sigmas"]]
        assert one.figures["f1"] == pytest.approx(other["f1"], abs=0.03)
        assert one.figures["true_positives"] == pytest.approx(other["true_positives"], abs=2)


def test_without_numba_the_kernel_is_refused_before_the_first_run(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.kernel.compiled.find_spec", lambda _name: None)
    monkeypatch.setattr("bot.kernel.sweep.tape", None)  # nothing is read
    settings = grid(["detector.open_sigmas=3,4"])
    with pytest.raises(UsageError, match="--no-kernel to do without"):
        sweep(config(), shipped_registry(), [files[0]], files[1], settings)
