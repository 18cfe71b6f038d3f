"""One look at an exchange and the markets configured of it, for ``pegbot doctor``."""

from __future__ import annotations

import msgspec

from bot.collectors.exchange import ExchangeCollector
from bot.collectors.kraken import KrakenCollector
from bot.config import ExchangeSource
from bot.registry.model import Registry

ENOUGH = 20
"""Quotes of the same few markets are not waited through for one of a quiet one."""


async def look(source: ExchangeSource, registry: Registry) -> tuple[str, list[str]]:
    """What was seen, and each market that is not as it should be, with why. Raises :class:`SourceError`."""
    kind = KrakenCollector if source.exchange == "kraken" else ExchangeCollector
    collector = kind(source, registry)
    wrong: dict[str, str] = {}
    quoted: dict[str, str] = {}
    ticks = collector.ticks()
    try:
        seen = 0
        async for tick in ticks:
            if tick.kind == "status" and tick.data is not None:
                told = msgspec.json.decode(tick.data)
                if told["state"] != "open":
                    wrong[tick.instrument] = f"{tick.instrument} is {told['state']}: {told['reason']}"
            elif tick.kind == "quote":
                seen += 1
                price = (
                    f"{tick.bid:,.2f} to {tick.ask:,.2f}"
                    if tick.bid and tick.ask
                    else f"mark {tick.price:,.2f}"
                )
                quoted.setdefault(tick.instrument, f"{tick.instrument} {price}")
            if quoted and (len(quoted) + len(wrong) >= len(collector.instruments) or seen >= ENOUGH):
                break
    finally:
        await ticks.aclose()
    first = next(iter(quoted.values()), "no quote")
    return f"{first}; {len(quoted)} of {len(collector.instruments)} markets quoted", list(wrong.values())
