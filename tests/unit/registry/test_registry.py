"""The registry: what exists, pinned by address; every mistake in its files told at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.registry import Registry, load
from bot.registry.load import expand
from tests.fixtures.engine import CONFIG, shipped_registry

TSLAX_SOLANA = "XsDoVfqeBukxuZHWhdvWHBhgEHjGNst4MLodqsJHzoB"

GOOD = """
[[chains]]
name = "ethereum"
kind = "evm"
chain_id = 1

[[issuers]]
name = "xstocks"
title = "xStocks"
suffix = "x"

[[tokens]]
symbol = "TSLAx"
underlying = "TSLA"
issuer = "xstocks"
addresses = { evm = "0x8aD3c73F833d3F9A523aB01476625F269aEB7Cf0", solana = "SoLana1" }

[[venues]]
name = "kraken"
kind = "exchange"
fee_ratio = 0.001

[[venues]]
name = "yahoo"
kind = "broker"
reference = true
"""

POOL = """
[[pools]]
instrument = "TSLAx@uniswap:0x1a2b3c4d"
chain = "ethereum"
address = "0x1a2b3c4d00000000000000000000000000000000"
amm = "uniswap_v3"
fee_pips = 3000
token_address = "0x8ad3c73f833d3f9a523ab01476625f269aeb7cf0"
token_decimals = 18
quote_address = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
quote_symbol = "USDC"
quote_decimals = 6
quote_usd = 1.0
"""


def registry_of(folder: Path, *texts: str) -> Registry:
    """Each text a file: 1.toml, 2.toml …"""
    paths = []
    for number, text in enumerate(texts, 1):
        paths.append(folder / f"{number}.toml")
        paths[-1].write_text(text, encoding="utf-8")
    return load(paths)


def mistakes(folder: Path, *texts: str) -> list[str]:
    """What is wrong in these files, their folder left out."""
    with pytest.raises(ConfigError) as caught:
        registry_of(folder, *texts)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def test_the_shipped_registry_loads() -> None:
    registry = shipped_registry()
    assert len(registry.tokens) > 600
    assert {"xstocks", "ondo"} <= registry.issuers.keys()
    assert {"AMZN", "TSLA", "SPY"} <= registry.underlyings.keys()
    assert registry.issuer_of(registry.tokens["TSLAx"]).name == "xstocks"


def test_every_shipped_token_is_pinned_by_an_address_of_its_own() -> None:
    registry = shipped_registry()
    addresses = Counter(
        (chain, address.lower())
        for token in registry.tokens.values()
        for chain, address in token.addresses.items()
    )
    assert [address for address, count in addresses.items() if count > 1] == []
    unpinned = {token.issuer for token in registry.tokens.values() if not token.addresses}
    assert unpinned == {"mystonks"}, "it publishes no addresses"


def test_every_number_of_a_shipped_channel_says_where_it_is_from() -> None:
    for issuer in shipped_registry().issuers.values():
        for channel in (issuer.mint, issuer.redeem):
            assert not channel.available or channel.source or channel.note, issuer.name


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    token = '[[tokens]]\nsymbol = "AMZNx"\nunderlying = "AMZN"\n'
    told = mistakes(
        tmp_path,
        GOOD + POOL.replace("ethereum", "moon") + token + 'issuer = "nobody"\n',
        '[[venues]]\nname = "kraken"\nkind = "exchange"\n',
        '[[venues]]\nname = "gate"\nkind = "bazaar"\n'
        '[[venues]]\nname = "bybit"\nkind = "exchange"\nfees = 1\n',
        '[[planets]]\nname = "mars"\n[tokens]\nsymbol = "NVDAx"\n',
        "this is not TOML",
        POOL.replace("TSLAx@uniswap", "GHOSTx@uniswap"),
    )
    assert [problem.partition(": ")[0] for problem in told] == [
        "2.toml", "3.toml", "3.toml", "4.toml", "4.toml", "5.toml", "1.toml", "1.toml", "6.toml",
    ]  # fmt: skip
    text = "\n".join(told)
    for part in (
        "2.toml: venues[kraken]: stands twice; remove one",
        "3.toml: venues[gate]: Invalid enum value 'bazaar' - at `$.kind`",
        "3.toml: venues[bybit]: Object contains unknown field `fees`",
        "4.toml: planets: unknown table; expected one of chains, issuers, ",
        "4.toml: tokens: write [[tokens]], one block per entry",
        "5.toml: not valid TOML: ",
        "1.toml: tokens[AMZNx]: issuer 'nobody' is not in the registry",
        "1.toml: pools[TSLAx@uniswap:0x1a2b3c4d]: chain 'moon' is not in the registry",
        "6.toml: pools[GHOSTx@uniswap:0x1a2b3c4d]: token 'GHOSTx' is not in the registry",
    ):
        assert part in text


def test_an_entry_without_its_name_is_told_by_its_number(tmp_path: Path) -> None:
    told = mistakes(tmp_path, GOOD, '[[chains]]\nname = "bsc"\nkind = "evm"\n[[chains]]\nkind = "evm"\n')
    assert told == ["2.toml: chains[2]: Object missing required field `name`"]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e300", "1" + "0" * 400])
def test_no_number_is_none_or_larger_than_anything(tmp_path: Path, number: str) -> None:
    chain = f'[[chains]]\nname = "bsc"\nkind = "evm"\ngas_usd = {number}\n'
    issuer = (
        f'[[issuers]]\nname = "I"\ntitle = "I"\nmint = {{ late = [{{ chance = 0.1, days = {number} }}] }}\n'
    )
    bounds = "not a number between -1e+12 and 1e+12"
    assert mistakes(tmp_path, chain + issuer) == [
        f"1.toml: chains[bsc]: gas_usd: {bounds}",
        f"1.toml: issuers[I]: mint.late[1].days: {bounds}",
    ]


def test_two_tokens_never_share_an_address(tmp_path: Path) -> None:
    other = '[[tokens]]\nsymbol = "TSLA.M"\nunderlying = "TSLA"\nissuer = "xstocks"\n'
    address = "0x8AD3C73F833D3F9A523AB01476625F269AEB7CF0"
    told = mistakes(tmp_path, GOOD, f'{other}addresses = {{ evm = "{address}" }}\n')
    assert told == [f"2.toml: tokens[TSLA.M]: address {address} on evm is already that of TSLAx"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read: No such file"):
        load([tmp_path / "gone.toml"])


def test_patterns_are_relative_to_the_config_and_each_must_match(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml"):
        (tmp_path / name).touch()
    assert [path.name for path in expand(tmp_path, ["*.toml"])] == ["a.toml", "b.toml"]
    assert expand(Path("elsewhere"), [str(tmp_path / "b.*")]) == [tmp_path / "b.toml"]
    with pytest.raises(ConfigError, match=r"registry: nothing matches 'none/\*\.toml' under "):
        expand(tmp_path, ["*.toml", "none/*.toml"])


def test_a_token_on_a_venue_is_an_instrument_with_that_venues_fee(tmp_path: Path) -> None:
    resolved = registry_of(tmp_path, GOOD).resolve("TSLAx@kraken")
    assert resolved is not None
    assert resolved.token is not None
    assert (resolved.token.symbol, resolved.underlying.ticker) == ("TSLAx", "TSLA")
    assert (resolved.venue, resolved.venue_kind, resolved.fee_ratio) == ("kraken", "exchange", 0.001)
    assert not resolved.is_reference


def test_a_token_on_a_venue_nobody_listed_is_taken_for_a_pool(tmp_path: Path) -> None:
    resolved = registry_of(tmp_path, GOOD).resolve("TSLAx@newdex:8aDaBQkT")
    assert resolved is not None
    assert (resolved.venue, resolved.venue_kind, resolved.fee_ratio) == ("newdex:8aDaBQkT", "pool", 0.0)


def test_a_share_at_a_reference_source_is_a_reference_and_nowhere_else(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, GOOD)
    resolved = registry.resolve("TSLA@yahoo")
    assert resolved is not None
    assert (resolved.token, resolved.is_reference) == (None, True)
    assert registry.resolve("TSLA@kraken") is None
    assert registry.resolve("TSLA@somewhere") is None


@pytest.mark.parametrize("name", ["", "@", "TSLAx", "TSLAx@", "@kraken", "TSLAx@:8aDa", "GHOSTx@kraken"])
def test_a_name_that_means_nothing_is_none(tmp_path: Path, name: str) -> None:
    assert registry_of(tmp_path, GOOD).resolve(name) is None


def test_an_underlying_is_implied_by_its_token_and_its_volatility_then_unknown(tmp_path: Path) -> None:
    assert registry_of(tmp_path, GOOD).underlyings["TSLA"].annual_volatility is None


def test_a_token_is_found_by_its_address_on_any_chain(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, GOOD)
    evm = "0x8ad3c73f833d3f9a523ab01476625f269aeb7cf0"
    for address in (evm, f"0x{evm[2:].upper()}", "SoLana1"):
        token = registry.token_at(address)
        assert token is not None
        assert token.symbol == "TSLAx"


def test_a_solana_address_is_its_exact_letters(tmp_path: Path) -> None:
    assert registry_of(tmp_path, GOOD).token_at("solana1") is None
    assert shipped_registry().token_at(TSLAX_SOLANA.swapcase()) is None


def test_a_symbol_is_not_an_address() -> None:
    registry = shipped_registry()
    assert registry.token_at("TSLAx") is None
    assert registry.token_at("TSLA") is None
    assert registry.token_at("") is None


def test_a_symbol_the_registry_does_not_know_is_nobodys_whatever_its_ending() -> None:
    registry = shipped_registry()
    assert registry.resolve("FAKEx@kraken") is None
    assert registry.resolve("tslax@kraken") is None
    assert registry.resolve("TSLAX@kraken") is None


def test_the_shipped_folder_has_only_what_the_shipped_config_names() -> None:
    assert expand(CONFIG, ["registry/*.toml"]) == sorted((CONFIG / "registry").iterdir())


def test_a_pool_of_another_token_by_the_same_name_is_refused(tmp_path: Path) -> None:
    impostor = POOL.replace("0x8ad3", "0x8ad4")
    assert "token_address 0x8ad4" in mistakes(tmp_path, GOOD + impostor)[0]
    local = GOOD.replace("chain_id = 1\n", "chain_id = 1\nlocal = true\n")
    assert registry_of(tmp_path, local + impostor).pools
