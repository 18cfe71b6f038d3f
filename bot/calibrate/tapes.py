"""What tapes say of valuation's parameters: venue noise, how fast a spread closes, how much moves while New
York is closed, and how far tokens are right about the next open. Figures to compare with the configuration;
nothing is written to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path
from statistics import median
from typing import Any

from bot import tape
from bot.config import Config
from bot.engine import Engine
from bot.market import FRESH_NS, InstrumentState, UnderlyingState
from bot.registry.model import Registry
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns, Tick

MINUTE_NS = 60 * NS
PEER_AGE_NS = 3 * 3600 * NS
SAMPLES = 20_000
"""Kept per instrument at most; a longer tape is thinned evenly."""
NORMAL_MAD = 1.4826
ENOUGH_PAIRS = 30
FAR = 4.0
"""Beyond so many usual distances it is no spread, but an incident."""
WILD = 0.2
"""A move beyond this log ratio is a split, a mistake or an incident."""
DAY_HOURS, NIGHT_HOURS, WEEKEND_HOURS = 6.5, 17.5, 48.0


class Venue:
    """One instrument in session, a value a minute at most: its basis, and how far it is from other venues."""

    def __init__(self) -> None:
        self.ts: Ns = 0
        self.apart: float | None = None
        self.samples: list[float] = []
        self.every = 1
        self.seen = 0
        self.pairs: list[tuple[float, float]] = []

    def see(self, ts: Ns, basis: float, apart: float | None) -> None:
        """One more value, if a minute has passed. ``apart`` is the log distance from the other venues."""
        since = ts - self.ts
        if since < MINUTE_NS:
            return
        if (
            since < 2 * MINUTE_NS
            and len(self.pairs) < SAMPLES
            and apart is not None
            and self.apart is not None
        ):
            self.pairs.append((self.apart, apart))
        self.ts, self.apart = ts, apart
        self.seen += 1
        if self.seen % self.every == 0:
            self.samples.append(basis)
            if len(self.samples) >= SAMPLES:
                self.samples, self.every = self.samples[::2], 2 * self.every

    def result(self) -> dict[str, Any]:
        """Premium, noise around it, and the half-life in minutes of a distance from the other venues."""
        centre = median(self.samples)
        noise = NORMAL_MAD * median(abs(value - centre) for value in self.samples)
        return {
            "minutes": self.seen,
            "premium": centre,
            "noise": noise,
            "half_life_minutes": _half_life(self.pairs),
        }


def _half_life(pairs: list[tuple[float, float]]) -> float | None:
    """From how much of a distance is left a minute later. Far-off stretches are incidents, and left out."""
    if len(pairs) < ENOUGH_PAIRS:
        return None
    centre = median(a for a, _ in pairs)
    usual = NORMAL_MAD * median(abs(a - centre) for a, _ in pairs)
    kept = [(a - centre, b - centre) for a, b in pairs if abs(a - centre) <= FAR * usual]
    below = sum(a * a for a, _ in kept)
    left = sum(a * min(max(b, -FAR * usual), FAR * usual) for a, b in kept) / below if below else 0.0
    return log(0.5) / log(left) if 0.0 < left < 1.0 else None


class Share:
    """One underlying's sessions: last close, and what moved over days, nights and weekends."""

    def __init__(self) -> None:
        self.opened: Ns = 0
        self.open = self.close = 0.0
        self.last: Ns = 0
        self.moves: dict[str, list[float]] = {"day": [], "night": [], "weekend": []}
        self.told: list[tuple[float, float]] = []
        """Of each open: (what tokens said, what came), both against the close."""


def fit(files: Sequence[Path], config: Config, registry: Registry) -> dict[str, Any]:
    """Figures of all tapes together, as JSON-ready data. Rows that cannot be read are counted."""
    quiet = config.model_copy(update={"strategy": config.strategy.model_copy(update={"enabled": False})})
    engine = Engine(quiet, registry)
    venues: dict[str, Venue] = {}
    shares: dict[str, Share] = {}
    bad = ticks = 0

    def count_bad(_error: Exception) -> None:
        nonlocal bad
        bad += 1

    for tick in tape.merge(files, on_bad=count_bad):
        ticks += 1
        known = engine.market.references.get(tick.instrument)
        if known is not None:
            _before(known[0], tick, engine, shares.setdefault(known[0].info.ticker, Share()))
        engine.step(tick)
        state = engine.market.instruments.get(tick.instrument)
        if state is not None:
            _token(state, engine, venues)
        elif (known := engine.market.references.get(tick.instrument)) is not None:
            _reference(known[0], tick, engine, shares.setdefault(known[0].info.ticker, Share()))
    return {
        "ticks": ticks,
        "bad_rows": bad,
        "configured": {
            "venue_noise": config.valuation.venue_noise,
            "closed_variance_fraction": config.valuation.closed_variance_fraction,
            "weekend_variance_fraction": config.valuation.weekend_variance_fraction,
        },
        "venues": {name: venue.result() for name, venue in sorted(venues.items()) if venue.samples},
        "venue_noise": _middle([venue.result()["noise"] for venue in venues.values() if venue.samples]),
        **_closed(list(shares.values())),
        **_peers([pair for share in shares.values() for pair in share.told]),
    }


def text(data: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    configured = data["configured"]
    yield f"Tapes: {data['ticks']:,} ticks, {data['bad_rows']} bad rows"
    for name, one in data["venues"].items():
        half = one["half_life_minutes"]
        yield (
            f"  {name:28} {one['minutes']:6} min  premium {one['premium'] * 1e4:+7.1f} bp"
            f"  noise {one['noise'] * 1e4:6.1f} bp  half-life {_or_unknown(half, '{:.1f} min')}"
        )
    for key in ("venue_noise", "closed_variance_fraction", "weekend_variance_fraction"):
        yield f"  {key} {_or_unknown(data[key], '{:.4f}')} (configured {configured[key]})"
    yield f"  from {data['nights']} nights and {data['closed_weekends']} weekends of all shares"
    yield (
        f"  tokens about the next open: slope {_or_unknown(data['peer_slope'], '{:.3f}')}, error "
        f"{_or_unknown(data['peer_error_share'], '{:.3f}')} of the variance ({data['opens']} opens)"
    )


def _or_unknown(value: float | None, form: str) -> str:
    return "not known from this" if value is None else form.format(value)


def _token(state: InstrumentState, engine: Engine, venues: dict[str, Venue]) -> None:
    ts = state.ts
    if engine.clock.session(ts) != "regular" or state.halted or state.price is None:
        return
    fair = engine.valuation.state_of(state.underlying)
    if not fair.by_reference or fair.anchor is None or not 0 <= ts - fair.anchor_ts <= FRESH_NS:
        return
    share = state.log_price - state.token_state.log_multiplier
    others = [
        one.consensus_log
        for one in state.underlying.instruments
        if one is not state and one.consensus_log is not None and ts - one.ts <= FRESH_NS
    ]
    apart = share - median(others) if others else None
    venues.setdefault(state.name, Venue()).see(ts, share - fair.anchor, apart)


def _before(underlying: UnderlyingState, tick: Tick, engine: Engine, share: Share) -> None:
    """What tokens say just before the first price of a new day: it will be judged by it."""
    if not _first_of_a_day(tick.ts, engine, share) or not share.close:
        return
    said = [
        one.consensus_log
        for one in underlying.instruments
        if one.consensus_log is not None and not one.halted and tick.ts - one.changed <= PEER_AGE_NS
    ]
    price = _price(tick)
    if said and price is not None and abs(move := log(price / share.close)) < WILD:
        told = median(said) - log(share.close)
        if abs(told) < WILD:
            share.told.append((told, move))


def _reference(underlying: UnderlyingState, tick: Tick, engine: Engine, share: Share) -> None:
    price = _price(tick)
    if price is None or engine.clock.session(tick.ts) != "regular":
        return
    if _first_of_a_day(tick.ts, engine, share):
        if share.close:
            days = (tick.ts - share.last) / NS / DAY_SECONDS
            which = "night" if days < 1.5 else "weekend" if days < 4.5 else ""
            _keep(share, which, price / share.close)
            _keep(share, "day" if share.open else "", share.close / (share.open or 1.0))
        share.open, share.opened = price, tick.ts
    share.close, share.last = price, tick.ts


def _keep(share: Share, which: str, ratio: float) -> None:
    if which and abs(log(ratio)) < WILD:
        share.moves[which].append(log(ratio))


def _first_of_a_day(ts: Ns, engine: Engine, share: Share) -> bool:
    clock = engine.clock
    return clock.session(ts) == "regular" and (
        share.last == 0 or clock.session_end(ts) - share.last > DAY_SECONDS / 2 * NS
    )


def _price(tick: Tick) -> float | None:
    if tick.bid is not None and tick.ask is not None:
        return (tick.bid + tick.ask) / 2
    return tick.price


def _closed(shares: Sequence[Share]) -> dict[str, Any]:
    """Variance an hour, closed against open. Each share's nights are set against its own days."""
    moves: dict[str, list[float]] = {"day": [], "night": [], "weekend": []}
    for share in shares:
        usual = _mean_size(share.moves["day"])
        if usual:
            for which, found in share.moves.items():
                moves[which] += [abs(move) / usual for move in found]
    night, weekend = _mean_size(moves["night"]), _mean_size(moves["weekend"])
    closed = None if night is None else night**2 / NIGHT_HOURS * DAY_HOURS
    shut = None
    if night is not None and weekend is not None:
        shut = max(0.0, weekend**2 - night**2) / WEEKEND_HOURS * DAY_HOURS
    return {
        "closed_variance_fraction": closed,
        "weekend_variance_fraction": shut,
        "nights": len(moves["night"]),
        "closed_weekends": len(moves["weekend"]),
    }


def _mean_size(moves: list[float]) -> float | None:
    """Mean absolute move: heavy tails move it less than they do a variance."""
    return sum(abs(move) for move in moves) / len(moves) if len(moves) >= 3 else None


def _peers(told: list[tuple[float, float]]) -> dict[str, Any]:
    said = sum(x * x for x, _ in told)
    came = sum(y * y for _, y in told)
    if len(told) < 3 or not said or not came:
        return {"opens": len(told), "peer_slope": None, "peer_error_share": None}
    return {
        "opens": len(told),
        "peer_slope": sum(x * y for x, y in told) / said,
        "peer_error_share": sum((y - x) ** 2 for x, y in told) / came,
    }


def _middle(values: list[float]) -> float | None:
    return median(values) if values else None
