"""The queue to the engine: bounded, first in first out, and honest about what it let go."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.collectors.queue import LOOSE, TickQueue
from bot.types import TICK_KINDS, Tick


def tick(ts: int, kind: str = "quote", instrument: str = "TSLAx@kraken") -> Tick:
    return Tick(ts, instrument, kind, price=1.0)  # type: ignore[arg-type]  # kinds come from TICK_KINDS


async def drain(queue: TickQueue) -> list[int]:
    return [one.ts for _, one in await queue.get_batch(10_000)]


async def test_ticks_come_out_in_the_order_they_went_in_with_their_source() -> None:
    queue = TickQueue(8)
    for number, kind in enumerate(TICK_KINDS):
        assert queue.offer(f"source {number % 2}", tick(number, kind))
    batch = await queue.get_batch(4)
    assert [(source, one.ts) for source, one in batch] == [(f"source {n % 2}", n) for n in range(4)]
    assert await drain(queue) == [4, 5]
    assert queue.depth == queue.dropped_total == 0


async def test_a_full_queue_lets_the_oldest_quote_of_the_same_instrument_go_first() -> None:
    queue = TickQueue(3)
    queue.offer("s", tick(1, instrument="AMZNx@raydium"))
    queue.offer("s", tick(2))
    queue.offer("s", tick(3))
    queue.offer("s", tick(4))
    assert await drain(queue) == [1, 3, 4]
    assert queue.dropped == {"same_instrument": 1, "oldest": 0, "no_room": 0}


async def test_without_one_of_its_own_the_oldest_quote_goes() -> None:
    queue = TickQueue(3)
    queue.offer("s", tick(1, "pool", "AMZNx@uniswap"))
    queue.offer("s", tick(2, instrument="AMZNx@raydium"))
    queue.offer("s", tick(3))
    queue.offer("s", tick(4, "trade", "SPYx@orca"))
    assert await drain(queue) == [1, 3, 4]
    assert queue.dropped == {"same_instrument": 0, "oldest": 1, "no_room": 0}


async def test_a_pool_tick_pushes_out_a_quote_and_never_another_pool_tick() -> None:
    queue = TickQueue(2)
    queue.offer("s", tick(1, "pool"))
    queue.offer("s", tick(2))
    assert queue.offer("s", tick(3, "pool"))
    assert not queue.offer("s", tick(4, "pool")), "nothing may go, so it has to wait"
    assert queue.offer("s", tick(5)), "a quote that finds no room is let go itself"
    assert await drain(queue) == [1, 3]
    assert queue.dropped == {"same_instrument": 0, "oldest": 1, "no_room": 1}


async def test_what_must_not_be_lost_waits_until_the_engine_has_taken_something() -> None:
    queue = TickQueue(1)
    await queue.put("s", tick(1, "multiplier"))
    waiting = asyncio.create_task(queue.put("s", tick(2, "status")))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await drain(queue) == [1]
    await asyncio.wait_for(waiting, 5)
    assert await drain(queue) == [2]


async def test_a_tape_waits_and_loses_nothing() -> None:
    queue = TickQueue(4)
    got: list[int] = []

    async def produce(first: int) -> None:
        for ts in range(first, 1000, 2):
            await queue.put_wait("tape", tick(ts))

    async def consume() -> None:
        while len(got) < 1000:
            got.extend(await drain(queue))

    await asyncio.wait_for(asyncio.gather(produce(0), produce(1), consume()), 10)
    assert sorted(got) == list(range(1000))
    assert queue.dropped_total == 0


async def test_a_consumer_that_gives_up_waiting_loses_nothing() -> None:
    queue = TickQueue(4)
    waiting = asyncio.create_task(queue.get_batch(4))
    await asyncio.sleep(0)
    queue.offer("s", tick(1))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await drain(queue) == [1]


async def test_it_has_one_consumer() -> None:
    queue = TickQueue(4)
    first = asyncio.create_task(queue.get_batch(4))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one consumer"):
        await queue.get_batch(4)
    queue.offer("s", tick(1))
    assert len(await first) == 1


def test_it_must_hold_something() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        TickQueue(0)


@settings(max_examples=200)
@given(
    st.integers(1, 6),
    st.lists(st.one_of(st.tuples(st.sampled_from(TICK_KINDS), st.sampled_from("abc")), st.integers(1, 4))),
)
async def test_whatever_comes_it_stays_bounded_ordered_and_accounts_for_every_tick(
    size: int, steps: list[tuple[str, str] | int]
) -> None:
    queue = TickQueue(size)
    offered = refused = 0
    taken: list[Tick] = []
    kept_strict: list[int] = []
    for step in steps:
        if isinstance(step, int):
            if queue.depth:
                taken += [one for _, one in await queue.get_batch(step)]
            continue
        kind, instrument = step
        offered += 1
        if not queue.offer("s", tick(offered, kind, instrument)):
            refused += 1
            assert kind not in LOOSE
        elif kind not in LOOSE:
            kept_strict.append(offered)
        assert queue.depth <= size
    if queue.depth:
        taken += [one for _, one in await queue.get_batch(1000)]
    assert [one.ts for one in taken] == sorted({one.ts for one in taken})
    assert [one.ts for one in taken if one.kind not in LOOSE] == kept_strict
    assert len(taken) + queue.dropped_total + refused == offered
    assert not queue._by_instrument, "nothing is kept of what has gone"
    assert not queue._loose
