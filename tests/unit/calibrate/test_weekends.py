"""Weekends walked forward: nothing known from afterwards, and what is said of files that cannot be used."""

from __future__ import annotations

import json
import random
import zipfile
from datetime import date, timedelta
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Any

import pytest

from bot.calibrate import baselines, command, daily, nights, report
from bot.calibrate.rows import Row, by_weekend, looks_like, read
from bot.calibrate.weekends import Walk, fit_stretch, folds, summary, walk
from bot.errors import UsageError
from bot.timefmt import iso
from bot.valuation import SessionClock
from bot.valuation.scalars import CONF_PER_VOLATILITY
from tests.fixtures.engine import config, shipped_registry

SHARES = {"TSLA": 0.6, "NVDA": 0.5, "MSTR": 0.85, "SPY": 0.18, "GLD": 0.17, "NEWCO": 0.7}
FRIDAY = date(2025, 1, 10)
WEEKEND_SD, WEEK_SD = 0.0426, 0.134
"""Of a share with a volatility of 1, as the calendar's variance time has them."""


@pytest.fixture(scope="module")
def clock() -> SessionClock:
    return SessionClock(config().valuation)


def student(chance: random.Random) -> float:
    """Student's t with three degrees of freedom, of unit variance."""
    return chance.gauss(0, 1) / (sum(chance.gauss(0, 1) ** 2 for _ in range(3))) ** 0.5


def market(weeks: int, seed: int, level: float = 1.0) -> list[dict[str, Any]]:
    """Weekends of shares whose moves have something in common, heavy tails, and a noisy confidence."""
    chance = random.Random(seed)
    found = []
    price = dict.fromkeys(SHARES, 100.0)
    for week in range(weeks):
        friday = FRIDAY + timedelta(days=7 * week)
        if friday in (date(2025, 4, 18), date(2025, 7, 4)):
            continue
        common = student(chance)
        for symbol, volatility in SHARES.items():
            move = volatility * WEEKEND_SD * level * (common + student(chance)) / 2**0.5
            close = price[symbol] * exp(volatility * WEEK_SD * level * chance.gauss(0, 1))
            price[symbol] = close * exp(move)
            found.append(
                {
                    "symbol": symbol,
                    "fri_ts": str(friday),
                    "fri_close": close,
                    "mon_open": price[symbol],
                    "pyth_price": close * 1.0001,
                    "pyth_conf": close * CONF_PER_VOLATILITY * volatility * exp(chance.gauss(0, 0.6)),
                    "regime": "normal",
                }
            )
    return found


def write(tmp_path: Path, rows: Any, name: str = "weekends.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def make() -> Walk:
    return Walk(shipped_registry(), SessionClock(config().valuation))


def test_times_are_the_calendars_own(clock: SessionClock, tmp_path: Path) -> None:
    rows = [{"symbol": "SPY", "fri_ts": day, "fri_close": 1.0, "mon_open": 1.0}
            for day in ("2024-03-28", "2024-11-29", "2024-12-27T21:00:00")]  # fmt: skip
    good_friday, half_day, plain = read([write(tmp_path, rows)], clock)
    assert iso(good_friday.closed)[:16] == "2024-03-28T20:00"
    assert iso(good_friday.opened)[:16] == "2024-04-01T13:30"
    assert iso(half_day.closed)[:16] == "2024-11-29T18:00"
    assert iso(plain.closed)[:16] == "2024-12-27T21:00"
    assert plain.confidence is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"fri_ts": "2024-12-27"}, "row 1: 'symbol'|row 1: 'fri_close'"),
        (
            {"symbol": "A", "fri_ts": "2024-12-25", "fri_close": 1, "mon_open": 1},
            "did not trade",
        ),
        ({"symbol": "A", "fri_ts": "soon", "fri_close": 1, "mon_open": 1}, "not a time"),
        (
            {"symbol": "A", "fri_ts": "2024-12-27", "fri_close": -1, "mon_open": 1},
            "fri_close is -1",
        ),
        ({"symbol": "A", "fri_ts": "2024-12-27", "fri_close": 1, "mon_open": None}, "mon_open is None"),
        (3, "expected an object"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    clock: SessionClock, tmp_path: Path, entry: Any, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read([write(tmp_path, [entry])], clock)


def test_files_that_are_no_list_or_empty_are_refused(clock: SessionClock, tmp_path: Path) -> None:
    for content, said in (([], "empty"), ({}, "expected a list")):
        with pytest.raises(UsageError, match=said):
            read([write(tmp_path, content)], clock)
    broken = tmp_path / "broken.json"
    broken.write_text('[{"fri_close"', encoding="utf-8")
    assert looks_like(broken)
    with pytest.raises(UsageError, match="not valid JSON"):
        read([broken], clock)


def test_what_comes_later_does_not_change_an_interval(clock: SessionClock, tmp_path: Path) -> None:
    rows = read([write(tmp_path, market(30, 1))], clock)
    groups = by_weekend(rows)
    early = [row for group in groups[:12] for row in group]
    whole, part = walk(rows, make)[0], walk(early, make)[0]
    assert whole[: len(part)] == part
    # Nor does Monday's own open: the interval is from before it.
    last = groups[12]
    changed = [
        Row(**{**{f: getattr(row, f) for f in row.__struct_fields__}, "open": row.close * 3}) for row in last
    ]
    ours, theirs = walk([*early, *last], make)[0], walk([*early, *changed], make)[0]
    assert [one.half_width for one in ours] == [one.half_width for one in theirs]


def test_the_order_of_rows_in_the_file_does_not_matter(clock: SessionClock, tmp_path: Path) -> None:
    entries = market(20, 2)
    shuffled = entries[:]
    random.Random(0).shuffle(shuffled)
    one, other = (read([write(tmp_path, each)], clock) for each in (entries, shuffled))
    assert walk(one, make)[0] == walk(other, make)[0]


def test_coverage_holds_where_the_world_is_as_assumed_and_where_it_is_twice_as_wild(
    clock: SessionClock, tmp_path: Path
) -> None:
    for level, wider in ((1.0, 1.0), (2.0, 2.0), (0.5, 0.5)):
        judged = []
        for seed in range(6):
            rows = read([write(tmp_path, market(60, seed, level))], clock)
            judged += walk(rows, make)[0][60:]
        found = summary(judged)
        assert 0.93 <= found["coverage"] <= 0.97
        assert found["half_width_bp"] == pytest.approx(wider * 420, rel=0.25)


def test_it_is_narrower_than_what_is_simpler_on_shares_unlike_each_other(
    clock: SessionClock, tmp_path: Path
) -> None:
    rows = read([write(tmp_path, market(60, 5))], clock)
    told, judged = report.weekends(rows, shipped_registry(), clock, fit=False)
    assert told["narrower_than_baselines"]
    constant = told["baselines"]["constant"]["hindsight_at_level"]
    assert baselines.ours_at(judged, 0.95)["half_width_bp"] < constant["half_width_bp"]
    assert told["symbols"]["NEWCO"]["known"] is False
    # Of a share the registry does not know, the oracle's confidence gives the scale.
    widths = {name: part["half_width_bp"] for name, part in told["symbols"].items()}
    assert widths["SPY"] < widths["NEWCO"] < 1.5 * widths["MSTR"]


def test_a_fit_leans_on_what_is_shipped_until_it_has_seen_enough(clock: SessionClock, tmp_path: Path) -> None:
    rows = read([write(tmp_path, market(60, 3, 1.5))], clock)
    fixed = walk(rows, lambda: Walk(shipped_registry(), clock, adapt=False))[0]
    few, many = fit_stretch(fixed[:18], 0.95), fit_stretch(fixed, 0.95)
    assert fit_stretch([], 0.95) == 1.0
    assert 0.9 < few < 1.4
    assert abs(many - 1.0) < 0.6


def test_folds_are_in_time_and_hold_every_row_once(clock: SessionClock, tmp_path: Path) -> None:
    rows = read([write(tmp_path, market(30, 4))], clock)
    parts = folds(rows, 4, lambda stretch: Walk(shipped_registry(), clock, stretch), 0.95)
    assert [one.row for part in parts for one in part] == rows
    assert len(parts) == 4
    assert all(a[-1].row.closed < b[0].row.closed for a, b in pairwise(parts))
    assert len(folds(rows[:6], 4, lambda stretch: Walk(shipped_registry(), clock, stretch), 0.95)) == 1


def test_hindsight_is_the_least_that_covers() -> None:
    rows = [Row("A", n, n + 1, 100.0, 100.0 + n) for n in range(1, 11)]
    best = baselines.hindsight(rows, baselines.constant, 0.9)
    assert best is not None
    assert best["factor"] == pytest.approx(0.09)
    assert best["coverage"] == 0.9
    assert baselines.hindsight(rows, baselines.confidence, 0.9) is None


def test_nights_come_from_minute_quotes_and_splits_are_left_out(clock: SessionClock, tmp_path: Path) -> None:
    folder = tmp_path / "abc"
    folder.mkdir()

    def quotes(day: str, first: int, last: int) -> Path:
        path = folder / f"{day}_quote.zip"
        bars = ((14_400_000, 1), (34_200_000, first), (57_540_000, last), (57_600_000, 9))
        lines = [",".join(map(str, (at, *[p] * 4, 1, *[p + 200] * 4, 1))) for at, p in bars]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("quotes.csv", "\n".join(lines))
        return path

    files = [quotes("20140605", 6_400_000, 6_450_000), quotes("20140606", 6_500_000, 6_455_000),
             quotes("20140609", 927_000, 930_000), quotes("20140611", 930_000, 930_000)]  # fmt: skip
    assert all(nights.looks_like(path) for path in files)
    rows, left_out = nights.read(files, clock)
    (row,) = rows
    assert (row.symbol, row.close, row.open) == ("ABC", pytest.approx(645.01), pytest.approx(650.01))
    assert iso(row.opened)[:16] == "2014-06-06T13:30"
    assert left_out == ["ABC: 645.51 to 92.71 is a split"]


def test_daily_bars_are_closed_stretches_between_days_in_a_row(clock: SessionClock, tmp_path: Path) -> None:
    path = tmp_path / "abc.zip"
    days = [(20140605, 1_000_000, 1_050_000), (20140606, 1_060_000, 1_000_000)]
    days += [(20140609, 1_010_000, 1_000_000), (20140611, 1_010_000, 1_000_000)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "abc.csv", "\n".join(f"{day} 00:00,{opened},9,1,{close},7" for day, opened, close in days)
        )
    assert daily.looks_like(path)
    rows = daily.read([path], clock)
    assert [(row.symbol, row.close, row.open) for row in rows] == [
        ("ABC", 105.0, 106.0),
        ("ABC", 100.0, 101.0),
    ]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        command.run(
            [tmp_path / "gone.json"],
            config(),
            shipped_registry(),
            check=True,
            fold_count=4,
            level=0.95,
            intervals=None,
        )
