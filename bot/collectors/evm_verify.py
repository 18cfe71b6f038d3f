"""Whether what the registry says of a pool is what the chain says: asked before the pool is trusted. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.collectors.evm_abi import address, call, text, word
from bot.collectors.evm_chain import Reads
from bot.collectors.evm_kinds import kind_of
from bot.registry.model import WRAPPED, Factory, PoolEntry, Registry, Token, canonical

NATIVE = "0x" + "0" * 40
"""A chain's own coin, where it stands for a token."""


def verify(entry: PoolEntry, registry: Registry) -> Reads[list[str]]:
    """Mistakes of the entry in words; none if it is what the chain has. PoolError where the chain has no
    such contract."""
    kind = kind_of(entry)
    problems = yield from kind.identity(entry)
    problems += yield from _token(entry.token_address, entry.token_decimals, _symbol(entry), "token")
    problems += yield from _token(entry.quote_address, entry.quote_decimals, entry.quote_symbol, "quote")
    if entry.token_form == WRAPPED:
        problems += yield from _wraps(entry, registry)
    factories = factories_of(entry, registry)
    made = []
    for factory in factories:
        made.append((yield from kind.made_by(entry, factory)))
    if factories and not any(made):
        names = ", ".join(factory.address for factory in factories)
        problems.append(f"no factory of the registry made it ({names}): it may be an impostor")
    return problems


def factories_of(entry: PoolEntry, registry: Registry) -> Sequence[Factory]:
    """Those that may have made a pool of this kind on its chain."""
    return [one for one in registry.factories.values() if (one.chain, one.amm) == (entry.chain, entry.amm)]


def _symbol(entry: PoolEntry) -> str:
    symbol = entry.instrument.partition("@")[0]
    return entry.token_symbol or (f"w{symbol}" if entry.token_form == WRAPPED else symbol)


def _token(at: str, decimals: int, symbol: str, which: str) -> Reads[list[str]]:
    if at == NATIVE:
        return [] if decimals == 18 else [f"{which}_decimals is {decimals}, a chain's own coin has 18"]
    named, places = yield [call(at, "symbol()"), call(at, "decimals()")]
    found = text(named)
    if not places or len(places) < 32:
        return [f"{which}_address {at} is no token"]
    problems = []
    if word(places, 0) != decimals:
        problems.append(f"{which}_decimals is {decimals}, its contract says {word(places, 0)}")
    if found != symbol:
        problems.append(
            f"{which}_address {at} calls itself {found!r}, expected is {symbol!r}: an impostor, or correct "
            f"{which}_symbol"
        )
    return problems


def _wraps(entry: PoolEntry, registry: Registry) -> Reads[list[str]]:
    """Whether the wrapper holds the registry's token, where the registry has an address for it."""
    (asset,) = yield [call(entry.token_address, "asset()")]
    chain, token = registry.chains.get(entry.chain), registry.tokens.get(entry.instrument.partition("@")[0])
    expected = None if chain is None or chain.local or token is None else _address(token, entry.chain)
    if not asset or len(asset) < 32:
        return [f"token_address {entry.token_address} is no ERC-4626 wrapper"]
    if expected is None or canonical(expected) == address(asset):
        return []
    return [f"its wrapper holds {address(asset)}, not {expected}"]


def _address(token: Token, chain: str) -> str | None:
    return token.addresses.get(chain, token.addresses.get("evm"))
