"""Every source through a few faults, seconds each: no wrong price is shown, it is noticed, and it comes back.

The whole table is the bench's: ``python -m benchmarks.faults``, docs/faults.md.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ccxt")
pytest.importorskip("web3")
pytest.importorskip("alpaca")
pytest.importorskip("ib_async")
pytest.importorskip("yfinance")
pytest.importorskip("solders.pubkey")

from tests.fixtures.fault_proxy import FAULTS, FaultProxy
from tests.fixtures.fault_rig import Rig
from tests.fixtures.fault_rigs import HTTP
from tests.fixtures.fault_rigs_chain import CHAINS
from tests.fixtures.fault_rigs_exchange import EXCHANGES
from tests.fixtures.fault_rigs_stocks import STOCKS
from tests.fixtures.fault_trial import BAD_CERTIFICATE, QUIET, Outcome, Trial

RIGS = {rig.name: rig for rig in (*EXCHANGES, *HTTP, *STOCKS, *CHAINS)}
FEW = {
    "kraken": ("half-open", "slow loris", "out of order"),
    "bybit": ("reset", "duplicate"),
    "gate": ("closed on subscribe", "out of order"),
    "bitget": ("500", "malformed"),
    "binance": ("refused", "out of order"),
    "krakenfutures": ("reset", "malformed"),
    "hyperliquid": ("truncated", "429 Retry-After"),
    "pyth stream": ("reset", "malformed"),
    "pyth poll": ("500", "out of order"),
    "xstocks": ("truncated", "malformed"),
    "ondo": ("refused", "429 Retry-After"),
    "mystonks": ("reset", "malformed"),
    "yahoo socket": ("truncated", "malformed", "duplicate"),
    "yahoo polling": ("reset", "500"),
    "alpaca socket": ("truncated", "malformed"),
    "alpaca polling": ("500",),
    "ibkr": ("half-open", "truncated"),
    "alpaca options": ("reset",),
    "yahoo options": ("malformed",),
    "solana": ("half-open", "truncated", "closed on subscribe"),
    "jupiter": ("500", "malformed"),
    "evm": ("reset", "malformed"),
    "chainlink": ("closed on subscribe",),
    "robinhood": ("truncated",),
}
"""What each way of being wired is most easily broken by; all of :data:`FAULTS` are among them."""
MOST = 0.9
"""Of a core, on average: whoever waits in a loop without a pause takes a whole one."""
MIB = 20.0

pytestmark = pytest.mark.timeout(180)


def judged(outcome: Outcome) -> None:
    """What has to hold of every source under every fault."""
    assert outcome.wrong == 0, outcome
    assert outcome.back is not None, outcome
    assert outcome.noticed is not None or outcome.fault in QUIET, outcome
    assert outcome.processor < MOST, outcome
    assert outcome.memory < MIB * 1024, outcome


async def trial(rig: type[Rig], fault: str, hold: float = 0.5) -> Outcome:
    made = Trial(rig(), fault, hold=hold, before=0.2, patience=60.0)
    return await made.run()


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name, some in FEW.items() for fault in some])
async def test_a_source_shows_no_wrong_price_says_that_it_is_lost_and_comes_back(
    name: str, fault: str
) -> None:
    judged(await trial(RIGS[name], fault))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", RIGS)
async def test_all_of_them(name: str, fault: str) -> None:
    judged(await trial(RIGS[name], fault, hold=2.0))


def test_every_fault_is_among_the_few() -> None:
    assert {fault for some in FEW.values() for fault in some} == set(FAULTS) - {"429"}, "which takes a minute"
    assert FEW.keys() == RIGS.keys()


@pytest.mark.parametrize("name", ["kraken", "pyth poll", "yahoo socket", "evm"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(name: str) -> None:
    outcome = await trial(RIGS[name], BAD_CERTIFICATE)
    assert "certificate" in outcome.showed.lower().replace("_", " ")
    assert outcome.wrong == 0


async def test_the_proxy_lets_everything_through_when_nothing_is_broken() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"GET /x HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nGET /x HTTP/1.1\r\n\r\n")
        writer.close()
