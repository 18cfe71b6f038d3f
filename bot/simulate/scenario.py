"""What a simulation is told: shares, venues and what happens to them, as TOML.

Times are hours from ``start``. Dollars, ratios and seconds are named. Every mistake is reported at once.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert

from bot.errors import ConfigError
from bot.timefmt import parse
from bot.types import Ns

Positive = Annotated[float, Meta(gt=0, lt=1e12)]
Ratio = Annotated[float, Meta(ge=0, lt=1)]
Cause = Literal[
    "thin_liquidity", "broad_premium", "stale_venue", "stale_reference", "multiplier_mismatch", "feed_fault"
]


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """A listed share: geometric Brownian motion in variance time; ``reference`` quotes it 04:00 to 20:00."""

    ticker: str
    price: Positive
    annual_volatility: Positive
    reference: str = "yahoo"
    spread_ratio: Ratio = 0.0002


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """One token on one venue.

    A ``pool`` is constant product with ``depth_usd`` on its quote side; a ``book`` has ``depth_usd`` within
    2 % on each side. Noise traders come ``trades_per_hour`` times with ``trade_usd`` on average (a quarter as
    often at weekends); arbitrageurs close half of the gap in ``half_life_seconds``.
    """

    instrument: str
    underlying: str
    kind: Literal["pool", "book"]
    depth_usd: Positive
    fee_pips: Annotated[int, Meta(ge=0, lt=1_000_000)] = 2500
    spread_ratio: Ratio = 0.001
    trades_per_hour: Positive = 6.0
    trade_usd: Positive = 400.0
    half_life_seconds: Positive = 120.0
    token_decimals: int = 8
    quote_decimals: int = 6


class Happening(Struct, frozen=True, forbid_unknown_fields=True):
    """Something injected, and labelled with its cause.

    ``thin_liquidity``: one order of ``order_usd`` (negative: a sale that takes so much) on ``instrument``,
    not arbitraged for ``hours``. ``broad_premium``: every venue of ``underlying`` trades ``ratio`` too high.
    ``stale_venue``: ``instrument`` stands still. ``stale_reference``: the share's quote stands still, its
    time stamps move. ``multiplier_mismatch``: the token's multiplier grows by ``ratio`` and ``instrument``
    does not follow.
    """

    cause: Cause
    at_hours: Annotated[float, Meta(ge=0, le=100_000)]
    hours: Annotated[float, Meta(gt=0, le=100_000)]
    instrument: str = ""
    underlying: str = ""
    order_usd: Annotated[float, Meta(gt=-1e12, lt=1e12)] = 0.0
    ratio: Annotated[float, Meta(gt=-1, lt=1e6)] = 0.0


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole simulation. ``note`` says what it is calibrated to; ``source`` where those figures are from."""

    title: str
    start: str
    days: Annotated[float, Meta(gt=0, le=3660)]
    shares: list[Share]
    places: list[Place]
    note: str = ""
    source: str = ""
    step_seconds: Positive = 60.0
    closed_step_seconds: Positive = 300.0
    premium_sd: Ratio = 0.002
    happenings: list[Happening] = []

    @property
    def starts(self) -> Ns:
        """``start`` in nanoseconds."""
        return parse(self.start)


def load(path: Path | str) -> Scenario:
    """Read a scenario. Raises :class:`ConfigError` with what is wrong, by file and key."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    problems = _each(path, data)
    if problems:
        raise ConfigError(problems)
    scenario = convert(data, Scenario)
    problems = [f"{path}: {problem}" for problem in _consistent(scenario)]
    if problems:
        raise ConfigError(problems)
    return scenario


def _each(path: Path, data: dict[str, Any]) -> list[str]:
    """Mistakes entry by entry, so that all are told and not just the first."""
    problems = []
    whole = dict(data)
    for table, kind in (("shares", Share), ("places", Place), ("happenings", Happening)):
        entries = whole.pop(table, [])
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
            try:
                convert(entry, kind)
            except ValidationError as error:
                problems.append(f"{path}: {table}[{number}]: {error}")
    try:
        convert({**whole, "shares": [], "places": []}, Scenario)
        parse(str(data.get("start")))
    except (ValidationError, ValueError) as error:
        problems.append(f"{path}: {error}")
    return problems


def _consistent(scenario: Scenario) -> list[str]:
    tickers = {share.ticker for share in scenario.shares}
    instruments = {place.instrument for place in scenario.places}
    problems = [
        f"places: {place.instrument}: no share {place.underlying!r}"
        for place in scenario.places
        if place.underlying not in tickers
    ]
    for number, one in enumerate(scenario.happenings, 1):
        where = f"happenings[{number}] ({one.cause})"
        if one.cause in ("broad_premium", "stale_reference"):
            if one.underlying not in tickers:
                problems.append(f"{where}: underlying must be one of the shares, not {one.underlying!r}")
        elif one.instrument not in instruments:
            problems.append(f"{where}: instrument must be one of the places, not {one.instrument!r}")
        if one.cause == "thin_liquidity" and not one.order_usd:
            problems.append(f"{where}: needs order_usd")
        if one.cause in ("broad_premium", "multiplier_mismatch") and not one.ratio:
            problems.append(f"{where}: needs ratio")
    return problems
