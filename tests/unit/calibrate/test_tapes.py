"""What a tape says of the parameters: made with known ones, it gives them back."""

from __future__ import annotations

import random
from math import exp
from pathlib import Path
from typing import Any

import pytest

from bot import tape
from bot.calibrate import tapes
from bot.timefmt import NS, parse
from bot.types import Tick
from tests.fixtures.engine import config, quote, reference, shipped_registry

MINUTE = 60 * NS
DAYS = ["2026-06-08", "2026-06-09", "2026-06-10", "2026-06-11", "2026-06-12", "2026-06-15", "2026-06-16",
        "2026-06-17", "2026-06-18"]  # fmt: skip
NIGHT, DAY, ABOUT = 0.012, 0.020, 0.9


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("tape") / "made.jsonl"
    tape.write(path, made())
    return tapes.fit([path], config(), shipped_registry())


def made() -> list[Tick]:
    """Two shares on three venues; a distance halves in two minutes, tokens know nine tenths of the night."""
    chance = random.Random(7)
    ticks: list[Tick] = []
    kept = 0.5**0.5
    for ticker, sign in (("TSLA", 1), ("AMZN", -1)):
        log_price = 0.0
        apart = dict.fromkeys(("kraken", "bybit", "gate"), 0.0)
        for number, day in enumerate(DAYS):
            opened = parse(f"{day}T13:30:00Z")
            turn = sign * (1 if number % 2 else -1)
            if number:
                night = NIGHT * turn
                known = 400 * exp(log_price + night / ABOUT)
                ticks += [quote(opened - MINUTE, f"{ticker}x@{place}", known) for place in apart]
                log_price += night
            for minute in range(389):
                ts = opened + minute * MINUTE
                log_price += DAY * turn / 389
                ticks.append(reference(ts, f"{ticker}@yahoo", 400 * exp(log_price)))
                for place in apart:
                    apart[place] = kept * apart[place] + chance.gauss(0, 0.001)
                    ticks.append(quote(ts + 1, f"{ticker}x@{place}", 400 * exp(log_price + apart[place])))
    return sorted(ticks, key=lambda one: one.ts)


def test_noise_and_half_life_of_each_venue_come_back(told: dict[str, Any]) -> None:
    assert len(told["venues"]) == 6
    for one in told["venues"].values():
        assert one["noise"] == pytest.approx(0.001 / (1 - 0.5) ** 0.5, rel=0.15)
        assert one["half_life_minutes"] == pytest.approx(2.0, rel=0.15)
        assert abs(one["premium"]) < 0.0003
    assert told["venue_noise"] == pytest.approx(0.0014, rel=0.15)


def test_what_moves_while_closed_comes_back(told: dict[str, Any]) -> None:
    assert told["nights"] == 14
    assert told["closed_variance_fraction"] == pytest.approx((NIGHT / DAY) ** 2 * 6.5 / 17.5, rel=0.05)


def test_how_far_tokens_are_right_about_the_next_open_comes_back(told: dict[str, Any]) -> None:
    assert told["opens"] == 16
    assert told["peer_slope"] == pytest.approx(ABOUT, rel=0.05)
    assert told["peer_error_share"] == pytest.approx((1 / ABOUT - 1) ** 2, abs=0.01)


def test_it_is_told_in_words(told: dict[str, Any]) -> None:
    lines = "\n".join(tapes.text(told))
    assert "TSLAx@kraken" in lines
    assert "configured 0.2" in lines


def test_a_tape_without_references_says_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    tape.write(path, [quote(parse("2026-06-16T15:00:00Z"), "TSLAx@kraken", 400)])
    found = tapes.fit([path], config(), shipped_registry())
    assert found["venues"] == {}
    assert found["closed_variance_fraction"] is None
    assert "not known from this" in "\n".join(tapes.text(found))
