"""Corporate actions take effect at one time on each chain, at another on the share: no alarm, and no order.

The share goes ex at the open of New York; a token's multiplier grows at 00:00 UTC before it (xStocks), or at
the open too (Robinhood), on one chain like this and on another like that. The token's own price stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import exp, sin

import pytest

from bot.engine import Engine
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Clock, Incident, Message, Ns, Plan, Tick
from tests.fixtures.engine import engine

TUESDAY = at("2026-06-16T13:30:00Z")
MIDNIGHT = at("2026-06-17T00:00:00Z")
OPEN = at("2026-06-17T13:30:00Z")
END = at("2026-06-17T18:00:00Z")
STEP = 60 * NS
PRICE = 400.0
SOLANA = ("TSLAx@raydium:8aDaBQkT", "TSLAx@orca:9p7abUFv")
ETHEREUM = ("TSLAx@uniswap:0x8aDaBQkT",)
EXCHANGES = ("TSLAx@kraken", "TSLAx@bybit")


class World:
    """A share that is worth less by ``ratio`` from the open on; each multiplier more from its time."""

    def __init__(self, ratio: float, solana: Ns = MIDNIGHT, ethereum: Ns = MIDNIGHT, ahead: Ns = 0) -> None:
        self.now = TUESDAY
        self.ratio = ratio
        self.effective = {"solana": solana, "ethereum": ethereum}
        self.ahead = ahead
        """How long before its time a chain announces it; 0: it does not."""
        self.told: dict[str, str] = {}

    @property
    def token(self) -> float:
        return PRICE * exp(0.003 * sin((self.now - TUESDAY) / (3600 * NS)))

    @property
    def share(self) -> float:
        return self.token / (self.ratio if self.now >= OPEN else 1.0)

    def chains(self) -> Iterator[Tick]:
        for chain, due in self.effective.items():
            data: dict[str, float | int] = {"multiplier": self.ratio if self.now >= due else 1.0}
            if self.ahead and due - self.ahead <= self.now < due:
                data |= {"new_multiplier": self.ratio, "effective_ns": due}
            text = json.dumps(data)
            if self.told.get(chain) != text:
                self.told[chain] = text
                yield Tick(self.now, f"TSLAx@{chain}", "multiplier", data=text, received=self.now)

    def ticks(self) -> Iterator[Tick]:
        yield from self.chains()
        if self.now < MIDNIGHT or self.now >= at("2026-06-17T08:00:00Z"):
            bid, ask = self.share * 0.9999, self.share * 1.0001
            yield Tick(self.now, "TSLA@yahoo", "quote", bid=bid, ask=ask, received=self.now)
        for name in (*SOLANA, *ETHEREUM, *EXCHANGES):
            yield book(self.now, name, self.token)


def book(ts: Ns, name: str, price: float) -> Tick:
    """A quote with depth, so that it could be traded on."""
    bid, ask = price * 0.9995, price * 1.0005
    levels = {"bids": [[bid, 100.0]], "asks": [[ask, 100.0]]}
    return Tick(ts, name, "quote", bid=bid, ask=ask, data=json.dumps(levels), received=ts)


def run(target: Engine, world: World, until: Ns = END) -> list[Message]:
    out: list[Message] = []
    while world.now < until:
        for tick in world.ticks():
            out += target.step(tick)
        out += target.step(Clock(world.now + STEP // 2))
        world.now += STEP
    return out


def alarms(messages: list[Message]) -> list[Message]:
    return [one for one in messages if isinstance(one, Incident) or (isinstance(one, Plan) and one.legs)]


def multiplier(target: Engine, name: str) -> float:
    return target.market.instruments[name].multiplier


@pytest.mark.parametrize("dividend", [0.002, 0.008, 0.03])
@pytest.mark.parametrize("ahead", [0, 6 * 3600 * NS], ids=["unannounced", "announced"])
def test_a_dividend_that_the_token_reinvests_before_the_share_goes_ex_is_nobodys_depeg(
    dividend: float, ahead: Ns
) -> None:
    target, world = engine(), World(1 + dividend, ahead=ahead)
    assert alarms(run(target, world)) == []
    assert {multiplier(target, name) for name in (*SOLANA, *ETHEREUM, *EXCHANGES)} == {1 + dividend}
    assert target.market.forks == {}


@pytest.mark.parametrize("ahead", [0, 6 * 3600 * NS], ids=["unannounced", "announced"])
def test_a_split_on_one_chain_at_midnight_and_on_the_other_at_the_open_is_nobodys_depeg(ahead: Ns) -> None:
    target, world = engine(), World(3.0, solana=MIDNIGHT, ethereum=OPEN, ahead=ahead)
    out = run(target, world, MIDNIGHT + 2 * 3600 * NS)
    assert {multiplier(target, name) for name in SOLANA} == {3.0}
    assert {multiplier(target, name) for name in ETHEREUM} == {1.0}
    assert alarms(out + run(target, world)) == []
    assert {multiplier(target, name) for name in (*SOLANA, *ETHEREUM)} == {3.0}


def test_a_dividend_that_reaches_one_chain_hours_before_the_other_is_of_that_chain_alone() -> None:
    target, world = engine(), World(1.008, solana=MIDNIGHT, ethereum=OPEN)
    out = run(target, world, MIDNIGHT + 3600 * NS)
    assert multiplier(target, SOLANA[0]) == 1.008
    assert multiplier(target, ETHEREUM[0]) == 1.0
    assert alarms(out + run(target, world)) == []
    assert multiplier(target, ETHEREUM[0]) == 1.008
    assert target.market.forks == {}


def test_a_venue_seen_first_while_chains_differ_is_in_its_chains_count() -> None:
    target = engine()
    for chain, many in (("solana", 1.0), ("ethereum", 1.0), ("solana", 3.0)):
        target.step(Tick(TUESDAY, f"TSLAx@{chain}", "multiplier", data=json.dumps({"multiplier": many})))
    for name in (SOLANA[0], ETHEREUM[0], EXCHANGES[0]):
        target.step(book(TUESDAY, name, PRICE))
    assert [multiplier(target, name) for name in (SOLANA[0], ETHEREUM[0], EXCHANGES[0])] == [3.0, 1.0, 1.0]


def test_one_chain_alone_speaks_for_all_and_so_does_the_issuer() -> None:
    target = engine()
    target.step(Tick(TUESDAY, "TSLAx@solana", "multiplier", data=json.dumps({"multiplier": 1.01})))
    target.step(book(TUESDAY, EXCHANGES[0], PRICE))
    assert multiplier(target, EXCHANGES[0]) == 1.01
    target.step(Tick(TUESDAY, "TSLAx@xstocks", "multiplier", data=json.dumps({"multiplier": 1.02})))
    assert multiplier(target, EXCHANGES[0]) == 1.02


def test_a_halt_of_the_issuer_is_of_the_token_on_every_chain() -> None:
    target = engine()
    for chain, many in (("solana", 1.0), ("ethereum", 1.0), ("solana", 3.0)):
        target.step(Tick(TUESDAY, f"TSLAx@{chain}", "multiplier", data=json.dumps({"multiplier": many})))
    for name in (SOLANA[0], ETHEREUM[0]):
        target.step(book(TUESDAY, name, PRICE))
    data = json.dumps({"state": "halted", "reason": "corporate action"})
    target.step(Tick(TUESDAY, "TSLAx@xstocks", "status", data=data))
    states = [target.market.instruments[name].token_state for name in (SOLANA[0], ETHEREUM[0])]
    assert states[0] is not states[1]
    assert all(state.channel_halted for state in states)


def test_chains_that_differ_still_do_after_a_restart() -> None:
    first, again = engine(), engine()
    for chain, many in (("solana", 1.0), ("ethereum", 1.0), ("solana", 3.0)):
        first.step(Tick(TUESDAY, f"TSLAx@{chain}", "multiplier", data=json.dumps({"multiplier": many})))
    for name in (SOLANA[0], ETHEREUM[0]):
        first.step(book(TUESDAY, name, PRICE))
    again.restore(first.snapshot())
    assert [multiplier(again, name) for name in (SOLANA[0], ETHEREUM[0])] == [3.0, 1.0]
    assert again.snapshot() == first.snapshot()


@pytest.mark.parametrize("wrong", [3.0, 1.02])
def test_a_chain_that_takes_its_word_back_is_with_the_others_again(wrong: float) -> None:
    """A node that answers nonsense for ten minutes, in regular hours: nobody's depeg either."""
    target, world = engine(), World(1.0)
    begins = TUESDAY + 3600 * NS

    def told(at_once: float) -> None:
        data = json.dumps({"multiplier": at_once})
        target.step(Tick(world.now, "TSLAx@solana", "multiplier", data=data, received=world.now))

    out = run(target, world, begins)
    told(wrong)
    if wrong > 2:  # a lesser step is taken for what it is: a price that is off by it
        out += run(target, world, begins + 600 * NS)
        assert {multiplier(target, name) for name in SOLANA} == {wrong}
    told(1.0)
    assert target.market.forks == {}
    out += run(target, world, MIDNIGHT)
    assert {multiplier(target, name) for name in (*SOLANA, *ETHEREUM, *EXCHANGES)} == {1.0}
    assert alarms(out) == []
