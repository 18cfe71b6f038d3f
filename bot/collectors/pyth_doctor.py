"""Whether Pyth's feeds are what the registry says they are, and can be had."""

from __future__ import annotations

from bot.collectors.pyth import PythCollector
from bot.config import PythSource
from bot.errors import ConfigError, SourceError
from bot.registry.model import Registry
from bot.timefmt import NS, duration


async def examine(source: PythSource, registry: Registry) -> str:
    """For ``pegbot doctor``: every feed is there, under the symbol in the registry, and tells a price."""
    collector = PythCollector(source, registry)
    async with collector.http() as http:
        await collector.resolve(http)
        for feed in (registry.feeds[name] for name in source.feeds):
            listed = await collector.look_up(http, feed) if feed.id and feed.symbol else feed.id
            if listed != feed.id:
                raise ConfigError(f"{feed.instrument}: Hermes lists {feed.symbol} as {listed}, not {feed.id}")
        ticks = await collector.poll(http)
    told = [tick for tick in ticks if tick.kind == "quote"]
    if len(told) < len(source.feeds):
        silent = sorted(set(source.feeds) - {tick.instrument for tick in told})
        why = "; ".join(f"{name}: {collector.refused.get(name, 'no usable price')}" for name in silent)
        raise SourceError(why)
    first = told[0]
    age = duration(max(0.0, ((first.received or first.ts) - first.ts) / NS))
    return f"{first.instrument} {first.price:,.2f} USD, {age} old; {len(told)} feeds"
