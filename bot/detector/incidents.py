"""An incident while it lives: what has been seen of it, and the message that says so."""

from __future__ import annotations

import hashlib

from bot.types import SEVERITIES, Cause, Incident, IncidentKind, IncidentPhase, Ns, Severity


def incident_id(instrument: str, kind: IncidentKind, opened: Ns) -> str:
    """The same on every replica that saw the same ticks: ``AMZN-1a2b3c4d5e6f``-like, stable."""
    digest = hashlib.blake2b(f"{instrument}|{kind}|{opened}".encode(), digest_size=6).hexdigest()
    return f"{instrument.partition('@')[0]}-{digest}"


class OpenIncident:
    """One incident of one underlying in one direction; ``members`` are the instruments outside.

    ``members`` maps an instrument to the time since which it has been inside again, or ``None`` while it
    is outside. The first is the instrument the incident is named after. ``group`` is what its venues have
    in common: the underlying, or a currency off its own peg. ``facts`` stay with it. ``root`` is a
    member that is no venue, but why they are out: an issuer, a coin. ``detected`` is when it was first
    told; later than ``opened`` where only what came after showed what it had been.
    """

    __slots__ = (
        "acknowledged_by", "band_high", "band_low", "basis", "basis_high", "basis_low", "cause",
        "cause_probability", "detected", "direction", "evidence", "executable", "explanation", "facts",
        "fair_value", "fair_value_sd", "group", "id", "instrument", "kind", "last_seen", "members",
        "muted_until", "opened", "price", "published", "published_basis", "resolved", "root", "severity",
        "stake_usd", "underlying",
    )  # fmt: skip

    def __init__(self, instrument: str, underlying: str, kind: IncidentKind, direction: int, ts: Ns) -> None:
        self.id = incident_id(instrument, kind, ts)
        self.instrument = instrument
        self.underlying = underlying
        self.root = ""
        self.kind: IncidentKind = kind
        self.direction = direction
        self.group = underlying
        self.opened = ts
        self.detected = ts
        self.last_seen = ts
        self.resolved: Ns | None = None
        self.members: dict[str, Ns | None] = {instrument: None}
        self.basis: float | None = None
        self.basis_low: float | None = None
        self.basis_high: float | None = None
        self.band_low: float | None = None
        self.band_high: float | None = None
        self.fair_value: float | None = None
        self.fair_value_sd: float | None = None
        self.price: float | None = None
        self.executable: dict[str, float | None] = {}
        self.stake_usd: float | None = None
        self.severity: Severity = "info"
        self.cause: Cause = "unknown"
        self.cause_probability: float | None = None
        self.evidence: list[str] = []
        self.explanation = ""
        self.facts: list[str] = []
        self.acknowledged_by: str | None = None
        self.muted_until: Ns | None = None
        self.published: Ns = ts
        self.published_basis = 0.0

    @property
    def of_coin(self) -> bool:
        """Whether it is a currency that is off its own peg: its venues' bases are not its own."""
        return self.group == f"currency {self.underlying}"

    def see(self, basis: float) -> bool:
        """Widen the range of what was seen; True if this is the worst so far."""
        self.basis_low = basis if self.basis_low is None else min(self.basis_low, basis)
        self.basis_high = basis if self.basis_high is None else max(self.basis_high, basis)
        if self.basis is None or abs(basis) > abs(self.basis):
            self.basis = basis
            return True
        return False

    def raise_severity(self, severity: Severity) -> bool:
        """Severity only rises while an incident lives; True if it did."""
        if SEVERITIES.index(severity) <= SEVERITIES.index(self.severity):
            return False
        self.severity = severity
        return True

    def message(self, phase: IncidentPhase) -> Incident:
        """The incident as it stands."""
        return Incident(
            id=self.id, instrument=self.instrument, underlying=self.underlying, kind=self.kind,
            cause=self.cause, severity=self.severity, opened=self.opened, last_seen=self.last_seen,
            resolved=self.resolved, basis=self.basis, basis_low=self.basis_low,
            basis_high=self.basis_high, band_low=self.band_low, band_high=self.band_high,
            fair_value=self.fair_value, fair_value_sd=self.fair_value_sd,
            executable=dict(self.executable), evidence=list(self.evidence),
            explanation=self.explanation, phase=phase, cause_probability=self.cause_probability,
            price=self.price, money_at_stake_usd=self.stake_usd,
            venues=[name for name in self.members if name != self.root] or [self.root],
            acknowledged_by=self.acknowledged_by, muted_until=self.muted_until, detected=self.detected,
        )  # fmt: skip


def severity(basis: float, stake_usd: float | None, independent: bool, cause: Cause = "unknown") -> Severity:
    """From money at stake, and from how far off and how sure; never from percent alone.

    ``critical``: $1,000 to be had, or a price off by half again with somebody to confirm it. ``warning``:
    $20, or unknown depth and a basis of 2 % or more. ``info`` otherwise, and whatever is only the news of
    closed hours.
    """
    if cause == "closed_market_drift":
        return "info"
    size = abs(basis)
    if (stake_usd is not None and stake_usd >= 1000) or (size >= 0.4 and independent):
        return "critical"
    if (stake_usd is not None and stake_usd >= 20) or (stake_usd is None and size >= 0.02) or size >= 0.4:
        return "warning"
    return "info"
