"""Incidents against labels."""

from __future__ import annotations

import pytest

from bot.score import Claim, Label, score
from bot.timefmt import NS

DAY = 86_400 * NS


def claim(instrument: str, opened: int, ended: int, cause: str = "thin_liquidity", *more: str) -> Claim:
    return Claim(frozenset({instrument, *more}), opened, ended, cause)


def test_a_match_is_the_instrument_and_an_overlap() -> None:
    labels = [Label("A@x", 10 * NS, 20 * NS, "thin_liquidity"), Label("B@x", 10 * NS, 20 * NS, "stale_venue")]
    found = score([claim("A@x", 12 * NS, 30 * NS), claim("B@x", 21 * NS, 30 * NS)], labels)
    assert (found["true_positives"], found["false_positives"], found["false_negatives"]) == (1, 1, 1)
    assert found["precision"] == found["recall"] == found["f1"] == 0.5
    assert found["delay_seconds_median"] == 2.0
    assert found["cause_accuracy"] == 1.0


def test_each_label_counts_once_and_two_incidents_on_one_are_no_false_alarms() -> None:
    labels = [Label("A@x", 0, 20 * NS, "thin_liquidity")]
    found = score([claim("A@x", 1, 2), claim("A@x", 5, 6)], labels)
    assert (found["true_positives"], found["false_positives"]) == (1, 0)


def test_one_incident_of_many_venues_matches_the_labels_of_each() -> None:
    labels = [Label(name, 0, 20 * NS, "broad_premium") for name in ("A@x", "A@y")]
    found = score([claim("A@x", 1, 9, "broad_premium", "A@y")], labels)
    assert found["recall"] == 1.0


def test_false_alarms_are_per_instrument_and_day() -> None:
    found = score([claim("A@x", 0, DAY), claim("B@x", DAY, 2 * DAY)], [])
    assert found["false_alarms_per_instrument_day"] == pytest.approx(2 / (2 * 2))
    assert found["recall"] is None


def test_nothing_to_score_is_no_figure() -> None:
    found = score([], [])
    assert found["precision"] is None
    assert found["f1"] is None
