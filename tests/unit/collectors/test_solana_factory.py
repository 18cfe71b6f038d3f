"""Solana and Jupiter among the sources of a configuration: built without opening anything, mistakes told."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from msgspec.structs import replace

from bot.collectors import build
from bot.collectors.factory import problems
from tests.fixtures.engine import config
from tests.fixtures.solana_pools import Cpmm, registry

POOL = Cpmm("TSLAx", 10**12, 3 * 10**12)


def sources(pools: list[str], tokens: list[str]) -> Any:
    return config(
        collectors={
            "solana": [{"urls": ["https://node.example"], "pools": pools}],
            "jupiter": [{"tokens": tokens}],
        }
    )


def test_sources_name_their_instruments() -> None:
    solana, jupiter = build(sources([POOL.instrument], ["TSLAx"]), registry(POOL))
    assert solana.instruments == (POOL.instrument,)  # type: ignore[attr-defined]  # an attribute that may be absent
    assert jupiter.instruments == ("TSLAx@jupiter",)  # type: ignore[attr-defined]


def test_mistakes_are_told_with_their_keys() -> None:
    known = registry(POOL)
    known.pools["A@x"] = replace(POOL.entry(), instrument="A@x", amm="unheard_of")
    known.pools["B@x"] = replace(POOL.entry(), instrument="B@x", chain="base")
    found = problems(sources(["A@x", "B@x", "C@x"], ["AMZNx"]), known)
    assert found[0].startswith(
        "collectors.solana[solana].pools: 'A@x' has amm 'unheard_of'; known are meteora_"
    )
    assert found[1:] == [
        "collectors.solana[solana].pools: 'B@x' is on base, which is no Solana chain",
        "collectors.solana[solana].pools: 'C@x' is not among the [[pools]] of the registry",
        "collectors.jupiter[jupiter].tokens: 'AMZNx' has no address on Solana in the registry",
    ]
