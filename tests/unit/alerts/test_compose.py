"""A message says what, how much, why and what to do, and is the same whoever writes it."""

from __future__ import annotations

from bot.alerts.compose import of_incident, of_silence, title
from tests.fixtures.messages import T, incident, plan

PAGE = "http://127.0.0.1:8050"


def test_an_opening_names_instrument_premium_size_reason_plan_and_page() -> None:
    told = of_incident(
        incident(
            explanation="AMZNx on raydium at $23,600.00 is ×106 from fair value.",
            evidence=["the pool holds $54"],
        ),
        plan(decision="no_trade", legs=[], reasons=["minimum_profit: $3 is less than $5"]),
        PAGE,
    )
    assert told is not None
    assert told.subject == "AMZNx on raydium ×106 (i1)"
    assert title(told.phase, told.subject) == "opened: AMZNx on raydium ×106 (i1)"
    for part in ("AMZNx on raydium at $23,600.00", "$50 at $224.00", "$500 cannot be filled",
                 "the pool holds $54", "What to do: No trade", f"{PAGE}/#incident=i1"):  # fmt: skip
        assert part in told.body


def test_an_update_is_no_message() -> None:
    assert of_incident(incident(phase="update"), None, PAGE) is None


def test_a_resolution_gives_no_orders() -> None:
    told = of_incident(incident(phase="resolve", resolved=T + 5), plan(), PAGE)
    assert told is not None
    assert "What to do" not in told.body


def test_the_identity_is_the_same_on_every_replica_and_differs_between_turns() -> None:
    first = of_incident(incident(), None, PAGE)
    again = of_incident(incident(basis=4.9, last_seen=T + 9), plan(), "http://elsewhere")
    worse = of_incident(incident(phase="escalate", last_seen=T + 9), None, PAGE)
    assert first is not None
    assert again is not None
    assert worse is not None
    assert first.identity == again.identity != worse.identity
    assert first.thread == worse.thread == "i1"


def test_silence_and_its_end_are_one_thread() -> None:
    silent, heard = of_silence(T, 130.0, PAGE), of_silence(T, 0.0, PAGE, heard=True)
    assert silent.thread == heard.thread
    assert "130 s" in silent.body
    assert "pegbot doctor" in silent.body
