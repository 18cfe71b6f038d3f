"""Incidents against labels."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.score import Claim, Extent, Label, extent, score
from bot.timefmt import NS
from bot.types import Tick
from tests.fixtures.engine import TUESDAY, quote, reference, shipped_registry, trade

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


def test_instrument_days_are_those_of_the_tape_where_it_is_given() -> None:
    found = score([claim("A@x", 0, DAY)], [], Extent(instruments=10, days=30.0))
    assert found["false_alarms_per_instrument_day"] == pytest.approx(1 / 300)


def test_the_extent_of_a_tape_is_its_priced_tokens_not_references_and_multipliers() -> None:
    ticks = [
        reference(TUESDAY, "AMZN@yahoo", 223.0),
        quote(TUESDAY + DAY, "AMZNx@kraken", 223.0),
        Tick(TUESDAY + DAY, "TSLAx@issuer", "multiplier", data='{"multiplier": 1.01}'),
        trade(TUESDAY + 3 * DAY, "TSLAx@orca:9p7abUFv", 405.0),
    ]
    assert extent(ticks, shipped_registry()) == Extent(instruments=2, days=3.0)


def test_precision_by_instrument_counts_the_venues_that_an_incident_wrongly_names() -> None:
    labels = [Label("A@x", 0, 20 * NS, "thin_liquidity")]
    found = score([claim("A@x", 1, 9, "thin_liquidity", "A@y", "A@z", "A@w")], labels)
    assert (found["precision"], found["instrument_precision"]) == (1.0, 0.25)


def test_the_first_incident_to_open_gives_delay_and_cause() -> None:
    labels = [Label("A@x", 0, 20 * NS, "stale_venue")]
    late, soon = claim("A@x", 9 * NS, 12 * NS, "stale_venue"), claim("A@x", 3 * NS, 5 * NS)
    found = score([late, soon], labels)
    assert (found["delay_seconds_median"], found["cause_accuracy"]) == (3.0, 0.0)


def test_each_cause_has_its_own_figures() -> None:
    labels = [Label("A@x", 0, 20 * NS, "thin_liquidity"), Label("B@x", 0, 20 * NS, "stale_venue")]
    found = score([claim("A@x", 4 * NS, 5 * NS)], labels)["by_cause"]
    assert (found["thin_liquidity"]["recall"], found["thin_liquidity"]["delay_seconds_p95"]) == (1.0, 4.0)
    assert (found["stale_venue"]["recall"], found["stale_venue"]["cause_accuracy"]) == (0.0, None)


def test_an_alarm_that_is_always_on_finds_nothing_where_only_openings_count() -> None:
    labels = [Label("A@x", 3 * DAY, 4 * DAY, "thin_liquidity")]
    always = [claim("A@x", 0, 30 * DAY)]
    assert score(always, labels)["recall"] == 1.0
    assert score(always, labels, early=DAY)["recall"] == 0.0


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 50), st.integers(0, 9)), max_size=12),
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "AB"]), st.integers(0, 50), st.integers(0, 9)), max_size=12
    ),
)
def test_bisection_finds_what_looking_at_every_pair_finds(
    labelled: list[tuple[str, int, int]], claimed: list[tuple[str, int, int]]
) -> None:
    labels = [Label(name, start, start + long, "thin_liquidity") for name, start, long in labelled]
    claims = [Claim(frozenset(names), opened, opened + long, "") for names, opened, long in claimed]

    def match(one: Claim, label: Label) -> bool:
        inside = one.opened <= label.end and one.ended >= label.start
        return label.instrument in one.instruments and inside

    found = score(claims, labels)
    assert found["true_positives"] == sum(any(match(one, label) for one in claims) for label in labels)
    assert found["false_positives"] == sum(not any(match(one, label) for label in labels) for one in claims)


def test_forty_thousand_incidents_and_labels_take_no_time() -> None:
    labels = [Label(f"{n % 100}@x", n * NS, (n + 300) * NS, "thin_liquidity") for n in range(40_000)]
    claims = [claim(f"{n % 100}@x", n * NS, (n + 100) * NS) for n in range(40_000)]
    started = time.process_time()
    assert score(claims, labels)["recall"] == 1.0
    assert time.process_time() - started < 5.0
