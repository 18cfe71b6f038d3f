"""What is wrong beneath a price, and is told before any price is off: a coin's peg, an issuer's custody.

Each opens the incident that the venues it concerns join as soon as they are out: one thing is told once.
"""

from __future__ import annotations

from math import exp

from bot.detector.book import IncidentBook
from bot.detector.explain import premium
from bot.detector.incidents import OpenIncident
from bot.market import COVERED, InstrumentState, Market, ReferenceState, UnderlyingState
from bot.types import Incident, IncidentPhase, Ns

COIN_OPEN, COIN_BACK = 0.012, 0.006
"""So far from a dollar, as a log, a coin is off its peg, and so near it is back."""
GRAVE = 0.05


class Beneath:
    """Currencies off their peg, and tokens with too few shares in custody."""

    def __init__(self, market: Market, book: IncidentBook) -> None:
        self._market = market
        self._book = book

    def coin(self, currency: UnderlyingState, one: ReferenceState, ts: Ns) -> Incident | None:
        """A reference of a currency spoke; the market's middle of all of them is what counts."""
        info, book = currency.info, self._book
        off = self._market.coins.get(info.ticker, 0.0)
        group = f"currency {info.ticker}"
        for side in (-1, 1):
            incident = book.open.get((group, side))
            if incident is not None and incident.of_coin:
                return self._follow(incident, off if off * side < 0.0 else 0.0, ts)
        if info.floating or abs(off) < COIN_OPEN or abs(one.log_price) < COIN_BACK:
            return None
        key = (group, -1 if off > 0.0 else 1)
        incident, phase = self._begin(key, one.name, info.ticker, ts)
        incident.members[one.name] = None
        incident.root = one.name
        if not incident.of_coin:
            # Venues were out before it was known why: from now on the coin's own figures count.
            incident.basis = incident.basis_low = incident.basis_high = None
        incident.instrument, incident.underlying = one.name, info.ticker
        incident.cause, incident.cause_probability = "stablecoin_depeg", 0.95
        incident.raise_severity("warning")
        incident.fair_value, incident.fair_value_sd, incident.executable = 1.0, None, {}
        self._coin_is(incident, off)
        return book.tell(incident, phase, ts)

    def _begin(self, key: tuple[str, int], name: str, ticker: str,
               ts: Ns) -> tuple[OpenIncident, IncidentPhase]:  # fmt: skip
        book = self._book
        incident = book.open.get(key)
        if incident is not None:
            incident.last_seen = ts
            return incident, "escalate"
        incident = book.again(key, ts)
        phase: IncidentPhase = "open" if incident is None else "escalate"
        if incident is None:
            incident = OpenIncident(name, ticker, "depeg", key[1], ts)
            incident.group = key[0]
        book.open[key] = incident
        incident.last_seen = ts
        return incident, phase

    def _coin_is(self, incident: OpenIncident, off: float) -> bool:
        worst = incident.see(off)
        if worst:
            incident.price = exp(off)
            which = incident.underlying
            incident.evidence = [f"{which} is at ${exp(off):.4f}"]
            incident.explanation = (
                f"{which} is {premium(off)} from its dollar, by the middle of its references: "
                "what is quoted in it is off by as much, the other way."
            )
            if abs(off) >= GRAVE:
                incident.raise_severity("critical")
        return worst

    def _follow(self, incident: OpenIncident, off: float, ts: Ns) -> Incident | None:
        name = incident.root
        if abs(off) < COIN_BACK:
            if incident.members[name] is None:
                self._book.inside(incident, name, ts)
            return None
        incident.members[name] = None
        incident.last_seen = ts
        before = abs(incident.published_basis)
        if self._coin_is(incident, off) and abs(off) > 1.25 * before:
            return self._book.tell(incident, "escalate", ts)
        return None

    def custody(self, issuer: InstrumentState, ts: Ns) -> Incident | None:
        """An issuer told what is behind a token; ``issuer`` is the instrument ``TOKEN@issuer``."""
        token, book = issuer.token_state, self._book
        if token.coverage is None:
            return None
        key = (issuer.underlying.info.ticker, -1)
        incident = book.open.get(key)
        known = incident is not None and issuer.name in incident.members
        if token.coverage >= COVERED:
            if incident is not None and known and incident.members[issuer.name] is None:
                book.inside(incident, issuer.name, ts)
            return None
        if incident is not None and known:
            incident.members[issuer.name] = None
            incident.last_seen = ts
            return None
        incident, phase = self._begin(key, issuer.name, key[0], ts)
        incident.members[issuer.name] = None
        incident.root = issuer.name
        incident.cause, incident.cause_probability = "under_backed", 0.9
        incident.facts = sorted({*incident.facts, "short_backed"})
        held = f"custody holds {token.coverage * 100:.1f} % of the shares owed"
        incident.evidence = [*incident.evidence, held]
        incident.raise_severity("warning")
        if incident.basis is None:
            incident.explanation = f"{token.token.symbol}: {held}; no price of it is off yet."
        return book.tell(incident, phase, ts)
