"""The engine's memory as JSON and back, so that a restart changes nothing.

States are slots of plain values, so they are written by name. What is derived (curves, bands,
sessions) is made again from what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bot.detector.detector import Alarm
from bot.detector.incidents import OpenIncident
from bot.errors import DataError
from bot.market import InstrumentState, ReferenceState, TokenState
from bot.pools import decode, decode_book
from bot.valuation import FairState

if TYPE_CHECKING:
    from bot.engine import Engine

VERSION = 1
INSTRUMENT = (
    "ask", "bid", "book_data", "changed", "consensus_log", "halted", "halted_reason", "is_bar",
    "liquidity_usd", "log_price", "next_basis", "pool_data", "previous_ts", "price", "traded_usd", "ts",
)  # fmt: skip
ALARM = ("count", "direction", "last_log", "since")
TOKEN = ("changed", "known", "log_multiplier", "multiplier", "next_at", "next_multiplier", "previous")


def _take(source: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _put(target: Any, values: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in values:
            setattr(target, name, values[name])


def dump(engine: Engine) -> bytes:
    """The engine's memory; floats survive exactly."""
    market, detector = engine.market, engine.detector
    incidents: dict[str, OpenIncident] = {}
    for incident in [*detector.open.values(), *detector.recent.values()]:
        incidents[incident.id] = incident
    return msgspec.json.encode(
        {
            "version": VERSION,
            "now": engine.now,
            "origin": engine.clock.origin,
            "tokens": {name: _take(state, TOKEN) for name, state in market.tokens.items()},
            "references": {
                name: _take(reference, ReferenceState.__slots__)
                for name, (_, reference) in market.references.items()
            },
            "instruments": {name: _instrument(state) for name, state in market.instruments.items()},
            "fair": {
                ticker: _take(state.fair, FairState.__slots__)
                for ticker, state in market.underlyings.items()
                if state.fair is not None
            },
            "incidents": {key: _take(value, OpenIncident.__slots__) for key, value in incidents.items()},
            "open": [incident.id for incident in detector.open.values()],
            "recent": [incident.id for incident in detector.recent.values()],
            "timers": detector.timers,
            "muted": detector.muted,
            "strategy": engine.strategy.snapshot(),
        }
    )


def _instrument(state: InstrumentState) -> dict[str, Any]:
    alarm: Alarm | None = state.alarm
    values = _take(state, INSTRUMENT)
    values["alarm"] = _take(alarm, ALARM) if alarm is not None else None
    values["incident"] = alarm.incident.id if alarm is not None and alarm.incident is not None else None
    return values


def load(engine: Engine, data: bytes) -> None:
    """Put a snapshot into a new engine. What the registry no longer knows is left out."""
    saved = msgspec.json.decode(data)
    if saved.get("version") != VERSION:
        return
    market, detector = engine.market, engine.detector
    engine.now = saved["now"]
    if saved["origin"] is not None:
        engine.clock.session(saved["origin"])
    for symbol, values in saved["tokens"].items():
        token = market.registry.tokens.get(symbol)
        if token is not None:
            state: TokenState = market.token_state(token)
            _put(state, values, TOKEN)
    incidents = {key: _incident(values) for key, values in saved["incidents"].items()}
    for name, values in saved["references"].items():
        admitted = _admit(engine, name)
        if isinstance(admitted, ReferenceState):
            _put(admitted, values, ReferenceState.__slots__)
    for name, values in saved["instruments"].items():
        admitted = _admit(engine, name)
        if isinstance(admitted, InstrumentState):
            _put(admitted, values, INSTRUMENT)
            if admitted.pool_data is not None:
                admitted.curve = decode(admitted.pool_data)
            elif admitted.book_data is not None:
                admitted.curve = decode_book(admitted.book_data, admitted.fee_ratio)
            if values["alarm"] is not None:
                admitted.alarm = Alarm()
                _put(admitted.alarm, values["alarm"], ALARM)
                admitted.alarm.incident = incidents.get(values["incident"])
    for ticker, values in saved["fair"].items():
        underlying = market.underlyings.get(ticker)
        if underlying is not None:
            _put(engine.valuation.state_of(underlying), values, FairState.__slots__)
    for key, into in (("open", detector.open), ("recent", detector.recent)):
        for identity in saved[key]:
            incident = incidents[identity]
            if all(name in market.instruments for name in incident.members):
                into[(incident.underlying, incident.direction)] = incident
    detector.timers = [(due, ticker, direction) for due, ticker, direction in saved["timers"]]
    detector.muted = saved["muted"]
    engine.strategy.restore(saved["strategy"])


def _incident(values: dict[str, Any]) -> OpenIncident:
    incident = OpenIncident(
        values["instrument"], values["underlying"], values["kind"], values["direction"], values["opened"]
    )
    _put(incident, values, OpenIncident.__slots__)
    return incident


def _admit(engine: Engine, name: str) -> InstrumentState | ReferenceState | None:
    try:
        return engine.market.admit(name)
    except DataError:
        return None
