"""What the collector must know of a kind of pool, and the one list of all kinds on EVM chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bot.collectors.evm_chain import Log, LogQuery, Reads
from bot.errors import ConfigError
from bot.pools.state import PoolState
from bot.pools.transfer_fee import TransferFee
from bot.registry.model import Factory, PoolEntry


class State(Protocol):
    """A pool at one block; a value, compared by what it holds."""

    def after(self, log: Log) -> State:
        """The state after one event of the pool. PoolError ``missing_log`` if it cannot follow from this."""

    def encoded(self, entry: PoolEntry, common: Mapping[str, Any]) -> PoolState:
        """As a tick carries it; ``common`` are the fields of every kind."""


class Kind(Protocol):
    """One ``amm`` of the registry. Nothing here does I/O."""

    def query(self, entry: PoolEntry) -> LogQuery:
        """The events that move its state."""

    def snapshot(self, entry: PoolEntry) -> Reads[Any]:
        """Its state."""

    def poll(self, entry: PoolEntry, state: Any) -> Reads[Any] | None:
        """What no event tells, asked in each block: the state after it; ``None`` if there is nothing."""

    def identity(self, entry: PoolEntry) -> Reads[list[str]]:
        """What is wrong with the entry, in words: its two tokens, fee, spacing."""

    def made_by(self, entry: PoolEntry, factory: Factory) -> Reads[bool]:
        """Whether the factory knows this pool."""


def common(entry: PoolEntry, token_index: int, scale: float) -> dict[str, Any]:
    """Fields of every kind's state, in the order of the pool's own two tokens."""
    decimals = (entry.token_decimals, entry.quote_decimals)
    taxed = TransferFee(entry.fee_on_transfer, rounded_down=True) if entry.fee_on_transfer else None
    return {
        "decimals": decimals if token_index == 0 else decimals[::-1],
        "token_index": token_index,
        "quote_usd": entry.quote_usd,
        "token_scale": scale,
        "transfer_fees": (taxed, None) if token_index == 0 else (None, taxed),
    }


def kind_of(entry: PoolEntry) -> Kind:
    """ConfigError if there is none of that name."""
    known = kinds()
    if entry.amm not in known:
        raise ConfigError(
            f"pool {entry.instrument}: amm {entry.amm!r} is none of {', '.join(known)}; correct its entry"
        )
    return known[entry.amm]


def kinds() -> dict[str, Kind]:
    """By the ``amm`` of the registry."""
    from bot.collectors import evm_v2, evm_v3, evm_v4

    return {
        "uniswap_v2": evm_v2.V2(),
        "uniswap_v3": evm_v3.UNISWAP,
        "pancakeswap_v3": evm_v3.PANCAKESWAP,
        "slipstream": evm_v3.SLIPSTREAM,
        "uniswap_v4": evm_v4.V4(),
    }


def expected_tokens(entry: PoolEntry) -> tuple[str, str]:
    """The two tokens of the entry, token0 first: contracts order them by address."""
    tokens = (entry.token_address.lower(), entry.quote_address.lower())
    return tokens if int(tokens[0], 16) < int(tokens[1], 16) else tokens[::-1]


def index_of(entry: PoolEntry) -> int:
    """Which of the pool's two tokens is ours."""
    return expected_tokens(entry).index(entry.token_address.lower())


def wrong_tokens(entry: PoolEntry, found: tuple[str, str]) -> list[str]:
    """Words if the pool's own tokens are not the entry's."""
    if expected_tokens(entry) == found:
        return []
    expected = " and ".join(sorted(expected_tokens(entry)))
    return [f"its contract trades {' and '.join(found)}, the registry says {expected}"]
