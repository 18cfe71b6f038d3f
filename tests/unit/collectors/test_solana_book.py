"""What is kept of accounts, slot by slot, whatever the order in which notifications and readings come."""

from __future__ import annotations

import json
import random
import struct

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from bot.collectors.solana import websocket_url
from bot.collectors.solana_book import Book
from bot.collectors.solana_session import packed
from bot.config import SolanaSource
from bot.errors import ConfigError
from bot.pools.layouts import by_amm
from bot.pools.layouts.base import CLOCK, Account
from bot.pools.layouts.token import SYSVAR
from bot.timefmt import NS
from tests.fixtures.solana_pools import Cpmm, xstock

NOW = 1_800_000_000
A, B = Cpmm("TSLAx", 10**12, 3 * 10**12), Cpmm("SPYx", 10**12, 6 * 10**12)


def clock(slot: int, unix: int = NOW) -> Account:
    return Account(SYSVAR, struct.pack("<QqQQq", slot, 0, 700, 701, unix))


def read_book(slot: int = 100) -> Book:
    """Both pools read at one slot."""
    layout = by_amm()["raydium_cpmm"]
    book = Book({pool.instrument: (pool.entry(), layout) for pool in (A, B)})
    book.read(slot, A.accounts() | B.accounts() | {CLOCK: clock(slot)})
    for name in book.pools:
        book.wants(name)
    return book


def vault(pool: Cpmm, amount: int) -> Account:
    return pool.reserves(amount, 1)[pool.vaults[0]]


def test_notification_of_what_was_read_already_is_no_news() -> None:
    book = read_book(100)
    assert not book.take(100, A.vaults[0], vault(A, 1))
    assert book.take(101, A.vaults[0], vault(A, 2))
    assert book.changed == {A.instrument}
    assert not book.torn


def test_reading_does_not_undo_a_later_notification() -> None:
    book = read_book(100)
    book.take(105, A.vaults[0], vault(A, 2))
    book.read(103, {A.vaults[0]: vault(A, 1)})
    assert book.accounts[A.vaults[0]] == vault(A, 2)


def test_notification_from_before_the_present_slot_tears_its_pool_only() -> None:
    book = read_book(100)
    book.take(102, B.vaults[0], vault(B, 1))
    book.take(101, A.vaults[0], vault(A, 1))
    assert book.torn == {A.instrument}


def test_shared_account_changes_every_pool_that_needs_it() -> None:
    book = read_book()
    book.take(101, A.config, A.fees(9000))
    assert book.changed == {A.instrument, B.instrument}
    book.take(101, CLOCK, clock(101))
    assert book.slots[CLOCK] == 101


def test_reading_tells_what_no_notification_had() -> None:
    book = read_book(100)
    assert book.read(101, A.accounts() | {CLOCK: clock(101)}) == frozenset()
    assert book.read(102, A.accounts() | {A.vaults[0]: vault(A, 7)}) == {A.vaults[0]}


def test_account_nobody_needs_is_let_go() -> None:
    book = read_book()
    other = Cpmm("TSLAx", 1, 1, tag="other")
    data = bytearray(A.pool().data)
    data[72:136] = other.pool().data[72:136]
    book.take(101, A.address, Account(A.pool().owner, bytes(data)))
    assert set(other.vaults) <= book.wants(A.instrument)
    assert set(book.unused()) == set(A.vaults)
    assert A.vaults[0] not in book.accounts


def test_fault_is_told_once_and_again_after_a_lost_connection() -> None:
    book = read_book()
    received = (NOW + 1) * NS
    book.take(101, A.address, None)
    book.wants(A.instrument)
    _, tick = book.show(A.instrument, received)
    assert json.loads(tick.data or "")["state"] == "down"
    assert book.show(A.instrument, received) == []
    book.restart()
    book.read(200, A.accounts() | {A.address: None, CLOCK: clock(200)})
    book.wants(A.instrument)
    assert len(book.show(A.instrument, received)) == 1
    book.take(201, A.address, A.pool())
    book.wants(A.instrument)
    assert [one.kind for one in book.show(A.instrument, received)] == ["status", "pool"]


def test_multiplier_is_told_even_of_a_token_that_is_paused() -> None:
    book = read_book()
    book.take(101, A.token, xstock(multiplier=(1.5, 3.0, NOW - 1), paused=True))
    kinds = [(one.kind, one.instrument, one.data) for one in book.show(A.instrument, (NOW + 1) * NS)]
    assert kinds[0] == ("multiplier", "TSLAx@solana", '{"multiplier":3.0}')
    assert [kind for kind, _, _ in kinds] == ["multiplier", "status"]


def test_times_never_run_backwards_nor_ahead_of_us() -> None:
    book = read_book()
    times = []
    for slot, unix, received in ((101, NOW, NOW + 1), (102, NOW + 5, NOW + 2), (103, NOW + 1, NOW + 3)):
        book.take(slot, CLOCK, clock(slot, unix))
        times.append(book.show(A.instrument, received * NS)[-1].ts)
    assert times == [NOW * NS, (NOW + 2) * NS, (NOW + 2) * NS]


def test_kept_is_the_chain_whatever_the_order() -> None:
    """Random changes, told in random order within their slot, readings in between: at each slot's end the
    same as the chain."""
    rng = random.Random(11)
    for _ in range(20):
        book = read_book(100)
        chain: dict[str, Account | None] = {**A.accounts(), **B.accounts()}
        every = [*A.vaults, *B.vaults]
        for slot in range(101, 160):
            told = []
            for one in rng.sample(every, rng.randrange(5)):
                chain[one] = vault(A, rng.randrange(2**40))
                told.append(one)
            told.append(CLOCK)
            chain[CLOCK] = clock(slot)
            rng.shuffle(told)
            cut = rng.randrange(len(told) + 1)
            for one in told[:cut]:
                book.take(slot, one, chain[one])
            if rng.random() < 0.3:
                book.read(slot, {one: chain[one] for one in rng.sample(every, 2)})
            for one in told[cut:]:
                book.take(slot, one, chain[one])
            assert {one: book.accounts[one] for one in chain} == chain
            assert not book.torn


def test_each_pool_is_in_one_call_and_the_clock_in_all() -> None:
    rng = random.Random(2)
    for _ in range(200):
        wants = {
            str(n): frozenset(f"{rng.randrange(300)}" for _ in range(rng.randrange(1, 98))) | {CLOCK}
            for n in range(9)
        }
        calls = packed(wants)
        assert all(len(call) <= 100 and CLOCK in call for call in calls)
        assert all(any(wanted <= set(call) for call in calls) for wanted in wants.values())
    assert packed({}) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://node.example/?api-key=k", "wss://node.example/?api-key=k"),
        ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
        ("https://user:word@node.example:8443/path", "wss://user:word@node.example:8444/path"),
    ],
)
def test_where_subscriptions_are(url: str, expected: str) -> None:
    assert websocket_url(SolanaSource(urls=[url], pools=["x"]), 0) == expected
    own = SolanaSource(urls=[url], websocket_urls=["wss://other.example"], pools=["x"])
    assert websocket_url(own, 0) == "wss://other.example"


def test_socket_urls_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="one for each of urls"):
        SolanaSource(urls=["https://a", "https://b"], websocket_urls=["wss://a"], pools=["x"])


def test_missing_key_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="PEGBOT_NOT_SET"):
        websocket_url(SolanaSource(urls=["env:PEGBOT_NOT_SET"], pools=["x"]), 0)


def test_what_is_no_url_is_a_mistake_that_does_not_show_it() -> None:
    with pytest.raises(ConfigError, match="number 1 is no URL") as caught:
        websocket_url(SolanaSource(urls=["http://node:hush/"], pools=["x"]), 0)
    assert "hush" not in str(caught.value)
