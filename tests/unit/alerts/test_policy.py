"""Who is told what."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.alerts.compose import Note, of_incident
from bot.alerts.policy import QuietHours, RateLimit, wanted
from bot.timefmt import parse
from tests.fixtures.messages import T, incident


def note(**changes: Any) -> Note:
    made = of_incident(incident(), None, "")
    assert made is not None
    return replace(made, **changes)


def test_an_opening_below_the_channels_severity_is_not_told() -> None:
    assert wanted(note(severity="info"), "warning", told=False) is None
    assert wanted(note(severity="warning"), "warning", told=False) == "open"


def test_what_gets_worse_opens_where_nothing_was_told() -> None:
    assert wanted(note(phase="escalate"), "warning", told=False) == "open"
    assert wanted(note(phase="escalate"), "warning", told=True) == "escalate"


def test_only_who_was_told_hears_that_it_is_over() -> None:
    assert wanted(note(phase="resolve", severity="info"), "warning", told=False) is None
    assert wanted(note(phase="resolve", severity="info"), "warning", told=True) == "resolve"


def test_a_muted_incident_says_nothing() -> None:
    for phase in ("open", "escalate", "resolve"):
        assert wanted(note(phase=phase, muted=True), "info", told=True) is None


def test_an_acknowledged_incident_speaks_again_only_when_critical() -> None:
    assert wanted(note(phase="escalate", severity="warning", acknowledged=True), "info", told=True) is None
    assert wanted(note(phase="escalate", acknowledged=True), "info", told=True) == "escalate"


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        ("22:00-07:00", "2026-07-01T21:30:00Z", True),  # 23:30 in Zurich
        ("22:00-07:00", "2026-07-01T05:30:00Z", False),
        ("12:00-13:00", "2026-07-01T10:30:00Z", True),
        ("12:00-13:00", "2026-07-01T11:00:00Z", False),
        ("", "2026-07-01T23:00:00Z", False),
    ],
)
def test_quiet_hours_are_those_of_the_zone(hours: str, moment: str, quiet: bool) -> None:
    assert QuietHours(hours, "Europe/Zurich").at(parse(moment)) is quiet


def test_no_more_than_the_limit_goes_out_in_any_minute() -> None:
    rate = RateLimit(2)
    assert rate.wait_seconds(100.0) == 0
    rate.take(100.0)
    rate.take(110.0)
    assert rate.wait_seconds(120.0) == 40.0
    assert rate.wait_seconds(160.0) == 0
    rate.take(160.0)
    assert rate.wait_seconds(161.0) == 9.0


def test_what_muting_is_depends_on_when() -> None:
    over = of_incident(incident(muted_until=T - 1), None, "")
    still = of_incident(incident(muted_until=T + 1), None, "")
    assert over is not None
    assert still is not None
    assert (over.muted, still.muted) == (False, True)
