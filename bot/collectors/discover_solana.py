"""Pools of a token on Solana, found on chain: real ones, and those of other tokens that use its name.

Source: offsets of a pool's two mints in the account layouts of the six programs (their IDLs and ``state``
sources, as in ``bot.pools.layouts``); of a symbol in Metaplex's ``Metadata`` (name padded to 32 bytes, symbol
to 10) and in spl-token-2022's ``TokenMetadata``. Nodes may refuse to look through a whole program: those
searches are left out, and the log says so.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from math import sqrt

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.found import Found
from bot.collectors.solana_book import Book
from bot.collectors.solana_rpc import ACCOUNTS_PER_CALL, Rpc
from bot.collectors.solana_session import Session
from bot.config import SolanaSource
from bot.errors import PoolError, SourceError, SourceRefused, UsageError
from bot.pools.codec import decode_state
from bot.pools.layouts import by_amm, token
from bot.pools.layouts.base import Account
from bot.pools.usd import PoolCurve
from bot.registry.model import PoolEntry, Registry

CHAIN = "solana"
METAPLEX = "metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s"
METAPLEX_MINT, METAPLEX_SYMBOL = 33, 105
POINTER_ONLY = 166 + 4 + 64 + 4 + 64
"""Where the name begins in a Token-2022 mint that has metadata and no further extension."""

MINTS_AT = {
    "meteora_damm_v2": (1112, 168, 200),
    "meteora_dlmm": (904, 88, 120),
    "orca_whirlpool": (653, 101, 181),
    "raydium_amm_v4": (752, 400, 432),
    "raydium_clmm": (1544, 73, 105),
    "raydium_cpmm": (637, 168, 200),
}
"""Size of a pool's account, and where its two mints stand."""
MOST_IMPOSTORS = 50
SMALL = 1e-3
"""Of what lies in a pool: a trade large enough for units not to matter."""

log = structlog.get_logger("pegbot.discover")


class Candidate(Struct, frozen=True):
    """A pool's account that names the token and another one."""

    amm: str
    address: str
    token: str
    quote: str


async def discover(url: str, symbol: str, registry: Registry, *, per_second: float = 4.0) -> list[Found]:
    """Pools of a token of the registry, largest first, then those of impostors.

    Raises :class:`UsageError` for a token without an address on Solana, :class:`SourceError` if the node
    cannot be asked for pools at all.
    """
    known = registry.tokens.get(symbol)
    if known is None or CHAIN not in known.addresses:
        raise UsageError(f"{symbol} has no address on Solana in the registry; `pegbot check` lists what is")
    address = known.addresses[CHAIN]
    async with Rpc(url, "confirmed", per_second) as rpc:
        _, accounts = await rpc.accounts([address])
        genuine = accounts[address]
        fakes = await impostors(rpc, symbol, address, genuine)
        mints = [address, *fakes]
        candidates = [one for mint in mints for one in await _candidates(rpc, mint)]
        found = await _judged(rpc, url, symbol, candidates, registry)
    real = [one for one in found if one.token_address == address]
    fake = [
        replace(one, impostor=True, why=f"{one.token_address} calls itself {symbol}, which is {address}")
        for one in found
        if one.token_address != address
    ]
    return [*sorted(real, key=_largest), *sorted(fake, key=_largest)]


async def impostors(rpc: Rpc, symbol: str, address: str, genuine: Account | None) -> list[str]:
    """Mints other than ``address`` whose metadata says ``symbol``, as far as the node can search for it."""
    text = symbol.encode()
    found: set[str] = set()
    wanted = struct.pack("<I", 10) + text.ljust(10, b"\0")
    for one in (await _searched(rpc, METAPLEX, [(METAPLEX_SYMBOL - 4, wanted)])).values():
        with suppress(ValueError):
            found.add(token.address_at(one.data, METAPLEX_MINT))
    places = {POINTER_ONLY}
    name = b""
    if genuine is not None and genuine.owner == token.TOKEN_2022:
        with suppress(PoolError):
            name = token.mint(genuine, 0).name.encode()
            places.add(genuine.data.index(struct.pack("<I", len(name)) + name))
    said = struct.pack("<I", len(name)) + name + struct.pack("<I", len(text)) + text
    for place in places if name else ():
        found |= (await _searched(rpc, token.TOKEN_2022, [(place, said)])).keys()
    return sorted(found - {address})[:MOST_IMPOSTORS]


async def _searched(rpc: Rpc, program: str, matches: Iterable[tuple[int, bytes]]) -> dict[str, Account]:
    try:
        return await rpc.program_accounts(program, None, matches)
    except SourceRefused:
        raise
    except SourceError as error:
        log.warning("the node does not look for impostors", program=program, error=str(error))
        return {}


async def _candidates(rpc: Rpc, mint: str) -> list[Candidate]:
    found = []
    wanted = token.bytes_of(mint)
    for amm, layout in by_amm().items():
        size, *places = MINTS_AT[amm]
        for mine, other in (places, places[::-1]):
            for address, account in (
                await rpc.program_accounts(layout.program, size, [(mine, wanted)])
            ).items():
                found.append(Candidate(amm, address, mint, token.address_at(account.data, other)))
    return found


async def _judged(
    rpc: Rpc, url: str, symbol: str, candidates: list[Candidate], registry: Registry
) -> list[Found]:
    """Each candidate decoded by its layout; what it says in USD where its quote token is known."""
    quotes = {pool.quote_address: pool for pool in registry.pools.values() if pool.chain == CHAIN}
    mints = await _mints(rpc, {mint for one in candidates for mint in (one.token, one.quote)})
    layouts = by_amm()
    entries: dict[str, PoolEntry] = {}
    for one in candidates:
        mint, quote = mints.get(one.token), mints.get(one.quote)
        if mint is None or quote is None:
            continue
        like = quotes.get(one.quote)
        entry = PoolEntry(
            instrument=f"{symbol}@{one.amm.partition('_')[0]}:{one.address[:8]}", chain=CHAIN,
            address=one.address, amm=one.amm, token_address=one.token,
            token_decimals=mint.decimals, quote_address=one.quote,
            quote_symbol=like.quote_symbol if like else quote.symbol, quote_decimals=quote.decimals,
            quote_usd=like.quote_usd if like else 1.0,
        )  # fmt: skip
        # The token's own pools come first: one against an impostor is the token's.
        entries.setdefault(one.address, entry)
    book = Book({address: (entry, layouts[entry.amm]) for address, entry in entries.items()})
    if entries:
        source = SolanaSource(urls=[url], pools=list(entries), behind_seconds=1e9)
        await Session(source, book, rpc, None, time.time_ns).gather(list(entries))
    return [_found(book, entry, priced=entry.quote_address in quotes) for entry in entries.values()]


async def _mints(rpc: Rpc, addresses: set[str]) -> dict[str, token.Mint]:
    found = {}
    ordered = sorted(addresses)
    for start in range(0, len(ordered), ACCOUNTS_PER_CALL):
        _, accounts = await rpc.accounts(ordered[start : start + ACCOUNTS_PER_CALL])
        for address, account in accounts.items():
            with suppress(PoolError):
                found[address] = token.mint(account, 0)
    return found


def _found(book: Book, entry: PoolEntry, *, priced: bool) -> Found:
    pool = book.pools[entry.address]
    book.show(entry.address, time.time_ns())
    why, fee, liquidity = "", None, None
    if pool.state == "up":
        fee = _fee(decode_state(pool.data).curve(), pool.size or 0.0)
        if priced:
            liquidity = pool.size
        else:
            why = f"what its other token, {entry.quote_symbol or entry.quote_address}, is worth is not known"
    else:
        why = pool.reason.partition(": ")[2]
    return Found(
        instrument=entry.instrument, chain=CHAIN, amm=entry.amm, address=entry.address,
        token_address=entry.token_address, quote_address=entry.quote_address, fee=fee,
        liquidity_usd=liquidity, why=why,
    )  # fmt: skip


def _fee(curve: PoolCurve, worth: float) -> float | None:
    """What a small sale leaves there beyond its impact, as a ratio to a basis point.

    Without fee its price is the geometric mean of those before and after, to second order in its size.
    """
    sold = curve.sell(worth * SMALL)
    if sold is None:
        return None
    return round(1 - sold.price / sqrt(curve.spot() * sold.price_after), 4)


def _largest(one: Found) -> float:
    return -(one.liquidity_usd or 0.0)
