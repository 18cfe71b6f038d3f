"""What happens by chance: so many of each cause a day, at drawn times, places and sizes; kept apart."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from random import Random

from bot.simulate.scenario import Cause, Draw, Happening, Mode, Place, Scenario
from bot.simulate.shares import CLOSED, HOUR_NS, stream
from bot.types import Session
from bot.valuation.sessions import SessionClock

TRIES = 60
NEWS = 0.08
"""A share moves by no more than this while one of its sources stands still."""
SPLITS = (1.0, 2.0, 3.0, 4.0, 9.0)
"""A split of two for one multiplies by two: ``ratio`` 1."""
REGULAR: frozenset[Session] = frozenset({"regular"})
WHEN: dict[Cause, frozenset[Session]] = {
    "stale_reference": REGULAR,
    "trading_halt": REGULAR,
    "oracle_fault": REGULAR,
    "closed_market_drift": CLOSED,
    "earnings": frozenset({"post", "pre"}),
}
"""Sessions in which a cause may begin; the others at any time."""
FIRST: tuple[Cause, ...] = ("stablecoin_depeg", "corporate_action", "issuer_halt", "under_backed")
"""Drawn before the rest: they need most room."""


def drawn(scenario: Scenario, seed: int, clock: SessionClock) -> list[Happening]:
    """The happenings of ``[random]`` for a seed. No two are on one share within ``apart_hours``."""
    taken: dict[str, list[tuple[float, float]]] = {}
    for one in scenario.happenings:
        _take(taken, scenario, one)
    found = []
    order = sorted(scenario.random, key=lambda cause: (cause not in FIRST, cause))
    for cause in order:
        draw, random = scenario.random[cause], stream(seed, f"random {cause}")
        for _ in range(_poisson(random, draw.per_day * scenario.days)):
            for _ in range(TRIES):
                made = _one(cause, draw, scenario, random)
                if made is not None and _fits(made, scenario, clock, taken):
                    _take(taken, scenario, made)
                    found.append(made)
                    break
    return found


def _poisson(random: Random, mean: float) -> int:
    count, left = 0, random.expovariate(1.0)
    while left < mean:
        count += 1
        left += random.expovariate(1.0)
    return count


def _between(random: Random, low: float, high: float) -> float:
    return exp(random.uniform(log(low), log(high)))


def _one(cause: Cause, draw: Draw, scenario: Scenario, random: Random) -> Happening | None:
    """One of them, before it is known whether there is room for it; ``None`` if nothing suits."""
    hours = _between(random, *draw.hours)
    ratio = _between(random, *draw.ratio)
    if random.random() < draw.falls:
        ratio = -ratio / (1 + ratio)
    at = random.uniform(scenario.warm_hours, max(scenario.days * 24 - hours - 2, scenario.warm_hours))
    mode: Mode = random.choice(_MODES.get(cause, ("",)))
    suited = _suited(cause, mode, scenario)
    if mode == "raw" and not suited:
        mode = ""
    place = random.choice(suited or scenario.places)
    share = next(share for share in scenario.shares if share.ticker == place.underlying)
    names: dict[str, str] = {}
    if cause in ("thin_liquidity", "stale_venue", "multiplier_mismatch", "feed_fault", "maintenance"):
        names["instrument"] = place.instrument
    elif cause in ("issuer_halt", "under_backed"):
        names["token"] = place.token
    elif cause == "stablecoin_depeg":
        if not scenario.coins:
            return None
        names["coin"] = random.choice(scenario.coins)
    elif cause != "closed_market_drift" or random.random() < 0.5:
        names["underlying"] = share.ticker
    if cause == "oracle_fault":
        if not share.oracles:
            return None
        names["source"] = random.choice(share.oracles)
        if mode == "freeze":
            ratio = max(-NEWS, min(ratio, NEWS))
    if cause == "stale_reference" and share.oracles and random.random() < 0.5:
        names["source"] = share.reference
    if cause == "corporate_action" or (cause == "multiplier_mismatch" and mode != "raw"):
        at = round(at / 24) * 24.0 - (scenario.starts // HOUR_NS % 24)
    if cause == "corporate_action":
        ratio = random.choice(SPLITS)
        if random.random() < 0.5:
            names["instrument"] = place.instrument
    if cause == "multiplier_mismatch":
        ratio = abs(ratio)
    if cause == "under_backed":
        ratio = -abs(ratio) / (1 + abs(ratio))
    return Happening(
        cause,
        at,
        hours,
        ratio=ratio,
        mode=mode,
        ramp_hours=draw.ramp_hours,
        **names,  # type: ignore[arg-type]
    )


_MODES: dict[Cause, tuple[Mode, ...]] = {
    "thin_liquidity": ("", "", "lps_leave"),
    "stale_venue": ("", "wakes"),
    "multiplier_mismatch": ("", "raw"),
    "oracle_fault": ("", "freeze"),
    "feed_fault": ("", "silence"),
}


def _suited(cause: Cause, mode: Mode, scenario: Scenario) -> list[Place]:
    """Where a cause can happen: an order moves pools only; books alone are so steady that silence tells."""
    thin: Callable[[Place], bool] = lambda place: place.depth_usd <= scenario.thin_usd  # noqa: E731
    if cause == "thin_liquidity":
        pools = [place for place in scenario.places if place.kind != "book"]
        return pools if mode == "lps_leave" else [place for place in pools if thin(place)]
    if cause == "feed_fault":
        return [place for place in scenario.places if place.kind == "book"]
    if cause == "multiplier_mismatch" and mode == "raw":
        least = 2 * scenario.label_ratio
        scaled = {share.ticker for share in scenario.shares if abs(share.multiplier - 1) >= least}
        return [place for place in scenario.places if place.underlying in scaled]
    return []


def _fits(one: Happening, scenario: Scenario, clock: SessionClock,
          taken: dict[str, list[tuple[float, float]]]) -> bool:  # fmt: skip
    start = scenario.starts + int(one.at_hours * HOUR_NS)
    begins, ends = clock.session(start), clock.session(start + int(one.hours * HOUR_NS))
    allowed = WHEN.get(one.cause)
    if allowed is not None and (begins not in allowed or (allowed is REGULAR and ends not in allowed)):
        return False
    divided = one.cause == "corporate_action" or (one.cause == "multiplier_mismatch" and one.mode != "raw")
    if divided and begins != "overnight":
        return False
    if one.cause == "closed_market_drift" and ends not in CLOSED:
        return False
    if not scenario.warm_hours <= one.at_hours <= scenario.days * 24 - one.hours:
        return False
    low, high = one.at_hours - scenario.apart_hours, one.at_hours + one.hours + scenario.apart_hours
    return not any(low < end and begin < high for name in _shares(one, scenario)
                   for begin, end in taken.get(name, []))  # fmt: skip


def _take(taken: dict[str, list[tuple[float, float]]], scenario: Scenario, one: Happening) -> None:
    for name in _shares(one, scenario):
        taken.setdefault(name, []).append((one.at_hours, one.at_hours + one.hours))


def _shares(one: Happening, scenario: Scenario) -> set[str]:
    """The shares whose tokens it touches."""
    if one.underlying:
        return {one.underlying}
    if one.cause == "closed_market_drift":
        return {share.ticker for share in scenario.shares}
    return {
        place.underlying
        for place in scenario.places
        if place.instrument == one.instrument
        or (one.token and place.token == one.token)
        or (one.coin and place.quote == one.coin)
    }
