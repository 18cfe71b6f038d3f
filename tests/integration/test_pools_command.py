"""``pegbot pools discover`` as people call it: against a real chain, by the configured source."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from tests.fixtures.anvil import CHAIN_ID, ERC20, UNIT, Uniswap, artefact, running_anvil
from tests.fixtures.evm_contracts import place_multicall

REGISTRY = """
[[chains]]
name = "anvil"
kind = "evm"
chain_id = {chain_id}
local = true
quotes = {{ USDC = {{ address = "{quote}", usd = 1.0 }} }}

[[issuers]]
name = "xstocks"
title = "xStocks"

[[tokens]]
symbol = "AMZNx"
underlying = "AMZN"
issuer = "xstocks"
addresses = {{ anvil = "{token}" }}

[[factories]]
chain = "anvil"
amm = "uniswap_v3"
address = "{factory}"
venue = "uniswap"
fees = [500, 3000]
"""


async def pegbot(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from bot.cli import main; main()", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_pools_of_a_token_are_listed_and_impostors_apart(tmp_path: Path) -> None:
    async with running_anvil() as node:
        await place_multicall(node)
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.thin_pool()
        quote = node.w3.eth.contract(address=pool.quote, abi=artefact(ERC20)["abi"])
        fake = await uniswap.create_pool(3000, 1.0, quote=quote)
        await uniswap.provide(fake, -60, 60, UNIT, UNIT)
        (tmp_path / "registry.toml").write_text(
            REGISTRY.format(
                chain_id=CHAIN_ID, quote=pool.quote, token=pool.token, factory=uniswap.factory.address
            )
        )
        (tmp_path / "pegbot.toml").write_text('registry = ["registry.toml"]\n')
        call = ("pools", "discover", "AMZNx", "--url", node.ws_url, "-c", str(tmp_path / "pegbot.toml"))
        code, out, err = await pegbot(*call, "--json")
        assert code == 0, err
        found = msgspec.json.decode(out)
        assert [(one["address"], one["impostor"]) for one in found] == [
            (pool.address.lower(), False),
            (fake.address.lower(), True),
        ]
        assert found[0]["liquidity_usd"] == pytest.approx(54, rel=0.01)
        code, out, _ = await pegbot(*call)
        assert code == 0
        assert out.index("Impostors") < out.index(fake.address.lower())


async def test_a_node_that_is_away_is_exit_code_3() -> None:
    code, _, err = await pegbot("pools", "discover", "AMZNx", "--url", "ws://127.0.0.1:9")
    assert code == 3
    assert err.startswith("pegbot: ")
    assert "Traceback" not in err


async def test_no_node_is_said_with_what_to_do() -> None:
    code, _, err = await pegbot("pools", "discover", "AMZNx")
    assert code == 2
    assert "[[collectors.evm]]" in err
