"""The engine's memory as JSON and back, so that a restart changes nothing.

States are slots of plain values, so they are written by name. What is derived (curves, bands,
sessions) is made again from what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bot import forks
from bot.detector.alarm import REMEMBERED, Alarm, Sighting
from bot.detector.common import Common
from bot.detector.feeds import Beat
from bot.detector.incidents import OpenIncident
from bot.errors import DataError
from bot.market import InstrumentState, ReferenceState, TokenState
from bot.pools import decode, decode_book
from bot.valuation import Estimate, FairState, quality

if TYPE_CHECKING:
    from bot.engine import Engine

VERSION = 3
INSTRUMENT = (
    "ask", "bid", "book_data", "changed", "consensus_log", "halted", "halted_reason", "is_bar",
    "liquidity_usd", "log_price", "next_basis", "pool_data", "previous_ts", "price", "quoted", "traded_usd",
    "ts",
)  # fmt: skip
REFERENCE = tuple(
    name for name in ReferenceState.__slots__ if name not in ("beat", "meter", "oracle", "sessions")
)
TOKEN = tuple(name for name in TokenState.__slots__ if name != "token")
SHARE = ("slow", "slow_at", "split", "split_at")
SIGHTING = ("ts", "basis", "direction", "sigmas", "session", "fair_moved", "move", "usd", "reverted")


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
    for incident in [*detector.book.open.values(), *detector.book.recent.values()]:
        incidents[incident.id] = incident
    return msgspec.json.encode(
        {
            "version": VERSION,
            "now": engine.now,
            "heard": engine.heard,
            "origin": engine.clock.origin,
            "tokens": {name: _take(state, TOKEN) for name, state in market.tokens.items()},
            "forks": {name: _take(state, TOKEN) for name, state in market.forks.items()},
            "speakers": market.speakers,
            "references": {
                name: {
                    **_take(reference, REFERENCE),
                    "beat": _beat(reference),
                    "meter": quality.dump(reference.meter),
                }
                for name, (_, reference) in market.references.items()
            },
            "instruments": {name: _instrument(state) for name, state in market.instruments.items()},
            "fair": {
                ticker: _take(state.fair, FairState.__slots__)
                for ticker, state in market.underlyings.items()
                if state.fair is not None
            },
            "common": {
                ticker: _take(state.group, Common.__slots__)
                for ticker, state in market.underlyings.items()
                if state.group is not None
            },
            "shares": {ticker: _take(state, SHARE) for ticker, state in market.underlyings.items()},
            "coins": market.coins,
            "gas": market.gas,
            "conversions": market.conversions,
            "realised": engine.valuation.realised.snapshot(),
            "incidents": {key: _take(value, OpenIncident.__slots__) for key, value in incidents.items()},
            "book": detector.book.snapshot(),
            "feeds": detector.feeds.snapshot(),
            "waiting": [
                {
                    **_take(one, SIGHTING),
                    "instrument": one.instrument.name,
                    "estimate": one.estimate,
                }
                for one in detector.waiting
            ],
            "strategy": engine.strategy.snapshot(),
            "hedges": engine.hedges.snapshot(),
        }
    )


def _instrument(state: InstrumentState) -> dict[str, Any]:
    alarm: Alarm | None = state.alarm
    values = _take(state, INSTRUMENT)
    values["alarm"] = _take(alarm, REMEMBERED) if alarm is not None else None
    values["beat"] = _beat(state)
    values["meter"] = quality.dump(state.meter)
    values["incident"] = alarm.incident.id if alarm is not None and alarm.incident is not None else None
    return values


def _beat(state: InstrumentState | ReferenceState) -> dict[str, Any] | None:
    return None if state.beat is None else _take(state.beat, Beat.__slots__)


def _put_beat(state: InstrumentState | ReferenceState, values: dict[str, Any] | None) -> None:
    if values is not None:
        state.beat = Beat()
        _put(state.beat, values, Beat.__slots__)


def load(engine: Engine, data: bytes) -> None:
    """Put a snapshot into a new engine. What the registry no longer knows is left out.

    Raises :class:`DataError` if it is of another version; the engine is untouched then.
    """
    saved = msgspec.json.decode(data)
    if saved.get("version") != VERSION:
        raise DataError("bad_memory", f"of version {saved.get('version')}, not {VERSION}")
    market, detector = engine.market, engine.detector
    engine.now, engine.heard = saved["now"], saved["heard"]
    if saved["origin"] is not None:
        engine.clock.session(saved["origin"])
    for symbol, values in saved["tokens"].items():
        token = market.registry.tokens.get(symbol)
        if token is not None:
            state: TokenState = market.token_state(token)
            _put(state, values, TOKEN)
    for name, values in saved.get("forks", {}).items():
        token = market.registry.tokens.get(name.partition("@")[0])
        if token is not None:
            market.forks[name] = TokenState(token)
            _put(market.forks[name], values, TOKEN)
    market.speakers = saved.get("speakers", {})
    incidents = {key: _incident(values) for key, values in saved["incidents"].items()}
    for name, values in saved["references"].items():
        admitted = _admit(engine, name)
        if isinstance(admitted, ReferenceState):
            _put(admitted, values, REFERENCE)
            _put_beat(admitted, values["beat"])
            admitted.meter = quality.load(values.get("meter"))
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
                _put(admitted.alarm, values["alarm"], REMEMBERED)
                admitted.alarm.incident = incidents.get(values["incident"])
            _put_beat(admitted, values["beat"])
            admitted.meter = quality.load(values.get("meter"))
    engine.valuation.realised.restore(saved["realised"])
    for ticker, values in saved["fair"].items():
        underlying = market.underlyings.get(ticker)
        if underlying is not None:
            _put(engine.valuation.state_of(underlying), values, FairState.__slots__)
    for ticker, values in saved["common"].items():
        underlying = market.underlyings.get(ticker)
        if underlying is not None:
            underlying.group = Common(0.0)
            _put(underlying.group, values, Common.__slots__)
    for ticker, values in saved["shares"].items():
        underlying = market.underlyings.get(ticker)
        if underlying is not None:
            _put(underlying, values, SHARE)
    market.coins = saved["coins"]
    market.gas = {name: (price, ts) for name, (price, ts) in saved.get("gas", {}).items()}
    market.conversions = dict(saved.get("conversions", {}))
    book = saved["book"]
    for key, into in (("open", detector.book.open), ("recent", detector.book.recent)):
        for identity in book[key]:
            incident = incidents[identity]
            if all(name in market.instruments or name in market.references for name in incident.members):
                into[(incident.group, incident.direction)] = incident
    detector.book.timers = [(due, group, direction) for due, group, direction in book["timers"]]
    detector.book.muted = book["muted"]
    detector.feeds.restore(saved["feeds"])
    for values in saved["waiting"]:
        instrument = market.instruments.get(values.pop("instrument"))
        if instrument is not None:
            estimate = Estimate(**values.pop("estimate"))
            detector.waiting.append(Sighting(instrument=instrument, estimate=estimate, **values))
    engine.strategy.restore(saved["strategy"])
    engine.hedges.restore(saved.get("hedges", {}))


def _incident(values: dict[str, Any]) -> OpenIncident:
    incident = OpenIncident(
        values["instrument"], values["underlying"], values["kind"], values["direction"], values["opened"]
    )
    _put(incident, values, OpenIncident.__slots__)
    return incident


def _admit(engine: Engine, name: str) -> InstrumentState | ReferenceState | None:
    try:
        return forks.admit(engine.market, name)
    except DataError:
        return None
