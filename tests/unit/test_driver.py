"""Engine and paper broker together: what time it is for the broker, and how both begin again."""

from __future__ import annotations

import msgspec
import pytest

from bot.config import Config
from bot.driver import Driver
from bot.timefmt import NS
from bot.types import Clock, Command, Fill, Message, Quarantined, Tick
from tests.unit.execution import desk
from tests.unit.execution.desk import BOOK, ISSUER, POOL, T
from tests.unit.execution.hedged import PERP, HedgedDesk, leg

YEAR = 365 * 86_400 * NS


def driven(paper: HedgedDesk) -> Driver:
    """A driver whose broker has traded on the desk's own market until ``T``."""
    driver = Driver(Config(), paper.registry)
    driver.engine.step(Clock(T))
    driver.broker = paper.broker
    return driver


def minting(seconds: float) -> Driver:
    paper = HedgedDesk()
    paper.execute(desk.leg("mint", ISSUER, 10.0, 221.0, limit_price=1e9, delay_seconds=seconds))
    return driven(paper)


def quote(ts: int, received: int = 0, bid: float = 220.0) -> Tick:
    return Tick(ts, BOOK, "quote", bid=bid, ask=221.0, received=received)


def fills(messages: list[Message]) -> list[str]:
    return [one.status for one in messages if isinstance(one, Fill)]


def test_a_refused_tick_a_year_ahead_pays_no_funding() -> None:
    paper = HedgedDesk()
    paper.perp(219.9, 220.1, rate=1e-5)
    paper.execute(leg("hedge", PERP, "sell", 10, 220, margin=5000))
    driver = driven(paper)
    due = paper.broker.next_due
    (told,) = driver.feed(quote(T + YEAR, received=T))
    assert isinstance(told, Quarantined)
    assert told.reason == "time_ahead"
    assert paper.broker.next_due == due


@pytest.mark.parametrize(
    "bad",
    [quote(T + YEAR, received=T), quote(1 << 62), quote(T + 400 * NS, bid=230.0)],
    ids=["time ahead", "no time", "crossed"],
)
def test_a_refused_tick_settles_nothing(bad: Tick) -> None:
    (told,) = minting(300.0).feed(bad)
    assert isinstance(told, Quarantined)


def test_a_stamp_ahead_of_the_clock_settles_what_is_due_by_the_clock_and_no_more() -> None:
    assert fills(minting(300.0).feed(quote(T + 600 * NS, received=T))) == []
    assert fills(minting(300.0).feed(quote(T + 600 * NS, received=T + 300 * NS))) == ["settled"]


def test_a_command_brings_no_time_with_it() -> None:
    driver = minting(300.0)
    assert driver.feed(Command(T + YEAR, "kill", "drill")) == []
    assert fills(driver.feed(Clock(T + 300 * NS))) == ["settled"]


def test_what_is_due_settles_before_what_follows_from_the_tick() -> None:
    first, *after = minting(300.0).feed(Tick(T + 300 * NS, POOL, "quote", bid=220.0, ask=221.0))
    assert isinstance(first, Fill)
    assert after


def test_a_broken_memory_of_the_broker_starts_both_anew() -> None:
    driver = minting(300.0)
    driver.feed(quote(T + NS))
    parts = msgspec.json.decode(driver.snapshot())
    memories: list[object] = [{**parts["broker"], "transit": 7}, {"runs": []}, None]
    for broken in memories:
        fresh = Driver(Config(), HedgedDesk().registry)
        assert not fresh.restore(msgspec.json.encode({**parts, "broker": broken}))
        assert fresh.now == 0
        assert fresh.broker is not None
        assert fresh.broker.next_due is None
        assert fresh.feed(quote(T + NS))
