"""Pyth's prices from Hermes, one instrument a feed, each stamped with its own publish time.

Source: the OpenAPI of Hermes (``/v2/updates/price/latest`` and ``/stream``, ``/v2/price_feeds``). The stream
is of server-sent events, with comments as signs of life; Hermes ends it after a day. A key comes as
``Authorization: Bearer``. One feed that the key is not entitled to makes Hermes refuse all that are asked for
with it: then each is tried alone, and those refused are left out and said to be ``down``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from bot.collectors.base import OnBad
from bot.collectors.http_json import Forbidden, Http
from bot.collectors.pyth_parse import Seen, feed_id, follow, is_news, price_of, tick_of, updates
from bot.collectors.sse import events
from bot.collectors.told import Told
from bot.config import PythSource, secret
from bot.errors import DataError, SourceError, SourceRefused
from bot.registry.model import Feed, Registry
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Tick

LATEST, STREAM, FEEDS = "/v2/updates/price/latest", "/v2/updates/price/stream", "/v2/price_feeds"


class PythCollector:
    """One source of oracle prices; see :class:`bot.collectors.base.Collector`.

    Each start polls all feeds once. While the stream is lost they are polled, and the stream is tried again
    after each poll; it raises (and is started again) when polling fails too. A price repeated, or older than
    one told before, is not told again: ``detail`` counts them.
    """

    def __init__(
        self,
        source: PythSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        on_bad: OnBad | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(source.feeds)
        self.repeated = self.late = 0
        self.refused: dict[str, str] = {}
        """Feeds that cannot be had, and why."""
        self.streams = 0
        """Streams that were opened since the start."""
        self._source = source
        self._feeds = [registry.feeds[name] for name in source.feeds]
        self._ids = {feed.id: feed for feed in self._feeds if feed.id}
        self._listed: set[str] = set()
        self._clock, self._on_bad = clock, on_bad
        self._sleep, self._monotonic = sleep, monotonic
        self._told = Told(clock)
        self._seen: dict[str, Seen] = {}
        self._how = "connecting"

    @property
    def detail(self) -> str:
        """How prices come at the moment, and what was not told twice."""
        parts = [self._how]
        if self.refused:
            parts.append(f"{len(self.refused)} of {len(self._feeds)} feeds refused")
        if self.late:
            parts.append(f"{self.late} late")
        return ", ".join(parts)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Quotes as they come. Raises :class:`SourceError` when neither stream nor polling works."""
        self._told.forget()
        self.refused.clear()
        async with self.http() as http:
            await self.resolve(http)
            while True:
                began = self._monotonic()
                for tick in await self.poll(http):
                    yield tick
                if self._source.stream:
                    try:
                        async with aclosing(self._stream(http)) as ticks:
                            async for tick in ticks:
                                yield tick
                    except SourceRefused:
                        raise
                    except SourceError as error:
                        self._how = f"polling; stream: {error}"
                    except DataError as error:
                        self._how = f"polling; stream: {error.detail}"
                # A stream that lasted is polled for at once.
                await self._sleep(max(0.0, began + self._source.poll_seconds - self._monotonic()))

    def http(self) -> Http:
        """What asks Hermes."""
        key = self._source.api_key
        headers = {"Authorization": f"Bearer {secret(key).get_secret_value()}"} if key else {}
        per_second = self._source.requests_per_second
        return Http("Hermes", self._source.url, headers=headers, per_second=per_second)

    # -- which feeds -----------------------------------------------------------------------------------

    async def resolve(self, http: Http) -> None:
        """Ids of the feeds that are known by symbol only, as Hermes lists them; asked for once."""
        for feed in self._feeds:
            if feed.id or feed in self._ids.values():
                continue
            found = await self.look_up(http, feed)
            if found is None:
                self.refused[feed.instrument] = f"Hermes lists no feed {feed.symbol}"
            else:
                self._ids[found] = feed

    async def look_up(self, http: Http, feed: Feed) -> str | None:
        """The id that Hermes lists for the symbol of a feed."""
        base = feed.symbol.rpartition("/")[0].rpartition(".")[2]
        answer = await http.get(FEEDS, [("query", base)])
        for one in answer if isinstance(answer, list) else ():
            attributes = one.get("attributes") if isinstance(one, dict) else None
            if isinstance(attributes, dict) and attributes.get("symbol") == feed.symbol:
                return feed_id(one) or None
        return None

    def _wanted(self) -> list[str]:
        return [one for one, feed in self._ids.items() if feed.instrument not in self.refused]

    async def _try_each(self, http: Http) -> None:
        """Hermes refused them together: which of them is it?"""
        for one in self._wanted():
            try:
                await http.get(LATEST, _query([one]))
            except (Forbidden, DataError) as error:
                self.refused[self._ids[one].instrument] = str(error)
        if not self._wanted():
            raise SourceRefused(next(iter(self.refused.values()), "Hermes lists none of the feeds"))

    def _health(self, told: Collection[str]) -> list[Tick]:
        """Which feeds can be had: ``told`` are the ids of those that were."""
        why = {feed.instrument: "" if one in told else "Hermes gives no price of it"
               for one, feed in self._ids.items()} | self.refused  # fmt: skip
        return [
            tick for name, reason in why.items()
            for tick in self._told.status(name, "down" if reason else "up", reason)
        ]  # fmt: skip

    # -- how prices come -------------------------------------------------------------------------------

    async def poll(self, http: Http) -> list[Tick]:
        """The latest price of each feed, if that is news."""
        if not self._wanted():
            await self._try_each(http)
        try:
            answer = await http.get(LATEST, _query(self._wanted()))
        except (Forbidden, DataError):
            # A 404 says that one of them is not there, a 403 that one of them is not for us.
            await self._try_each(http)
            answer = await http.get(LATEST, _query(self._wanted()))
        if self._how == "connecting" or not self._source.stream:
            self._how = "polling"
        ticks = self._take(answer, "poll")
        return [*self._health(self._listed), *ticks]

    async def _stream(self, http: Http) -> AsyncGenerator[Tick, None]:
        async with http.stream(STREAM, _query(self._wanted())) as content:
            self.streams += 1
            self._how = "stream"
            async with aclosing(events(content, self._source.silence_seconds)) as found:
                async for event in found:
                    try:
                        message = msgspec.json.decode(event)
                    except msgspec.DecodeError as error:
                        self._set_aside("malformed", f"{error}: {event[:60]!r}")
                        continue
                    for tick in self._take(message, "stream"):
                        yield tick

    def _take(self, message: Any, via: str) -> list[Tick]:
        """What of a message is news; ``_listed`` are the ids in it."""
        self._listed = set[str]()
        try:
            found = updates(message)
        except DataError as error:
            self._set_aside(error.reason, error.detail)
            return []
        out: list[Tick] = []
        for update in found:
            feed = self._ids.get(feed_id(update))
            self._listed.add(feed_id(update))
            if feed is None:
                self._set_aside("wrong_id", f"{str(update)[:60]} was not asked for")
                continue
            try:
                out += self._update(feed, update, via)
            except DataError as error:
                self._set_aside(error.reason, error.detail, feed.instrument)
        return out

    def _update(self, feed: Feed, update: Any, via: str) -> Iterable[Tick]:
        now = self._clock()
        name = feed.instrument
        price = price_of(update, now, self._source.max_confidence)
        last = self._seen.get(name)
        if not is_news(price, last):
            same = last is not None and price.published == last.price.published
            self.repeated += same
            self.late += not same
            return ()
        seen = self._seen[name] = follow(price, last)
        frozen = int(self._source.frozen_seconds * NS)
        return (tick_of(name, seen, feed.sessions, frozen, now, via),)

    def _set_aside(self, reason: str, detail: str, name: str = "") -> None:
        if self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), name or self.name, reason, detail))


def _query(ids: Sequence[str]) -> list[tuple[str, str]]:
    return [
        *(("ids[]", one) for one in ids),
        ("parsed", "true"), ("encoding", "hex"), ("ignore_invalid_price_ids", "true"),
    ]  # fmt: skip
