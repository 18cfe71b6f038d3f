"""Pools of a token on an EVM chain, found on chain: real ones, and those of other tokens that use its name.

The registry's factories are asked for the token against each of the chain's quote tokens at each fee; then,
as far as the node lets one look back, their events tell pools against any token, and which tokens paired with
a quote token call themselves the same. Source of events: ``IUniswapV2Factory``, ``IUniswapV3Factory``,
``ICLFactory`` of Slipstream, ``IPoolManager`` of v4-core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.evm_abi import Call, address, call, encoded, signed, text, topic, word
from bot.collectors.evm_chain import Chain, Header, Log, connected
from bot.collectors.evm_kinds import common, index_of, kind_of
from bot.collectors.evm_v2 import PAIR_CREATED
from bot.collectors.evm_v3 import POOL_CREATED
from bot.collectors.evm_v4 import INITIALIZE
from bot.collectors.found import Found
from bot.errors import PoolError, SourceError, UsageError
from bot.pools.uniswap_v4 import DYNAMIC_FEE
from bot.pools.usd import worth
from bot.registry.model import Chain as ChainEntry
from bot.registry.model import Factory, PoolEntry, Registry, canonical

POOL_CREATED_BY_SPACING = topic("PoolCreated(address,address,int24,address)")
EVENTS = {
    "uniswap_v2": (PAIR_CREATED, 1),
    "uniswap_v3": (POOL_CREATED, 1),
    "pancakeswap_v3": (POOL_CREATED, 1),
    "slipstream": (POOL_CREATED_BY_SPACING, 1),
    "uniswap_v4": (INITIALIZE, 2),
}
"""Of each kind's factory: the event that tells a new pool, and which topic its token0 is; token1 is the
next."""
GETTERS = {
    "uniswap_v3": "getPool(address,address,uint24)",
    "pancakeswap_v3": "getPool(address,address,uint24)",
    "slipstream": "getPool(address,address,int24)",
}
MOST_TOKENS = 20_000
"""So many tokens, the newest, are asked for their symbol."""
NOWHERE = "0x" + "0" * 40

log = structlog.get_logger("pegbot.discover")


class Candidate(Struct, frozen=True):
    """A pool that exists. ``fee`` is that of its key: millionths, but for v2 and Slipstream."""

    factory: Factory
    address: str
    token: str
    quote: str
    fee: int = 0
    spacing: int = 0
    hooks: str = ""


async def discover(url: str, symbol: str, registry: Registry, *, per_second: float = 0.0) -> list[Found]:
    """Pools of a token of the registry, largest first, then those of impostors.

    Raises :class:`UsageError` for a token without an address on the node's chain, or a chain without
    factories in the registry; :class:`SourceError` if the node cannot be asked.
    """
    async with connected(url, per_second=per_second) as probe:
        number = await probe.chain_id()
    chain = next((one for one in registry.chains.values() if one.chain_id == number), None)
    known = registry.tokens.get(symbol)
    if chain is None or known is None:
        raise UsageError(f"{symbol} or chain {number} is not in the registry; `pegbot check` lists what is")
    ours = known.addresses.get(chain.name, known.addresses.get("evm", ""))
    factories = [one for one in registry.factories.values() if one.chain == chain.name]
    if not ours or not factories:
        missing = (
            f"{symbol} has no address on {chain.name}" if not ours else f"{chain.name} has no [[factories]]"
        )
        raise UsageError(f"{missing} in the registry")
    async with connected(url, multicall=chain.multicall, per_second=per_second) as node:
        head = await node.header("latest")
        chain = await _with_true_quotes(node, chain, head)
        candidates = await _asked(node, factories, ours, chain, head)
        fakes: list[Candidate] = []
        for factory in factories:
            candidates += await _told(node, factory, [ours], head)
            fakes += await _told(node, factory, [one.address for one in chain.quotes.values()], head)
        real = list({one.address.lower(): one for one in candidates}.values())
        false = await _same_name(node, symbol, ours, chain, fakes, head)
        found = await _judged(node, symbol, real, chain, registry, head)
        bad = await _judged(node, symbol, false, chain, registry, head)
    why = f"its token, {{}}, calls itself {symbol}; the registry's is {ours}"
    marked = [replace(one, impostor=True, why=why.format(one.token_address)) for one in bad]
    return [*sorted(found, key=_size), *sorted(marked, key=_size)]


async def _with_true_quotes(node: Chain, chain: ChainEntry, head: Header) -> ChainEntry:
    """The chain with those quote tokens whose contracts call themselves as the registry does."""
    asked = [call(one.address, "symbol()") for one in chain.quotes.values()]
    named = dict(zip(chain.quotes, map(text, await node.calls(asked, head.hash)), strict=True))
    for symbol, found in named.items():
        if found != symbol:
            log.warning("a quote token is not what the registry says", symbol=symbol, found=found)
    return replace(chain, quotes={name: one for name, one in chain.quotes.items() if named[name] == name})


async def _asked(
    node: Chain, factories: Iterable[Factory], ours: str, chain: ChainEntry, head: Header
) -> list[Candidate]:
    """Pools that the factories name when asked for a pair and a fee."""
    calls: list[Call] = []
    drafts: list[Candidate] = []
    for factory in factories:
        for quote in chain.quotes.values():
            pair = sorted((ours.lower(), quote.address.lower()), key=lambda one: int(one, 16))
            if factory.amm == "uniswap_v2":
                calls.append(call(factory.address, "getPair(address,address)", *pair))
                drafts.append(Candidate(factory, "", ours, quote.address))
            for fee in factory.fees if factory.amm in GETTERS else ():
                calls.append(call(factory.address, GETTERS[factory.amm], *pair, fee))
                drafts.append(Candidate(factory, "", ours, quote.address, fee))
    answers = await node.calls(calls, head.hash)
    return [
        replace(draft, address=address(answer))
        for draft, answer in zip(drafts, answers, strict=True)
        if answer and len(answer) >= 32 and address(answer) != NOWHERE
    ]


async def _told(node: Chain, factory: Factory, tokens: Sequence[str], head: Header) -> list[Candidate]:
    """Pools of one of these tokens, by the events of their making; none where the node does not look back."""
    event, place = EVENTS[factory.amm]
    wanted = ["0x" + encoded(one).hex() for one in tokens]
    out: list[Candidate] = []
    for position in (place, place + 1) if tokens else ():
        topics: list[Any] = ["0x" + event.hex(), *[None] * (position - 1), wanted]
        try:
            logs = await node.history(factory.address, topics, factory.from_block, head.number)
        except SourceError as error:
            log.warning("the node does not look back so far", factory=factory.address, error=str(error))
            return out
        for one in logs:
            token, other = address(one.topics[position]), address(one.topics[2 * place + 1 - position])
            out.append(_candidate(factory, one, token, other))
    return out


def _candidate(factory: Factory, log: Log, token: str, quote: str) -> Candidate:
    data = log.data
    if factory.amm == "uniswap_v2":
        return Candidate(factory, address(data), token, quote)
    if factory.amm == "slipstream":
        return Candidate(factory, address(data), token, quote, signed(log.topics[3], 0))
    if factory.amm == "uniswap_v4":
        pool = "0x" + log.topics[1].hex()
        return Candidate(factory, pool, token, quote, word(data, 0), signed(data, 1), address(data, 2))
    return Candidate(factory, address(data, 1), token, quote, word(log.topics[3], 0), signed(data, 0))


async def _same_name(
    node: Chain, symbol: str, ours: str, chain: ChainEntry, pools: Sequence[Candidate], head: Header
) -> list[Candidate]:
    """Of pools against quote tokens, those whose other token calls itself as ours does and is not."""
    genuine = {canonical(ours), *(canonical(one.address) for one in chain.quotes.values()), NOWHERE}
    # The events were asked for by quote token: the other one is the candidate's "quote" so far.
    others = dict.fromkeys(one.quote for one in pools if canonical(one.quote) not in genuine)
    asked = list(others)[-MOST_TOKENS:]
    names = await node.calls([call(one, "symbol()") for one in asked], head.hash)
    fakes = {one for one, name in zip(asked, names, strict=True) if text(name) == symbol}
    chosen = {one.address: one for one in pools if one.quote in fakes}
    return [replace(one, token=one.quote, quote=one.token) for one in chosen.values()]


async def _judged(
    node: Chain, symbol: str, candidates: Sequence[Candidate], chain: ChainEntry, registry: Registry,
    head: Header,
) -> list[Found]:  # fmt: skip
    """What is in them."""
    tokens = list(dict.fromkeys(one for pool in candidates for one in (pool.token, pool.quote)))
    questions = [call(one, name) for one in tokens for name in ("decimals()", "symbol()")]
    told = await node.calls(questions, head.hash)
    decimals = {one: word(told[2 * at] or b"", 0) for at, one in enumerate(tokens)}
    symbols = {one: text(told[2 * at + 1]) or "?" for at, one in enumerate(tokens)}
    prices = {canonical(one.address): one.usd for one in chain.quotes.values()}
    for pool in registry.pools.values():
        if pool.chain == chain.name:
            prices.setdefault(canonical(pool.quote_address), pool.quote_usd)
    entries = {}
    for one in candidates:
        venue, singleton = one.factory.venue, one.factory.amm == "uniswap_v4"
        entries[one.address] = PoolEntry(
            instrument=f"{symbol}@{venue}:{one.address[:10]}", chain=chain.name, address=one.address,
            amm=one.factory.amm, fee_pips=_pips(one),
            token_address=one.token, token_decimals=decimals[one.token],
            quote_address=one.quote, quote_decimals=decimals[one.quote], quote_symbol=symbols[one.quote],
            quote_usd=prices.get(canonical(one.quote), 1.0), tick_spacing=one.spacing, hooks=one.hooks,
            manager=one.factory.address if singleton else "",
        )  # fmt: skip
    reads = {name: kind_of(entry).snapshot(entry) for name, entry in entries.items()}
    states = await node.read(reads, head.hash)
    return [
        _found(entry, states[name], canonical(entry.quote_address) in prices)
        for name, entry in entries.items()
    ]


def _found(entry: PoolEntry, state: Any, priced: bool) -> Found:
    row = Found(
        instrument=entry.instrument, chain=entry.chain, amm=entry.amm, address=entry.address,
        token_address=entry.token_address, quote_address=entry.quote_address,
        fee=None if entry.fee_pips >= DYNAMIC_FEE else entry.fee_pips / 1e6,
    )  # fmt: skip
    if isinstance(state, PoolError):
        return replace(row, why=state.detail)
    try:
        shown = state.encoded(entry, common(entry, index_of(entry), 1.0))
        fee = getattr(shown, "lp_fee", getattr(shown, "fee", entry.fee_pips)) / 1e6
        usd = worth(shown.curve()) if priced else None
        return replace(row, fee=fee, liquidity_usd=usd, why="" if priced else f"paid in {entry.quote_symbol}")
    except PoolError as error:
        return replace(row, why=error.detail)
    except (ArithmeticError, LookupError, ValueError) as error:
        return replace(row, why=f"its state makes no sense: {error!r}")


def _pips(one: Candidate) -> int:
    if one.factory.amm == "uniswap_v2":
        return one.factory.fees[0] if one.factory.fees else 3000
    return 0 if one.factory.amm == "slipstream" else one.fee


def _size(found: Found) -> float:
    return -(found.liquidity_usd or 0.0)
