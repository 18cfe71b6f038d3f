"""Oracles and issuers among the sources of a configuration: built without opening anything, mistakes told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("web3")

from msgspec.structs import replace

from bot.collectors import build
from bot.collectors.factory import problems
from bot.errors import ConfigError
from bot.preflight import secrets
from bot.registry import load
from tests.fixtures.engine import config, shipped_registry

NODE = "wss://node.example"
GOOD: dict[str, Any] = {
    "pyth": [{"feeds": ["AAPL@pyth", "AAPLx@pyth", "TSLA@pyth:pre", "USDC@pyth", "EUR@pyth", "SOL@pyth"]}],
    "chainlink": [{"urls": [NODE], "chain_id": 1, "feeds": ["USDC@chainlink", "ETH@chainlink"]}],
    "xstocks": [{"tokens": ["TSLAx", "AMZNx"]}],
    "ondo": [{"tokens": ["TSLAon"], "api_key": "env:PEGBOT_ONDO"}],
    "robinhood": [{"urls": [NODE], "chain_id": 1, "tokens": ["TSLAon"]}],
    "mystonks": [{"symbols": {"TSLA.M": "TSLA"}}],
}


def test_sources_name_their_instruments() -> None:
    built = build(config(collectors=GOOD), shipped_registry())
    named = {one.name: one.instruments for one in built}  # type: ignore[attr-defined]  # an attribute that may be absent
    assert named["pyth"] == tuple(GOOD["pyth"][0]["feeds"])
    assert named["chainlink"] == ("USDC@chainlink", "ETH@chainlink")
    assert named["xstocks"] == ("TSLAx@xstocks", "AMZNx@xstocks")
    assert named["ondo"] == ("TSLAon@ondo",)
    assert named["robinhood"] == ("TSLAon@ondo",)
    assert named["mystonks"] == ("TSLA.M@mystonks",)


def test_every_instrument_means_something_to_the_engine() -> None:
    """Of a share, a currency: a reference. Of a token: an instrument of its own, multiplier and all."""
    registry = shipped_registry()
    for name in registry.feeds:
        resolved = registry.resolve(name)
        assert resolved is not None, name
        assert resolved.venue_kind == "oracle"
        assert resolved.is_reference == (resolved.token is None)
    for name in ("TSLAx@xstocks", "TSLAon@ondo", "TSLA.M@mystonks"):
        resolved = registry.resolve(name)
        assert resolved is not None
        assert (resolved.venue_kind, resolved.is_reference) == ("issuer", False)


def test_mistakes_are_told_with_their_keys() -> None:
    wrong: dict[str, Any] = {
        "pyth": [{"feeds": ["NOPE@pyth", "USDC@chainlink"]}],
        "chainlink": [{"urls": [NODE], "chain_id": 56, "feeds": ["USDC@chainlink", "AAPL@pyth"]}],
        "xstocks": [{"tokens": ["TSLAon"]}],
        "ondo": [{"tokens": ["TSLAx"]}],
        "robinhood": [{"urls": [NODE], "tokens": ["TSLAon"]}],
        "mystonks": [{"symbols": {"TSLAx": "TSLA"}}],
    }
    assert problems(config(collectors=wrong), shipped_registry()) == [
        "collectors.pyth[pyth].feeds: 'NOPE@pyth' is not among the [[feeds]] of pyth in the registry",
        "collectors.pyth[pyth].feeds: 'USDC@chainlink' is not among the [[feeds]] of pyth in the registry",
        "collectors.chainlink[chainlink].feeds: 'AAPL@pyth' is not among the [[feeds]] of chainlink "
        "in the registry",
        "collectors.chainlink[chainlink].feeds: 'USDC@chainlink' is on ethereum, not on chain 56",
        "collectors.chainlink[chainlink].feeds: 'AAPL@pyth' is on no chain, not on chain 56",
        "collectors.xstocks[xstocks].tokens: 'TSLAon' is not a token of xstocks in the registry",
        "collectors.ondo[ondo].tokens: 'TSLAx' is not a token of ondo in the registry",
        "collectors.ondo[ondo].api_key: Ondo answers nobody without one; env:NAME",
        "collectors.robinhood[robinhood].tokens: 'TSLAon' has no address on robinhood in the registry",
        "collectors.mystonks[mystonks].symbols: 'TSLAx' is not a token of mystonks in the registry",
    ]
    nowhere = {"robinhood": [{"urls": [NODE], "chain_id": 9, "tokens": ["TSLAon"]}]}
    assert problems(config(collectors=nowhere), shipped_registry()) == [
        "collectors.robinhood[robinhood].tokens: no chain of the registry has chain_id 9"
    ]


def test_keys_are_kept_by_reference_and_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEGBOT_ONDO", "abc")
    monkeypatch.setenv("PEGBOT_NODE", "wss://node.example/xyz")
    chain = [{"urls": ["env:PEGBOT_NODE"], "chain_id": 1, "feeds": ["USDC@chainlink"]}]
    found = config(collectors={"ondo": GOOD["ondo"], "chainlink": chain})
    assert {one.get_secret_value() for one in secrets(found)} == {"abc", "wss://node.example/xyz"}
    with pytest.raises(ConfigError, match="a secret is written env:NAME or file:PATH"):
        config(collectors={"ondo": [{"tokens": ["TSLAon"], "api_key": "abc"}]})


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        ('instrument = "NOPE@pyth"\nsymbol = "X"', "'NOPE' is neither a token nor an underlying"),
        ('instrument = "AAPL@kraken"\nsymbol = "X"', "'kraken' is not an oracle among the venues"),
        ('instrument = "AAPL@pyth"', "neither id nor symbol"),
        ('instrument = "AAPL@pyth"\nid = "0xAB"', "no feed id: 64 hexadecimal digits"),
        ('instrument = "AAPL@chainlink"\nchain = "moon"\nid = "0x1"', "chain 'moon' is not in the registry"),
        ('instrument = "AAPL@chainlink"\nchain = "ethereum"\nid = "0x1"', "'0x1' is no address"),
        ('instrument = "AAPL@pyth"\nsymbol = "X"\nsessions = ["lunch"]', "Invalid enum value 'lunch'"),
    ],
)
def test_feed_of_nothing_is_a_mistake(feed: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(
        '[[chains]]\nname = "ethereum"\nkind = "evm"\n[[underlyings]]\nticker = "AAPL"\n'
        '[[venues]]\nname = "pyth"\nkind = "oracle"\n[[venues]]\nname = "chainlink"\nkind = "oracle"\n'
        f'[[venues]]\nname = "kraken"\nkind = "exchange"\n[[feeds]]\n{feed}\n'
    )
    with pytest.raises(ConfigError) as caught:
        load([path])
    assert words in "\n".join(caught.value.problems)


def test_feed_says_whose_it_is() -> None:
    feed = shipped_registry().feeds["TSLA@pyth:pre"]
    assert feed.oracle == "pyth"
    assert replace(feed, instrument="X@chainlink").oracle == "chainlink"
