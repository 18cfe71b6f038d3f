"""Reading ``registry/*.toml``: all mistakes at once, each with file, entry and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import ConfigError
from bot.registry import derivatives, dividends, terms, working
from bot.registry.derivatives import OptionVenue, PerpetualOffer, PerpetualVenue, PerpVenue
from bot.registry.model import (
    WRAPPED,
    Chain,
    Conversion,
    Factory,
    Feed,
    Issuer,
    PoolEntry,
    Registry,
    Token,
    Underlying,
    Venue,
    canonical,
)
from bot.registry.working import Coin, CoverVenue, Incentive
from bot.timefmt import parse

LARGEST = 1e12
"""No number of a registry is more."""
EVM_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
V4_ID = re.compile("0x[0-9a-fA-F]{64}")
SOLANA_ADDRESS = re.compile("[1-9A-HJ-NP-Za-km-z]{32,44}")

TABLES: dict[str, tuple[type[msgspec.Struct], str]] = {
    "chains": (Chain, "name"),
    "issuers": (Issuer, "name"),
    "conversions": (Conversion, "name"),
    "underlyings": (Underlying, "ticker"),
    "tokens": (Token, "symbol"),
    "venues": (Venue, "name"),
    "pools": (PoolEntry, "instrument"),
    "factories": (Factory, "key"),
    "feeds": (Feed, "instrument"),
    "option_venues": (OptionVenue, "name"),
    "perp_venues": (PerpVenue, "name"),
    "perpetual_venues": (PerpetualVenue, "name"),
    "perpetual_offers": (PerpetualOffer, "instrument"),
    "coins": (Coin, "name"),
    "cover_venues": (CoverVenue, "name"),
    "incentives": (Incentive, "instrument"),
}
DERIVATIVES = ("option_venues", "perp_venues", "perpetual_venues", "perpetual_offers")


def expand(base: Path, patterns: Sequence[str]) -> list[Path]:
    """Files matching the config's ``registry`` patterns, sorted; ConfigError if one matches none."""
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        found = sorted(path.parent.glob(path.name)) if path.is_absolute() else sorted(base.glob(pattern))
        if not found:
            raise ConfigError(f"registry: nothing matches {pattern!r} under {base}")
        files.extend(found)
    return files


def load(paths: Iterable[Path]) -> Registry:
    """The registry in these files. Raises :class:`ConfigError` with every mistake in them."""
    found: dict[str, dict[str, Any]] = {table: {} for table in TABLES}
    places: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for path in paths:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{path}: not valid TOML: {error}")
            continue
        for table, entries in data.items():
            if table not in TABLES:
                problems.append(f"{path}: {table}: unknown table; expected one of {', '.join(TABLES)}")
            elif not isinstance(entries, list):
                problems.append(f"{path}: {table}: write [[{table}]], one block per entry")
            else:
                problems += _take(str(path), table, entries, found[table], places)
    for token in found["tokens"].values():
        found["underlyings"].setdefault(token.underlying, Underlying(token.underlying, token.name))
    problems += _dangling(found, places)
    if problems:
        raise ConfigError(problems)
    return Registry(**found)


def _take(source: str, table: str, entries: list[Any], into: dict[str, Any],
          places: dict[tuple[str, str], str]) -> list[str]:  # fmt: skip
    kind, key = TABLES[table]
    problems = []
    for number, raw in enumerate(entries, 1):
        where = f"{source}: {table}[{raw.get(key, number) if isinstance(raw, dict) else number}]"
        if beyond := [f"{where}: {told}" for told in _boundless(raw)]:
            problems += beyond
            continue
        try:
            entry = msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            problems.append(f"{where}: {error}")
            continue
        name = getattr(entry, key)
        if name in into:
            problems.append(f"{where}: stands twice; remove one")
        into[name] = entry
        places[table, name] = where
    return problems


def _boundless(raw: Any, key: str = "") -> Iterator[str]:
    """Numbers that are none, or more than anything is: with one, no comparison of the detector holds."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            yield from _boundless(value, f"{key}.{name}" if key else name)
    elif isinstance(raw, list):
        for place, value in enumerate(raw, 1):
            yield from _boundless(value, f"{key}[{place}]")
    elif isinstance(raw, int | float) and not -LARGEST <= raw <= LARGEST:
        yield f"{key}: not a number between -{LARGEST:g} and {LARGEST:g}"


def _dangling(found: dict[str, dict[str, Any]], places: dict[tuple[str, str], str]) -> list[str]:
    problems = []
    owners: dict[tuple[str, str], str] = {}
    for token in found["tokens"].values():
        where = places["tokens", token.symbol]
        if token.issuer not in found["issuers"]:
            problems.append(f"{where}: issuer {token.issuer!r} is not in the registry")
        for chain, address in token.addresses.items():
            owner = owners.setdefault((chain, canonical(address)), token.symbol)
            if owner != token.symbol:
                problems.append(f"{where}: address {address} on {chain} is already that of {owner}")
    for share in found["underlyings"].values():
        if ("underlyings", share.ticker) in places:
            problems += [f"{places['underlyings', share.ticker]}: {told}" for told in _unsound(share)]
    for pool in found["pools"].values():
        where = places["pools", pool.instrument]
        symbol = pool.instrument.partition("@")[0]
        if symbol not in found["tokens"]:
            problems.append(f"{where}: token {symbol!r} is not in the registry")
        if pool.chain not in found["chains"]:
            problems.append(f"{where}: chain {pool.chain!r} is not in the registry")
        elif symbol in found["tokens"]:
            problems += _impostor(where, pool, found["tokens"][symbol], found["chains"][pool.chain])
        if pool.chain in found["chains"]:
            problems += [f"{where}: {told}" for told in _misspelt(pool, found["chains"][pool.chain].kind)]
        problems += [f"{where}: {problem}" for problem in _unfit(pool)]
        quote = found["underlyings"].get(pool.quote_symbol)
        if quote is not None and quote.floating:
            what = (
                f"{where}: quote {pool.quote_symbol} floats, and quote_usd stands still: no pool of it can be"
            )
            problems.append(f"{what} watched")
    for venue in found["venues"].values():
        problems += [f"{places['venues', venue.name]}: {told}" for told in _odd(venue, found)]
    for factory in found["factories"].values():
        if factory.chain not in found["chains"]:
            where = places["factories", factory.key]
            problems.append(f"{where}: chain {factory.chain!r} is not in the registry")
    for feed in found["feeds"].values():
        problems += [f"{places['feeds', feed.instrument]}: {told}" for told in _unheard(feed, found)]
    return problems + _unfounded(found, places) + _idle(found, places) + _ill_made(found, places)


def _idle(found: dict[str, dict[str, Any]], places: dict[tuple[str, str], str]) -> list[str]:
    """What tokens are to work at, and cannot."""
    problems = []
    for table in ("coins", "cover_venues", "incentives"):
        for name, entry in found[table].items():
            problems += [f"{places[table, name]}: {told}" for told in working.problems(entry)]
    for name, entry in found["cover_venues"].items():
        where = places["cover_venues", name]
        if name not in found["perpetual_venues"]:
            problems.append(f"{where}: {name!r} is not among the perpetual_venues of the registry")
        problems += [
            f"{where}: coin {coin!r} is not among the coins of the registry"
            for coin in entry.coins
            if coin not in found["coins"]
        ]
    for name in found["incentives"]:
        if name.partition("@")[0] not in found["tokens"]:
            problems.append(f"{places['incentives', name]}: {name!r} is not TOKEN@venue of a token here")
    return problems


def _unfounded(found: dict[str, dict[str, Any]], places: dict[tuple[str, str], str]) -> list[str]:
    """Venues of hedges that are no venues, and terms that cannot be."""
    problems = []
    for table in DERIVATIVES:
        for name, entry in found[table].items():
            where, venue = places[table, name], name.partition("@")[2] or name
            if venue not in found["venues"]:
                problems.append(f"{where}: {venue!r} is not among the venues of the registry")
            elif table == "perpetual_offers" and venue not in found["perpetual_venues"]:
                problems.append(f"{where}: {venue!r} is not among the perpetual_venues of the registry")
            problems += [f"{where}: {told}" for told in derivatives.problems(table, entry)]
            if table == "perpetual_offers" and (told := _unnamed(name, found)):
                problems.append(f"{where}: {told}")
    return problems


def _unnamed(instrument: str, found: dict[str, dict[str, Any]]) -> str:
    """Why no share is found by the name of a standing offer; "" if one is."""
    from bot.strategy.options import occ  # the strategy is made of the registry

    symbol = instrument.partition("@")[0]
    named = occ.parse_perpetual(symbol, 1.0)
    if named is None:
        return f"{symbol!r} is no perpetual option; write it as TSLA-400-put-PERP"
    return "" if named[0] in found["underlyings"] else f"{named[0]!r} is not an underlying of the registry"


def _ill_made(found: dict[str, dict[str, Any]], places: dict[tuple[str, str], str]) -> list[str]:
    """Issuers and conversions whose parameters cannot be."""
    problems = []
    for table in ("issuers", "conversions"):
        for name, entry in found[table].items():
            problems += [f"{places[table, name]}: {told}" for told in terms.mistakes(entry)]
            problems += [f"{places[table, name]}: {told}" for told in _too_likely(entry)]
    for name, entry in found["conversions"].items():
        where = places["conversions", name]
        for table, wanted in (("venues", entry.venue), ("issuers", entry.issuer)):
            if wanted not in found[table]:
                problems.append(f"{where}: {wanted!r} is not among the {table} of the registry")
        if name in found["issuers"]:
            problems.append(f"{where}: an issuer has this name; give it another")
        for other, one in found["conversions"].items():
            if other < name and (one.venue, one.issuer) == (entry.venue, entry.issuer):
                problems.append(f"{where}: {other} converts {entry.issuer} at {entry.venue} already")
    return problems


def _too_likely(entry: Issuer | Conversion) -> list[str]:
    """Failures that are likelier together than anything: no more than one befalls an order."""
    problems = []
    for side in ("mint", "redeem"):
        total = sum(each.chance for each in entry.failures if each.side in ("", side) and not each.again)
        if total > 1.0:
            problems.append(f"failures: of a {side} their chances add up to {total:g}, more than 1")
    return problems


def _unheard(feed: Feed, found: dict[str, dict[str, Any]]) -> list[str]:
    """Why nothing could be made of what a feed says."""
    problems = []
    of = feed.instrument.partition("@")[0]
    if of not in found["tokens"] and of not in found["underlyings"]:
        problems.append(f"{of!r} is neither a token nor an underlying of the registry")
    venue = found["venues"].get(feed.oracle)
    if venue is None or venue.kind != "oracle":
        problems.append(f"{feed.oracle!r} is not an oracle among the venues of the registry")
    if feed.chain:
        if feed.chain not in found["chains"]:
            problems.append(f"chain {feed.chain!r} is not in the registry")
        if not EVM_ADDRESS.fullmatch(feed.id):
            problems.append(f"id {feed.id!r} is no address: 0x and 40 hexadecimal digits")
    elif feed.id and not re.fullmatch(r"[0-9a-f]{64}", feed.id):
        problems.append(f"id {feed.id!r} is no feed id: 64 hexadecimal digits in small letters")
    elif not feed.id and not feed.symbol:
        problems.append("neither id nor symbol: say at least one of them")
    return problems


def _unsound(share: Underlying) -> list[str]:
    """Statistics of a share that cannot be."""
    problems = []
    if share.annual_volatility is not None and not 0.0 < share.annual_volatility < 10.0:
        problems.append(
            f"annual_volatility {share.annual_volatility} is not between 0 and 10; 0.3 is 30 % a year"
        )
    if not 0.1 <= share.closed_factor <= 10.0:
        problems.append(f"closed_factor {share.closed_factor} is not between 0.1 and 10; 1 is a US share's")
    if not -10.0 <= share.beta <= 10.0 or (share.beta and share.factor == share.ticker):
        problems.append(f"beta {share.beta} to {share.factor} cannot be; leave it out")
    for moment in share.earnings:
        try:
            parse(moment)
        except ValueError:
            problems.append(f"earnings: {moment!r} is no time; write it as in 2026-07-22T20:00Z")
    return problems + dividends.faults(share.dividends)


def _odd(venue: Venue, found: dict[str, dict[str, Any]]) -> list[str]:
    """What a venue says of things that are not in the registry."""
    problems = []
    unknown = [one for one in venue.hours_of if one not in found["tokens"] | found["underlyings"]]
    if unknown:
        problems.append(f"hours_of: {', '.join(unknown)}: neither tokens nor shares of the registry")
    currency = found["underlyings"].get(venue.quote)
    if venue.quote != "USD" and (currency is None or currency.kind != "currency"):
        problems.append(f"quote {venue.quote!r} is not a currency among the [[underlyings]]")
    return problems


def _unfit(pool: PoolEntry) -> list[str]:
    """Fields that do not go together."""
    problems = []
    if not 0 <= pool.fee_on_transfer < 10_000:
        problems.append(f"fee_on_transfer {pool.fee_on_transfer} is not in basis points, 0 to 9999")
    if not 0 < pool.quote_usd < 1e6:
        problems.append(f"quote_usd {pool.quote_usd} is not what one {pool.quote_symbol} is worth in USD")
    for name in ("token_decimals", "quote_decimals"):
        if not 0 <= getattr(pool, name) <= 36:
            problems.append(f"{name} {getattr(pool, name)} is not between 0 and 36")
    if pool.amm == "uniswap_v4":
        if not pool.manager or pool.tick_spacing <= 0:
            problems.append("a uniswap_v4 pool needs manager (the PoolManager's address) and tick_spacing")
        if not V4_ID.fullmatch(pool.address):
            problems.append("address of a uniswap_v4 pool is its id: 0x and 64 hexadecimal digits")
    elif pool.manager or pool.hooks:
        problems.append(f"manager and hooks are for uniswap_v4, not for {pool.amm}")
    return problems


def _misspelt(pool: PoolEntry, kind: str) -> list[str]:
    """Addresses that cannot be any: a node would refuse all that is asked together with them."""
    form, words = EVM_ADDRESS, "0x and 40 hexadecimal digits"
    if kind == "solana":
        form, words = SOLANA_ADDRESS, "32 to 44 letters and digits of base 58"
    names = [
        "token_address",
        "quote_address",
        *(name for name in ("manager", "hooks") if getattr(pool, name)),
    ]
    if pool.amm != "uniswap_v4":
        names.append("address")
    return [
        f"{name} {getattr(pool, name)!r} is no address: {words}"
        for name in names
        if not form.fullmatch(getattr(pool, name))
    ]


def _impostor(where: str, pool: PoolEntry, token: Token, chain: Chain) -> list[str]:
    """A pool of another token by the same name. What a wrapper wraps is asked of its contract."""
    address = token.addresses.get(chain.name, token.addresses.get(chain.kind))
    if chain.local or address is None or pool.token_form == WRAPPED:
        return []
    if canonical(address) == canonical(pool.token_address):
        return []
    return [
        f"{where}: token_address {pool.token_address} is not {token.symbol}, whose address on {chain.name} "
        f"is {address}; a token is known by its address, not by its name"
    ]
