"""What is made of a token contract's answers."""

from __future__ import annotations

import pytest

from bot.collectors.evm_abi import Call, call, encoded
from bot.collectors.evm_chain import Reads
from bot.collectors.evm_token import Terms, read_terms
from bot.errors import PoolError
from bot.registry.model import WRAPPED, PoolEntry

WRAPPER, ASSET = "0x" + "11" * 20, "0x" + "22" * 20
ENTRY = PoolEntry(
    instrument="AMZNx@uniswap:0x33", chain="ethereum", address="0x" + "33" * 20, amm="uniswap_v3",
    fee_pips=3000, token_address=WRAPPER, token_decimals=18, token_form=WRAPPED,
    quote_address="0x" + "44" * 20, quote_symbol="USDC", quote_decimals=6, quote_usd=1.0,
)  # fmt: skip


def asked(reads: Reads[Terms], answers: dict[Call, int | str]) -> Terms:
    """The reads' result where contracts answer so, and nothing else."""
    said = None
    while True:
        try:
            calls = next(reads) if said is None else reads.send(said)
        except StopIteration as end:
            found: Terms = end.value
            return found
        said = [encoded(answers[one]) if one in answers else None for one in calls]


@pytest.mark.parametrize("decimals", [6, 18, 24])
def test_a_share_of_a_wrapper_counts_in_the_decimals_of_what_it_holds(decimals: int) -> None:
    answers: dict[Call, int | str] = {
        call(WRAPPER, "asset()"): ASSET,
        call(WRAPPER, "convertToAssets(uint256)", 10**18): 3 * 10**decimals,
        call(ASSET, "decimals()"): decimals,
        call(ASSET, "getCurrentMultiplier()"): 2 * 10**18,
    }
    assert asked(read_terms(ENTRY, 0), answers).scale == pytest.approx(1.5)


def test_a_wrapper_of_what_is_no_token_says_so() -> None:
    answers: dict[Call, int | str] = {
        call(WRAPPER, "asset()"): ASSET,
        call(WRAPPER, "convertToAssets(uint256)", 10**18): 10**18,
        call(ASSET, "getCurrentMultiplier()"): 10**18,
    }
    with pytest.raises(PoolError, match="decimals"):
        asked(read_terms(ENTRY, 0), answers)
