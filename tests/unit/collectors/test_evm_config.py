"""What the registry may say of EVM pools and factories, and what is refused before anything is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.collectors.evm import EvmCollector
from bot.collectors.evm_kinds import kinds
from bot.config import EvmSource
from bot.errors import ConfigError
from bot.registry import Registry, load
from bot.registry.model import PoolEntry
from tests.fixtures.engine import shipped_registry
from tests.unit.registry.test_registry import GOOD, POOL

V4 = POOL.replace('"uniswap_v3"', '"uniswap_v4"')
ID = "0x" + "1a" * 32


def problems(folder: Path, *more: str) -> list[str]:
    path = folder / "registry.toml"
    path.write_text("\n".join([GOOD, *more]), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load([path])
    return [one.partition(": ")[2] for one in caught.value.problems]


def test_a_v4_pool_needs_its_id_its_manager_and_its_spacing(tmp_path: Path) -> None:
    told = "\n".join(problems(tmp_path, V4))
    assert "needs manager (the PoolManager's address) and tick_spacing" in told
    assert "address of a uniswap_v4 pool is its id" in told
    whole = V4.replace('"0x1a2b3c4d00000000000000000000000000000000"', f'"{ID}"')
    path = tmp_path / "whole.toml"
    path.write_text(GOOD + whole + f'manager = "0x{"01" * 20}"\ntick_spacing = 60\n')
    assert load([path]).pools["TSLAx@uniswap:0x1a2b3c4d"].address == ID


def test_fields_of_other_kinds_and_impossible_fees_are_refused(tmp_path: Path) -> None:
    told = "\n".join(problems(tmp_path, POOL + 'hooks = "0x01"\nfee_on_transfer = 10000\n'))
    assert "manager and hooks are for uniswap_v4, not for uniswap_v3" in told
    assert "fee_on_transfer 10000 is not in basis points" in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('token_address = "0xZZ"', "token_address '0xZZ' is no address: 0x and 40 hexadecimal digits"),
        ('quote_address = "0x00"', "quote_address '0x00' is no address"),
        ('address = "TSLAx"', "address 'TSLAx' is no address"),
        ("quote_usd = 0.0", "quote_usd 0.0 is not what one USDC is worth in USD"),
        ("quote_usd = nan", "quote_usd: not a number between"),
        ("token_decimals = -1", "token_decimals -1 is not between 0 and 36"),
    ],
)
def test_what_would_harm_all_pools_of_a_source_is_refused(tmp_path: Path, line: str, words: str) -> None:
    key = line.partition(" ")[0]
    lines = [line if one.partition(" ")[0] == key else one for one in POOL.splitlines()]
    assert any(words in one for one in problems(tmp_path, "\n".join(lines)))


def test_an_address_of_another_alphabet_is_none_on_solana(tmp_path: Path) -> None:
    chain = '[[chains]]\nname = "solana"\nkind = "solana"\n'
    told = problems(
        tmp_path, chain, POOL.replace('"ethereum"', '"solana"').replace("uniswap_v3", "raydium_clmm")
    )
    assert any("is no address: 32 to 44 letters and digits of base 58" in one for one in told)


def test_a_wrapper_may_have_an_address_of_its_own(tmp_path: Path) -> None:
    other = POOL.replace("0x8ad3c73f833d3f9a523ab01476625f269aeb7cf0", "0x" + "77" * 20)
    assert "is not TSLAx" in problems(tmp_path, other)[0]
    path = tmp_path / "wrapped.toml"
    path.write_text(GOOD + other + 'token_form = "wrapped"\n')
    assert load([path]).pools


def test_a_factory_of_no_known_chain_is_refused(tmp_path: Path) -> None:
    factory = '[[factories]]\nchain = "moon"\namm = "uniswap_v3"\naddress = "0x01"\nvenue = "uniswap"\n'
    assert problems(tmp_path, factory) == ["factories[1]: chain 'moon' is not in the registry"]


def test_shipped_factories_say_where_they_are_from() -> None:
    registry = shipped_registry()
    assert len(registry.factories) >= 18
    for factory in registry.factories.values():
        assert factory.source
        assert factory.amm in kinds()
        assert factory.venue in registry.venues
        assert len(factory.address) == 42


def collector(entry: PoolEntry, **changes: Any) -> EvmCollector:
    settings = {"urls": ["ws://x.example"], "chain_id": 1, "pools": [entry.instrument], **changes}
    return EvmCollector(EvmSource.model_validate(settings), Registry(pools={entry.instrument: entry}))


def test_a_kind_that_is_not_read_is_named_with_those_that_are() -> None:
    entry = PoolEntry(
        instrument="A@b:c", chain="x", address="0x01", amm="curve", fee_pips=1, token_address="0x02",
        token_decimals=18, quote_address="0x03", quote_symbol="USDC", quote_decimals=6, quote_usd=1.0,
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"amm 'curve' is none of uniswap_v2, .*uniswap_v4"):
        collector(entry)
    assert collector(msgspec.structs.replace(entry, amm="uniswap_v2")).instruments == ("A@b:c",)
