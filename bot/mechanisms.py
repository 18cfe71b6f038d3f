"""How every system that makes or carries tokens stands at a moment: what ``pegbot mechanisms`` answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import isfinite

from msgspec import Struct

from bot.assumed import told, unknown
from bot.config import Config
from bot.driver import Driver
from bot.errors import UsageError
from bot.market import MAX_TS, MIN_TS, Market
from bot.registry import Registry
from bot.registry.issuer import Conversion, Failure, Issuer, Known
from bot.registry.terms import value_at
from bot.strategy.mechanisms import Delay, Mechanism, Moment, mechanism_of, mechanisms
from bot.strategy.mechanisms.exchange import Exchange
from bot.strategy.mechanisms.model import ACTIONS, Action
from bot.timefmt import parse, short
from bot.types import Ns, Plan
from bot.valuation.sessions import SessionClock

ACTS = {"mint": "minting", "redeem": "redeeming"}
SIZES_USD = (100.0, 1_000.0, 10_000.0, 100_000.0)


class Price(Struct, frozen=True):
    """What an order costs beyond fair value, as a ratio; ``refused`` is why one of this size is not taken."""

    size_usd: float
    cost_ratio: float
    refused: str


class Side(Struct, frozen=True):
    """Minting, or redeeming. ``why`` and ``opens`` are empty where it is open, and ``opens`` where nobody
    knows; the delay is from now, if ordered as soon as it opens."""

    open: bool
    why: str
    opens: Ns | None
    least_usd: float
    most_usd: float | None
    median_seconds: float | None
    likely_seconds: float | None
    worst_seconds: float | None
    mean_seconds: float | None
    prices: list[Price]
    failures: list[Failure]


class Assumed(Struct, frozen=True):
    """A parameter that nobody publishes: its path in the registry, the value taken (``None``: none, or
    ``known`` is ``unknown``), why that one, and all of it as a person would say it."""

    name: str
    value: float | str | None
    says: str
    known: Known
    told: str


class Survey(Struct, frozen=True):
    """One system. The band is in log ratios, ``None`` where nothing holds the price; ``halted`` are tokens
    whose issuer has said that it does not mint and redeem them, with its reason; ``ways`` are other ways than
    the main channel, with what they need, and count only once they are enabled."""

    name: str
    title: str
    summary: str
    ts: Ns
    size_usd: float
    mint: Side
    redeem: Side
    band_low: float | None
    band_high: float | None
    why_low: str
    why_high: str
    halted: dict[str, str]
    ways: dict[str, str]
    assumptions: list[Assumed]


def asked(config: Config, registry: Registry, at: str | None, size_usd: float, names: Sequence[str],
          saved: bytes | None) -> list[Survey]:  # fmt: skip
    """As of ``at`` (ISO 8601), or of now with the halts that the daemon's last snapshot knows."""
    if at is None:
        halted: dict[str, str] = {}
        if saved is not None:
            driver = Driver(config, registry)
            driver.restore(saved)
            halted = halted_tokens(driver.engine.market)
        return survey(config, registry, time.time_ns(), size_usd, names, halted)
    try:
        moment = parse(at)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None
    if not MIN_TS <= moment < MAX_TS:
        raise UsageError(f"--at: {at} is before {short(MIN_TS)[:10]} or not before {short(MAX_TS)[:10]}")
    return survey(config, registry, moment, size_usd, names)


def survey(config: Config, registry: Registry, ts: Ns, size_usd: float, names: Sequence[str] = (),
           halted: Mapping[str, str] | None = None) -> list[Survey]:  # fmt: skip
    """Every system of the registry, or those named. Raises :class:`UsageError` for a name that is not one."""
    found = mechanisms(registry)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UsageError(f"no mechanism {unknown[0]!r}; there is {', '.join(found)}")
    moment = Moment(
        SessionClock(config.valuation), ts, 100.0, config.strategy.financing_rate,
        config.valuation.annual_volatility,
    )  # fmt: skip
    return [
        _one(
            of,
            registry.issuers.get(name) or registry.conversions[name],
            moment,
            size_usd,
            _own(registry, name, halted or {}),
            _ways(registry, name),
        )
        for name, of in found.items()
        if not names or name in names
    ]


def assumed_in(plan: Plan, registry: Registry) -> list[str]:
    """For people: what of the channels that a plan uses nobody publishes, one line per channel."""
    lines = []
    for leg in plan.legs:
        entry = registry.conversion_at(leg.instrument) or registry.issuers.get(
            leg.instrument.partition("@")[2]
        )
        if leg.action not in ACTS or entry is None:
            continue
        of = Exchange(entry) if isinstance(entry, Conversion) else mechanism_of(entry)
        named = "; ".join(one.told for one in _assumed(of, entry) if one.name.startswith(f"{leg.action}."))
        if named:
            lines.append(
                f"Assumed of {ACTS[leg.action]} with {of.title}, since nobody publishes it: {named}."
            )
    return lines


def _assumed(of: Mechanism, entry: Issuer | Conversion) -> list[Assumed]:
    return [
        Assumed(
            each.name, each.value, each.says, each.known,
            unknown(each.name) if each.known == "unknown" else told(each.name, value_at(entry, each.name)),
        )
        for each in of.assumptions()
    ]  # fmt: skip


def halted_tokens(market: Market) -> dict[str, str]:
    """Tokens that their issuers do not mint and redeem now, with their reasons."""
    states = {state.token.symbol: state.token_state for state in market.instruments.values()}
    return {symbol: state.channel_reason for symbol, state in states.items() if state.channel_halted}


def _own(registry: Registry, name: str, halted: Mapping[str, str]) -> dict[str, str]:
    return {
        symbol: reason
        for symbol, reason in halted.items()
        if symbol in registry.tokens and registry.tokens[symbol].issuer == name
    }


def _ways(registry: Registry, name: str) -> dict[str, str]:
    issuer = registry.issuers.get(name)
    return {} if issuer is None else {
        way.name: f"{'enabled' if way.enabled else 'not enabled'}; needs {way.needs}" for way in issuer.ways
    }  # fmt: skip


def _one(of: Mechanism, entry: Issuer | Conversion, moment: Moment, size_usd: float,
         halted: dict[str, str], ways: dict[str, str]) -> Survey:  # fmt: skip
    bounds = of.bounds(moment, size_usd, 0.0)
    mint, redeem = (_side(of, action, moment) for action in ACTIONS)
    return Survey(
        of.name, of.title, of.summary, moment.ts, size_usd, mint, redeem,
        _finite(bounds.low), _finite(bounds.high), bounds.why_low, bounds.why_high, halted, ways,
        _assumed(of, entry),
    )  # fmt: skip


def _side(of: Mechanism, action: Action, moment: Moment) -> Side:
    opening, limits, delay = (
        of.opening(action, moment),
        of.limits(action, moment),
        of.delay(action, moment),
    )
    return Side(
        opening.now, opening.detail, None if opening.now else opening.opens, limits.least_usd,
        _finite(limits.most_usd), *_seconds(delay), [_price(of, action, moment, usd) for usd in SIZES_USD],
        list(of.failures(action)),
    )  # fmt: skip


def _seconds(delay: Delay | None) -> tuple[float | None, float | None, float | None, float | None]:
    return (None,) * 4 if delay is None else (delay.median, delay.likely, delay.worst, delay.mean)


def _price(of: Mechanism, action: Action, moment: Moment, usd: float) -> Price:
    cost = of.cost(action, moment, usd)
    sign = 1 if action == "mint" else -1
    return Price(usd, sign * (cost.unit_usd / moment.fair_usd - 1), cost.detail)


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
