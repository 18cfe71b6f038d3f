"""The example for live data: keyless, five tokens on exchange and chain, every address what it should be."""

from __future__ import annotations

from pathlib import Path

from eth_utils.crypto import keccak

from bot import collectors
from bot.config import load
from tests.fixtures.engine import shipped_registry

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "live.example.toml"


def test_every_source_can_be_built_and_five_shares_have_tokens_in_two_places_and_a_reference() -> None:
    example, registry = load(EXAMPLE), shipped_registry()
    built = collectors.build(example, registry)
    assert sorted(one.name for one in built) == sorted(one.name for one in example.collectors.every)
    assert {type(one).__name__.removesuffix("Collector") for one in built} >= {
        "Kraken", "Yahoo", "XStocks", "Solana", "Evm", "Chainlink",
    }  # fmt: skip
    venues: dict[str, set[str]] = {}
    for one in built:
        for name in getattr(one, "instruments", ()):
            found = registry.resolve(name)
            if found is not None and found.token is not None and found.venue_kind != "issuer":
                venues.setdefault(found.token.underlying, set()).add(name)
    assert sum(len(names) >= 2 for names in venues.values()) >= 5
    shares = {symbol for one in example.collectors.yahoo for symbol in one.symbols}
    assert venues.keys() <= shares


def test_pools_of_the_live_example_are_at_the_addresses_that_uniswap_computes() -> None:
    """CREATE2 of factory, tokens and fee; checked first with a pool that everybody knows."""
    factory = bytes.fromhex("1F98431c8aD98523631AE4a59f267346ea31F984")
    code = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")

    def address(one: str, other: str, fee: int) -> str:
        words = [*sorted((int(one, 16), int(other, 16))), fee]
        salt = keccak(b"".join(word.to_bytes(32, "big") for word in words))
        return "0x" + keccak(b"\xff" + factory + salt + code)[12:].hex()

    usdc, weth = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
    assert address(usdc, weth, 500) == "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
    registry = shipped_registry()
    names = [name for source in load(EXAMPLE).collectors.evm for name in source.pools]
    for pool in (registry.pools[name] for name in names):
        assert pool.address.lower() == address(pool.token_address, pool.quote_address, pool.fee_pips), pool
    assert len(names) == 4
