"""The entries of the registry, and how an instrument's name is resolved against it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bot.registry.derivatives import OptionVenue, PerpetualOffer, PerpetualVenue, PerpVenue
from bot.registry.dividends import Dividend as Dividend
from bot.registry.hours import ALWAYS, SESSIONS, VenueHours
from bot.registry.issuer import CONVERT as CONVERT
from bot.registry.issuer import Channel as Channel
from bot.registry.issuer import Conversion as Conversion
from bot.registry.issuer import Hours as Hours
from bot.registry.issuer import Issuer as Issuer
from bot.registry.working import Coin, CoverVenue, Incentive
from bot.types import Session, split_instrument

VenueKind = Literal["pool", "exchange", "issuer", "broker", "oracle"]
TokenForm = Literal["plain", "rebasing", "wrapped"]
PLAIN: TokenForm = "plain"
REBASING: TokenForm = "rebasing"
WRAPPED: TokenForm = "wrapped"


class Quote(Struct, frozen=True, forbid_unknown_fields=True):
    """A token that pools are priced in; ``usd`` is what one is taken to be worth by whoever lists it."""

    address: str
    usd: float


class Chain(Struct, frozen=True, forbid_unknown_fields=True):
    """A blockchain. ``gas_usd`` is what one swap typically costs there while one ``gas_token`` is worth
    ``gas_token_usd``, ``gas_units`` what it uses up (0: a gas price says nothing); on a ``local`` one, made
    for tests, tokens have addresses of their own. ``multicall`` is where an EVM chain has Multicall3; empty:
    nowhere. ``quotes`` are tokens, by symbol, against which pools are looked for."""

    name: str
    kind: Literal["evm", "solana"]
    chain_id: int = 0
    gas_usd: float = 0.05
    gas_token: str = ""
    gas_token_usd: float = 0.0
    gas_units: float = 0.0
    local: bool = False
    multicall: str = "0xcA11bde05977b3631167028862bE2a173976CA11"
    quotes: dict[str, Quote] = {}


class Underlying(Struct, frozen=True, forbid_unknown_fields=True):
    """A listed share or ETF. ``annual_volatility`` is ``None`` where the registry says nothing.

    With ``kind`` ``currency`` it is what venues are quoted in (``USDC``): its reference is its own price in
    dollars (``USDC@kraken``), from any venue the registry lists. One that is ``floating`` (``EUR``) is no
    dollar and has no peg to be off: prices in it are turned into dollars at its rate, and not used without.

    ``closed_factor`` is the variance of its closed hours over that of a share traded in New York alone;
    ``beta`` is to ``factor``, another underlying, whose moves in closed hours say something of this one's (0:
    nothing); ``earnings`` are moments, ISO 8601, at which a jump is due, ``dividends`` those it pays in cash.
    """

    ticker: str
    name: str = ""
    exchange: str = "XNYS"
    annual_volatility: float | None = None
    kind: Literal["share", "currency"] = "share"
    floating: bool = False
    closed_factor: float = 1.0
    beta: float = 0.0
    factor: str = "SPY"
    earnings: list[str] = []
    dividends: list[Dividend] = []


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer's claim on an underlying; ``addresses`` and ``decimals`` by chain or chain kind."""

    symbol: str
    underlying: str
    issuer: str
    name: str = ""
    addresses: dict[str, str] = {}
    decimals: dict[str, int] = {}


class Venue(Struct, frozen=True, forbid_unknown_fields=True):
    """A place with its own price. ``fee_ratio`` is a taker's; pools bring their own in their state.

    ``quote`` is the currency its prices are really in: a dollar coin is taken at par in ticks, what floats at
    its rate; a pool's own entry goes first.
    ``withdraw_days`` is how long tokens take to or from an exchange of which no conversion says it.
    ``hours`` are its own (:mod:`bot.registry.hours`), ``hours_of`` those of single tokens or shares there, by
    symbol; currencies trade around the clock.
    """

    name: str
    kind: VenueKind
    fee_ratio: float = 0.0
    chain: str = ""
    withdraw_days: float = 0.0
    reference: bool = False
    quote: str = "USD"
    hours: VenueHours = "24/7"
    hours_of: dict[str, VenueHours] = {}


class Factory(Struct, frozen=True, forbid_unknown_fields=True):
    """A contract that makes pools of one kind on one chain, or (``uniswap_v4``) holds them all.

    ``venue`` is how its pools are called in instruments. ``fees`` are the fees, in millionths, at which it
    has pools (``uniswap_v2``: the one of all of them; ``slipstream``: tick spacings). ``from_block`` is where
    its events begin. ``source`` says where the address is from.
    """

    chain: str
    amm: str
    address: str
    venue: str
    fees: list[int] = []
    from_block: int = 0
    source: str = ""

    @property
    def key(self) -> str:
        """What it is known by: one address is used on several chains."""
        return f"{self.chain}:{self.address.lower()}"


class PoolEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One pool, by address. ``fee_pips`` is in millionths, and needed on EVM chains: a Solana program tells
    it with the pool's state. ``quote_usd`` is what one quote token is taken to be worth, said by whoever
    makes the entry: a dollar coin is not a dollar by its name.

    On EVM chains ``token_form`` says what the pool holds: the token (``plain``), one whose balances move with
    the multiplier (``rebasing``), or an ERC-4626 wrapper of it (``wrapped``: ``token_address`` is the
    wrapper's); ``token_symbol`` what that contract calls itself, if not as the token; ``fee_on_transfer``
    what it keeps back when moved, in basis points. A ``uniswap_v4`` pool has its id as ``address`` and names
    ``manager``, the contract that holds it, ``hooks``, and its ``tick_spacing``, which others may leave out.
    """

    instrument: str
    chain: str
    address: str
    amm: str
    token_address: str
    token_decimals: int
    quote_address: str
    quote_symbol: str
    quote_decimals: int
    quote_usd: float
    fee_pips: int = 0
    token_form: TokenForm = PLAIN
    token_symbol: str = ""
    fee_on_transfer: int = 0
    manager: str = ""
    hooks: str = ""
    tick_spacing: int = 0


class Feed(Struct, frozen=True, forbid_unknown_fields=True):
    """One price feed of an oracle. ``instrument`` says of what it is: ``AAPL@pyth`` of the share,
    ``TSLAon@chainlink`` of the token with its multiplier in it, ``USDC@pyth`` of a currency. Several feeds of
    one share are told apart after a colon (``AAPL@pyth:pre``).

    ``id`` is Pyth's feed id (64 hexadecimal digits; empty: asked for by ``symbol``) or, on ``chain``, the
    address of a Chainlink proxy. ``sessions`` are those in which it speaks (empty: always): outside of them
    its silence is no fault. ``heartbeat_seconds`` is how long it may go without an update while it speaks;
    ``low`` and ``high`` are what no answer of it may be beyond, 0 for no such bound. ``source`` says where
    the id is from.
    """

    instrument: str
    id: str = ""
    symbol: str = ""
    chain: str = ""
    sessions: list[Session] = []
    heartbeat_seconds: float = 86_400.0
    low: float = 0.0
    high: float = 0.0
    source: str = ""

    @property
    def oracle(self) -> str:
        """Whose it is: the venue's name."""
        return self.instrument.partition("@")[2].partition(":")[0]


class Resolved(Struct, frozen=True):
    """What an instrument's name means. References have no token."""

    token: Token | None
    underlying: Underlying
    venue: str
    venue_kind: VenueKind
    fee_ratio: float
    is_reference: bool
    quote_symbol: str = "USD"
    sessions: frozenset[Session] = ALWAYS
    """Those in which it is open."""


def canonical(address: str) -> str:
    """An address as it is compared: an EVM one in small letters, any other exactly as it is."""
    return address.lower() if address.startswith("0x") else address


class Registry(Struct, frozen=True):
    """Everything configured to exist, by name."""

    chains: dict[str, Chain] = {}
    issuers: dict[str, Issuer] = {}
    conversions: dict[str, Conversion] = {}
    underlyings: dict[str, Underlying] = {}
    tokens: dict[str, Token] = {}
    venues: dict[str, Venue] = {}
    pools: dict[str, PoolEntry] = {}
    factories: dict[str, Factory] = {}
    feeds: dict[str, Feed] = {}
    option_venues: dict[str, OptionVenue] = {}
    perp_venues: dict[str, PerpVenue] = {}
    perpetual_venues: dict[str, PerpetualVenue] = {}
    perpetual_offers: dict[str, PerpetualOffer] = {}
    coins: dict[str, Coin] = {}
    cover_venues: dict[str, CoverVenue] = {}
    incentives: dict[str, Incentive] = {}

    def resolve(self, instrument: str) -> Resolved | None:
        """The meaning of ``TOKEN@venue`` or ``UNDERLYING@source``; ``None`` if it is not known.

        A venue is known by the part before ``:``; one the registry does not list counts as a pool
        where a token is named (a tape may come from anywhere), but never as a reference source. A perpetual
        future of a share is known, and no reference unless its venue is said to be one.
        """
        symbol, place = split_instrument(instrument)
        base = place.partition(":")[0]
        if not symbol or not base:
            return None
        venue = self.venues.get(base)
        token = self.tokens.get(symbol)
        if token is not None:
            kind: VenueKind = venue.kind if venue else "pool"
            pool = self.pools.get(instrument)
            return Resolved(
                token,
                self.underlyings[token.underlying],
                place,
                kind,
                venue.fee_ratio if venue else 0.0,
                False,
                pool.quote_symbol if pool and pool.quote_symbol else venue.quote if venue else "USD",
                self._open_in(instrument, symbol, venue),
            )
        underlying = self.underlyings.get(symbol)
        if underlying is None or venue is None:
            return None
        if venue.reference or underlying.kind == "currency":
            always = underlying.kind == "currency" and instrument not in self.feeds
            sessions = ALWAYS if always else self._open_in(instrument, symbol, venue)
            return Resolved(None, underlying, place, venue.kind, 0.0, True, sessions=sessions)
        if base in self.perp_venues:
            return Resolved(None, underlying, place, venue.kind, 0.0, False)
        return None

    def _open_in(self, instrument: str, symbol: str, venue: Venue | None) -> frozenset[Session]:
        feed = self.feeds.get(instrument)
        if feed is not None and feed.sessions:
            return frozenset(feed.sessions)
        return SESSIONS[venue.hours_of.get(symbol, venue.hours)] if venue is not None else ALWAYS

    def token_at(self, address: str) -> Token | None:
        """The token with this address on any chain; EVM addresses regardless of case."""
        wanted = canonical(address)
        for token in self.tokens.values():
            if any(canonical(known) == wanted for known in token.addresses.values()):
                return token
        return None

    def issuer_of(self, token: Token) -> Issuer:
        """The issuer of a token; the loader made sure that it exists."""
        return self.issuers[token.issuer]

    def conversions_of(self, token: Token) -> list[Conversion]:
        """Exchanges that make or unmake a token for dollars."""
        mine = (each for each in self.conversions.values() if each.issuer == token.issuer)
        return [each for each in mine if each.converts]

    def conversion_at(self, instrument: str) -> Conversion | None:
        """The conversion that ``TOKEN@EXCHANGE:convert`` is; ``None`` if it is none."""
        symbol, place = split_instrument(instrument)
        venue, _, what = place.partition(":")
        token = self.tokens.get(symbol)
        if token is None or what != CONVERT:
            return None
        return next((each for each in self.conversions_of(token) if each.venue == venue), None)

    def carries(self, venue: str, token: Token) -> Conversion | None:
        """How an exchange takes in and gives out a token; as others, where it says nothing of this issuer."""
        there = [each for each in self.conversions.values() if each.venue == venue]
        mine = (each for each in there if each.issuer == token.issuer)
        return next(mine, there[0] if there else None)
