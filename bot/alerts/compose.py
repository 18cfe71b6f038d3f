"""What a person is told of an incident: what, how much, why, what to do. Pure text from plain data."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from bot.detector.explain import premium, usd
from bot.strategy.explain import explain
from bot.timefmt import short
from bot.types import Incident, Ns, Plan, Severity, split_instrument

NotePhase = Literal["open", "escalate", "resolve", "silent", "heard"]

WORDS: dict[NotePhase, str] = {
    "open": "opened",
    "escalate": "worse",
    "resolve": "resolved",
    "silent": "silent",
    "heard": "hears again",
}


class Note(Struct, frozen=True):
    """One message to people. ``identity`` is the same whoever writes it, however often: it is shown once.

    ``thread`` joins the messages of one incident; ``ts`` is event time, nanoseconds.
    """

    identity: str
    thread: str
    phase: NotePhase
    severity: Severity
    ts: Ns
    subject: str
    body: str
    muted: bool = False
    acknowledged: bool = False


def title(phase: NotePhase, subject: str) -> str:
    """``opened: AMZNx on raydium ×106``: the subject stays, so that services group what belongs together."""
    return f"{WORDS[phase]}: {subject}"


def of_incident(incident: Incident, plan: Plan | None, page_url: str) -> Note | None:
    """The note about an incident as it stands now; ``None`` for a mere update."""
    if incident.phase == "update":
        return None
    moment = {"open": incident.opened, "escalate": incident.last_seen}.get(
        incident.phase, incident.resolved or incident.last_seen
    )
    muted = incident.muted_until is not None and incident.muted_until > incident.last_seen
    return Note(
        identity=f"{incident.id}/{incident.phase}/{moment}",
        thread=incident.id,
        phase=incident.phase,
        severity=incident.severity,
        ts=moment,
        subject=_subject(incident),
        body=_body(incident, plan, page_url),
        muted=muted,
        acknowledged=incident.acknowledged_by is not None,
    )


def of_silence(since: Ns, seconds: float, page_url: str, heard: bool = False) -> Note:
    """The dead man's note: no tick from anywhere since ``since``; or, ``heard``, that it is over."""
    body = (
        "Ticks are arriving again; prices are watched as before."
        if heard
        else f"No price from any source for {seconds:,.0f} s, since {short(since)} UTC. Nothing is watched "
        "while this lasts.\nWhat to do: run `pegbot doctor`, then look at the network of this machine and at "
        f"the feeds on the page.\n{page_url}/"
    )
    return Note(
        identity=f"silence/{since}/{'heard' if heard else 'silent'}",
        thread=f"silence-{since}",
        phase="heard" if heard else "silent",
        severity="critical",
        ts=since,
        subject="pegbot" if heard else "pegbot hears nothing",
        body=body,
    )


def _subject(incident: Incident) -> str:
    token, venue = split_instrument(incident.instrument)
    if incident.kind == "feed_fault":
        return f"{token} on {venue}: a source has failed ({incident.id})"
    size = "" if incident.basis is None else f" {premium(incident.basis)}"
    return f"{token} on {venue}{size} ({incident.id})"


def _body(incident: Incident, plan: Plan | None, page_url: str) -> str:
    lines = [incident.explanation]
    if incident.phase != "resolve":
        lines += _executable(incident)
        lines += [f"- {sentence}" for sentence in incident.evidence]
        lines += _what_to_do(incident, plan)
    lines.append(f"{page_url.rstrip('/')}/#incident={quote(incident.id)}")
    return "\n".join(lines)


def _executable(incident: Incident) -> list[str]:
    if not incident.executable:
        return []
    sizes = (
        f"${float(size):,.0f} " + ("cannot be filled" if price is None else f"at {usd(price)}")
        for size, price in incident.executable.items()
    )
    return ["For size: " + "; ".join(sizes) + "."]


def _what_to_do(incident: Incident, plan: Plan | None) -> list[str]:
    if plan is not None:
        return ["What to do: " + explain(plan)]
    if incident.kind == "feed_fault":
        return ["What to do: run `pegbot doctor`; do not trade on this instrument until it is back."]
    return [f"What to do: read the runbook of {incident.cause} (docs/operations.md); no plan has been made."]
