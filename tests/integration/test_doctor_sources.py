"""``pegbot doctor`` on the sources that no other test of it reaches, each a server on loopback."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ccxt")

from bot.config import parse
from bot.doctor import examine
from bot.findings import Finding
from tests.fixtures.engine import shipped_registry
from tests.fixtures.exchange_server import serving as exchange_serving
from tests.fixtures.jupiter_server import Jupiter
from tests.fixtures.jupiter_server import serving as jupiter_serving
from tests.fixtures.kraken_server import KrakenServer
from tests.fixtures.mystonks_server import MyStonks


async def found(tmp_path: Path, **collectors: Any) -> dict[str, Finding]:
    """What is said, by name of the source."""
    ledger = {"url": f"sqlite+aiosqlite:///{tmp_path}/pegbot.db"}
    sections = {"collectors": collectors, "ledger": ledger, "web": {"port": 0}}
    config = parse(sections, source="test", base=tmp_path)
    return {one.source: one for one in await examine(config, shipped_registry())}


async def test_an_exchange_tells_a_quote_and_its_servers_the_time(tmp_path: Path) -> None:
    async with exchange_serving(KrakenServer()) as server:
        source = {"exchange": "kraken", "markets": {"AAPLx": "AAPLx/USD", "TSLAx": "TSLAx/USD"},
                  "rest_url": server.rest_url, "websocket_url": server.websocket_url,
                  "requests_per_second": 1000}  # fmt: skip
        told = await found(tmp_path, exchange=[{"name": "kraken", **source}])
        assert told["kraken"].ok, told
        assert "markets quoted" in told["kraken"].what
        assert told["clock"] == Finding("clock", True, "within 2 s of that of 127.0.0.1")
        source["markets"] = {"AAPLx": "AAPLx/USD", "NVDAx": "NVDAx/USD"}
        told = await found(tmp_path, exchange=[{"name": "kraken", **source}])
        assert not told["kraken"].ok
        assert "NVDAx/USD is not listed" in told["kraken"].what
        assert told["kraken"].fix.startswith("Correct these markets")


async def test_jupiter_tells_what_a_size_would_get(tmp_path: Path) -> None:
    async with jupiter_serving(Jupiter()) as server:
        source = {"name": "jupiter", "tokens": ["TSLAx"], "url": server.url}
        told = (await found(tmp_path, jupiter=[source]))["jupiter"]
        assert told.ok, told
        assert told.what.startswith("TSLAx@jupiter ")
        server.no_route = True
        told = (await found(tmp_path, jupiter=[source]))["jupiter"]
        assert not told.ok
        assert "Take the token out of tokens" in told.fix


@pytest.mark.parametrize(
    ("status", "headers", "what", "fix"),
    [
        (429, {"Retry-After": "7200"}, "Jupiter wants no request for 2 h", "ask less often"),
        (401, {}, "Jupiter refuses the request (HTTP 401): check api_key", "check key and entitlement"),
    ],
)
async def test_jupiter_that_says_no(
    tmp_path: Path, status: int, headers: dict[str, str], what: str, fix: str
) -> None:
    async with jupiter_serving(Jupiter()) as server:
        server.answers = [(status, headers, "{}")] * 3
        source = {"name": "jupiter", "tokens": ["TSLAx"], "url": server.url}
        told = (await found(tmp_path, jupiter=[source]))["jupiter"]
    assert (told.ok, told.what) == (False, what)
    assert fix in told.fix


async def test_a_key_that_is_named_and_not_set_is_said_to_be(tmp_path: Path) -> None:
    async with jupiter_serving(Jupiter()) as server:
        source = {"name": "jupiter", "tokens": ["TSLAx"], "url": server.url, "api_key": "env:PEGBOT_NO_KEY"}
        told = (await found(tmp_path, jupiter=[source]))["jupiter"]
    assert told.what == "environment variable PEGBOT_NO_KEY is not set"
    assert "export NAME=value" in told.fix


async def test_candles_of_mystonks_are_told_or_why_not(tmp_path: Path) -> None:
    async with MyStonks() as server:
        begin = int(time.time()) - 90
        server.data = [{"t": begin, "o": "410", "h": "412", "l": "409", "c": "411", "v": "5"}]
        source = {"url": server.url, "symbols": {"TSLA.M": "TSLA"}}
        told = (await found(tmp_path, mystonks=[{"name": "mystonks", **source}]))["mystonks"]
        assert told.ok, told
        assert told.what.startswith("1 instruments told of")
        server.fault = "http-502"
        told = (await found(tmp_path, mystonks=[{"name": "mystonks", **source}]))["mystonks"]
        assert not told.ok
        assert "HTTP 502" in told.what
