"""What nobody publishes of a channel, as a person would say it: ``a fee of 0.25 %``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.registry.issuer import Broker, Failure, Inclusion, Late
from bot.timefmt import DAY_SECONDS, duration

HOUR_SECONDS = 3_600
SIDES = ("mint", "redeem")
MOVES = {"account": "transfers to and from the chain", "deposit": "deposits", "withdraw": "withdrawals"}


def told(path: str, value: Any) -> str:
    """A parameter of the registry (``mint.fee_ratio``) and its value, without the side; what belongs to
    another way than the main channel begins with the way's name."""
    *parts, leaf = path.split(".")
    part = next((each for each in parts if each not in SIDES), "")
    if (value is None and leaf != "maximum_usd") or (value == [] and leaf != "late"):
        return f"no {_named(leaf)}"
    if part in MOVES:
        return _moved(MOVES[part], leaf, value)
    way = f"{_spaced(part)}: " if part and len(parts) > 1 else ""
    phrase = PHRASES.get(leaf)
    return way + (_other(leaf, value) if phrase is None else phrase(value))


def unknown(path: str) -> str:
    """A parameter of which no value can be assumed."""
    return f"{_named(path.rpartition('.')[2])} unknown"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.10g} %"


def _usd(value: float) -> str:
    return f"${value:,.10g}" if value == int(value) else f"${value:,.2f}"


def _business(days: float) -> str:
    return f"{days:g} business day{'' if days == 1 else 's'}"


def _time(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else f"{seconds:g} s"


def _of(noun: str, said: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: f"{noun} of {said(value)}" if value else f"no {noun.removeprefix('a ')}"


def _maximum(value: float | None) -> str:
    return "no largest order" if value is None else f"orders up to {_usd(value)}"


def _minimum(value: float) -> str:
    return f"orders from {_usd(value)}" if value else "no smallest order"


def _settled(days: float) -> str:
    return f"settlement after {_business(days)}" if days else "settlement at once"


def _parts(rows: Sequence[tuple[float, str]], what: str = "orders") -> str:
    """``8 % of orders 1 business day late and 2 % 3 business days late``."""
    (chance, first), *others = rows
    said = [f"{_percent(chance)} of {what} {first}", *(f"{_percent(part)} {how}" for part, how in others)]
    return f"{', '.join(said[:-1])} and {said[-1]}" if others else said[0]


def _later(days: float, hours: float) -> str:
    return " and ".join(
        [*([_time(hours * HOUR_SECONDS)] if hours else []), *([_business(days)] if days else [])]
    )


def _late(rows: Sequence[Late], what: str = "orders") -> str:
    if not rows:
        return f"no {what} late"
    return _parts([(row.chance, f"{_later(row.days, row.hours)} late") for row in rows], what)


def _brokers(rows: Sequence[Broker]) -> str:
    return _parts([
        (row.chance, f"through {_spaced(row.name)}" + (f" ({later} later)" if later else ""))
        for row in rows for later in [_later(row.days, row.hours)]
    ])  # fmt: skip


def _inclusion(rows: Sequence[Inclusion]) -> str:
    return _parts([(row.chance, f"on the chain within {_time(row.seconds)}") for row in rows])


def _failures(rows: Sequence[Failure]) -> str:
    return "; ".join(
        ", ".join(filter(None, (
            f"{_spaced(row.name)}: {_percent(row.chance)} of orders",
            _business(row.days) + " late" if row.days else "",
            f"{_percent(row.loss_ratio)} lost" if row.loss_ratio else "",
        )))
        for row in rows
    )  # fmt: skip


def _moved(move: str, leaf: str, value: Any) -> str:
    match leaf:
        case "hours":
            return f"{move} take {_time(value * HOUR_SECONDS)}"
        case "usd":
            return f"{move} cost {_usd(value)} each"
        case "late":
            return _late(value, move)
        case _:
            return f"{move}: {_other(leaf, value)}"


PHRASES: dict[str, Callable[[Any], str]] = {
    "fee_ratio": _of("a fee", _percent),
    "spread_ratio": _of("a spread", _percent),
    "gas_usd": _of("gas", _usd),
    "minimum_usd": _minimum,
    "maximum_usd": _maximum,
    "settlement_days": _settled,
    "hours": lambda value: f"orders taken {value}",
    "late": _late,
    "brokers": _brokers,
    "inclusion": _inclusion,
    "failures": _failures,
    "ended": lambda value: f"ended on {value}",
    "began": lambda value: f"began on {value}",
    "valid_seconds": lambda value: f"a quote is valid for {_time(value)}",
    "coin_chance": lambda value: f"{_percent(value)} of orders need dollars changed into the issuer's coin",
    "coin_ratio": lambda value: f"changing dollars into the issuer's coin costs {_percent(value)}",
    "outside_chance": lambda value: f"{_percent(value)} of orders filled outside the regular session",
    "cushion_ratio": lambda value: f"{_percent(value)} of collateral above the least",
    "hold_days": lambda value: f"the debt held for {_time(value * DAY_SECONDS)}",
    "risk_charge": lambda value: f"a charge for risk of {value:g} of the share's standard deviation",
    "oracle_seconds": lambda value: f"an oracle's price too old after {_time(value)}",
}


def _other(leaf: str, value: Any) -> str:
    """A parameter that nobody has put in words: by the unit in its name."""
    name = _named(leaf)
    if value is None:
        return f"no {name}"
    if not isinstance(value, int | float):
        return f"{name} {value}"
    match leaf.rpartition("_")[2]:
        case "ratio" | "chance":
            return f"{name} {_percent(value)}"
        case "usd":
            return f"{name} {_usd(value)}"
        case "seconds":
            return f"{name} {_time(value)}"
        case "hours":
            return f"{name} {_time(value * HOUR_SECONDS)}"
        case "days":
            return f"{name} {_time(value * DAY_SECONDS)}"
        case _:
            return f"{name} {value:g}"


def _named(leaf: str) -> str:
    words = leaf.split("_")
    return " ".join(
        words[:-1] if words[-1] in ("ratio", "usd", "seconds", "hours", "days") and words[1:] else words
    )


def _spaced(name: str) -> str:
    return name.replace("_", " ")
