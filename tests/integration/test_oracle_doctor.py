"""``pegbot doctor`` on oracles and issuers: what is there, what is not, and what to do about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.collectors.http_json import Http
from bot.config import Config, parse
from bot.doctor import Finding, examine
from bot.errors import SourceError
from bot.registry.model import Feed, Issuer, Registry, Token, Underlying, Venue
from tests.fixtures.ondo_server import Ondo
from tests.fixtures.pyth_server import AAPL, TSLA, USDC, Hermes
from tests.fixtures.xstocks_server import XStocks

FEEDS = {
    "AAPL@pyth": Feed("AAPL@pyth", AAPL, "Equity.US.AAPL/USD"),
    "TSLA@pyth": Feed("TSLA@pyth", "", "Equity.US.TSLA/USD"),
    "USDC@pyth": Feed("USDC@pyth", USDC, "Crypto.USDC/USD"),
}
REGISTRY = Registry(
    issuers={"xstocks": Issuer("xstocks", "xStocks"), "ondo": Issuer("ondo", "Ondo")},
    underlyings={one: Underlying(one) for one in ("AAPL", "TSLA", "USDC")},
    tokens={
        "TSLAx": Token("TSLAx", "TSLA", "xstocks", addresses={"solana": "XsTSLAx", "evm": "0xab"}),
        "TSLAon": Token("TSLAon", "TSLA", "ondo"),
    },
    venues={"pyth": Venue("pyth", "oracle", reference=True)},
    feeds=FEEDS,
)


async def found(tmp_path: Path, registry: Registry = REGISTRY, **collectors: Any) -> Finding:
    """What is said of the one source configured."""
    monkey = {"url": f"sqlite+aiosqlite:///{tmp_path}/pegbot.db"}
    config: Config = parse(
        {"collectors": collectors, "ledger": monkey, "web": {"port": 0}}, source="test", base=tmp_path
    )
    return (await examine(config, registry))[0]


async def test_pyth_tells_a_price_its_age_and_how_many_feeds(tmp_path: Path) -> None:
    async with Hermes() as hermes:
        for feed in (AAPL, TSLA, USDC):
            await hermes.set_price(feed, 223.5)
        source = {"url": hermes.url, "feeds": list(FEEDS), "requests_per_second": 1000.0}
        finding = await found(tmp_path, pyth=[source])
        assert finding.ok, finding
        assert finding.what.startswith("AAPL@pyth 223.50 USD, ")
        assert finding.what.endswith("; 3 feeds")


async def test_pyth_feed_of_another_symbol_or_without_entitlement_is_a_fault(tmp_path: Path) -> None:
    async with Hermes() as hermes:
        await hermes.set_price(AAPL, 223.5)
        source = {"url": hermes.url, "feeds": ["AAPL@pyth"], "requests_per_second": 1000.0}
        wrong = replace(REGISTRY, feeds={"AAPL@pyth": Feed("AAPL@pyth", AAPL, "Equity.US.TSLA/USD")})
        finding = await found(tmp_path, wrong, pyth=[source])
        assert not finding.ok
        assert finding.what == f"AAPL@pyth: Hermes lists Equity.US.TSLA/USD as {TSLA}, not {AAPL}"
        hermes.forbidden = {AAPL}
        finding = await found(tmp_path, pyth=[source])
        assert not finding.ok
        assert "HTTP 403): check the key" in finding.what


async def test_xstocks_tokens_lie_where_the_registry_has_them(tmp_path: Path) -> None:
    async with XStocks("TSLAx") as server:
        source = {"url": server.url, "tokens": ["TSLAx"]}
        finding = await found(tmp_path, xstocks=[source])
        assert (finding.ok, finding.what) == (True, "1 tokens, at the registry's addresses")
        server.assets["TSLAx"]["deployments"] += [{"network": "Ethereum", "address": "0xAC"}]
        finding = await found(tmp_path, xstocks=[source])
        assert not finding.ok
        assert finding.what == "TSLAx is at 0xAC on Ethereum, in the registry at 0xab"
        server.assets.clear()
        finding = await found(tmp_path, xstocks=[source])
        assert finding.what == "the issuer has no TSLAx"


async def test_ondo_says_that_the_key_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_ONDO", "abc")
    async with Ondo("TSLAon") as server:
        source = {"url": server.url, "tokens": ["TSLAon"], "api_key": "env:PEGBOT_ONDO"}
        finding = await found(tmp_path, ondo=[source])
        assert (finding.ok, finding.what) == (True, "1 instruments told of; regular")
        server.key = "other"
        finding = await found(tmp_path, ondo=[source])
        assert not finding.ok
        assert "MISSING_API_KEY" in finding.what
        assert "check key and entitlement" in finding.fix


async def test_server_that_speaks_no_tls_or_has_no_name_is_an_error() -> None:
    async with XStocks("TSLAx") as server:
        for url in (server.url.replace("http:", "https:"), "not a url", "ftp://127.0.0.1"):
            async with Http("xStocks", url, per_second=1000) as http:
                with pytest.raises(SourceError, match="xStocks: "):
                    await asyncio.wait_for(http.get("/assets/TSLAx"), 5)


async def test_answer_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.collectors import http_json

    monkeypatch.setattr(http_json, "MAX_BYTES", 1000)
    async with XStocks("TSLAx") as server:
        server.fail(200, text="x" * 5000)
        async with Http("xStocks", server.url, per_second=1000) as http:
            with pytest.raises(SourceError, match="an answer of more than"):
                await http.get("/assets/TSLAx")


async def test_requests_keep_their_pace() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async with XStocks("TSLAx") as server:
        now = 100.0
        async with Http("xStocks", server.url, per_second=4, sleep=sleep, monotonic=lambda: now) as http:
            for _ in range(3):
                await http.get("/assets/TSLAx")
    assert waited == [0.25, 0.5]
