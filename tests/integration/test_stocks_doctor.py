"""``pegbot doctor`` on sources of share prices and option chains: what it sees, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("alpaca")
pytest.importorskip("ib_async")
pytest.importorskip("yfinance")

from bot.collectors import alpaca_client, ibkr_client, yahoo_client
from bot.config import parse
from bot.doctor import Finding, examine
from bot.timefmt import iso
from tests.fixtures.alpaca_server import KEY, SECRET, AlpacaServer
from tests.fixtures.engine import shipped_registry
from tests.fixtures.ibkr_server import Tws
from tests.fixtures.yahoo_server import YahooServer, contract

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=20)
CALL = f"TSLA{DAY:%y%m%d}C00400000"
KEYS = {"api_key": "env:ALPACA_KEY", "api_secret": "env:ALPACA_SECRET"}


@pytest.fixture(autouse=True, scope="module")
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Importing pandas and what stands on it may take long on a busy machine; ten seconds are for answers."""
    alpaca_client.load()
    yahoo_client.load(tmp_path_factory.mktemp("yfinance"))
    ibkr_client._load()


@pytest.fixture
async def alpaca(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[AlpacaServer]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPACA_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET", SECRET)
    async with AlpacaServer() as server:
        await server.set_quote("TSLA", 399.9, 400.1)
        quote = {"t": iso(int(datetime.now(UTC).timestamp()) * 10**9), "bp": 4.9, "bs": 1, "ap": 5.1, "as": 1}
        server.chains["TSLA"] = {CALL: {"latestQuote": quote}}
        yield server


async def findings(tmp_path: Path, **collectors: Any) -> dict[str, Finding]:
    sound = {"ledger": {"url": f"sqlite+aiosqlite:///{tmp_path}/var/pegbot.db"}, "web": {"port": 0}}
    config = parse({**sound, "collectors": collectors}, source="test.toml", base=tmp_path)
    return {one.source: one for one in await examine(config, shipped_registry())}


async def test_alpaca_that_answers_is_said_to(alpaca: AlpacaServer, tmp_path: Path) -> None:
    source = {"symbols": ["TSLA"], "stream_url": alpaca.stream_url, "data_url": alpaca.url, **KEYS}
    chains = {"symbols": ["TSLA"], "data_url": alpaca.url, "trading_url": alpaca.url, **KEYS}
    found = await findings(tmp_path, alpaca=[source], alpaca_options=[chains])
    assert found["alpaca socket"].what == "connected and subscribed to 1 symbols of iex"
    assert found["alpaca polling"].what.startswith("TSLA@alpaca 399.90 to 400.10 USD at ")
    assert found["alpaca_options"].what.startswith(f"{CALL}@alpaca 4.90 to 5.10 USD at ")
    assert all(one.ok for one in found.values())


async def test_alpaca_that_says_no_or_does_not_know_a_symbol_is_said_to(
    alpaca: AlpacaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"symbols": ["TSLA", "AMZN"], "stream_url": alpaca.stream_url, "data_url": alpaca.url, **KEYS}
    alpaca.subscribe_error = 405, "symbol limit exceeded"
    found = await findings(tmp_path, alpaca=[source])
    assert "30 symbols at most" in found["alpaca socket"].what
    assert found["alpaca polling"].what == "AMZN: Alpaca knows no price of it"
    monkeypatch.setenv("ALPACA_SECRET", "wrong-secret")
    found = await findings(tmp_path, alpaca=[source])
    for way in ("alpaca socket", "alpaca polling"):
        assert found[way].fix.startswith("It said no: check key and entitlement")
        assert "wrong-secret" not in found[way].what


async def test_tws_is_looked_at_beside_a_running_pegbot(tmp_path: Path) -> None:
    async with Tws() as tws:
        tws.taken.add(57)  # it is pegbot that uses it
        found = await findings(tmp_path, ibkr=[{"symbols": ["TSLA"], "port": tws.port}])
        assert found["ibkr"].ok
        assert found["ibkr"].what.startswith("TSLA@ibkr 399.90 to 400.10 USD at ")
        tws.refused["TSLA"] = 354, "Requested market data is not subscribed."
        found = await findings(tmp_path, ibkr=[{"symbols": ["TSLA"], "port": tws.port}])
        assert "Requested market data is not subscribed" in found["ibkr"].what
        await tws.stop()
        found = await findings(tmp_path, ibkr=[{"symbols": ["TSLA"], "port": tws.port}])
        assert "nobody listens" in found["ibkr"].what
        assert found["ibkr"].fix.startswith("Start TWS or the gateway")


async def test_yahoos_chains_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with YahooServer() as yahoo:
        yahoo.set_chain("TSLA", [contract(CALL, 400.0, int(DAY.timestamp()))], regularMarketPrice=400.0)
        source = {"symbols": ["TSLA"], "query_url": yahoo.query_url, "requests_per_second": 100}
        found = await findings(tmp_path, yahoo_options=[source])
        assert found["yahoo_options"].what.startswith(f"{CALL}@yahoo 4.90 to 5.10 USD at ")
        found = await findings(tmp_path, yahoo_options=[source | {"symbols": ["SPY"]}])
        assert "Yahoo lists no options on it" in found["yahoo_options"].what
