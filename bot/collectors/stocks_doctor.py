"""Whether sources of share prices and option chains can be reached, let us in, and have what is wanted."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterator
from typing import Any

from bot.collectors.alpaca import AlpacaCollector
from bot.collectors.alpaca_client import keys
from bot.collectors.alpaca_options import AlpacaOptions
from bot.collectors.alpaca_stream import Stream
from bot.collectors.ibkr import IbkrCollector
from bot.collectors.option_chains import OptionChains
from bot.collectors.yahoo_options import YahooOptions
from bot.config import AlpacaSource, CollectorsSection, IbkrSource
from bot.errors import SourceError
from bot.timefmt import NS, duration, short
from bot.types import Quarantined, Tick

ANSWER_SECONDS = 5.0
Check = tuple[str, str, Coroutine[Any, Any, str]]
"""Name, remedy, and what tells what was seen or raises."""


def checks(sources: CollectorsSection) -> Iterator[Check]:
    """One for each way to each source."""
    for alpaca in sources.alpaca:
        fix = "Check this machine's way to Alpaca, and that each of symbols is one of Alpaca's."
        yield f"{alpaca.name} socket", fix, alpaca_socket(alpaca)
        yield f"{alpaca.name} polling", fix, alpaca_polling(alpaca)
    for ibkr in sources.ibkr:
        fix = "Start TWS or the gateway, let it accept API clients, and set host and port to its own."
        yield ibkr.name, fix, tws(ibkr)
    fix = "Check this machine's way there, and whether there are options on these symbols."
    for yahoo in sources.yahoo_options:
        yield yahoo.name, fix, options(YahooOptions(yahoo))
    for chains in sources.alpaca_options:
        yield chains.name, fix, options(AlpacaOptions(chains))


async def alpaca_socket(source: AlpacaSource) -> str:
    """It connects, the keys are right, the plan has the feed and allows so many symbols."""
    stream = Stream(source.stream_url, source.feed, *keys(source), source.symbols)
    try:
        await stream.open()
        deadline = time.monotonic() + ANSWER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            for message in await stream.receive(left) or ():
                if message.get("T") == "subscription":
                    count = len(message.get("quotes", ()))
                    return f"connected and subscribed to {count} symbols of {source.feed}"
    finally:
        await stream.close()
    raise SourceError("it connects, but does not answer the subscription")


async def alpaca_polling(source: AlpacaSource) -> str:
    """Every symbol has a price."""
    wrong: list[Quarantined] = []
    told = await AlpacaCollector(source, on_bad=wrong.append).snapshots()
    if wrong:
        raise SourceError("; ".join(one.detail for one in wrong))
    return f"{_said(told[0])}; {len(told)} symbols"


async def tws(source: IbkrSource) -> str:
    """TWS runs and lets us in; the first quote. Under a client id of its own: a running pegbot keeps its."""
    wrong: list[Quarantined] = []
    collector = IbkrCollector(
        source.model_copy(update={"client_id": source.client_id + 1}), on_bad=wrong.append
    )
    ticks = collector.ticks()
    try:
        async for tick in ticks:
            if tick.kind == "quote":
                late = collector.detail
                return f"{_said(tick)}{f'; {late}' if late else ''}"
            if wrong or collector.detail:
                raise SourceError(collector.detail or wrong[0].detail)
    finally:
        await ticks.aclose()
    raise SourceError("it ended without a quote")


async def options(chains: OptionChains) -> str:
    """The first option of use that has a quote, of the first share."""
    ticks = chains.ticks()
    try:
        async for tick in ticks:
            if tick.bid is not None and tick.ask is not None:
                return _said(tick)
    finally:
        await ticks.aclose()
    raise SourceError("no option has a quote")


def _said(tick: Tick) -> str:
    price = f"{tick.bid:,.2f} to {tick.ask:,.2f}" if tick.bid and tick.ask else f"{tick.price or 0:,.2f}"
    age = max(0.0, (tick.received - tick.ts) / NS)
    return f"{tick.instrument} {price} USD at {short(tick.ts)} UTC, {duration(age)} old"
