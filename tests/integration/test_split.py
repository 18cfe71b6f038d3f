"""A split, from the issuer's announcement to the share's first price on the new count, through the engine.

The multiplier takes over at 00:00 UTC, the share trades on the new count from 09:30 in New York: in between,
the token's price per share looks like a third of the share's. That is nobody's depeg, and nothing to trade.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import sin
from typing import Any

import pytest

from bot.collectors.issuer_xstocks_parse import action
from bot.collectors.issuer_xstocks_said import Said
from bot.engine import Engine
from bot.timefmt import NS, iso
from bot.timefmt import parse as at
from bot.types import Clock, Incident, Message, Plan, Tick
from tests.fixtures.engine import engine
from tests.fixtures.xstocks_server import corporate_action, multiplier

TUESDAY = at("2026-06-16T13:30:00Z")
SPLIT = at("2026-06-17T00:00:00Z")
OPEN = at("2026-06-17T13:30:00Z")
END = at("2026-06-17T20:00:00Z")
STEP = 60 * NS
PRICE = 900.0
VENUES = ("TSLAx@kraken", "TSLAx@bybit", "TSLAx@raydium:8aDaBQkT")


class World:
    """The share and its tokens around a split of three for one; the issuer's API at each moment."""

    def __init__(self) -> None:
        self.now = TUESDAY
        self.said = Said(lambda: self.now, per_share=True, reserves_max_age=NS)
        when = iso(SPLIT)
        row = corporate_action("TSLAx", "ForwardSplit", when, "1", "3", fromUnits="1", toUnits="3")
        self.actions = [action(row)]

    @property
    def count(self) -> float:
        """New shares per old share, where the share trades."""
        return 3.0 if self.now >= OPEN else 1.0

    @property
    def value(self) -> float:
        """Of one token: the split changes it by nothing."""
        return PRICE * (1 + 0.003 * sin((self.now - TUESDAY) / (3600 * NS)))

    def issuer(self) -> list[Tick]:
        """What the issuer's API gives now. "current" stays behind for an hour after the time has come."""
        late = self.now < SPLIT + 3600 * NS
        answer = multiplier(1.0 if late else 3.0, 3.0 if late else 0, when_or_none(late), "Split")
        out = self.said.multiplier("TSLAx", answer, self.actions)
        return out + self.said.quote("TSLAx", {"quote": round(self.value / self.count, 2)})

    def ticks(self) -> Iterator[Tick]:
        """Everything of one minute."""
        yield from self.issuer()
        price = self.value / self.count
        if TUESDAY <= self.now < at("2026-06-17T00:00:00Z") or self.now >= at("2026-06-17T08:00:00Z"):
            yield reference(self.now, "TSLA@yahoo", price)
        if self.now < at("2026-06-16T20:00:00Z") or self.now >= OPEN:
            yield reference(self.now, "TSLA@pyth", price)
        for name in VENUES:
            yield book(self.now, name, self.value)


def when_or_none(late: bool) -> Any:
    return iso(SPLIT) if late else 0


def reference(ts: int, name: str, price: float) -> Tick:
    return Tick(ts, name, "quote", bid=price * 0.9999, ask=price * 1.0001, received=ts)


def book(ts: int, name: str, price: float) -> Tick:
    """A quote with depth, so that it could be traded on."""
    bid, ask = price * 0.9995, price * 1.0005
    levels = {"bids": [[bid, 100.0]], "asks": [[ask, 100.0]]}
    return Tick(ts, name, "quote", bid=bid, ask=ask, data=json.dumps(levels), received=ts)


def run(target: Engine, world: World, until: int, extra: Any = lambda _: ()) -> list[Message]:
    """All messages from now on."""
    out: list[Message] = []
    while world.now < until:
        for tick in (*world.ticks(), *extra(world)):
            out += target.step(tick)
        out += target.step(Clock(world.now + STEP // 2))
        world.now += STEP
    return out


def alarms(messages: list[Message]) -> list[Message]:
    return [one for one in messages if isinstance(one, Incident) or (isinstance(one, Plan) and one.legs)]


def test_split_raises_no_alarm_and_no_order() -> None:
    target, world = engine(), World()
    assert alarms(run(target, world, END)) == []
    token = target.market.tokens["TSLAx"]
    assert (token.multiplier, token.changed) == (3.0, SPLIT)


def test_token_of_another_issuer_that_splits_at_the_open_is_left_alone() -> None:
    target, world = engine(), World()

    def others(world: World) -> list[Tick]:
        told = json.dumps({"multiplier": world.count})
        names = ("TSLAon@gate", "TSLAon@uniswap:0x12345678")
        return [
            Tick(world.now, "TSLAon@ondo", "multiplier", data=told),
            *(book(world.now, name, world.value) for name in names),
        ]

    assert alarms(run(target, world, END, others)) == []
    assert target.market.tokens["TSLAon"].multiplier == 3.0


def test_issuers_quote_waits_until_the_share_has_split_too() -> None:
    world = World()
    told: dict[bool, list[Tick]] = {False: [], True: []}
    while world.now < END:
        between = SPLIT <= world.now < OPEN
        told[between] += [tick for tick in world.issuer() if tick.kind == "quote"]
        world.now += STEP
    assert not told[True], "three times the old price of a share is no price of the token"
    assert all(abs(tick.price / PRICE - 1) < 0.01 for tick in told[False] if tick.price)
    assert told[False][-1].ts >= OPEN


def test_depeg_in_the_night_of_the_split_is_still_told() -> None:
    """What waits is the split's own step; a venue that leaves the others is out as ever."""
    target, world = engine(), World()
    begins = SPLIT + 2 * 3600 * NS

    def crash(world: World) -> list[Tick]:
        return [book(world.now, "TSLAx@gate", world.value * (0.7 if world.now >= begins else 1.0))]

    found = [one for one in run(target, world, OPEN, crash) if isinstance(one, Incident)]
    assert found
    assert {one.instrument for one in found} == {"TSLAx@gate"}
    assert found[0].opened >= begins


@pytest.mark.parametrize("cancelled", [False, True])
def test_announcement_that_is_withdrawn_changes_nothing(cancelled: bool) -> None:
    target, world = engine(), World()
    run(target, world, TUESDAY + 3600 * NS)
    if cancelled:
        row = corporate_action("TSLAx", "ForwardSplit", iso(SPLIT), "1", "3", version=2, status="Cancelled")
        world.actions.append(action(row))
        answer = multiplier(1.0)
        for tick in world.said.multiplier("TSLAx", answer, world.actions):
            target.step(tick)
    target.step(Clock(SPLIT + NS))
    target.step(book(SPLIT + NS, "TSLAx@kraken", PRICE))
    assert target.market.tokens["TSLAx"].multiplier == (1.0 if cancelled else 3.0)
