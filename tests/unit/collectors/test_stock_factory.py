"""Sources of share prices and option chains of a configuration: built, nothing opened, mistakes told."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors import build
from bot.collectors.factory import problems
from bot.errors import ConfigError
from bot.preflight import problems as preflight
from bot.preflight import secrets
from tests.fixtures.engine import config, shipped_registry

KEYS = {"api_key": "env:PEGBOT_ALPACA_KEY", "api_secret": "env:PEGBOT_ALPACA_SECRET"}
GOOD: dict[str, Any] = {
    "alpaca": [{"symbols": ["TSLA", "SPY"], **KEYS}],
    "ibkr": [{"symbols": ["TSLA"]}],
    "yahoo_options": [{"symbols": ["TSLA"]}],
    "alpaca_options": [{"symbols": ["TSLA"], **KEYS}],
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    for library in ("alpaca", "ib_async", "yfinance"):
        pytest.importorskip(library)


def test_sources_name_the_shares_they_feed() -> None:
    built = build(config(collectors=GOOD), shipped_registry())
    named = {one.name: getattr(one, "instruments", ()) for one in built}
    assert named == {
        "alpaca": ["TSLA@alpaca", "SPY@alpaca"],
        "ibkr": ["TSLA@ibkr"],
        "yahoo_options": (),
        "alpaca_options": (),
    }


def test_what_they_feed_means_something_to_the_engine() -> None:
    registry = shipped_registry()
    for name in ("TSLA@alpaca", "SPY@ibkr"):
        resolved = registry.resolve(name)
        assert resolved is not None
        assert resolved.is_reference
    assert {"alpaca", "yahoo"} <= registry.option_venues.keys()


def test_mistakes_are_told_with_their_keys() -> None:
    wrong: dict[str, Any] = {
        "alpaca": [{"symbols": ["NOPE"]}],
        "ibkr": [{"symbols": ["TSLAx"]}],
        "yahoo_options": [{"symbols": ["NOPE"]}],
        "alpaca_options": [{"symbols": ["NOPE"], **KEYS}],
    }
    assert problems(config(collectors=wrong), shipped_registry()) == [
        "collectors.alpaca[alpaca].symbols: 'NOPE' is not an underlying of the registry",
        "collectors.ibkr[ibkr].symbols: 'TSLAx' is not an underlying of the registry",
        "collectors.yahoo_options[yahoo_options].symbols: 'NOPE' is not an underlying of the registry",
        "collectors.alpaca_options[alpaca_options].symbols: 'NOPE' is not an underlying of the registry",
        "collectors.alpaca[alpaca].api_key: Alpaca answers nobody without one; env:NAME",
        "collectors.alpaca[alpaca].api_secret: Alpaca answers nobody without one; env:NAME",
    ]


def test_keys_are_kept_by_reference_and_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_ALPACA_KEY", "PKAAA")
    monkeypatch.setenv("PEGBOT_ALPACA_SECRET", "sesame")
    assert {one.get_secret_value() for one in secrets(config(collectors=GOOD))} == {"PKAAA", "sesame"}
    with pytest.raises(ConfigError, match="a secret is written env:NAME or file:PATH"):
        config(collectors={"alpaca": [{"symbols": ["TSLA"], **KEYS, "api_secret": "sesame"}]})


def test_a_key_that_is_not_set_and_an_address_that_cannot_be_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PEGBOT_ALPACA_KEY", raising=False)
    monkeypatch.setenv("PEGBOT_ALPACA_SECRET", "sesame")
    wrong = {
        "alpaca": [{"symbols": ["TSLA"], **KEYS, "stream_url": "https://stream.example"}],
        "yahoo_options": [{"symbols": ["TSLA"], "query_url": "wss://query.example"}],
        "alpaca_options": [{"symbols": ["TSLA"], **KEYS, "trading_url": ""}],
    }
    found = preflight(config(collectors=wrong), shipped_registry())
    assert "collectors.alpaca.api_key: environment variable PEGBOT_ALPACA_KEY is not set" in found
    assert "collectors.alpaca[alpaca].stream_url: https cannot be subscribed to; use ws:// or wss://" in found
    told = "collectors.yahoo_options[yahoo_options].query_url: wss cannot be asked; use http:// or https://"
    assert told in found
    assert not any("trading_url" in one for one in found)


def test_no_expiry_between_two_days_in_the_wrong_order() -> None:
    with pytest.raises(ConfigError, match="min_days must not exceed max_days"):
        config(collectors={"yahoo_options": [{"symbols": ["TSLA"], "min_days": 9, "max_days": 8}]})
