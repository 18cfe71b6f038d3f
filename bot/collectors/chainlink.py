"""Chainlink's push feeds on one EVM chain: read at its blocks, told when they answer anew.

A tick is valid at its round's ``updatedAt``: an answer that stands is not told again as if it were fresh. One
of a share is a reference (``AAPL@chainlink``); one of a token is an instrument of its own
(``TSLAon@chainlink``) and holds the token's multiplier already.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import msgspec

from bot.collectors.base import OnBad
from bot.collectors.chainlink_feed import Round, fault, read_round
from bot.collectors.evm_asked import Asked
from bot.collectors.evm_chain import Header, Reads
from bot.collectors.told import Told
from bot.config import ChainlinkSource
from bot.errors import PoolError
from bot.registry.model import Feed, Registry
from bot.timefmt import NS
from bot.types import Ns, Quarantined, Session, Tick


class ChainlinkCollector:
    """One source of oracle prices; see :class:`bot.collectors.base.Collector`.

    ``session`` says when the US market is open: a feed that speaks in some sessions only is ``closed`` in
    others, not ``down``. A feed whose token is paused is ``halted``.
    """

    def __init__(
        self,
        source: ChainlinkSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        session: Callable[[Ns], Session] | None = None,
        on_bad: OnBad | None = None,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(source.feeds)
        self.detail = ""
        self._source = source
        self._feeds = {name: registry.feeds[name] for name in source.feeds}
        self._tokens = {name: _token(feed, registry) for name, feed in self._feeds.items()}
        self._clock, self._session, self._on_bad = clock, session, on_bad
        self._told = Told(clock)
        self._rounds: dict[str, tuple[int, int]] = {}
        chain = registry.chains.get(next(iter(self._feeds.values())).chain)
        self._asked = Asked(
            f"collectors.chainlink[{source.name}]", source.urls, source.chain_id, self._questions,
            multicall="" if chain is None else chain.multicall, every_seconds=source.every_seconds,
            silence_seconds=source.silence_seconds, per_second=source.requests_per_second, clock=clock,
        )  # fmt: skip

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """A quote for each new answer, a status for each change. Raises :class:`SourceError`."""
        self._told.forget()
        async with aclosing(self._asked.readings()) as readings:
            async for head, answers in readings:
                for name, answer in answers.items():
                    for tick in self._feed(name, answer, head):
                        yield tick
                self.detail = f"block {head.number}"

    def _questions(self, _head: Header) -> Mapping[str, Reads[Round]]:
        return {name: read_round(feed, self._tokens[name]) for name, feed in self._feeds.items()}

    def _feed(self, name: str, answer: Round | PoolError, head: Header) -> list[Tick]:
        if isinstance(answer, PoolError):
            return self._told.status(name, "down", answer.detail)
        session = self._session(head.timestamp * NS) if self._session is not None else "regular"
        state, why = fault(answer, self._feeds[name], head.timestamp, self._source.late_seconds, session)
        out = self._told.status(name, state, why)
        if state == "down" and out and self._on_bad is not None:
            self._on_bad(Quarantined(self._clock(), name, "bad_round", why))
        last = self._rounds.get(name)
        if state == "up" and (last is None or (answer.updated, answer.id) > last):
            self._rounds[name] = answer.updated, answer.id
            data = {"round": str(answer.id), "decimals": answer.decimals, "description": answer.description}
            text = msgspec.json.encode(data).decode()
            now = self._clock()
            out.append(Tick(answer.updated * NS, name, "quote", price=answer.price, data=text, received=now))
        return out


def _token(feed: Feed, registry: Registry) -> str:
    """Where the token that a feed prices lies on the feed's chain; empty if it prices none."""
    token = registry.tokens.get(feed.instrument.partition("@")[0])
    chain = registry.chains.get(feed.chain)
    if token is None or chain is None:
        return ""
    return token.addresses.get(chain.name, token.addresses.get(chain.kind, ""))
