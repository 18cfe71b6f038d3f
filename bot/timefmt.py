"""Times as people and files write them: ISO 8601, UTC, nanoseconds, ``Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

NS = 1_000_000_000
DAY_SECONDS = 86_400

_ISO = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$")


def iso(ns: int) -> str:
    """``1751736645000000001`` → ``"2025-07-05T17:30:45.000000001Z"``."""
    seconds, rest = divmod(ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def short(ns: int) -> str:
    """For people: ``"2025-07-05 17:30:45"`` (UTC)."""
    return f"{datetime.fromtimestamp(ns // NS, UTC):%Y-%m-%d %H:%M:%S}"


def parse(text: str) -> int:
    """ISO 8601 (with or without fraction and zone; UTC if none) → nanoseconds. ValueError else."""
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00Z"
    match = _ISO.match(text)
    if match is None:
        raise ValueError(f"not a time: {text!r} (expected like 2025-07-05T17:30:45Z)")
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    moment = datetime.fromisoformat(f"{day}T{clock}{zone}")
    whole = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return whole * NS + int((fraction or "0").ljust(9, "0"))


def duration(seconds: float) -> str:
    """For people: ``"3 h 20 min"``, ``"45 s"``, ``"2 d 4 h"``; two parts at most."""
    whole = round(abs(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    shown = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(shown[:2]) if shown else "0 s"


def percent(ratio: float) -> str:
    """For people: a part of a whole, ``"50 %"``, ``"1.5 %"`` below a tenth."""
    return f"{ratio * 100:.0f} %" if ratio >= 0.1 else f"{ratio * 100:.2g} %"
